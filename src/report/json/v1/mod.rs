//! Version 1 of `report.json`. Frozen: add keys, never rename or remove one.

mod delivery;
mod drift;
mod evidence;
mod expectation;
mod fault;
mod flink;
mod window;

pub use delivery::{Delivery, Offender};
pub use drift::{Drift, DriftStatus};
pub use evidence::{Clock, Finding, Gap, Generator, Probe};
pub use expectation::{Expectation, ExpectationStatus};
pub use fault::{Deed, Fault, Moment, Phase, Recovery, RecoveryStatus, Timeline};
pub use flink::{Checkpoint, CheckpointPart, Restart, StateOfJob};
pub use window::{LagOfPartition, Latency, Level, Requests, Share, Skew, Window};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of a run. Moments (`at_s`, `from_s`, …) are seconds since the schedule's zero, `started` in wall-clock time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "squall report")]
pub struct Report {
    /// Version of this format: 1.
    pub schema: u32,
    /// Version of squall that ran it.
    pub squall: String,
    /// Run id; the name of the run's folder.
    pub run: String,
    /// Name of the scenario.
    pub scenario: String,
    /// What the scenario asks, in its own words.
    pub about: String,
    /// Cluster and what it is.
    pub cluster: String,
    /// `local`, `containers`, `external`, …
    pub cluster_kind: String,
    /// Seed of everything random.
    pub seed: u64,
    /// First line of the journal, RFC 3339 in UTC.
    pub started: String,
    /// The schedule's zero, RFC 3339 in UTC; null where there was no traffic.
    pub schedule_zero: Option<String>,
    /// End of the traffic.
    pub traffic_end_s: Option<f64>,
    /// Last line of the journal.
    pub end_s: f64,
    /// How it ended: `completed`, `aborted: …`, `interrupted: …`, `failed: …`; null where the journal breaks off.
    pub ending: Option<String>,
    /// The verdict.
    pub verdict: RunVerdict,
    /// Why, most important first.
    pub reasons: Vec<String>,
    /// What happened, in one or two plain sentences.
    pub sentence: String,
    /// Stretches in which squall was dead, of a run that was resumed; empty for others.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// In the order of the file.
    pub expectations: Vec<Expectation>,
    /// In the order in which they fired.
    pub faults: Vec<Fault>,
    /// Named stretches of the run, in order.
    pub windows: Vec<Window>,
    /// The four lags per partition.
    pub lags: Vec<LagOfPartition>,
    /// Checkpoints by id.
    pub checkpoints: Vec<Checkpoint>,
    /// The job's states.
    pub job_states: Vec<StateOfJob>,
    /// Restarts of the job.
    pub restarts: Vec<Restart>,
    /// Load of partitions and subtasks.
    pub skews: Vec<Skew>,
    /// What became of the records; null where nobody verified.
    pub delivery: Option<Delivery>,
    /// What was sent.
    pub generator: Generator,
    /// What a soak found to drift; empty for other runs.
    #[serde(default)]
    pub drifts: Vec<Drift>,
    /// Things worth doing, most important first.
    pub findings: Vec<Finding>,
    /// Hints from logs, metrics, exceptions and offsets; never a verdict.
    pub hints: Vec<String>,
    /// Undos that were not read back as restored: a fault may still be active.
    pub open_undos: Vec<String>,
    /// Probe → its resolution.
    pub probes: BTreeMap<String, Probe>,
    /// Clock → its offset.
    pub clocks: BTreeMap<String, Clock>,
    /// Section → name → value: versions, effective configuration.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
}

/// Verdict over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// A fault may still be active (exit 5).
    CleanupIncomplete,
    /// By a signal (exit 130).
    Interrupted,
    /// An error of squall's, or a lost cluster (exit 1).
    ToolError,
    /// By `abort-when` (exit 98).
    Aborted,
    /// An expectation failed (exit 99).
    Failed,
    /// An expectation had no data, a fault did not act, or the generator was behind (exit 4).
    Inconclusive,
    /// Expectations met (exit 0).
    Met,
}

/// Unit of a value whose key cannot say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Unit {
    Count,
    Records,
    RecordsPerSecond,
    Seconds,
    Bytes,
    Ratio,
    Factor,
}

/// A count that is known between two bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Between {
    /// Certainly so many.
    pub at_least: u64,
    /// Certainly no more.
    pub at_most: u64,
}
