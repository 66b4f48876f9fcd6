//! What Flink said of the job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A checkpoint or savepoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoint {
    /// Flink's id.
    pub id: u64,
    /// `in-progress`, `completed`, `failed`.
    pub status: String,
    /// Whether it is a savepoint.
    pub savepoint: bool,
    /// When it was triggered.
    pub triggered_s: f64,
    /// End to end.
    pub duration_s: Option<f64>,
    /// Where the time of the slowest subtask went.
    pub slowest: Option<CheckpointPart>,
    /// Written by it.
    pub checkpointed_bytes: u64,
    /// Full size of the state.
    pub state_bytes: u64,
    /// Why it failed.
    pub failure: Option<String>,
}

/// Where the time of a checkpoint's slowest subtask went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointPart {
    /// Which.
    pub subtask: String,
    /// From the trigger to the first barrier.
    pub start_delay_s: f64,
    /// Waiting for the other inputs' barriers.
    pub alignment_s: f64,
    /// Synchronous part.
    pub sync_s: f64,
    /// Asynchronous part.
    pub async_s: f64,
    /// The rest to its end-to-end duration.
    pub other_s: f64,
    /// End to end.
    pub end_to_end_s: f64,
}

/// A state of the job from a moment on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateOfJob {
    /// Since when.
    pub at_s: f64,
    /// Its error.
    pub error_s: f64,
    /// `RUNNING`, `RESTARTING`, …
    pub state: String,
}

/// A restart of the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Restart {
    /// When.
    pub at_s: f64,
    /// Name of the fault that explains it; null: unexplained.
    pub explained_by: Option<String>,
    /// The exception, one line.
    pub cause: String,
}
