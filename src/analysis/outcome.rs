//! What analysis finds, as data: everything that a report shows, and nothing that it must work out.
//!
//! Moments are seconds since the schedule's zero (`start`); `None` where there was no traffic is said by `start` being none, then
//! since the journal's first line. Every figure has its error where one is known.

mod fault;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::journal::{Accounting, CheckpointRecord, Ending, FaultId, Of};
use crate::metric::{Metric, Unit};

pub use fault::{Bounds, Deed, FaultOutcome, Moment, Recovery, RecoveryPhase, RecoveryTimeline, Undone};

/// A measured value with its error, in base units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Value.
    pub value: f64,
    /// The true value lies within `value ± error`.
    pub error: Option<f64>,
}

/// A named stretch of the run and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowOutcome {
    /// `baseline`, `lose-one`, `recovery of lose-one`, `after lose-one`.
    pub name: String,
    /// Start, in seconds since the schedule's zero.
    pub from: f64,
    /// End.
    pub to: f64,
    /// Acknowledged records per second, by intended time.
    pub input_per_second: Option<f64>,
    /// Visible records per second.
    pub output_per_second: Option<f64>,
    /// Highest output lag.
    pub max_output_lag: Option<f64>,
    /// Metric → (p50, p99, p99.9, max) in seconds, of the distributions.
    pub latency: BTreeMap<Metric, [f64; 4]>,
    /// Checkpoints completed in it.
    pub checkpoints_completed: u32,
    /// Checkpoints failed in it.
    pub checkpoints_failed: u32,
    /// Restarts of the job in it.
    pub restarts: u32,
    /// Kafka requests over the links in it: link, request, count.
    pub requests: Vec<(String, String, u64)>,
}

/// A stretch in which squall was dead: nothing is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Last line before, in seconds since the schedule's zero.
    pub from: f64,
    /// First record due after it.
    pub to: f64,
    /// Records due in it that were never sent.
    pub unsent: u64,
    /// Occurrences of faults whose moments lay in it.
    pub skipped: Vec<FaultId>,
}

/// Met, failed, or no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Met.
    Met,
    /// Failed.
    Failed,
    /// No data: never a pass.
    NoData,
}

/// One expectation, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectationOutcome {
    /// As written.
    pub text: String,
    /// Line of the scenario file.
    pub line: u32,
    /// Judgement.
    pub status: Status,
    /// What was observed, for people: `17.2 s ± 0.50 s`, `14.1 k at 0:51`, `238,910 records: 0 lost, 0 twice, 0 corrupt`.
    pub observed: String,
    /// The value compared, in base units.
    pub value: Option<Figure>,
    /// Unit of `value`; none for words (delivery, the job's state).
    pub unit: Option<Unit>,
    /// When it was observed.
    pub at: Option<f64>,
    /// Why there is no data, where there is none.
    pub reason: Option<String>,
}

/// The verdict over a run. In order of precedence, as the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Exit 5: a fault may still be active.
    CleanupIncomplete,
    /// Exit 130.
    Interrupted,
    /// Exit 1.
    ToolError,
    /// Exit 98.
    Aborted,
    /// Exit 99.
    Failed,
    /// Exit 4.
    Inconclusive,
    /// Exit 0.
    Met,
}

impl Verdict {
    /// `met`, `failed`, `cleanup incomplete`, …
    pub const fn word(self) -> &'static str {
        match self {
            Self::CleanupIncomplete => "cleanup incomplete",
            Self::Interrupted => "interrupted",
            Self::ToolError => "error",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Met => "met",
        }
    }
}

/// Points of one line of a chart: seconds since the schedule's zero, value in base units. A `NaN` value is a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What.
    pub metric: Metric,
    /// Of what.
    pub of: Of,
    /// Unit of the values.
    pub unit: Unit,
    /// `(seconds, value)`, ascending.
    pub points: Vec<(f64, f64)>,
}

/// Percentiles of a distribution over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencySeries {
    /// What.
    pub metric: Metric,
    /// `(seconds, p50, p99, max)` in seconds, by intended time.
    pub points: Vec<(f64, f64, f64, f64)>,
}

/// A state of the job from a moment on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateChange {
    /// Seconds since the schedule's zero.
    pub at: f64,
    /// Its error.
    pub error: f64,
    /// State.
    pub state: String,
}

/// A restart of the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// Seconds since the schedule's zero.
    pub at: f64,
    /// The fault that explains it; none is *unexplained*.
    pub explained_by: Option<FaultId>,
    /// The exception, one line.
    pub cause: String,
}

/// Load of the partitions or subtasks, asked for and achieved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkewOutcome {
    /// `partitions of orders`, `subtasks of <vertex>`.
    pub of: String,
    /// Window that it was measured over: `baseline`, a fault's name.
    pub window: String,
    /// Records of each.
    pub records: Vec<u64>,
    /// max ÷ mean.
    pub skew: f64,
    /// What the settings ask for, where that can be worked out.
    pub asked: Option<f64>,
}

/// The four lags per partition at a moment: the end of the baseline, the worst, the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LagRow {
    /// Topic and partition.
    pub partition: String,
    /// Position lag: baseline median, worst, last.
    pub position: [Option<f64>; 3],
    /// Committed lag: baseline median, worst, last.
    pub committed: [Option<f64>; 3],
    /// Output lag: baseline median, worst, last.
    pub output: [Option<f64>; 3],
    /// Time lag: baseline median, worst, last.
    pub time: [Option<f64>; 3],
}

/// Something worth doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// `problem`, `risk`, `note`.
    pub severity: String,
    /// One line.
    pub title: String,
    /// What was seen.
    pub evidence: String,
    /// What to do.
    pub advice: String,
}

/// Everything that a report shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Run id.
    pub run: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Its `about`.
    pub about: String,
    /// Cluster and what it is: `laptop: 1 broker, 2 TaskManagers`.
    pub cluster: String,
    /// Kind of cluster.
    pub cluster_kind: String,
    /// Seed.
    pub seed: u64,
    /// Version of squall.
    pub squall: String,
    /// First line of the journal.
    pub started: Timestamp,
    /// The schedule's zero.
    pub start: Option<Timestamp>,
    /// Last line of the journal, in seconds since the schedule's zero.
    pub end: f64,
    /// End of the traffic, in seconds since the schedule's zero.
    pub traffic_end: Option<f64>,
    /// How it ended; none: the journal breaks off (killed), which reads as interrupted.
    pub ending: Option<Ending>,
    /// Verdict.
    pub verdict: Verdict,
    /// Why, most important first; each names the expectation, the fault or the undo.
    pub reasons: Vec<String>,
    /// What happened in one or two plain sentences, for the first screen.
    pub sentence: String,
    /// Gaps: squall died, and was resumed.
    pub gaps: Vec<Gap>,
    /// Expectations in the order of the file.
    pub expectations: Vec<ExpectationOutcome>,
    /// Faults in the order in which they fired.
    pub faults: Vec<FaultOutcome>,
    /// Windows in order.
    pub windows: Vec<WindowOutcome>,
    /// Series for the charts, full resolution.
    pub series: Vec<Series>,
    /// Latencies over time.
    pub latency: Vec<LatencySeries>,
    /// The job's states.
    pub states: Vec<StateChange>,
    /// Its restarts.
    pub restarts: Vec<Restart>,
    /// Checkpoints by id.
    pub checkpoints: Vec<CheckpointRecord>,
    /// Lags per partition.
    pub lags: Vec<LagRow>,
    /// Skews.
    pub skews: Vec<SkewOutcome>,
    /// The generator's books.
    pub accounting: Option<Accounting>,
    /// Whether the generator kept its schedule, and if not why, in words.
    pub generator: Result<(), String>,
    /// The verifier's verdict.
    pub delivery: Option<crate::delivery::Verdict>,
    /// Drifts that a soak looked for.
    pub drifts: Vec<super::drift::Drift>,
    /// Findings, most important first.
    pub findings: Vec<Finding>,
    /// Hints from logs, metrics, exceptions and offsets, each behind its topic; never a verdict.
    pub hints: Vec<String>,
    /// Happenings for the live lines and the report's event list: `(seconds, word, sentence)`.
    pub happenings: Vec<(f64, String, String)>,
    /// Probe → (interval, cache age) in seconds.
    pub resolutions: BTreeMap<String, (f64, f64)>,
    /// Probe → how often it could not look, and the last error.
    pub probe_errors: BTreeMap<String, (u32, String)>,
    /// Clock → (offset, uncertainty) in seconds.
    pub clocks: BTreeMap<String, (f64, f64)>,
    /// Section → facts.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
    /// Undos that were not read back as restored.
    pub open_undos: Vec<String>,
}
