//! Kafka requests over the cluster's links, as their proxy counts them: what a commit costs on the wire.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ticks;
use crate::clock;
use crate::cluster::Cluster;
use crate::journal::{Of, Record};
use crate::kafka::api_name;
use crate::metric::Metric;

const PROBE: &str = "links";
const EVERY: Duration = Duration::from_secs(1);

/// Starts the probe; it ends with `tasks`.
pub fn watch_links(cluster: Arc<Cluster>, record: Arc<dyn Record>, tasks: &mut JoinSet<()>) {
    tasks.spawn(async move {
        let record = &*record;
        let mut ticks = ticks(record, PROBE, EVERY, Duration::ZERO);
        loop {
            ticks.tick().await;
            match cluster.link_requests().await {
                Ok(links) => {
                    let at = clock::now();
                    for (link, requests) in links {
                        for (key, count) in requests {
                            let of = Of::Request { link: link.clone(), request: api_name(key) };
                            record.sample_at(at, Metric::LinkRequests, of, count as f64);
                        }
                    }
                }
                Err(error) => super::failed(record, PROBE, &error),
            }
        }
    });
}
