//! `squall cluster`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

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
