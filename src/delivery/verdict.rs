//! What the verifier found, as data.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Counts of a run's records after draining. The input topic is the reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verdict {
    /// Acknowledged to squall.
    pub acknowledged: u64,
    /// Records of this run found in the input topic, each once.
    pub in_input: u64,
    /// Records of this run seen in the sink, each once.
    pub seen: u64,
    /// In the input topic, not in the sink.
    pub lost: u64,
    /// Records seen more often than in the input.
    pub duplicates: u64,
    /// Out of order per input partition and key.
    pub reordered: u64,
    /// Checksum does not match.
    pub corrupt: u64,
    /// Carries this run's identity but was never sent.
    pub unexpected: u64,
    /// Of other runs or producers.
    pub foreign: u64,
    /// Outcome of the send unknown, found in the input topic.
    pub unresolved_in_input: u64,
    /// Outcome of the send unknown, not in the input topic.
    pub unresolved_absent: u64,
    /// Hidden by an open transaction when draining ended.
    pub pending: u64,
    /// Acknowledged, but not in the input topic: lost by Kafka.
    pub lost_by_kafka: u64,
    /// Why no verdict is possible, where none is.
    pub no_data: Option<String>,
    /// The first records of each kind that went wrong, at most ten a kind; `delivery.ndjson` holds all.
    pub offenders: Vec<Offender>,
}

/// A record that went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offender {
    /// `lost`, `duplicate`, `reordered`, `corrupt`, …
    pub kind: String,
    /// Stream of the scenario.
    pub stream: String,
    /// Input partition, where it is known.
    pub partition: Option<u32>,
    /// Sequence number in the stream.
    pub sequence: u64,
    /// When the schedule wanted it sent; names the window that it belongs to.
    pub intended: Timestamp,
}
