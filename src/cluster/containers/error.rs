use std::io;
use std::path::PathBuf;
use std::time::Duration;

use testcontainers::TestcontainersError;
use testcontainers::bollard::errors::Error as Engine;

use crate::action::Node;
use crate::cluster::LocalError;
use crate::cluster::mistake::Mistake;
use crate::cluster::spec::ClusterName;
use crate::proxy::ProxyError;

/// What can go wrong with a cluster of containers.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("no container engine answers ({0}); start Docker or Podman, or say in DOCKER_HOST where it listens")]
    NoEngine(String),
    #[error("the engine cannot {what}: {source}")]
    Engine { what: String, source: Engine },
    #[error("container {name} cannot be started: {source}")]
    Start { name: String, source: TestcontainersError },
    #[error("there is no image `{image}` on this machine: `docker pull {image}`, or name another one in the cluster file")]
    NoImage { image: String },
    #[error("{0}")]
    Mistake(Mistake),
    #[error("the network has no address on this machine: squall's proxy has nowhere to listen")]
    NoGateway,
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Local(#[from] LocalError),

    #[error("cluster {0} is up already")]
    AlreadyUp(ClusterName),
    #[error("cluster {0} is not up")]
    NotUp(ClusterName),
    #[error("cluster {0} was cut short while it started, or has lost a container; take it down and start it again")]
    HalfStarted(ClusterName),
    #[error("cluster {0} is up, but was started from another cluster file; take it down first")]
    OtherSpec(ClusterName),
    #[error("the record of cluster {name} cannot be read: {reason}")]
    BadRecord { name: ClusterName, reason: String },
    #[error("{name} died as it started; the end of its log:\n{tail}")]
    DiedAtStart { name: String, tail: String },
    #[error("{name} is not ready after {} s; the end of its log:\n{tail}", waited.as_secs())]
    NotReady { name: String, waited: Duration, tail: String },
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: io::Error },

    #[error("{0} is not one of this cluster's nodes")]
    Foreign(Node),
    #[error("{0} is gone already")]
    Gone(Node),
    #[error("{node} did not {what} within {} s", waited.as_secs())]
    Stubborn { node: Node, what: &'static str, waited: Duration },
    #[error("process {pid} cannot be ended")]
    Unkillable { pid: i32, source: io::Error },
}

/// Adds to an engine's error what it was asked to do.
pub(super) trait Asking<T> {
    /// As in "pause container x".
    fn asking(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Asking<T> for Result<T, Engine> {
    fn asking(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Engine { what: what(), source })
    }
}
