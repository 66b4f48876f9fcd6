//! What the verdict rests on: generator, findings, probes, clocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// A stretch in which squall was dead. Nothing is known of it; what counters and Flink's own stamps tell of it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Last line of the journal before it.
    pub from_s: f64,
    /// First record due after it.
    pub to_s: f64,
    /// Records that were due in it, and never sent; they are no part of `generator`.
    pub unsent_records: u64,
    /// Occurrences of faults whose moments lay in it: they did nothing.
    pub skipped: Vec<String>,
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
