//! Noticing that the cluster is lost: with nothing left to measure, the run ends and says so.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::cluster::Cluster;
use crate::flink::Rest;
use crate::journal::Ending;
use crate::kafka::Admin;

use super::recorder::Recorder;
use super::stop::Stop;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// No fault takes away every node, nor the proxy, for so long.
const GONE: Duration = Duration::from_secs(5);
/// Kafka and Flink silent together for so long, while no fault of squall's holds.
const SILENT: Duration = Duration::from_secs(60);
const ASK_WITHIN: Duration = Duration::from_secs(5);

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Vitals {
    /// Nodes and links.
    pub cluster: Arc<Cluster>,
    /// Kafka.
    pub kafka: Arc<Admin>,
    /// Flink.
    pub rest: Rest,
}

/// Looks until the cluster is lost, then ends the run.
pub async fn watch(vitals: Vitals, recorder: Arc<Recorder>, stop: Stop) {
    let [mut nodes, mut proxy, mut silence] = [Since::default(), Since::default(), Since::default()];
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let dead = vitals.cluster.view().await.is_ok_and(|nodes| !nodes.is_empty() && nodes.iter().all(|node| !node.alive));
        let cut = vitals.cluster.links().await.err();
        // A dead cluster is asked nothing more; a living one answers at once.
        let silent = dead || recorder.undos().is_empty() && vitals.silent().await;
        let reason = if nodes.holds(dead, GONE) {
            Some("none of its nodes is alive".to_owned())
        } else if proxy.holds(cut.is_some(), GONE) {
            cut.map(|error| format!("the proxy of its links is dead, and the pipeline's path with it: {error}"))
        } else if silence.holds(silent, SILENT) {
            Some(format!("neither Kafka nor Flink has answered for {} s", SILENT.as_secs()))
        } else {
            None
        };
        if let Some(reason) = reason {
            let name = &vitals.cluster.spec().name;
            stop.now(Ending::Failed(format!("the cluster {name} was lost: {reason}")));
            return;
        }
    }
}

impl Vitals {
    /// Whether neither Flink nor Kafka answers.
    async fn silent(&self) -> bool {
        if self.rest.overview().await.is_ok() {
            return false;
        }
        let kafka = self.kafka.clone();
        tokio::task::spawn_blocking(move || kafka.metadata(ASK_WITHIN).is_err()).await.unwrap_or(true)
    }
}

/// Since when something has been so.
#[derive(Default)]
struct Since(Option<Timestamp>);

impl Since {
    /// Whether it is so, and has been for `long`.
    fn holds(&mut self, is_so: bool, long: Duration) -> bool {
        let now = clock::now();
        self.0 = if is_so { self.0.or(Some(now)) } else { None };
        self.0.is_some_and(|since| now >= since.plus(long))
    }
}
