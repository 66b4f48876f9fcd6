//! Commands that make runs, or plan them.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use super::{DISK_BUDGET, Format, RunOptions, metrics_address};
use crate::campaign::Varied;
use crate::traffic::Slice;
use crate::units::{Bytes, Duration, Rate, Ratio};

/// `squall run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The scenario file.
    pub scenario: PathBuf,
    /// The cluster file.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// Where everything random comes from; the scenario's own, else drawn anew.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Should squall die while traffic flows (kill -9, a power cut), keep job, topics and cluster for squall resume. Its faults are undone
    /// all the same. A soak is always kept. Not for several runs.
    #[arg(long, conflicts_with_all = ["repeat", "vary"])]
    pub resumable: bool,
    /// Run it so many times, with seeds derived from the first, and report the spread of every figure; the scenario's `repeat:` where
    /// nothing is said. Each repeat starts a cluster of its own, so that no repeat rests on what another one has left in caches, in
    /// compiled code or in the age of the JobManager; a cluster that is up already, or that --keep-cluster keeps, serves all of them.
    /// The exit code is that of the worst verdict.
    #[arg(long, value_name = "N")]
    pub repeat: Option<NonZeroU32>,
    /// Compare settings of the job: checkpoint.interval=2s,10s,30s, checkpoint.unaligned=on,off, parallelism=1,2, rate=1k/s,2k/s or any key
    /// of Flink's configuration. Several give every combination. Runs are interleaved, there and back, so that a drift of the machine
    /// falls on all alike; with --repeat each is made so often, and figures have intervals.
    #[arg(long, value_name = "SETTING=VALUES")]
    pub vary: Vec<Varied>,
    #[command(flatten)]
    pub options: RunOptions,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// The run's folder, or its id; the only run that can be resumed, where nothing is said.
    pub run: Option<PathBuf>,
    /// Folder of journals and reports, besides those that squall remembers.
    #[arg(long, default_value = "reports", env = "SQUALL_REPORTS", value_name = "FOLDER")]
    pub reports: PathBuf,
    /// Tell Prometheus how the run stands, as with squall run.
    #[arg(long, value_name = "ADDRESS", value_parser = metrics_address)]
    pub metrics: Option<SocketAddr>,
    /// Most that the samples of the run may take on disk, as with squall run.
    #[arg(long, value_name = "SIZE", default_value = DISK_BUDGET)]
    pub disk_budget: Bytes,
    /// The cluster's name, to confirm this on production.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall soak`.
#[derive(Debug, Args)]
pub struct Soak {
    /// The scenario file.
    pub scenario: PathBuf,
    /// The cluster file.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// How long traffic flows. A scenario that lasts longer has its load compressed into it: a day within an hour.
    #[arg(long = "for", value_name = "TIME")]
    pub lasts: Duration,
    /// From fault to fault; where nothing is said the longest fault, the longest recovery that is expected, and a baseline.
    #[arg(long, value_name = "TIME")]
    pub spacing: Option<Duration>,
    /// Ask no TaskManager for full collections: heap is then judged by what collections of the job's own come down to.
    #[arg(long)]
    pub no_collections: bool,
    /// Where everything random comes from; the scenario's own, else drawn anew.
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub options: RunOptions,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall capacity`.
#[derive(Debug, Args)]
pub struct Capacity {
    /// The scenario file: its job, topics and traffic; its rates are shares of what is offered, its timeline holds the fault.
    pub scenario: PathBuf,
    /// The cluster file.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// What must hold after a fault: "recovery-time < 60s", "recovery-time of lose-one < 60s".
    #[arg(long, value_name = "EXPECTATION")]
    pub objective: Option<String>,
    /// Highest p99 of the latency until a reader sees a record.
    #[arg(long, value_name = "TIME")]
    pub latency: Option<Duration>,
    /// A rate to be carried: what it needs is worked out.
    #[arg(long = "for", value_name = "RATE")]
    pub target: Option<Rate>,
    /// Parallelisms to measure; the scenario's where nothing is said.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub parallelism: Vec<NonZeroU32>,
    /// Leave out the measurement with even keys that is made where the scenario's are skewed.
    #[arg(long)]
    pub no_even_keys: bool,
    /// How long all of it may take.
    #[arg(long, value_name = "TIME", default_value = "30m")]
    pub budget: Duration,
    /// Width of the edge that is narrow enough.
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    pub resolution: Ratio,
    /// The first rate; a quarter of the scenario's where nothing is said.
    #[arg(long, value_name = "RATE")]
    pub start: Option<Rate>,
    /// Go on with a search that ran out of time: its folder.
    #[arg(long, value_name = "FOLDER")]
    pub resume: Option<PathBuf>,
    /// Where everything random comes from; the scenario's own, else drawn anew.
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub options: RunOptions,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall traffic`.
#[derive(Debug, Args)]
pub struct Traffic {
    /// The scenario file; its traffic and its input topics count.
    pub scenario: PathBuf,
    /// The cluster file, of a cluster that is up.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// The slice of every schedule that is sent here: 0/2 is the first of two.
    #[arg(long, value_name = "I/N", default_value_t = Slice::WHOLE)]
    pub shard: Slice,
    /// The run that records belong to, the same for all slices. Topics without a name in the scenario are that run's.
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Where everything random comes from, the same for all slices; the scenario's own, else drawn anew.
    #[arg(long)]
    pub seed: Option<u64>,
    /// When the first record is due, the same for all slices: 2026-11-21T09:00:00Z. Soon, where nothing is said.
    #[arg(long, value_name = "TIME")]
    pub start: Option<jiff::Timestamp>,
    /// The cluster's name, to confirm traffic on production.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Scenario files.
    #[arg(required = true)]
    pub scenarios: Vec<PathBuf>,
    /// A cluster file to check them against.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: Option<PathBuf>,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The scenario file.
    pub scenario: PathBuf,
    /// The cluster file.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// Where everything random comes from.
    #[arg(long)]
    pub seed: Option<u64>,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The same as --format json.
    #[arg(long, hide = true)]
    pub json: bool,
}

impl Plan {
    /// What goes to stdout.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}
