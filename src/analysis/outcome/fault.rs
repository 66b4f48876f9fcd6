//! How the pipeline came through a fault.

use serde::{Deserialize, Serialize};

use super::Figure;
use crate::action::{Strength, Testimony};
use crate::journal::FaultId;

/// A moment of the recovery timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Moment {
    /// Seen.
    Seen {
        /// Seconds since the schedule's zero.
        at: f64,
        /// Its error, in seconds.
        error: f64,
        /// Where it was read: `Flink exception time stamp`, `sink partition 3`, …
        source: String,
    },
    /// Not seen, and why.
    NotSeen {
        /// Reason.
        reason: String,
    },
}

/// T0 to T9 of one fault; definitions in `ARCHITECTURE.md`, *Measures*.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "named and defined in ARCHITECTURE.md")]
pub struct RecoveryTimeline {
    pub t0_effective: Moment,
    pub t1_last_output: Moment,
    pub t2_departed_running: Moment,
    pub t3_slots_back: Moment,
    pub t4_all_running: Moment,
    pub t5_first_output: Moment,
    pub t6_first_new_output: Moment,
    pub t7_first_checkpoint: Moment,
    pub t8_lag_back: Moment,
    pub t9_latency_back: Moment,
}

/// A stretch of a recovery. Phases tile T0 to max(T8, T9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoveryPhase {
    /// `detection`, `scheduling`, `restore`, `first output`, `catch-up`.
    pub name: String,
    /// Start, in seconds since the schedule's zero.
    pub from: f64,
    /// End.
    pub to: f64,
}

/// How a fault went for the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Recovery {
    /// Disturbed, and back in its band.
    Recovered {
        /// max(T8, T9) − T0, for a held fault from its removal.
        time: Figure,
    },
    /// Acted, and nothing left its band.
    RodeThrough,
    /// Disturbed, and not back by the end of the run.
    NotRecovered {
        /// How long was watched since the fault (or its removal).
        watched: f64,
        /// How far it is from its band, in words.
        how_far: String,
    },
    /// Disturbed, and not back when the next disturbance began: no data beyond.
    Censored {
        /// How long was watched.
        watched: f64,
        /// What began.
        by: String,
    },
    /// Nothing can be said, and why: it did not act, had no target, no baseline, no data.
    Inconclusive {
        /// Reason.
        reason: String,
    },
}

/// One deed of a fault and its witness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// What was done.
    pub what: String,
    /// Why it failed, where it did.
    pub error: Option<String>,
    /// What the witness saw; none: nobody looked.
    pub testimony: Option<Testimony>,
    /// Whether it was taken back: none where nothing is to be.
    pub undone: Option<Undone>,
}

/// How an undo ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undone {
    /// When, in seconds since the schedule's zero; none: not yet.
    pub at: Option<f64>,
    /// Whether looking showed it restored.
    pub restored: bool,
    /// What was seen, or the error.
    pub what: String,
}

/// A count that is known between two bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Certainly so many.
    pub at_least: u64,
    /// Certainly no more.
    pub at_most: u64,
}

/// One fault of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultOutcome {
    /// Which.
    pub fault: FaultId,
    /// `kill-taskmanager`, `delay-sink`, …
    pub kind: String,
    /// The choice in words.
    pub target: String,
    /// When it was to fire.
    pub planned: f64,
    /// Whether it is held until its undo.
    pub held: bool,
    /// When its last deed was taken back (held faults), in seconds since the schedule's zero.
    pub removed: Option<f64>,
    /// Whether the world changed and the victim carried work of this job.
    pub acted: bool,
    /// Strength of the weakest witness.
    pub witness: Option<Strength>,
    /// The deeds.
    pub deeds: Vec<Deed>,
    /// What left its band, in words; empty: nothing did.
    pub disturbed: Vec<String>,
    /// How it went.
    pub recovery: Recovery,
    /// T0–T9.
    pub timeline: RecoveryTimeline,
    /// The phases; empty where T0 or the end was not seen.
    pub phases: Vec<RecoveryPhase>,
    /// (T6 − T1) less the usual gap.
    pub outage: Option<Figure>,
    /// Restarts of the job that this fault explains.
    pub restarts: u32,
    /// Records that the source had to read again, where all of it was restored.
    pub replayed: Option<Bounds>,
    /// Age of the newest completed checkpoint at T0, in seconds.
    pub checkpoint_age: Option<f64>,
    /// Highest output lag from T0 to the recovery, and when.
    pub max_output_lag: Option<(f64, f64)>,
    /// Output lag's catch-up rate, records per second.
    pub catch_up_rate: Option<f64>,
    /// Asked-for and achieved shares, for faults on the data.
    pub achieved: Vec<(String, f64, f64)>,
    /// Sentences worth reading: overlap with another fault, censoring, several restarts.
    pub notes: Vec<String>,
}
