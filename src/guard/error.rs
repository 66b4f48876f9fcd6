//! What can go wrong with an undo.

use std::io;
use std::path::PathBuf;

use super::lock::LockError;
use super::storage;
use crate::flink::JobState;
use crate::kafka::KafkaError;
use crate::{cluster, flink, journal};

/// Why something was not undone, or not even tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine undoes what it did by itself.
    #[error("run {run} is still going on (pid {pid}); end it with Ctrl-C or SIGTERM, and it puts everything back")]
    EngineAlive {
        /// The run.
        run: String,
        /// Its engine.
        pid: i32,
    },
    /// Somebody else undoes it just now.
    #[error("run {0} is being undone by another squall")]
    BeingUndone(String),
    /// Somebody else is on the cluster.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The run's copy of the cluster file cannot be read.
    #[error("cannot use {path}: {reason}")]
    ClusterFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// By the cluster.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// By Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// By Flink.
    #[error(transparent)]
    Flink(#[from] flink::Error),
    /// By the folder of checkpoints.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// A cancelled job does not end.
    #[error("job {name} was cancelled and is still {state}")]
    JobGoesOn {
        /// Its name.
        name: String,
        /// Its state.
        state: JobState,
    },
    /// A file cannot be used.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The journal names something that this squall knows no way to remove.
    #[error("this squall knows no way to remove a {0}")]
    UnknownThing(String),
    /// It was done, but looking at the target does not show it.
    #[error("not read back: {0}")]
    NotReadBack(String),
    /// It took too long.
    #[error("not done within {0} s")]
    Deadline(u64),
    /// A call to Kafka broke off.
    #[error("a call to Kafka broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}
