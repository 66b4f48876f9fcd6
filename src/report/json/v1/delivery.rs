//! What became of the records.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
