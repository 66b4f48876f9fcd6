use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::versions;
use crate::action::Node;
use crate::cluster::mistake::Mistake;
use crate::cluster::spec::ClusterName;
use crate::units::Bytes;

/// What can go wrong with a local cluster.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error(
        "no Java at `{path}` ({error}); Kafka and Flink need Java {} or newer: apt-get install openjdk-17-jdk-headless, or set JAVA_HOME",
        versions::JAVA
    )]
    NoJava { path: PathBuf, error: io::Error },
    #[error(
        "`{path}` is Java {found}; Kafka and Flink need Java {} or newer: apt-get install openjdk-17-jdk-headless, or set JAVA_HOME",
        versions::JAVA
    )]
    OldJava { path: PathBuf, found: u32 },
    #[error("`{path} -version` says no version: {said}")]
    StrangeJava { path: PathBuf, said: String },

    #[error("no Maven to fetch {what} with: apt-get install maven, or set KAFKA_HOME and FLINK_HOME to installed ones")]
    NoMaven { what: String },
    #[error("Maven could not fetch {what}:\n{said}")]
    Fetch { what: String, said: String },
    #[error("{product} {version} is not among the versions that squall can fetch ({known}); for another one set {variable}")]
    UnknownVersion { product: &'static str, version: String, known: String, variable: &'static str },
    #[error("{variable} holds no {product}: no `{jar}` in `{folder}`")]
    NoProduct { product: &'static str, variable: &'static str, jar: &'static str, folder: PathBuf },
    #[error("the cluster file asks for {product} {asked}, but {variable} holds {found}")]
    OtherVersion { product: &'static str, variable: &'static str, asked: String, found: String },

    #[error("{0}")]
    Mistake(Mistake),

    #[error("cluster {0} is being started or taken down by another squall")]
    Busy(ClusterName),
    #[error("cluster {0} is up already")]
    AlreadyUp(ClusterName),
    #[error("cluster {0} is not up")]
    NotUp(ClusterName),
    #[error("cluster {0} was cut short while it started; take it down and start it again")]
    HalfStarted(ClusterName),
    #[error("cluster {0} is up, but was started from another cluster file; take it down first")]
    OtherSpec(ClusterName),
    #[error("the record `{path}` cannot be read: {error}")]
    BadRecord { path: PathBuf, error: serde_json::Error },
    #[error("the record `{path}` was written by another version of squall (format {found}); take the cluster down with that one")]
    OtherFormat { path: PathBuf, found: u32 },

    #[error("no {count} free ports between {from} and {to}")]
    NoPorts { count: usize, from: u16, to: u16 },
    #[error("`{program}` cannot be started")]
    Spawn { program: PathBuf, source: io::Error },
    #[error("{name} died as it started; the end of its log `{log}`:\n{tail}")]
    DiedAtStart { name: String, log: PathBuf, tail: String },
    #[error("{name} is not ready after {} s; its log is `{log}`", waited.as_secs())]
    NotReady { name: String, log: PathBuf, waited: Duration },
    #[error("{what}")]
    Io { what: String, source: io::Error },

    #[error("{0} is not one of this cluster's nodes")]
    Foreign(Node),
    #[error("{0} is gone already")]
    Gone(Node),
    #[error("{node} needed less than {headroom} more memory in {} s; say a smaller `headroom`", waited.as_secs())]
    Content { node: Node, headroom: Bytes, waited: Duration },
    #[error("{node} did not {what} within {} s", waited.as_secs())]
    Stubborn { node: Node, what: &'static str, waited: Duration },
    #[error("{0} is still held back")]
    StillSlow(Node),
    #[error(transparent)]
    Flink(#[from] crate::flink::Error),
    #[error("process {pid} of cluster {name} cannot be ended")]
    Unkillable { name: ClusterName, pid: i32, source: io::Error },
}

/// Adds to an input/output error what was being done.
pub(super) trait Doing<T> {
    /// `what` is said before the system's words.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { what: what(), source })
    }
}
