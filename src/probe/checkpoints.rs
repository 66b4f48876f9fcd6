//! Checkpoints, polled and kept: the JobManager remembers few, and none when it dies.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{FlinkProbes, failed, ticks};
use crate::clock::Timestamp;
use crate::flink::{Checkpoint, CheckpointStatus, JobId};
use crate::journal::{CheckpointParts, CheckpointRecord, EventKind, Of};
use crate::metric::Metric;

const PROBE: &str = "checkpoints";
const EVERY: Duration = Duration::from_millis(500);

pub(super) async fn watch(probes: FlinkProbes) {
    let record = &*probes.record;
    let mut ticks = ticks(record, PROBE, EVERY, probes.detail_cache);
    let mut known: BTreeMap<(String, u64), CheckpointStatus> = BTreeMap::new();
    let mut restored: Option<Timestamp> = None;
    loop {
        ticks.tick().await;
        let Some(job) = probes.current() else { continue };
        let checkpoints = match probes.rest.checkpoints(&job).await {
            Ok(answered) => answered.value,
            Err(error) => {
                failed(record, PROBE, &error);
                continue;
            }
        };
        if let Some(newest) = checkpoints.latest.restored
            && restored != Some(newest.restore_timestamp)
        {
            restored = Some(newest.restore_timestamp);
            record.record(EventKind::Restored { checkpoint: newest.id, savepoint: newest.is_savepoint, at: newest.restore_timestamp });
        }
        for checkpoint in checkpoints.history.iter().rev() {
            let key = (job.as_str().to_owned(), checkpoint.id);
            if known.get(&key) == Some(&checkpoint.status) {
                continue;
            }
            known.insert(key, checkpoint.status);
            let slowest = match checkpoint.status {
                CheckpointStatus::Completed => slowest(&probes, &job, checkpoint.id).await,
                _ => None,
            };
            let entry = entry(checkpoint, slowest);
            if checkpoint.status == CheckpointStatus::Completed {
                let values = [
                    (Metric::CheckpointDuration, entry.duration_s),
                    (Metric::CheckpointSize, Some(entry.checkpointed_bytes as f64)),
                    (Metric::StateSize, Some(entry.state_bytes as f64)),
                ];
                for (metric, value) in values {
                    if let Some(value) = value {
                        record.record(EventKind::Sample { metric, of: Of::Run, value });
                    }
                }
            }
            record.record(EventKind::Checkpoint(entry));
        }
        // What has left Flink's history does not come back, and a run of days has many.
        if let Some(oldest) = checkpoints.history.iter().map(|checkpoint| checkpoint.id).min() {
            known.retain(|(of, id), _| of == job.as_str() && *id >= oldest);
        }
    }
}

async fn slowest(probes: &FlinkProbes, job: &JobId, id: u64) -> Option<CheckpointParts> {
    match probes.rest.slowest_subtask(job, id).await {
        Ok(slowest) => slowest.map(|slowest| CheckpointParts {
            subtask: format!("{} ({})", slowest.vertex.as_str(), slowest.index),
            start_delay_s: seconds(slowest.start_delay),
            alignment_s: seconds(slowest.alignment),
            sync_s: seconds(slowest.sync),
            async_s: seconds(slowest.r#async),
            end_to_end_s: seconds(slowest.end_to_end),
        }),
        Err(error) => {
            failed(&*probes.record, PROBE, &error);
            None
        }
    }
}

fn entry(checkpoint: &Checkpoint, slowest: Option<CheckpointParts>) -> CheckpointRecord {
    let ended = match checkpoint.status {
        CheckpointStatus::Completed => checkpoint.latest_ack_timestamp,
        CheckpointStatus::Failed => checkpoint.failure_timestamp,
        CheckpointStatus::InProgress => None,
    };
    CheckpointRecord {
        id: checkpoint.id,
        status: match checkpoint.status {
            CheckpointStatus::Completed => "completed",
            CheckpointStatus::Failed => "failed",
            CheckpointStatus::InProgress => "in-progress",
        }
        .to_owned(),
        savepoint: checkpoint.is_savepoint,
        triggered: checkpoint.trigger_timestamp,
        ended,
        duration_s: checkpoint.end_to_end_duration.map(seconds),
        slowest,
        checkpointed_bytes: checkpoint.checkpointed_size.unwrap_or(0),
        state_bytes: checkpoint.state_size.unwrap_or(0),
        failure: checkpoint.failure_message.clone(),
    }
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1e3
}
