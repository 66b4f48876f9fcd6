//! What was measured in each window of the run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A share asked for and achieved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Of what.
    pub of: String,
    /// Asked for, 0 to 1.
    pub asked_ratio: f64,
    /// Achieved, 0 to 1.
    pub achieved_ratio: f64,
}

/// A named stretch of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// `baseline`, `lose-one`, `recovery of lose-one`, `after lose-one`.
    pub name: String,
    /// Start.
    pub from_s: f64,
    /// End.
    pub to_s: f64,
    /// Acknowledged, by intended time.
    pub input_records_per_second: Option<f64>,
    /// Visible in the sink.
    pub output_records_per_second: Option<f64>,
    /// Highest output lag.
    pub max_output_lag_records: Option<f64>,
    /// Metric → its percentiles.
    pub latency: BTreeMap<String, Latency>,
    /// Completed.
    pub checkpoints_completed: u32,
    /// Failed.
    pub checkpoints_failed: u32,
    /// Restarts of the job.
    pub restarts: u32,
    /// Kafka requests over the links, as their proxy counted them.
    pub requests: Vec<Requests>,
}

/// Requests of one kind over one link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// Name of the link.
    pub link: String,
    /// As Kafka's protocol calls it: `EndTxn`.
    pub request: String,
    /// How many.
    pub count: u64,
    /// How many for each checkpoint that completed.
    pub per_checkpoint: Option<f64>,
}

/// Percentiles of a latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Median.
    pub p50_s: Option<f64>,
    /// 99th percentile.
    pub p99_s: Option<f64>,
    /// 99.9th percentile.
    pub p999_s: Option<f64>,
    /// Maximum.
    pub max_s: Option<f64>,
}

/// A lag at three moments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// Median of the baseline.
    pub baseline: Option<f64>,
    /// Worst.
    pub worst: Option<f64>,
    /// Last.
    pub last: Option<f64>,
}

/// The four lags of a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LagOfPartition {
    /// Topic and partition.
    pub partition: String,
    /// By Flink's metrics.
    pub position_lag_records: Level,
    /// By the group's committed offsets.
    pub committed_lag_records: Level,
    /// Acknowledged, not yet seen in the sink.
    pub output_lag_records: Level,
    /// In time.
    pub time_lag_s: Level,
}

/// Load of partitions or subtasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Skew {
    /// Of what.
    pub of: String,
    /// The window that it was measured over.
    pub window: String,
    /// Records of each.
    pub records: Vec<u64>,
    /// max ÷ mean.
    pub skew: f64,
    /// What the settings ask for.
    pub asked_skew: Option<f64>,
}
