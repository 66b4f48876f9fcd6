//! What can be said on the command line.

mod cluster;
mod gameday;
mod process;
mod record;
mod reference;
mod run;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use cluster::{Cluster, Init, InitKind};
pub use gameday::{GameDay, GameDayPlan, GameDayRun, Schedule, Scheduler};
pub use process::{Guard, Proxy};
pub use record::{Compare, Report, Status, Undo};
pub use reference::{Explain, Schema, SchemaOf};
pub use run::{Capacity, Check, Plan, Resume, Run, Soak, Traffic};

use super::exit;
use crate::units::Bytes;

/// What the samples of a run may take on disk where nothing is said: some 200 MB a day are usual.
const DISK_BUDGET: &str = "4GiB";

/// Chaos and load tests for Kafka + Flink pipelines, with a verdict.
#[derive(Debug, Parser)]
#[command(name = "squall", version, after_help = exit::TABLE, max_term_width = 100)]
pub struct Arguments {
    /// Colours on stdout and stderr.
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN", rename_all = "lower")]
    #[arg(alias = "color")]
    pub colour: Colour,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Whether stdout is to be one JSON document.
    pub fn wants_json(&self) -> bool {
        let format = match &self.command {
            Command::Run(run) => run.format,
            Command::Soak(soak) => soak.format,
            Command::Resume(resume) => resume.format,
            Command::Gameday(GameDay::Plan(plan)) => plan.format,
            Command::Gameday(GameDay::Run(run)) => run.format,
            Command::Schedule(schedule) => schedule.format,
            Command::Check(check) => check.format,
            Command::Plan(plan) => plan.format(),
            Command::Cluster(
                Cluster::Up { format, .. } | Cluster::Status { format } | Cluster::Check { format, .. } | Cluster::Down { format, .. },
            ) => *format,
            Command::Traffic(traffic) => traffic.format,
            Command::Report(report) => report.format,
            Command::Compare(compare) => compare.format,
            Command::Capacity(capacity) => capacity.format,
            Command::Status(status) => status.format,
            Command::Undo(undo) => undo.format,
            Command::Explain(explain) => explain.format,
            Command::Cluster(Cluster::Init(_))
            | Command::Schema(_)
            | Command::Completions { .. }
            | Command::Proxy(_)
            | Command::Guard(_) => Format::Text,
        };
        format == Format::Json
    }
}

/// When to colour.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Colour {
    /// On terminals, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// Applies it to this process.
    pub fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario on a cluster and say the verdict
    ///
    /// Attaches to the cluster if it is up, else starts it and takes it down at the end. Ctrl-C ends the run early: faults are
    /// undone, what squall made is removed, and the report is written of what was seen.
    #[command(after_help = exit::TABLE)]
    Run(Run),
    /// Run a scenario for hours: its faults in turns, and what drifts meanwhile
    ///
    /// The faults of the timeline come in turns that the seed draws, far enough apart that each is over before the next. Heap, memory, state,
    /// checkpoints, lag, latency and recoveries are looked at for drifts; what runs away fails the run. docs/soak.md explains it.
    #[command(after_help = exit::TABLE)]
    Soak(Soak),
    /// Go on with a soak, or a run --resumable, whose squall has died
    ///
    /// The journal goes on where it broke off, the schedule at its present time. What happened in between is a gap: nothing is known of it, and
    /// the report shows it. Delivery is judged over all records. docs/soak.md explains it.
    #[command(after_help = exit::TABLE)]
    Resume(Resume),
    /// Rehearse and run game days: scenarios one after another, with people, hypotheses and alerts
    #[command(subcommand)]
    Gameday(GameDay),
    /// Write the timer of systemd, Kubernetes or GitHub that runs a game day
    Schedule(Schedule),
    /// Check scenario and cluster files: every mistake, on its line; touches nothing
    Check(Check),
    /// Show what a run would do, to whom, and the undo of each step; touches nothing
    Plan(Plan),
    /// Start, look at and end clusters that squall makes
    #[command(subcommand)]
    Cluster(Cluster),
    /// Send a scenario's traffic, or a slice of it, and nothing else: no job, no faults, no verdict
    ///
    /// Slices of the same run, seed and start together send exactly what one process would: `--shard 0/2` here, `--shard 1/2`
    /// there. The books go to stdout.
    Traffic(Traffic),
    /// Make the reports of a run again, from its journal alone
    Report(Report),
    /// Compare runs, series of repeats or kept figures: better, worse, the same, or not to be compared
    ///
    /// Each figure is judged against the noise that the repeats show; two single runs know nothing of it, so compare series
    /// (squall run --repeat 5) where small differences matter. Exits 99 when a side is worse, 4 when nothing can be said.
    Compare(Compare),
    /// Find how much load a job carries, and how much of it still recovers in time
    ///
    /// Finds the sustainable rate by growing steps and bisection within one run of the scenario's job, whose backlog is drained between
    /// probes; then, with --objective, the rate at which the job still recovers in time from the scenario's fault. Says what a target rate
    /// needs. docs/capacity.md explains method, definitions and limits.
    Capacity(Capacity),
    /// Say which faults are active, where, since when
    Status(Status),
    /// Undo what runs that died have left behind
    Undo(Undo),
    /// Explain a fault, a shape, a metric or an exit code
    Explain(Explain),
    /// Print a JSON schema, for editors and pipelines
    Schema(Schema),
    /// Print a completion script for a shell
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Carry links for a cluster; started by squall itself
    #[command(hide = true)]
    Proxy(Proxy),
    /// Undo a run's faults when its squall has died; started by squall itself
    #[command(hide = true)]
    Guard(Guard),
}

/// What all commands share that make runs.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Folder for journals, reports and records.
    #[arg(long, default_value = "reports", env = "SQUALL_REPORTS", value_name = "FOLDER")]
    pub reports: PathBuf,
    /// Leave a cluster that this command started up; one cluster then serves all its runs.
    #[arg(long)]
    pub keep_cluster: bool,
    /// Undo what earlier runs have left behind before starting.
    #[arg(long)]
    pub undo_first: bool,
    /// Tell Prometheus how the run stands, at http://ADDRESS/metrics: a port of loopback, or an address and a port. docs/watching.md has
    /// a dashboard for Grafana.
    #[arg(long, value_name = "ADDRESS", value_parser = metrics_address)]
    pub metrics: Option<SocketAddr>,
    /// Most that the samples of a run may take on disk; some 200 MB a day are usual. At four fifths of it that is said, and at its end the
    /// oldest samples are reduced to each minute's extremes, which can be drawn but not judged. The journal itself, with all that was done
    /// and found, is never reduced.
    #[arg(long, value_name = "SIZE", default_value = DISK_BUDGET)]
    pub disk_budget: Bytes,
    /// The cluster's name, to confirm this on production.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// What a command prints on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// `9464` or `127.0.0.1:9464`.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let port = || text.parse().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    text.parse().or_else(|_| port()).map_err(|_| "a port, or an address and a port: 9464, 127.0.0.1:9464".to_owned())
}
