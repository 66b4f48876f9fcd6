//! Processes that squall starts itself.

use std::path::PathBuf;

use clap::Args;

use crate::proxy::LinkConfig;

/// `squall guard`.
#[derive(Debug, Args)]
pub struct Guard {
    /// The run's folder.
    #[arg(long)]
    pub run: PathBuf,
    /// Pid of the squall that is watched.
    #[arg(long)]
    pub parent: i32,
    /// Its start time in clock ticks.
    #[arg(long)]
    pub start_ticks: u64,
}

/// `squall proxy`.
#[derive(Debug, Args)]
pub struct Proxy {
    /// Path of the control socket.
    #[arg(long)]
    pub control: PathBuf,
    /// Listen on addresses that other machines reach.
    #[arg(long)]
    pub beyond_loopback: bool,
    /// NAME=LISTEN,UPSTREAM[,kafka]
    #[arg(long = "link")]
    pub links: Vec<LinkConfig>,
}
