//! The open-loop producer: plain threads that hand each record over when it is due, and keep exact books.
//!
//! ```text
//! Traffic (engine's side) ── Course: schedule, recipes ─► Sender (a thread: scan, wait, send, take outcomes in)
//!         ▲                                                 │
//!         └──────────── Published: counts, histograms ◄─────┘──► AckSink (the ledger)
//! ```
//!
//! Every thread walks through all records of the schedule and sends those whose shard it owns, so that any number of
//! threads and processes send the same records, each once. Drawing a key costs a few nanoseconds; what that walk
//! costs grows with the stream's whole rate, not with the thread's share of it.

mod books;
mod course;
mod flow;
mod progress;
mod sender;
mod slice;
mod tally;
mod traffic;
mod transactions;
mod walk;

pub use books::{AckSink, Outcome, Settled};
pub use progress::{Accounts, ChangeShare, PartitionProgress, Progress, StreamProgress, SurgeShare, Window};
pub use slice::{Slice, SliceError};
pub use traffic::{Before, Input, Settings, Traffic, TrafficError};

#[cfg(test)]
mod tests;
