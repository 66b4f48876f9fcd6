//! Commands that look at runs that were made, or mend what they left.

use std::path::PathBuf;

use clap::Args;

use super::Format;

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
