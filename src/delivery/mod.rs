//! The verifier: which records arrived, once, in order and whole.
//!
//! ```text
//! traffic ─ outcomes ─► Ledger ──────────────┐
//! sink topics ─ read while it goes ─► Verifier ─ drain ─► SinkContent ─┼─► Case::judge ─► Judged (Verdict, offenders)
//! input topics ─ read at the end ─► Reference ─┘
//! ```
//!
//! Every set is of sequence numbers, which are dense: one bit a record while a block of 32,768 fills, nothing when it is
//! full. The input topic is the reference: what is not in it the job cannot have lost, and what is in it twice the job
//! has not doubled.

mod check;
mod conservation;
mod judge;
mod kept;
mod latency;
mod ledger;
mod offender;
mod order;
mod pending;
#[cfg(test)]
mod properties;
mod reference;
mod samples;
mod seen;
mod sent;
mod sequences;
mod shards;
mod timeline;
mod verdict;
mod verifier;
mod visible;

pub use check::{Check, Filter};
pub use conservation::{Conservation, Sum, Sums};
pub use judge::{Case, Judged};
pub use kept::KeptLedger;
pub use latency::{Latencies, LatencyWindow};
pub use ledger::{Ledger, LedgerPage, Outcomes};
pub use offender::{Fault, Offender, Offenders, Place};
pub use order::Order;
pub use reference::{Reference, TopicStart};
pub use samples::{InputContent, Samples};
pub use seen::{Arrival, Expected, Found, SecondCounts, Seen};
pub use sent::Sent;
pub use sequences::{Counted, Sequences, combine, count};
pub use shards::Shards;
pub use timeline::Timeline;
pub use verdict::{SecondTally, Verdict, Violation, ViolationKind};
pub use verifier::{Drained, Observation, SinkContent, SinkPosition, Verifier, VerifierSettings};
pub use visible::Visible;

/// Why the verifier cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::KafkaError),
    /// A topic was not read to its end in time.
    #[error("partition {partition} of topic {topic} was read to offset {position} of {end} only")]
    NotRead {
        /// Topic.
        topic: String,
        /// Partition.
        partition: u32,
        /// How far.
        position: i64,
        /// Its end.
        end: i64,
    },
    /// A thread.
    #[error("cannot start a thread for the verifier")]
    Thread(#[source] std::io::Error),
    /// The reading thread is gone.
    #[error("the thread that reads the sink has died")]
    Died,
}
