//! What is kept of a checkpoint, and of a subtask's way through its states.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// One checkpoint, as last seen; written again whenever it changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointRecord {
    /// Flink's id. Ids go on over restarts of the job.
    pub id: u64,
    /// `in-progress`, `completed`, `failed`.
    pub status: String,
    /// Whether it is a savepoint.
    pub savepoint: bool,
    /// When it was triggered, by the JobManager's clock.
    pub triggered: Timestamp,
    /// When the last subtask acknowledged, or when it failed, by the JobManager's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// End to end, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// Parts of the slowest subtask, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest: Option<CheckpointParts>,
    /// Bytes written by this checkpoint.
    pub checkpointed_bytes: u64,
    /// Full size of the state.
    pub state_bytes: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Where the time of the slowest subtask's checkpoint went, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointParts {
    /// `vertex name (index)`.
    pub subtask: String,
    /// From the trigger to the first barrier, by Flink.
    pub start_delay_s: f64,
    /// Waiting for the other inputs' barriers.
    pub alignment_s: f64,
    /// Synchronous part.
    pub sync_s: f64,
    /// Asynchronous part.
    pub async_s: f64,
    /// End to end.
    pub end_to_end_s: f64,
}

/// When one attempt of a subtask entered its states, by the JobManager's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubtaskTimes {
    /// Name of the vertex.
    pub vertex: String,
    /// Index from 0.
    pub index: u32,
    /// Attempt from 0.
    pub attempt: u32,
    /// Its present state.
    pub state: String,
    /// Flink's id of the TaskManager that runs it.
    pub taskmanager: Option<String>,
    /// `SCHEDULED`, `DEPLOYING`, `INITIALIZING`, `RUNNING`, … → when; states that it has not entered are absent.
    pub entered: BTreeMap<String, Timestamp>,
}
