//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::exit;
use crate::campaign::Varied;
use crate::proxy::LinkConfig;
use crate::traffic::Slice;
use crate::units::{Duration, Rate, Ratio};

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
    /// The cluster's name, to confirm this on production.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

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
    /// Run it so many times, with seeds derived from the first, and report the spread of every figure; the scenario's `repeat:` where
    /// nothing is said. Each repeat starts a cluster of its own, so that no repeat rests on what another one has left in caches, in
    /// compiled code or in the age of the JobManager; a cluster that is up already, or that --keep-cluster keeps, serves all of them.
    /// The exit code is that of the worst verdict.
    #[arg(long, value_name = "N")]
    pub repeat: Option<std::num::NonZeroU32>,
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

/// `squall gameday`.
#[derive(Debug, Subcommand)]
pub enum GameDay {
    /// Print the whole day with its times; touches nothing
    Plan(GameDayPlan),
    /// Run the day, step by step
    ///
    /// Waits between steps until all is steady, asks where a step has `confirm:`, and keeps a record on one page. A day that was broken off is taken
    /// up at its step with --resume.
    #[command(after_help = exit::TABLE)]
    Run(GameDayRun),
}

/// `squall gameday plan`.
#[derive(Debug, Args)]
pub struct GameDayPlan {
    /// The game day's file.
    pub gameday: PathBuf,
    /// The cluster file.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall gameday run`.
#[derive(Debug, Args)]
pub struct GameDayRun {
    /// The game day's file.
    pub gameday: PathBuf,
    /// The cluster file.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// Ask nobody: every `confirm:` is agreed to.
    #[arg(long)]
    pub yes: bool,
    /// Take up the newest day of this name that was broken off, at its step.
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub options: RunOptions,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall schedule`.
#[derive(Debug, Args)]
pub struct Schedule {
    /// The game day's file.
    pub gameday: PathBuf,
    /// The cluster file.
    #[arg(long = "on", value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// When, in UTC: minute, hour, day of the month, month, day of the week. "0 10 * * 2" is Tuesdays at ten.
    #[arg(long, value_name = "CRON")]
    pub cron: String,
    /// Whose timer.
    #[arg(long = "as", value_enum)]
    pub scheduler: Scheduler,
    /// Write the files into this folder; without it they go to stdout.
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<PathBuf>,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Whose timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scheduler {
    /// A service and a timer unit.
    Systemd,
    /// A CronJob.
    Kubernetes,
    /// A workflow of GitHub Actions.
    Github,
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

/// What a command prints on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
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

/// `squall cluster`.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Start a cluster and leave it up
    Up {
        /// The cluster file.
        cluster: PathBuf,
        /// What goes to stdout.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Say which clusters are up, and how their nodes are
    Status {
        /// What goes to stdout.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Write a commented cluster file; asks for what is not said
    Init(Init),
    /// Say what a cluster is, and what about it would limit a measurement, with the setting that mends it; touches nothing
    Check {
        /// The cluster file.
        cluster: PathBuf,
        /// Topics to look at; without any, those that there are.
        #[arg(long = "topic", value_name = "TOPIC")]
        topics: Vec<String>,
        /// What goes to stdout.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// End a cluster that squall started, and remove its data
    Down {
        /// The cluster file, or the cluster's name.
        cluster: String,
        /// What goes to stdout.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `squall cluster init`.
#[derive(Debug, Args)]
pub struct Init {
    /// What the cluster is made of.
    #[arg(long, value_enum)]
    pub kind: Option<InitKind>,
    /// Its name.
    #[arg(long)]
    pub name: Option<String>,
    /// TaskManagers of a cluster that squall starts.
    #[arg(long, default_value_t = 2, value_name = "NUMBER")]
    pub taskmanagers: u32,
    /// Kafka's brokers, host:port, of an external cluster.
    #[arg(long, value_name = "ADDRESSES")]
    pub kafka: Option<String>,
    /// Flink's REST, of an external cluster; once for each JobManager.
    #[arg(long, value_name = "URL")]
    pub flink: Vec<String>,
    /// The SQL gateway of an external cluster.
    #[arg(long, value_name = "URL")]
    pub gateway: Option<String>,
    /// A machine of an external cluster's nodes, as ssh takes it, or `here`.
    #[arg(long, value_name = "HOST")]
    pub ssh: Vec<String>,
    /// The file; its name and `.yaml` where nothing is said, `-` for stdout.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Kinds of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InitKind {
    /// Processes of this machine.
    Local,
    /// Containers of this machine.
    Containers,
    /// One that you have.
    External,
}

impl InitKind {
    /// Its name in cluster files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Containers => "containers",
            Self::External => "external",
        }
    }
}

/// `squall report`.
#[derive(Debug, Args)]
pub struct Report {
    /// A run's folder, its journal, a scenario's folder (its latest run), or the folder of a series.
    pub run: PathBuf,
    /// Judge delivery again, from the topics on this cluster: after a crash, or to be sure.
    #[arg(long, value_name = "CLUSTER")]
    pub verify_on: Option<PathBuf>,
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
    pub parallelism: Vec<std::num::NonZeroU32>,
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

/// `squall compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// Folders of runs, series or searches for capacity, or files that --keep wrote; the others are held against the first.
    #[arg(required = true)]
    pub sides: Vec<PathBuf>,
    /// Hold all of them against this one: a run, a series, or a kept file.
    #[arg(long, value_name = "PATH")]
    pub baseline: Option<PathBuf>,
    /// A difference that is meant: parallelism, rate, flink version, … (the beginning of its name is enough).
    #[arg(long, value_name = "WHAT")]
    pub accept: Vec<String>,
    /// Keep the figures of the last side in a file, as a baseline for later.
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
    /// Folder for the comparison's reports.
    #[arg(long, default_value = "reports", env = "SQUALL_REPORTS", value_name = "FOLDER")]
    pub reports: PathBuf,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Folder of journals and reports, besides those that squall remembers.
    #[arg(long, default_value = "reports", env = "SQUALL_REPORTS", value_name = "FOLDER")]
    pub reports: PathBuf,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// A run's folder; without it all runs of this machine.
    pub run: Option<PathBuf>,
    /// Folder of journals and reports, besides those that squall remembers.
    #[arg(long, default_value = "reports", env = "SQUALL_REPORTS", value_name = "FOLDER")]
    pub reports: PathBuf,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

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

/// `squall explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// `fault`, `shape`, `metric`, `cluster` or `exit-codes`.
    pub topic: String,
    /// Which one; without it all of them.
    pub name: Option<String>,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `squall schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Whose schema.
    pub of: SchemaOf,
}

/// Files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A scenario.
    Scenario,
    /// A cluster file.
    Cluster,
    /// `report.json` of a run.
    Report,
    /// `report.json` of a series of repeats.
    Repeats,
    /// `report.json` of a comparison.
    Comparison,
    /// `report.json` of a search for capacity.
    Capacity,
    /// A game day.
    Gameday,
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
