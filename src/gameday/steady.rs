//! Waiting until all is steady again: what a step begins on.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::observers::Observers;
use super::spec::Steady;
use crate::action::Role;
use crate::clock;
use crate::cluster::Cluster;
use crate::flink::Rest;
use crate::kafka::Admin;

const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until nodes, Kafka and Flink have been well for long enough, and no alert of `quiet` fires. Gives how long that took, in seconds.
///
/// # Errors
/// What was not steady when the limit came.
pub async fn until_steady(
    cluster: &Cluster,
    steady: &Steady,
    observers: Option<&Observers>,
    quiet: &BTreeSet<String>,
    say: &(dyn Fn(&str) + Sync),
) -> Result<f64, String> {
    let kafka = Arc::new(Admin::new(&cluster.addresses().kafka.harness).map_err(|error| error.to_string())?);
    let rest = Rest::new(&cluster.addresses().flink, Path::new("")).map_err(|error| error.to_string())?;
    let began = clock::now();
    let end = began.plus(steady.within.0);
    let mut since = None;
    let mut said = None;
    loop {
        let trouble = trouble(cluster, &kafka, &rest, observers, quiet).await;
        let now = clock::now();
        match trouble {
            None => {
                if now >= since.get_or_insert(now).plus(steady.r#for.0) {
                    return Ok(now.seconds_since(began));
                }
            }
            Some(trouble) => {
                since = None;
                if now >= end {
                    return Err(format!("not steady within {}: {trouble}", steady.within));
                }
                if said.as_ref() != Some(&trouble) {
                    say(&format!("waiting until all is steady: {trouble}"));
                    said = Some(trouble);
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What is not well now.
async fn trouble(
    cluster: &Cluster,
    kafka: &Arc<Admin>,
    rest: &Rest,
    observers: Option<&Observers>,
    quiet: &BTreeSet<String>,
) -> Option<String> {
    let nodes = match cluster.view().await {
        Ok(nodes) => nodes,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(node) = nodes.iter().find(|node| !node.alive || node.frozen) {
        return Some(format!("{} is {}", node.node.name, if node.alive { "frozen" } else { "gone" }));
    }
    let taskmanagers = nodes.iter().filter(|node| node.node.role == Role::Taskmanager).count();
    match rest.overview().await {
        Err(error) => return Some(format!("Flink does not answer: {error}")),
        Ok(overview) if (overview.value.taskmanagers as usize) < taskmanagers => {
            return Some(format!("{} of {taskmanagers} TaskManagers are registered", overview.value.taskmanagers));
        }
        Ok(_) => {}
    }
    let asked = kafka.clone();
    match tokio::task::spawn_blocking(move || asked.metadata(PATIENCE)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Some(format!("Kafka does not answer: {error}")),
        Err(error) => return Some(error.to_string()),
    }
    let observed = observers?.observed();
    if observed.prometheus.watched.is_none() {
        return Some(format!("Prometheus does not answer: {}", observed.prometheus.error.as_deref().unwrap_or("not yet")));
    }
    observed.firing().find(|alert| quiet.contains(*alert)).map(|alert| format!("alert {alert} fires"))
}
