//! What came out of the job.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::units::Duration;

/// Records of one sink partition that became visible in one poll, or several within about 100 ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputBatch {
    /// Sink topic.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Records of this run, each counted as often as it was seen.
    pub records: u64,
    /// Of them, those seen for the first time.
    pub fresh: u64,
    /// When the reader saw the first of them.
    pub first_seen: Timestamp,
    /// When the reader saw the last of them.
    pub last_seen: Timestamp,
    /// How long the reader had not looked before `first_seen`: the error of "first seen".
    pub poll_gap: Duration,
    /// Furthest intended time so far, per stream and input partition.
    pub furthest: Vec<Furthest>,
}

/// How far into an input partition the output has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Furthest {
    /// Index of the stream in the scenario.
    pub stream: u8,
    /// Input partition.
    pub partition: u16,
    /// Intended time of the furthest record.
    pub intended: Timestamp,
}
