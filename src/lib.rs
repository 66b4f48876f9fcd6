//! squall: chaos and load tests for Kafka + Flink pipelines. `ARCHITECTURE.md` explains the rooms.

pub mod action;
pub mod analysis;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod delivery;
pub mod diagnostic;
pub mod fault;
pub mod flink;
pub mod fuzz;
pub mod gameday;
pub mod guard;
pub mod job;
pub mod journal;
pub mod kafka;
pub mod metric;
pub mod plan;
pub mod probe;
pub mod proxy;
pub mod report;
pub mod run;
pub mod scenario;
pub mod traffic;
pub mod units;
