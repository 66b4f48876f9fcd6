//! Putting everything back, on every way out: faults first, then what squall made.

use std::time::Duration;

use crate::journal::{EventKind, Phase, Record};

use super::fire::Firing;
use super::prepare::Topics;

const KAFKA_WITHIN: Duration = Duration::from_secs(10);

/// Takes back what is still owed, last in first out. True when nothing is left.
pub async fn faults(firing: &Firing<'_>) -> bool {
    for open in firing.recorder.undos().last_first() {
        firing.undo(&open, "engine").await;
    }
    // Once more for those that failed: a TaskManager may have needed a second start.
    for open in firing.recorder.undos().last_first() {
        firing.undo(&open, "engine").await;
    }
    firing.recorder.undos().is_empty()
}

/// Ends the job and deletes topics and group, if they are squall's. What cannot be removed is said.
pub async fn things(firing: &Firing<'_>, topics: &Topics) -> Vec<String> {
    let recorder = firing.recorder;
    let mut left = Vec::new();
    let removed = |kind: &str, name: String| recorder.record(EventKind::Removed { kind: kind.to_owned(), name });
    match firing.world.job.end(Duration::from_secs(30).into()).await {
        Ok(Some(id)) => removed("job", id.to_string()),
        Ok(None) => {}
        Err(error) => left.push(format!("job: {error}")),
    }
    let own = |name: &String| name.starts_with("squall-");
    for (_, name, _) in topics.inputs.iter().chain(&topics.sinks).filter(|(_, name, _)| own(name)) {
        let (kafka, topic) = (firing.world.kafka.clone(), name.clone());
        match tokio::task::spawn_blocking(move || kafka.delete_topic(&topic, KAFKA_WITHIN)).await {
            Ok(Ok(())) => removed("topic", name.clone()),
            Ok(Err(error)) => left.push(format!("topic {name}: {error}")),
            Err(error) => left.push(format!("topic {name}: {error}")),
        }
    }
    if topics.own_group {
        let (kafka, group) = (firing.world.kafka.clone(), topics.group.clone());
        match tokio::task::spawn_blocking(move || kafka.delete_group(&group, KAFKA_WITHIN)).await {
            Ok(Ok(())) => removed("group", topics.group.clone()),
            // A job that never committed has no group.
            Ok(Err(error)) => tracing::debug!("group {}: {error}", topics.group),
            Err(error) => left.push(format!("group {}: {error}", topics.group)),
        }
    }
    left
}

/// Notes that cleaning begins.
pub fn begin(firing: &Firing<'_>) {
    firing.recorder.record(EventKind::Phase(Phase::CleaningUp));
}
