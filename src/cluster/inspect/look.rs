//! The looking.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Inspection;
use super::limits::{self, Settings};
use crate::action::{Identity, Node};
use crate::cluster::{Cluster, Error, InspectError};
use crate::flink::{JobOverview, Rest};
use crate::kafka::{Admin, KafkaError, Topic};
use crate::monitoring::{Grafana, Prometheus};
use crate::units;

const KAFKA_WITHIN: Duration = Duration::from_secs(15);
/// Topics that are looked at when none is named.
const MOST_TOPICS: usize = 20;

/// Looks at a cluster, at `topics` (none: those that there are, at most 20) and at the jobs that run.
///
/// # Errors
/// What does not answer, or is not there.
pub async fn inspect(cluster: &Cluster, topics: &[String]) -> Result<Inspection, Error> {
    cluster.ready().await?;
    let mut found = Inspection::default();
    let rest = Rest::new(&cluster.addresses().flink, Path::new("")).map_err(InspectError::from)?;
    flink(&rest, &mut found).await?;
    nodes(cluster, &mut found).await?;
    kafka(cluster, topics, &mut found).await?;
    monitoring(cluster, &mut found).await?;
    Ok(found)
}

/// Who is asked and told besides the pipeline, where the file names them.
async fn monitoring(cluster: &Cluster, found: &mut Inspection) -> Result<(), InspectError> {
    if let Some(access) = &cluster.spec().prometheus {
        let prometheus = Prometheus::new(access, Path::new("")).map_err(InspectError::Prometheus)?;
        // `vector(1)` is one value everywhere, also where there is no build to tell of (Thanos, Mimir).
        prometheus.query("vector(1)").await.map_err(InspectError::Prometheus)?;
        let unknown = || "it does not say".to_owned();
        let scraped = prometheus.scrape_interval().await.ok().flatten();
        found.section(
            "Prometheus",
            vec![
                ("addresses", access.addresses.join(", ")),
                ("version", prometheus.version().await.unwrap_or_else(|_| unknown())),
                ("scrapes every", scraped.map_or_else(|| format!("{}: taken for 1 min", unknown()), |every| every.to_string())),
            ],
        );
    }
    if let Some(access) = &cluster.spec().grafana {
        let grafana = Grafana::new(access, Path::new("")).map_err(InspectError::Grafana)?;
        grafana.ready().await.map_err(InspectError::Grafana)?;
        found.section("Grafana", vec![("addresses", access.addresses.join(", "))]);
    }
    Ok(())
}

async fn flink(rest: &Rest, found: &mut Inspection) -> Result<(), InspectError> {
    let overview = rest.overview().await?.value;
    let web = rest.web_config().await?.value;
    let config = rest.jobmanager_config().await?.value;
    let settings = Settings(&config);
    let said = |key: &str, usual: &str| config.get(key).cloned().unwrap_or_else(|| format!("{usual} (default)"));
    let (strategy, by_default) = settings.restart_strategy();
    found.section(
        "Flink",
        vec![
            ("version", overview.flink_version.clone()),
            ("TaskManagers", overview.taskmanagers.to_string()),
            ("slots", format!("{}, {} free", overview.slots_total, overview.slots_available)),
            ("scheduler", if web.features.web_rescale { "adaptive".to_owned() } else { said("jobmanager.scheduler", "default") }),
            ("restart strategy", format!("{strategy}{}", if by_default { " (default)" } else { "" })),
            ("heartbeats", format!("every {}, given up after {}", said("heartbeat.interval", "10 s"), said("heartbeat.timeout", "50 s"))),
            ("high availability", said("high-availability.type", "none")),
        ],
    );
    found.limits.extend(limits::of_flink(settings, units::Duration::from_millis(web.refresh_interval)));
    let jobs: Vec<JobOverview> = rest.jobs().await?.value.into_iter().filter(|job| !job.state.is_terminal()).collect();
    if !jobs.is_empty() {
        found.limits.extend(limits::of_slots(overview.taskmanagers, overview.slots_total, overview.slots_available));
    }
    for job in &jobs {
        let detail = rest.job(&job.id).await?.value;
        let checkpoints = match rest.checkpoint_config(&job.id).await {
            Ok(config) => Some(config.value),
            // Flink says so of a job that takes none.
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        let parallelism: Vec<String> = detail.topological().iter().map(|vertex| vertex.parallelism.to_string()).collect();
        let mut facts = vec![
            ("id", job.id.as_str().to_owned()),
            ("state", detail.state.to_string()),
            ("vertices", format!("{} of parallelism {}", parallelism.len(), parallelism.join(", "))),
        ];
        if let Some(config) = checkpoints.as_ref()
            && let Some(interval) = config.interval
        {
            let (interval, timeout) = (units::Duration::from_millis(interval), units::Duration::from_millis(config.timeout));
            let unaligned = if config.unaligned_checkpoints { ", unaligned" } else { "" };
            let kept = match (config.externalization.enabled, config.externalization.delete_on_cancellation) {
                (true, false) => "kept when cancelled",
                (true, true) | (false, _) => "deleted when cancelled",
            };
            facts.push(("checkpoints", format!("{} every {interval}, timeout {timeout}{unaligned}, {kept}", config.mode)));
        }
        found.section(format!("job {}", job.name), facts);
        found.limits.extend(limits::of_checkpoints(&job.name, checkpoints.as_ref()));
    }
    Ok(())
}

async fn nodes(cluster: &Cluster, found: &mut Inspection) -> Result<(), Error> {
    let place = |node: &Node| match &node.identity {
        Identity::Process { pid, host, .. } => format!("process {pid} on {}", host.as_deref().unwrap_or("this machine")),
        Identity::Container { id, .. } => format!("container {}", id.get(..12).unwrap_or(id)),
        Identity::Named => "known by name only".to_owned(),
    };
    let view = cluster.view().await?;
    let facts = view.iter().map(|status| {
        let state = match (status.alive, status.frozen) {
            (false, _) => ", gone",
            (true, true) => ", frozen",
            (true, false) => "",
        };
        (status.node.to_string(), format!("{}{state}", place(&status.node)))
    });
    let facts = facts.collect();
    found.facts.push(super::Section { of: "nodes".to_owned(), facts });
    Ok(())
}

async fn kafka(cluster: &Cluster, wanted: &[String], found: &mut Inspection) -> Result<(), InspectError> {
    let admin = Arc::new(Admin::new(&cluster.addresses().kafka.harness)?);
    let wanted = wanted.to_vec();
    let looked = tokio::task::spawn_blocking(move || look_at_topics(&admin, &wanted)).await.map_err(InspectError::Broken)??;
    let (id, brokers, count, topics) = looked;
    let mut facts = vec![("brokers", brokers.join(", ")), ("topics", count.to_string())];
    facts.extend(id.map(|id| ("cluster id", id)));
    found.section("Kafka", facts);
    for (topic, config) in topics {
        let replicas = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
        let behind = topic.partitions.iter().filter(|partition| partition.in_sync.len() < partition.replicas.len()).count();
        let mut facts = vec![("partitions", topic.partitions.len().to_string()), ("copies", replicas.to_string())];
        if behind > 0 {
            facts.push(("not in sync", format!("{behind} partitions")));
        }
        for key in ["message.timestamp.type", "retention.ms", "min.insync.replicas"] {
            facts.extend(config.get(key).map(|value| (key, value.clone())));
        }
        found.section(format!("topic {}", topic.name), facts);
        found.limits.extend(limits::of_topic(&topic.name, config.get("message.timestamp.type").map(String::as_str)));
    }
    Ok(())
}

type Looked = (Option<String>, Vec<String>, usize, Vec<(Topic, BTreeMap<String, String>)>);

fn look_at_topics(admin: &Admin, wanted: &[String]) -> Result<Looked, KafkaError> {
    let metadata = admin.metadata(KAFKA_WITHIN)?;
    let own: Vec<Topic> = metadata.topics.iter().filter(|topic| !topic.name.starts_with("__")).cloned().collect();
    let count = own.len();
    let chosen: Vec<Topic> = if wanted.is_empty() {
        own.into_iter().take(MOST_TOPICS).collect()
    } else {
        // Asked for by name, since a list leaves out what this user may not see.
        wanted.iter().map(|name| admin.topic(name, KAFKA_WITHIN)).collect::<Result<_, _>>()?
    };
    let mut topics = Vec::new();
    for topic in chosen {
        let config = admin.topic_config(&topic.name, KAFKA_WITHIN)?;
        let config = config.into_iter().filter_map(|(key, setting)| Some((key, setting.value?))).collect();
        topics.push((topic, config));
    }
    let brokers = metadata.brokers.iter().map(|broker| format!("{} at {}", broker.id, broker.address)).collect();
    Ok((admin.cluster_id(), brokers, count, topics))
}
