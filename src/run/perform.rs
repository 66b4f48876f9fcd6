//! Doing, undoing and witnessing: hands each action to the room that can perform it.

use std::sync::Arc;
use std::time::Duration;

use crate::action::{Action, Inverse, KafkaDeed, Step, Strength, Testimony, Witness};
use crate::clock::{self, Timestamp};
use crate::cluster::{self, Cluster};
use crate::guard;
use crate::job;
use crate::journal::UndoId;
use crate::kafka::{Admin, KafkaError, OffsetQuery};

use super::before::{Before, TopicSeen};
use super::job_control::JobControl;
use super::storage;
use super::traffic_control::TrafficControl;

const KAFKA_WITHIN: Duration = Duration::from_secs(10);
/// A job that was asked for another parallelism, or submitted, shows it within this time on most clusters.
const JOB_FOLLOWS_WITHIN: Duration = Duration::from_secs(10);

/// Everything that can be acted on.
#[derive(Debug)]
pub struct World {
    /// Nodes and links.
    pub cluster: Arc<Cluster>,
    /// Topics.
    pub kafka: Arc<Admin>,
    /// The job.
    pub job: Arc<JobControl>,
    /// What squall sends.
    pub traffic: Arc<TrafficControl>,
}

/// A deed that was done, or taken back.
#[derive(Debug)]
pub struct Done {
    /// When the world changed.
    pub effective: Timestamp,
    /// In words.
    pub what: String,
}

/// Why a deed was not done or not taken back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// By the cluster.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// By Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// By the job.
    #[error(transparent)]
    Job(#[from] job::Error),
    /// By the folder of checkpoints.
    #[error(transparent)]
    Storage(#[from] guard::storage::Error),
    /// There is no traffic to change.
    #[error("squall sends no stream `{0}`")]
    NoStream(String),
    /// The traffic cannot be changed like this.
    #[error("{0}")]
    Traffic(String),
    /// A call to Kafka broke off.
    #[error("a call to Kafka broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
    /// By what the guard does as well.
    #[error(transparent)]
    Guard(#[from] guard::Error),
}

impl World {
    /// Performs a step. `undo` names it for the changes that are taken back by name; `holds` is how long it is to hold.
    ///
    /// # Errors
    /// When the target does not obey.
    pub async fn perform(&self, undo: Option<UndoId>, step: &Step, holds: Option<Duration>) -> Result<Done, Error> {
        match &step.action {
            Action::Node { .. } | Action::Link { .. } => {
                let done = self.cluster.perform(&step.action, holds).await?;
                Ok(Done { effective: done.at, what: done.what })
            }
            Action::Traffic { stream, change } => {
                let changed = self.traffic.change(stream, undo.map_or(0, |undo| undo.0), change);
                let what = changed.ok_or_else(|| Error::NoStream(stream.clone()))?.map_err(Error::Traffic)?;
                Ok(Done { effective: clock::now(), what })
            }
            Action::Kafka(deed) => {
                let what = self.perform_kafka(deed.clone()).await?;
                Ok(Done { effective: clock::now(), what })
            }
            Action::Job(deed) => {
                // The drill begins here; its parts follow in the job's states.
                let effective = clock::now();
                let what = self.job.perform(deed).await?;
                Ok(Done { effective, what })
            }
            Action::Storage(deed) => {
                let what = storage::perform(deed)?;
                Ok(Done { effective: clock::now(), what })
            }
        }
    }

    async fn perform_kafka(&self, deed: KafkaDeed) -> Result<String, Error> {
        let kafka = self.kafka.clone();
        let work = move || -> Result<String, KafkaError> {
            match deed {
                KafkaDeed::AddPartitions { topic, total } => {
                    kafka.grow_topic(&topic, total, KAFKA_WITHIN)?;
                    Ok(format!("topic {topic} has {total} partitions"))
                }
                KafkaDeed::DeleteRecords { topic, keep } => {
                    let ends = kafka.topic_offsets(&topic, OffsetQuery::HighWatermark, KAFKA_WITHIN)?;
                    for (partition, end) in (0..).zip(&ends) {
                        let before = (end - i64::try_from(keep.0).unwrap_or(i64::MAX)).max(0);
                        kafka.delete_records(&topic, partition, before, KAFKA_WITHIN)?;
                    }
                    Ok(format!("all but the newest {keep} records of each partition of {topic} deleted"))
                }
                KafkaDeed::SetTopicConfig { topic, key, value } => {
                    kafka.set_topic_config(&topic, &key, Some(&value), KAFKA_WITHIN)?;
                    Ok(format!("{key} of {topic} set to {value}"))
                }
            }
        };
        Ok(tokio::task::spawn_blocking(work).await??)
    }

    /// Completes the inverse of a step with what must be known before the deed: what the value was.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub async fn complete(&self, inverse: Inverse) -> Result<Inverse, Error> {
        match inverse {
            Inverse::RestoreTopicConfig { topic, key, .. } => {
                let (kafka, asked, wanted) = (self.kafka.clone(), topic.clone(), key.clone());
                let config = tokio::task::spawn_blocking(move || kafka.topic_config(&asked, KAFKA_WITHIN)).await??;
                let value = config.get(&wanted).filter(|setting| setting.own).and_then(|setting| setting.value.clone());
                Ok(Inverse::RestoreTopicConfig { topic, key, value })
            }
            other => Ok(other),
        }
    }

    /// Takes a deed back and looks whether it is. Done twice it does no harm.
    ///
    /// # Errors
    /// When the target does not obey, or is seen not to be back.
    pub async fn undo(&self, undo: UndoId, inverse: &Inverse) -> Result<Done, Error> {
        let what = match inverse {
            Inverse::StartReplacement { .. }
            | Inverse::Thaw { .. }
            | Inverse::FullSpeed { .. }
            | Inverse::RestoreMemory { .. }
            | Inverse::Reconnect { .. }
            | Inverse::RemoveRule { .. } => {
                let undone = self.cluster.undo(inverse).await?;
                return Ok(Done { effective: undone.at, what: undone.what });
            }
            Inverse::RestoreTraffic { stream } => self.traffic.restore(stream, undo.0).map_err(Error::Traffic)?,
            Inverse::RestoreTopicConfig { topic, key, value } => {
                guard::restore_topic_config(self.kafka.clone(), topic.clone(), key.clone(), value.clone()).await?
            }
            Inverse::EnsureJob { parallelism } => self.job.ensure(*parallelism).await?,
            Inverse::Writable { path } => guard::storage::make_writable(path.as_ref())?,
            Inverse::RemoveFill { path } => guard::storage::remove_fill(path.as_ref())?,
        };
        Ok(Done { effective: clock::now(), what })
    }

    /// What a witness must know of the time before the deed.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn before(&self, witness: &Witness) -> Result<Before, Error> {
        Ok(match witness {
            Witness::TopicState { topic } => Before::Topic(self.topic(topic).await?),
            Witness::JobState => Before::Job(self.job.seen().await?),
            _ => Before::Nothing,
        })
    }

    async fn topic(&self, topic: &str) -> Result<TopicSeen, Error> {
        let (kafka, topic) = (self.kafka.clone(), topic.to_owned());
        let look = move || -> Result<TopicSeen, KafkaError> {
            let begins = kafka.topic_offsets(&topic, OffsetQuery::Earliest, KAFKA_WITHIN)?;
            let config = kafka.topic_config(&topic, KAFKA_WITHIN)?;
            Ok(TopicSeen { begins, config: config.into_iter().map(|(key, setting)| (key, setting.value)).collect() })
        };
        Ok(tokio::task::spawn_blocking(look).await??)
    }

    /// Looks whether a step happened, by another way than it was done.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn witness(&self, undo: Option<UndoId>, step: &Step, before: &Before) -> Result<Testimony, Error> {
        let seen = |(acted, what)| Testimony { acted, carried_work: true, strength: Strength::Strong, what };
        match (&step.witness, &step.action, before) {
            (Witness::TrafficShares { stream }, ..) => Ok(self.traffic.witness(stream, undo.map_or(0, |undo| undo.0))),
            (Witness::TopicState { topic }, Action::Kafka(deed), Before::Topic(before)) => {
                Ok(seen(self.topic(topic).await?.shows(deed, before)))
            }
            (Witness::JobState, Action::Job(deed), Before::Job(before)) => {
                let end = clock::now().plus(JOB_FOLLOWS_WITHIN);
                loop {
                    let shown = self.job.seen().await?.shows(deed, before);
                    if shown.0 || end.remaining().is_zero() {
                        return Ok(seen(shown));
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            (Witness::WriteRefused { path }, ..) => Ok(storage::witness(path)),
            // Told by what an incarnation, a group or a rule is now.
            (witness, ..) => Ok(self.cluster.witness(witness).await?),
        }
    }
}
