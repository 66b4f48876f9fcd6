//! A fault and the recovery from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Between, Share};

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
