//! Making ready: topics, group, job. What is made is journalled before it is made, so that it can be removed after any end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::action::TopicView;
use crate::cluster::{Addresses, Cluster};
use crate::flink::{self, Rest, SqlGateway};
use crate::job::{self, Placeholders};
use crate::journal::{self, EventKind, Record};
use crate::kafka::{Admin, KafkaError, NewTopic};
use crate::probe;
use crate::scenario::{Scenario, Topic};
use crate::units::Count;

use super::job_control::JobControl;
use super::recorder::Recorder;
use super::stop::Stop;

/// Section of the facts that says, for each sink topic, whose clock stamps its records.
const SINK_CLOCK: &str = "sink-clock";
const KAFKA_WITHIN: Duration = Duration::from_secs(15);

/// Topics of a run by what they are for.
#[derive(Debug, Clone, Default)]
pub struct Topics {
    /// Input topics in the scenario's order: its name there, its name on the cluster, partitions.
    pub inputs: Vec<(String, String, u32)>,
    /// Sink topics, the same.
    pub sinks: Vec<(String, String, u32)>,
    /// Consumer group of the job.
    pub group: String,
}

impl Topics {
    /// As faults see them.
    pub fn views(&self) -> Vec<TopicView> {
        let view = |input: bool| {
            move |(stream, name, partitions): &(String, String, u32)| TopicView {
                name: name.clone(),
                stream: stream.clone(),
                input,
                partitions: *partitions,
                records: Count(0),
            }
        };
        self.inputs.iter().map(view(true)).chain(self.sinks.iter().map(view(false))).collect()
    }
}

/// Why a run could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Flink.
    #[error(transparent)]
    Flink(#[from] flink::Error),
    /// The job.
    #[error(transparent)]
    Job(#[from] job::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A topic that should exist does not.
    #[error("topic `{0}` does not exist on the cluster; create it, or leave out its `name` and squall makes one for the run")]
    NoTopic(String),
    /// A call to Kafka broke off.
    #[error("a call to Kafka broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
    /// The run is to end.
    #[error("stopped before everything was made")]
    Stopped,
}

/// Looks whether the topics that the scenario takes from the cluster are there, and may be seen.
///
/// # Errors
/// For the first that is not, or may not.
pub async fn existing(scenario: &Scenario, admin: &Arc<Admin>) -> Result<(), Error> {
    let topics = scenario.source.topics.values().chain(scenario.sink.topics.values());
    all_there(topics.filter_map(|topic| topic.name.clone()).collect(), admin).await
}

/// Looks whether topics are there, and may be seen.
///
/// # Errors
/// For the first that is not, or may not.
pub async fn all_there(names: Vec<String>, admin: &Arc<Admin>) -> Result<(), Error> {
    let admin = admin.clone();
    tokio::task::spawn_blocking(move || {
        for name in names {
            match admin.topic(&name, KAFKA_WITHIN) {
                Ok(_) => {}
                Err(KafkaError::NoTopic(name)) => return Err(Error::NoTopic(name)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    })
    .await?
}

/// Makes the topics that the scenario does not take from the cluster, and looks the others up.
///
/// # Errors
/// When a topic cannot be made, or does not exist.
pub async fn topics(scenario: &Scenario, run: &str, admin: &Arc<Admin>, recorder: &Arc<Recorder>, stop: &Stop) -> Result<Topics, Error> {
    let (group, own_group) = group(scenario, run);
    let wanted = |topics: &BTreeMap<String, Topic>| topics.iter().map(|(name, topic)| (name.clone(), topic.clone())).collect::<Vec<_>>();
    let (inputs, sinks) = (wanted(&scenario.source.topics), wanted(&scenario.sink.topics));
    if own_group {
        recorder.durably(EventKind::Made { kind: "group".to_owned(), name: group.clone() })?;
    }
    let (admin, recorder, run, stop) = (admin.clone(), recorder.clone(), run.to_owned(), stop.clone());
    // Never left alone: a topic that is made after the cleanup would stay.
    tokio::task::spawn_blocking(move || {
        let one = |(name, topic): (String, Topic)| match stop.reason() {
            None => one_topic(name, &topic, &run, &admin, &recorder),
            Some(_) => Err(Error::Stopped),
        };
        let make = |list: Vec<(String, Topic)>| -> Result<Vec<(String, String, u32)>, Error> { list.into_iter().map(one).collect() };
        Ok(Topics { inputs: make(inputs)?, sinks: make(sinks)?, group })
    })
    .await?
}

/// The job's consumer group, and whether it is the run's own.
pub fn group(scenario: &Scenario, run: &str) -> (String, bool) {
    let own = scenario.source.topics.values().all(|topic| topic.name.is_none());
    (if own { format!("{}-{run}", scenario.group()) } else { scenario.group().to_owned() }, own)
}

fn one_topic(name: String, topic: &Topic, run: &str, admin: &Admin, recorder: &Recorder) -> Result<(String, String, u32), Error> {
    if let Some(existing) = &topic.name {
        let metadata = admin.metadata(KAFKA_WITHIN)?;
        let found = metadata.topic(existing).ok_or_else(|| Error::NoTopic(existing.clone()))?;
        return Ok((name, existing.clone(), found.partitions.len() as u32));
    }
    let brokers = admin.metadata(KAFKA_WITHIN)?.brokers.len() as u32;
    let partitions = topic.partitions.map_or(1, std::num::NonZeroU32::get);
    let full = format!("squall-{run}-{name}");
    // The broker's clock stamps records, so that end-to-end latency does not rest on the job's.
    let mut config = BTreeMap::from([("message.timestamp.type".to_owned(), "LogAppendTime".to_owned())]);
    config.extend(topic.config.iter().map(|(key, value)| (key.clone(), value.0.clone())));
    recorder.durably(EventKind::Made { kind: "topic".to_owned(), name: full.clone() })?;
    admin.create_topic(&NewTopic { name: full.clone(), partitions, replicas: brokers.clamp(1, 3), config }, KAFKA_WITHIN)?;
    Ok((name, full, partitions))
}

/// The job's placeholders on this cluster.
pub fn placeholders(addresses: &Addresses, topics: &Topics, run: &str) -> Placeholders {
    let mut placeholders = Placeholders::new(run, &topics.group);
    for link in &addresses.links {
        placeholders = placeholders.link(&link.name, &link.address);
    }
    for (name, topic, _) in topics.inputs.iter().chain(&topics.sinks) {
        placeholders = placeholders.topic(name, topic);
    }
    placeholders
}

/// Prepares the job's control; nothing is submitted yet.
///
/// # Errors
/// When the job file is wrong, or a client cannot be made.
pub fn job(
    scenario: &Scenario,
    base: &Path,
    cluster: &Cluster,
    topics: &Topics,
    run: &str,
    recorder: &Arc<Recorder>,
) -> Result<JobControl, Error> {
    let addresses = cluster.addresses();
    let rest = Rest::new(&addresses.flink, base)?;
    let gateway = addresses.gateway.as_ref().map(|gateway| SqlGateway::new(gateway, base)).transpose()?;
    let prepared = scenario.job.prepare(base, &placeholders(addresses, topics, run))?;
    let name = format!("squall-{}-{run}", scenario.name);
    Ok(JobControl::new(rest, gateway, prepared, name, cluster.savepoints(), recorder.clone()))
}

/// Records what whoever doubts wants to know.
pub async fn facts(cluster: &Cluster, control: &JobControl, recorder: &Recorder) {
    let section = |section: &str, facts: BTreeMap<String, String>| {
        recorder.record(EventKind::Facts { section: section.to_owned(), facts });
    };
    if let Ok(description) = cluster.describe() {
        let mut versions = BTreeMap::from([
            ("squall".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("kafka".to_owned(), description.kafka),
            ("flink".to_owned(), description.flink),
        ]);
        versions.extend(description.java.map(|java| ("java".to_owned(), java)));
        section("versions", versions);
        section("kafka-config", description.kafka_config);
        section("cluster", BTreeMap::from([("name".to_owned(), description.name), ("kind".to_owned(), description.kind)]));
    }
    match control.rest().jobmanager_config().await {
        Ok(config) => section("flink-config", without_secrets(config.value)),
        Err(error) => recorder.record(EventKind::ProbeFailed { probe: "flink-config".to_owned(), error: error.to_string() }),
    }
    if let Some(id) = control.id()
        && let Ok(config) = control.rest().checkpoint_config(&id).await
    {
        let config = config.value;
        let mut facts = BTreeMap::from([
            ("mode".to_owned(), config.mode),
            ("timeout-ms".to_owned(), config.timeout.to_string()),
            ("min-pause-ms".to_owned(), config.min_pause.to_string()),
            ("unaligned".to_owned(), config.unaligned_checkpoints.to_string()),
            ("tolerable-failed".to_owned(), config.tolerable_failed_checkpoints.to_string()),
        ]);
        facts.extend(config.interval.map(|interval| ("interval-ms".to_owned(), interval.to_string())));
        facts.extend(config.state_backend.map(|backend| ("state-backend".to_owned(), backend)));
        section("checkpoint-config", facts);
    }
    let machine = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    section("machine", BTreeMap::from([("cores".to_owned(), machine.to_string()), ("os".to_owned(), std::env::consts::OS.to_owned())]));
}

/// Records whose clock stamps the sink's records: a topic with `CreateTime` carries none of the broker's.
pub async fn sink_clocks(topics: &Topics, admin: &Arc<Admin>, recorder: &Arc<Recorder>) {
    let (sinks, admin, recorder) = (topics.sinks.clone(), admin.clone(), recorder.clone());
    let looked = tokio::task::spawn_blocking(move || {
        let mut facts = BTreeMap::new();
        for (_, topic, _) in sinks {
            match admin.topic_config(&topic, KAFKA_WITHIN) {
                Ok(mut config) => {
                    let kind = config.remove("message.timestamp.type").and_then(|setting| setting.value);
                    facts.insert(topic, kind.unwrap_or_else(|| "CreateTime".to_owned()));
                }
                Err(error) => recorder.record(EventKind::ProbeFailed { probe: SINK_CLOCK.to_owned(), error: error.to_string() }),
            }
        }
        recorder.record(EventKind::Facts { section: SINK_CLOCK.to_owned(), facts });
    });
    if let Err(error) = looked.await {
        tracing::error!("looking at the sink's clocks: {error}");
    }
}

/// Flink hides what it knows to be secret; keys that look like secrets are left out whatever it says.
fn without_secrets(config: BTreeMap<String, String>) -> BTreeMap<String, String> {
    const SECRET: &[&str] = &["password", "secret", "token", "credential", "access-key", "access.key", "jaas", "apikey", "api-key"];
    config.into_iter().filter(|(key, _)| !SECRET.iter().any(|word| key.to_lowercase().contains(word))).collect()
}

/// How old Flink's answers may be: job details and checkpoints, metrics. Its defaults where it does not say.
pub async fn caches(control: &JobControl) -> (Duration, Duration) {
    let Ok(config) = control.rest().jobmanager_config().await else { return (Duration::from_secs(3), Duration::from_secs(10)) };
    let milliseconds = |key: &str, default: u64| {
        let text = config.value.get(key).map(String::as_str).unwrap_or_default();
        let parsed = text.trim().parse::<u64>().ok().map(Duration::from_millis);
        parsed
            .or_else(|| text.replace(' ', "").parse::<crate::units::Duration>().ok().map(|d| d.0))
            .unwrap_or(Duration::from_millis(default))
    };
    (milliseconds("web.refresh-interval", 3000), milliseconds("metrics.fetcher.update-interval", 10_000))
}

/// Records the job and its graph.
pub async fn record_job(control: &JobControl, recorder: &Recorder) {
    let Some(id) = control.id() else { return };
    match control.rest().job(&id).await {
        Ok(detail) => recorder.record(probe::runs(&detail.value)),
        Err(error) => recorder.record(EventKind::ProbeFailed { probe: "job".to_owned(), error: error.to_string() }),
    }
}
