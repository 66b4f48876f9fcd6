//! What squall leaves behind, on a real Kafka and a real Flink: after every way out, and after `kill -9` at every moment.
//!
//! One cluster for all tests, so run them one at a time: `cargo test --features failpoints --test live -- --test-threads=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

mod campaign;
mod canary;
mod check_defaults;
mod conformance;
mod containers;
mod crash;
mod external;
mod faults;
mod foreign;
mod gameday;
mod matrix;
mod once;
mod owner;
mod qualified;
mod queries;
mod random_kills;
mod refusals;
mod resume;
mod secured;
mod shared;
mod sshd;
mod three_kinds;
mod undo_again;
mod verdicts;
mod ways_out;
mod whole_matrix;
