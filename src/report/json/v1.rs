//! Version 1 of `report.json`. Frozen: add keys, never rename or remove one.

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

/// Judgement of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectationStatus {
    /// Met.
    Met,
    /// Failed.
    Failed,
    /// No data: never a pass.
    NoData,
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

/// An expectation, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// As written.
    pub text: String,
    /// Line of the scenario file, from 1.
    pub line: u32,
    /// Judgement.
    pub status: ExpectationStatus,
    /// What was observed, for people.
    pub observed: String,
    /// What was observed, in `unit`.
    pub value: Option<f64>,
    /// Its error, in `unit`: the true value lies within value ± error.
    pub error: Option<f64>,
    /// Unit of `value` and `error`.
    pub unit: Option<Unit>,
    /// When it was observed.
    pub at_s: Option<f64>,
    /// Why there is no data.
    pub reason: Option<String>,
}

/// A count that is known between two bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Between {
    /// Certainly so many.
    pub at_least: u64,
    /// Certainly no more.
    pub at_most: u64,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Name in the timeline.
    pub name: String,
    /// Which of its occurrences, from 0.
    pub occurrence: u32,
    /// `kill-taskmanager`, `delay-sink`, …
    pub kind: String,
    /// What it aimed at.
    pub target: String,
    /// When it was to fire.
    pub planned_s: f64,
    /// Whether it lasts until its undo.
    pub held: bool,
    /// When its last deed was taken back.
    pub removed_s: Option<f64>,
    /// Whether the world changed and the victim carried work of this job.
    pub acted: bool,
    /// Strength of the weakest witness: `weak`, `strong`.
    pub witness: Option<String>,
    /// The deeds and their witnesses.
    pub deeds: Vec<Deed>,
    /// What left its band.
    pub disturbed: Vec<String>,
    /// How it went.
    pub recovery: Recovery,
    /// T0 to T9.
    pub timeline: Timeline,
    /// Phases; they tile T0 to max(T8, T9).
    pub phases: Vec<Phase>,
    /// (T6 − T1) less the usual gap between visible outputs.
    pub outage_s: Option<f64>,
    /// Its error.
    pub outage_error_s: Option<f64>,
    /// Restarts of the job that this fault explains.
    pub restarts: u32,
    /// Records that the source had to read again, where all of it was restored: from what was committed to what it had read.
    pub replayed_records: Option<Between>,
    /// Age of the newest completed checkpoint at T0.
    pub checkpoint_age_s: Option<f64>,
    /// Highest output lag from T0 to the recovery.
    pub max_output_lag_records: Option<f64>,
    /// When that was.
    pub max_output_lag_at_s: Option<f64>,
    /// How fast output lag fell.
    pub catch_up_records_per_second: Option<f64>,
    /// Shares asked for and achieved, for faults on the data.
    pub shares: Vec<Share>,
    /// Sentences worth reading.
    pub notes: Vec<String>,
}

/// A deed of a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deed {
    /// What was done.
    pub what: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether the witness saw the world change; null: nobody looked.
    pub acted: Option<bool>,
    /// Whether the victim carried work of the job.
    pub carried_work: Option<bool>,
    /// What the witness saw.
    pub witnessed: Option<String>,
    /// When it was taken back.
    pub undone_s: Option<f64>,
    /// Whether looking showed it restored; null where nothing is to be taken back.
    pub restored: Option<bool>,
    /// What was seen when it was taken back.
    pub undo: Option<String>,
}

/// How a fault went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryStatus {
    /// Disturbed, and back in its band.
    Recovered,
    /// Acted, and nothing left its band.
    RodeThrough,
    /// Not back by the end of the run.
    NotRecovered,
    /// Not back when the next disturbance began.
    Censored,
    /// Nothing can be said.
    Inconclusive,
}

/// How a fault went, with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// How.
    pub status: RecoveryStatus,
    /// max(T8, T9) − T0, for a held fault from its removal.
    pub recovery_time_s: Option<f64>,
    /// Its error.
    pub recovery_time_error_s: Option<f64>,
    /// How long was watched in vain.
    pub watched_s: Option<f64>,
    /// How far from its band, what began, or why nothing can be said.
    pub reason: Option<String>,
}

/// A moment of the recovery timeline: `at_s`, `error_s` and `source`, or `not_seen` with the reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_s: Option<f64>,
    /// Its error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_s: Option<f64>,
    /// Where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why it was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_seen: Option<String>,
}

/// T0 to T9. They are names, not an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Fault effective.
    pub t0_effective: Moment,
    /// Last visible output before the longest gap that overlaps the fault.
    pub t1_last_output: Moment,
    /// First task or job departure from RUNNING.
    pub t2_departed_running: Moment,
    /// Slots back.
    pub t3_slots_back: Moment,
    /// All subtasks RUNNING.
    pub t4_all_running: Moment,
    /// First visible output after T1.
    pub t5_first_output: Moment,
    /// First visible record whose input lies beyond the furthest visible before T0.
    pub t6_first_new_output: Moment,
    /// First checkpoint completed after T4.
    pub t7_first_checkpoint: Moment,
    /// Output lag back in its band.
    pub t8_lag_back: Moment,
    /// Latency back in its band.
    pub t9_latency_back: Moment,
}

/// A phase of a recovery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// `detection`, `scheduling`, `restore`, `first output`, `catch-up`.
    pub name: String,
    /// Start.
    pub from_s: f64,
    /// End.
    pub to_s: f64,
}

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

/// What became of the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Why no verdict is possible; the counts mean nothing then.
    pub no_data: Option<String>,
    /// Acknowledged to squall.
    pub acknowledged: u64,
    /// Found in the input topic.
    pub in_input: u64,
    /// Seen in the sink, each once.
    pub seen: u64,
    /// In the input topic, not in the sink.
    pub lost: u64,
    /// Seen more often than in the input.
    pub duplicates: u64,
    /// Their copies beyond those in the input.
    #[serde(default)]
    pub duplicate_copies: u64,
    /// Out of order per input partition and key.
    pub reordered: u64,
    /// Checksum does not match.
    pub corrupt: u64,
    /// Carries this run's identity but was never sent.
    pub unexpected: u64,
    /// Of other runs or producers.
    pub foreign: u64,
    /// Without any identity; part of `foreign`.
    #[serde(default)]
    pub unidentified: u64,
    /// With a damaged identity; part of `foreign`.
    #[serde(default)]
    pub damaged: u64,
    /// In the input topic more than once: the producer's duplicates, not the job's.
    #[serde(default)]
    pub input_duplicates: u64,
    /// Keys whose order was forgotten for want of memory.
    #[serde(default)]
    pub forgotten_keys: u64,
    /// Outcome of the send unknown, found in the input topic.
    pub unresolved_in_input: u64,
    /// Outcome of the send unknown, not in the input topic.
    pub unresolved_absent: u64,
    /// Hidden by an open transaction when draining ended.
    pub pending: u64,
    /// Acknowledged, but not in the input topic.
    pub lost_by_kafka: u64,
    /// Why order was not judged, where it was not.
    #[serde(default)]
    pub no_order: Option<String>,
    /// Why contents were not judged, where they were not.
    #[serde(default)]
    pub no_contents: Option<String>,
    /// Share of the input's records that came out of a job that filters.
    #[serde(default)]
    pub share_ratio: Option<f64>,
    /// Claims about all records together that do not hold: a share, a sum.
    #[serde(default)]
    pub violations: Vec<String>,
    /// The first of each kind.
    pub offenders: Vec<Offender>,
}

/// A record that went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Offender {
    /// `lost`, `duplicate`, `reordered`, `corrupt`, …
    pub kind: String,
    /// Stream.
    pub stream: String,
    /// Input partition.
    pub partition: Option<u32>,
    /// Sequence number in the stream.
    pub sequence: u64,
    /// When the schedule wanted it sent.
    pub intended_s: f64,
    /// The window of the run that it falls in.
    #[serde(default)]
    pub window: Option<String>,
    /// Where it was found: in the sink, or for what the sink lacks in the input topic.
    #[serde(default)]
    pub topic: String,
    /// Partition of `topic`.
    #[serde(default)]
    pub found_partition: Option<u32>,
    /// Offset there.
    #[serde(default)]
    pub offset: Option<i64>,
    /// Its key, cut after 64 bytes.
    #[serde(default)]
    pub key: Option<String>,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Whether it kept its schedule.
    pub kept_schedule: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Asked for by the schedule.
    pub scheduled: Option<u64>,
    /// Handed to the producer.
    pub sent: Option<u64>,
    /// Never handed over.
    pub unsent: Option<u64>,
    /// Acknowledged.
    pub acknowledged: Option<u64>,
    /// Refused for good.
    pub failed: Option<u64>,
    /// Outcome unknown.
    pub unresolved: Option<u64>,
}

/// Something worth doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// Resolution of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Poll interval.
    pub interval_s: Option<f64>,
    /// Age that its source's cache adds at most.
    pub cache_s: Option<f64>,
    /// How often it could not look.
    pub failures: u32,
    /// The last error.
    pub last_error: Option<String>,
}

/// Offset of another clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// Theirs minus ours.
    pub offset_s: f64,
    /// Its error.
    pub error_s: f64,
}
