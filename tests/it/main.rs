//! Integration tests of the library and the binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

mod architecture;
mod campaign;
mod check;
mod day;
mod delivery;
mod documents;
mod exit_codes;
mod fuzz;
mod gamedays;
mod kafka;
mod live_run;
mod local_cluster;
mod observers;
mod outputs;
mod planted;
mod reference;
mod secrets;
mod traffic;
