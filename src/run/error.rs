//! Why a run did not begin, or broke off.

use super::observers::ObserverError;
use super::{clean_start, prepare};
use crate::cluster;
use crate::delivery::DeliveryError;
use crate::guard::LockError;
use crate::journal;
use crate::kafka::KafkaError;
use crate::traffic::TrafficError;

/// Why a run did not begin. Once it has begun, everything is in the outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run is on the cluster.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Earlier runs have left something behind.
    #[error(transparent)]
    CleanStart(#[from] clean_start::Error),
    /// The cluster is not there.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Stopped before it began.
    #[error("stopped before it began")]
    Interrupted,
    /// Kafka cannot be asked.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// A topic that should be there is not.
    #[error(transparent)]
    Topic(prepare::Error),
    /// The job is wrong, or a client cannot be made.
    #[error(transparent)]
    Prepare(#[from] prepare::Error),
    /// The plan cannot be kept.
    #[error("the plan cannot be written as JSON")]
    Plan(#[source] serde_json::Error),
    /// Somebody who is to be told or asked beside the cluster cannot be.
    #[error(transparent)]
    Observer(#[from] ObserverError),
    /// The guard did not start.
    #[error("cannot start the guard")]
    Guard(#[source] std::io::Error),
}

/// Why a run that had begun broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Prepare(#[from] prepare::Error),
    #[error(transparent)]
    Job(#[from] crate::job::Error),
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error("a task broke off: {0}")]
    Task(#[from] tokio::task::JoinError),
}
