//! What can go wrong with a cluster of any kind.

use super::{ContainersError, ExternalError, LinkError, LocalError};
use crate::action::Node;

/// What can go wrong with a cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// With a local one.
    #[error(transparent)]
    Local(Box<LocalError>),
    /// With one of containers.
    #[error(transparent)]
    Containers(Box<ContainersError>),
    /// With somebody else's.
    #[error(transparent)]
    External(Box<ExternalError>),
    /// With rules on links.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// With looking at it.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// An action that this kind of cluster has no way to perform; a plan is checked against [`Cluster::abilities`].
    #[error("a {kind} cluster cannot {what}")]
    CannotDo {
        /// The kind.
        kind: &'static str,
        /// The deed.
        what: String,
    },
}

/// What can go wrong with looking at a cluster.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// With Kafka.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::KafkaError),
    /// With Flink.
    #[error(transparent)]
    Flink(#[from] crate::flink::Error),
    /// With Prometheus.
    #[error("prometheus: {0}")]
    Prometheus(#[source] crate::monitoring::Error),
    /// With Grafana.
    #[error("grafana: {0}")]
    Grafana(#[source] crate::monitoring::Error),
    /// A call to Kafka broke off.
    #[error("a call to Kafka broke off: {0}")]
    Broken(tokio::task::JoinError),
}

impl From<LocalError> for Error {
    fn from(error: LocalError) -> Self {
        Self::Local(Box::new(error))
    }
}

impl From<ContainersError> for Error {
    fn from(error: ContainersError) -> Self {
        Self::Containers(Box::new(error))
    }
}

impl From<ExternalError> for Error {
    fn from(error: ExternalError) -> Self {
        Self::External(Box::new(error))
    }
}

impl Error {
    /// Whether there was no cluster of that name (or only the ruins of one), so that one can be started.
    pub fn is_not_up(&self) -> bool {
        match self {
            Self::Local(error) => matches!(**error, LocalError::NotUp(_) | LocalError::HalfStarted(_)),
            Self::Containers(error) => matches!(**error, ContainersError::NotUp(_) | ContainersError::HalfStarted(_)),
            _ => false,
        }
    }

    /// The node that an undo named and that is none of this cluster's: it went with an earlier cluster of this name.
    pub fn foreign_node(&self) -> Option<&Node> {
        match self {
            Self::Local(error) => match &**error {
                LocalError::Foreign(node) => Some(node),
                _ => None,
            },
            Self::Containers(error) => match &**error {
                ContainersError::Foreign(node) => Some(node),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether there is a cluster of that name, which was started from another description.
    pub fn is_another(&self) -> bool {
        match self {
            Self::Local(error) => matches!(**error, LocalError::OtherSpec(_)),
            Self::Containers(error) => matches!(**error, ContainersError::OtherSpec(_)),
            _ => false,
        }
    }
}
