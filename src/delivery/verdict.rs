//! What the verifier found, as data.

use serde::{Deserialize, Serialize};

use super::offender::Offender;

/// Counts of a run's records after draining. The input topic is the reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verdict {
    /// Acknowledged to squall.
    pub acknowledged: u64,
    /// Records of this run found in the input topic, each once; of a job that filters by key, those that it lets through.
    pub in_input: u64,
    /// Records of this run seen in the sink, each once.
    pub seen: u64,
    /// In the input topic, not in the sink.
    pub lost: u64,
    /// Records seen more often than in the input.
    pub duplicates: u64,
    /// Their copies beyond those in the input.
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
    pub unidentified: u64,
    /// With a damaged identity; part of `foreign`.
    pub damaged: u64,
    /// Outcome of the send unknown, found in the input topic.
    pub unresolved_in_input: u64,
    /// Outcome of the send unknown, not in the input topic.
    pub unresolved_absent: u64,
    /// Hidden by an open transaction when draining ended.
    pub pending: u64,
    /// Acknowledged, but not in the input topic: lost by Kafka.
    pub lost_by_kafka: u64,
    /// Records that are in the input topic more than once: the producer's duplicates, not the job's.
    pub input_duplicates: u64,
    /// Keys whose order was forgotten for want of memory: a reordering across that moment is not seen.
    pub forgotten_keys: u64,
    /// Why order was not judged, where it was not.
    pub no_order: Option<String>,
    /// Why contents were not judged, where they were not.
    pub no_contents: Option<String>,
    /// Share of the input's records that came out of a job that filters.
    pub share: Option<f64>,
    /// What does not hold besides: a share, a sum.
    pub violations: Vec<Violation>,
    /// Why no verdict is possible, where none is.
    pub no_data: Option<String>,
    /// By second of the intended time, seconds without a fault left out.
    pub seconds: Vec<SecondTally>,
    /// The first records of each kind that went wrong, at most ten a kind; `delivery.ndjson` holds up to a thousand.
    pub offenders: Vec<Offender>,
}

/// A claim about all records together that does not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// Which way.
    pub kind: ViolationKind,
    /// As in "sum(n) is 1,234 in the sink and 1,250 in the input".
    pub text: String,
}

/// Which way a claim does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViolationKind {
    /// Too little came out.
    Missing,
    /// Too much came out.
    Surplus,
}

/// What went wrong with the records that were intended within one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecondTally {
    /// Second since the epoch.
    pub second: i64,
    /// See [`Verdict::lost`].
    pub lost: u64,
    /// See [`Verdict::duplicates`].
    pub duplicates: u64,
    /// See [`Verdict::reordered`].
    pub reordered: u64,
    /// See [`Verdict::corrupt`].
    pub corrupt: u64,
    /// See [`Verdict::pending`].
    pub pending: u64,
    /// See [`Verdict::lost_by_kafka`].
    pub lost_by_kafka: u64,
}
