use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Answered, Error, JobId, Rest, VertexId, lenient};
use crate::clock::Timestamp;
use crate::http::Request;

/// `/jobs/:id/checkpoints`: counts since the JobManager started the job, and the newest ten (`web.checkpoints.history`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Checkpoints {
    /// How many, by status.
    pub counts: CheckpointCounts,
    /// The latest of each kind.
    pub latest: LatestCheckpoints,
    /// Newest first.
    pub history: Vec<Checkpoint>,
}

/// Numbers of checkpoints. They start from 0 after a JobManager failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct CheckpointCounts {
    /// Restores from a checkpoint or savepoint.
    pub restored: u64,
    /// All that were triggered.
    pub total: u64,
    /// Under way.
    pub in_progress: u64,
    /// Completed.
    pub completed: u64,
    /// Failed, aborted or expired.
    pub failed: u64,
}

/// The latest checkpoints, where there are any.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LatestCheckpoints {
    /// Completed.
    pub completed: Option<Checkpoint>,
    /// Savepoint.
    pub savepoint: Option<Checkpoint>,
    /// Failed.
    pub failed: Option<Checkpoint>,
    /// What the job was restored from.
    pub restored: Option<Restored>,
}

/// What a job was restored from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Restored {
    /// Id of the checkpoint.
    pub id: u64,
    /// When restoring began.
    #[serde(deserialize_with = "lenient::moment")]
    pub restore_timestamp: Timestamp,
    /// Whether it was a savepoint.
    pub is_savepoint: bool,
    /// Where it lies.
    #[serde(default)]
    pub external_path: Option<String>,
}

/// Whether a checkpoint is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all(serialize = "kebab-case"))]
pub enum CheckpointStatus {
    /// Not all subtasks have acknowledged.
    #[serde(rename(deserialize = "IN_PROGRESS"))]
    InProgress,
    /// All have, and it is stored.
    #[serde(rename(deserialize = "COMPLETED"))]
    Completed,
    /// It never will.
    #[serde(rename(deserialize = "FAILED"))]
    Failed,
}

/// A checkpoint or savepoint. Times in milliseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Checkpoint {
    /// Counts up within a job.
    pub id: u64,
    /// Whether it is done.
    pub status: CheckpointStatus,
    /// Whether it is a savepoint.
    #[serde(default)]
    pub is_savepoint: bool,
    /// When it was triggered.
    #[serde(deserialize_with = "lenient::moment")]
    pub trigger_timestamp: Timestamp,
    /// When the latest subtask so far acknowledged.
    #[serde(default, deserialize_with = "lenient::moment_if_any")]
    pub latest_ack_timestamp: Option<Timestamp>,
    /// What this checkpoint itself wrote (less than the state for incremental ones).
    #[serde(default, deserialize_with = "lenient::whole")]
    pub checkpointed_size: Option<u64>,
    /// The full state.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub state_size: Option<u64>,
    /// From trigger to the latest acknowledgement so far.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub end_to_end_duration: Option<u64>,
    /// Bytes processed while aligning.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub processed_data: Option<u64>,
    /// Bytes of in-flight data stored (unaligned).
    #[serde(default, deserialize_with = "lenient::whole")]
    pub persisted_data: Option<u64>,
    /// Subtasks that take part.
    #[serde(default)]
    pub num_subtasks: u32,
    /// Subtasks that have acknowledged.
    #[serde(default)]
    pub num_acknowledged_subtasks: u32,
    /// `CHECKPOINT`, `UNALIGNED_CHECKPOINT`, `SAVEPOINT`, `SYNC_SAVEPOINT`.
    #[serde(default)]
    pub checkpoint_type: String,
    /// Where it lies, when completed.
    #[serde(default)]
    pub external_path: Option<String>,
    /// Whether it has been deleted since.
    #[serde(default)]
    pub discarded: bool,
    /// When it failed.
    #[serde(default, deserialize_with = "lenient::moment_if_any")]
    pub failure_timestamp: Option<Timestamp>,
    /// Why it failed.
    #[serde(default)]
    pub failure_message: Option<String>,
    /// Per vertex; only in [`Rest::checkpoint`].
    #[serde(default)]
    pub tasks: BTreeMap<VertexId, TaskCheckpoint>,
}

/// A vertex's share of a checkpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TaskCheckpoint {
    /// Whether the checkpoint is done.
    pub status: CheckpointStatus,
    /// From trigger to the vertex's latest acknowledgement so far, in milliseconds.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub end_to_end_duration: Option<u64>,
    /// Full state in bytes.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub state_size: Option<u64>,
    /// Its subtasks.
    pub num_subtasks: u32,
    /// Those that have acknowledged.
    pub num_acknowledged_subtasks: u32,
}

/// A vertex's share of a checkpoint, by subtask.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TaskCheckpointDetail {
    /// Its subtasks, in order.
    pub subtasks: Vec<SubtaskCheckpoint>,
}

/// A subtask's share of a checkpoint; only its index before it has acknowledged. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SubtaskCheckpoint {
    /// Index within the vertex.
    pub index: u32,
    /// When it acknowledged.
    #[serde(default, deserialize_with = "lenient::moment_if_any")]
    pub ack_timestamp: Option<Timestamp>,
    /// From trigger to acknowledgement.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub end_to_end_duration: Option<u64>,
    /// Full state in bytes.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub state_size: Option<u64>,
    /// Sync and async part.
    #[serde(default)]
    pub checkpoint: SnapshotTimes,
    /// Alignment of its inputs.
    #[serde(default)]
    pub alignment: Alignment,
    /// From the barrier's creation to its arrival here, as Flink says.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub start_delay: Option<u64>,
    /// Whether it overtook in-flight data.
    #[serde(default)]
    pub unaligned_checkpoint: bool,
    /// Whether it was aborted here.
    #[serde(default)]
    pub aborted: bool,
}

/// How long a snapshot took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct SnapshotTimes {
    /// With processing stopped.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub sync: Option<u64>,
    /// Beside processing.
    #[serde(default, rename = "async", deserialize_with = "lenient::whole")]
    pub asynchronous: Option<u64>,
}

/// How a subtask aligned its inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Alignment {
    /// Bytes processed meanwhile.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub processed: Option<u64>,
    /// Bytes of in-flight data stored.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub persisted: Option<u64>,
    /// Milliseconds from the first to the last barrier.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub duration: Option<u64>,
}

impl TaskCheckpointDetail {
    /// The acknowledged subtask that took longest from end to end.
    pub fn slowest(&self) -> Option<&SubtaskCheckpoint> {
        self.subtasks.iter().filter(|subtask| subtask.end_to_end_duration.is_some()).max_by_key(|subtask| subtask.end_to_end_duration)
    }
}

/// Where the time of a checkpoint went: one subtask's parts, never maxima of different subtasks. Milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SlowestSubtask {
    /// Its vertex.
    pub vertex: VertexId,
    /// Its index.
    pub index: u32,
    /// From trigger to acknowledgement.
    pub end_to_end: u64,
    /// From the barrier's creation to its arrival.
    pub start_delay: u64,
    /// From the first to the last barrier.
    pub alignment: u64,
    /// Snapshot with processing stopped.
    pub sync: u64,
    /// Snapshot beside processing.
    pub r#async: u64,
}

impl SlowestSubtask {
    /// What the named parts leave of the whole, such as the way of the acknowledgement.
    pub fn other(&self) -> u64 {
        let parts = [self.start_delay, self.alignment, self.sync, self.r#async];
        parts.into_iter().fold(self.end_to_end, u64::saturating_sub)
    }
}

/// `/jobs/:id/checkpoints/config`. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckpointConfig {
    /// `exactly_once` or `at_least_once`.
    pub mode: String,
    /// Between triggers; none when nothing is triggered by time.
    #[serde(deserialize_with = "interval")]
    pub interval: Option<u64>,
    /// After which one has failed.
    pub timeout: u64,
    /// Least pause between two.
    pub min_pause: u64,
    /// At most so many at once.
    pub max_concurrent: u64,
    /// What is kept after the job's end.
    pub externalization: Externalization,
    /// Class of the state backend.
    #[serde(default)]
    pub state_backend: Option<String>,
    /// Class of the storage.
    #[serde(default)]
    pub checkpoint_storage: Option<String>,
    /// Whether barriers overtake in-flight data.
    pub unaligned_checkpoints: bool,
    /// Consecutive failures that the job survives.
    #[serde(default)]
    pub tolerable_failed_checkpoints: u64,
    /// After which an aligned one turns unaligned; 0 is at once.
    #[serde(default)]
    pub aligned_checkpoint_timeout: u64,
}

/// What is kept of checkpoints after the job's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Externalization {
    /// Whether they are kept at all.
    pub enabled: bool,
    /// Whether cancelling deletes them.
    pub delete_on_cancellation: bool,
}

fn interval<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    // Disabled is Long.MAX_VALUE.
    Ok(lenient::whole(deserializer)?.filter(|millis| *millis < i64::MAX as u64))
}

impl Rest {
    /// Counts and history of a job's checkpoints; cached.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn checkpoints(&self, job: &JobId) -> Result<Answered<Checkpoints>, Error> {
        Ok(self.http.ask(Request::get(["jobs", job.as_str(), "checkpoints"])).await?)
    }

    /// How a job is checkpointed.
    ///
    /// # Errors
    /// As [`Rest::job_state`]; also [`Error::is_not_found`] where checkpointing is off.
    pub async fn checkpoint_config(&self, job: &JobId) -> Result<Answered<CheckpointConfig>, Error> {
        Ok(self.http.ask(Request::get(["jobs", job.as_str(), "checkpoints", "config"])).await?)
    }

    /// One checkpoint with its vertices.
    ///
    /// # Errors
    /// As [`Rest::job_state`]; also [`Error::is_not_found`] once it has left the history.
    pub async fn checkpoint(&self, job: &JobId, id: u64) -> Result<Answered<Checkpoint>, Error> {
        Ok(self.http.ask(Request::get(["jobs", job.as_str(), "checkpoints", "details", &id.to_string()])).await?)
    }

    /// One vertex's share of a checkpoint.
    ///
    /// # Errors
    /// As [`Rest::checkpoint`].
    pub async fn checkpoint_subtasks(&self, job: &JobId, id: u64, vertex: &VertexId) -> Result<Answered<TaskCheckpointDetail>, Error> {
        let id = id.to_string();
        Ok(self.http.ask(Request::get(["jobs", job.as_str(), "checkpoints", "details", &id, "subtasks", vertex.as_str()])).await?)
    }

    /// Where the time of a checkpoint went, by its slowest subtask; none when no subtask has acknowledged. Two requests.
    ///
    /// # Errors
    /// As [`Rest::checkpoint`].
    pub async fn slowest_subtask(&self, job: &JobId, id: u64) -> Result<Option<SlowestSubtask>, Error> {
        let checkpoint = self.checkpoint(job, id).await?;
        let acknowledged = checkpoint.tasks.iter().filter(|(_, task)| task.num_acknowledged_subtasks > 0);
        let Some((vertex, _)) = acknowledged.max_by_key(|(_, task)| task.end_to_end_duration) else {
            return Ok(None);
        };
        let detail = self.checkpoint_subtasks(job, id, vertex).await?;
        Ok(detail.slowest().map(|subtask| SlowestSubtask {
            vertex: vertex.clone(),
            index: subtask.index,
            end_to_end: subtask.end_to_end_duration.unwrap_or(0),
            start_delay: subtask.start_delay.unwrap_or(0),
            alignment: subtask.alignment.duration.unwrap_or(0),
            sync: subtask.checkpoint.sync.unwrap_or(0),
            r#async: subtask.checkpoint.asynchronous.unwrap_or(0),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixtures::{VERSIONS, answer};
    use super::*;

    #[test]
    fn reads_what_clusters_answered() {
        for version in VERSIONS {
            let all: Checkpoints = answer(version, "checkpoints");
            assert_eq!(all.counts.total, all.counts.completed + all.counts.failed + all.counts.in_progress);
            assert!(all.latest.completed.is_some() && all.latest.restored.is_none());
            assert!(all.history.windows(2).all(|pair| pair[0].id > pair[1].id));
            let config: CheckpointConfig = answer(version, "ckconfig");
            assert_eq!((config.mode.as_str(), config.interval), ("exactly_once", Some(2000)));
            let one: Checkpoint = answer(version, "ckdet");
            assert_eq!(one.tasks.len(), 3);
            let vertex: TaskCheckpointDetail = answer(version, "cksub");
            assert!(vertex.slowest().is_some_and(|subtask| subtask.start_delay.is_some() && subtask.checkpoint.sync.is_some()));
        }
    }

    #[test]
    fn failures_and_restores_say_what_happened() {
        let all: Checkpoints = answer("2.3.0", "checkpoints_kill");
        let failed = all.history.iter().find(|checkpoint| checkpoint.status == CheckpointStatus::Failed).unwrap();
        assert!(failed.failure_message.as_deref().is_some_and(|message| message.ends_with("IO-problem detected.")));
        assert!(failed.failure_timestamp.is_some() && failed.latest_ack_timestamp.is_none());
        let restored = all.latest.restored.unwrap();
        assert!(restored.external_path.is_some_and(|path| path.ends_with(&format!("chk-{}", restored.id))));
    }

    #[test]
    fn pending_subtasks_have_no_times() {
        let text = r#"{"subtasks":[{"className":"pending","index":0,"status":"pending_or_failed"}]}"#;
        let detail: TaskCheckpointDetail = serde_json::from_str(text).unwrap();
        assert_eq!(detail.subtasks[0].checkpoint.sync, None);
        assert!(detail.slowest().is_none());
    }

    #[test]
    fn checkpointing_by_hand_only_has_no_interval() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/flink/2.3.0/ckconfig.json")).unwrap();
        let config: CheckpointConfig = serde_json::from_str(&text.replace(":2000", ":9223372036854775807")).unwrap();
        assert_eq!(config.interval, None);
    }
}
