//! `squall gameday` and `squall schedule`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Format, RunOptions};

/// `squall gameday`.
#[derive(Debug, Subcommand)]
pub enum GameDay {
    /// Print the whole day with its times; touches nothing
    Plan(GameDayPlan),
    /// Run the day, step by step
    ///
    /// Waits between steps until all is steady, asks where a step has `confirm:`, and keeps a record on one page. A day that was broken off is taken
    /// up at its step with --resume.
    #[command(after_help = crate::cli::exit::TABLE)]
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
