//! Performing an inverse without the engine that recorded it.

use std::sync::Arc;
use std::time::Duration;

use super::reach::Reach;
use super::{Error, storage};
use crate::action::Inverse;
use crate::flink::{JobId, ParallelismBounds, Rest};
use crate::kafka::{Admin, KafkaError};

const KAFKA_WITHIN: Duration = Duration::from_secs(10);

/// Takes a deed back and looks whether it is; returns what was seen. Done twice it does no harm. `job` is the job that ran last, and
/// whether it is the run's own.
pub(super) async fn undo(inverse: &Inverse, reach: &mut Reach<'_>, job: Option<(&str, bool)>) -> Result<String, Error> {
    let gone = format!("cluster {} is down, and what was changed went with it", reach.spec.name);
    match inverse {
        Inverse::StartReplacement { .. }
        | Inverse::Thaw { .. }
        | Inverse::FullSpeed { .. }
        | Inverse::RestoreMemory { .. }
        | Inverse::Reconnect { .. }
        | Inverse::RemoveRule { .. } => {
            let Some(cluster) = reach.cluster().await? else { return Ok(gone) };
            match cluster.undo(inverse).await {
                Ok(undone) => Ok(undone.what),
                // The cluster was started anew since: its nodes are others.
                Err(error) => match error.foreign_node() {
                    Some(node) => Ok(format!("{node} went with an earlier cluster {}", reach.spec.name)),
                    None => Err(error.into()),
                },
            }
        }
        Inverse::RestoreTraffic { stream } => Ok(format!("the traffic of {stream} ended with squall")),
        Inverse::RestoreTopicConfig { topic, key, value } => match reach.kafka().await? {
            Some(kafka) => restore_topic_config(kafka, topic.clone(), key.clone(), value.clone()).await,
            None => Ok(gone),
        },
        Inverse::EnsureJob { parallelism } => match (job, parallelism, reach.flink().await?) {
            (_, _, None) => Ok(gone),
            (None, ..) => Ok("there is no job".to_owned()),
            (Some((_, true)), ..) => Ok("the job is the run's own; only its scenario could start it again".to_owned()),
            (Some((id, false)), None, _) => Ok(format!("job {id} was there before and was never stopped")),
            (Some((id, false)), Some(parallelism), Some(flink)) => rescale(&flink, id, *parallelism).await,
        },
        Inverse::Writable { path } => Ok(storage::make_writable(path.as_ref())?),
        Inverse::RemoveFill { path } => Ok(storage::remove_fill(path.as_ref())?),
    }
}

/// Sets a topic's configuration back and reads it. A topic that is gone has none to set back.
///
/// # Errors
/// When Kafka refuses, or the value read is another one.
pub async fn restore_topic_config(kafka: Arc<Admin>, topic: String, key: String, value: Option<String>) -> Result<String, Error> {
    tokio::task::spawn_blocking(move || {
        let restored = kafka.set_topic_config(&topic, &key, value.as_deref(), KAFKA_WITHIN);
        let now = match restored.and_then(|()| kafka.topic_config(&topic, KAFKA_WITHIN)) {
            Ok(mut config) => config.remove(&key).filter(|setting| setting.own).and_then(|setting| setting.value),
            Err(KafkaError::NoTopic(_)) => return Ok(format!("topic {topic} is gone")),
            Err(error) => return Err(error.into()),
        };
        let seen = format!("{key} of {topic} is {}", now.as_deref().unwrap_or("the cluster's default"));
        if now == value { Ok(seen) } else { Err(Error::NotReadBack(seen)) }
    })
    .await?
}

async fn rescale(flink: &Rest, job: &str, parallelism: u32) -> Result<String, Error> {
    let id = JobId::from(job);
    let mut bounds = flink.resource_requirements(&id).await?.value;
    for bound in bounds.values_mut() {
        *bound = ParallelismBounds { lower_bound: 1, upper_bound: parallelism };
    }
    flink.set_resource_requirements(&id, &bounds).await?;
    Ok(format!("asked for parallelism {parallelism} of job {job} again"))
}
