//! `squall explain` and `squall schema`.

use clap::{Args, ValueEnum};

use super::Format;

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
