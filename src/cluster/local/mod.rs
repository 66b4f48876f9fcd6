//! Kind `local`: Kafka and Flink as plain `java` processes on this machine's loopback.
//!
//! Every process is recorded on disk, by pid and start time, before it matters (`record.rs`), and carries the cluster's
//! label in its environment; so any squall can see a cluster, act on it, and take it down, also after a crash. Nothing else
//! is ever signalled or removed.
//!
//! ```text
//! up.rs ── java.rs, jars.rs (Maven, once), ports.rs
//!   │ ──── kafka.rs, flink.rs, memory.rs: settings ── launch.rs: commands ── archive.rs: class-data archives
//!   └───── ready.rs: polls until each is ready
//! act.rs, slow.rs, squeeze.rs, undo.rs: deeds and their inverses     down.rs: the end
//! ```

mod act;
mod archive;
mod disk;
mod down;
mod error;
pub(super) mod flink;
mod jars;
mod java;
pub(super) mod kafka;
pub(super) mod launch;
pub(super) mod memory;
pub(super) mod ports;
pub(super) mod ready;
mod record;
mod slow;
mod spec;
mod squeeze;
mod undo;
pub(super) mod up;
pub mod versions;

pub(super) use act::{abilities, can};
pub use down::down;
pub use error::Error;
pub use record::Phase;
pub use spec::{LocalFlink, LocalKafka, LocalSpec};
pub(super) use up::mistakes;

use std::path::PathBuf;
use std::time::Duration;

use record::{Entry, Folder, Part, Record};

use super::description::{Addresses, Description, KafkaAccess, Link, NodeStatus};
use super::links::Links;
use super::places::Places;
use super::spec::{ClusterName, ClusterSpec};
use super::{Error as ClusterError, Progress, process};
use crate::action::Role;
use crate::clock::Timestamp;
use crate::flink::Access;
use crate::kafka::Connection;

/// A local cluster that is up.
#[derive(Debug)]
pub struct Local {
    folder: Folder,
    spec: ClusterSpec,
    addresses: Addresses,
    ready: ready::Ready,
    pub(super) links: Links,
}

/// A local cluster as `cluster status` shows it.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its name.
    pub name: ClusterName,
    /// How far it is.
    pub phase: Phase,
    /// When it was started.
    pub created: Timestamp,
    /// Kafka's version.
    pub kafka: String,
    /// Flink's version.
    pub flink: String,
    /// Where everything is.
    pub addresses: Addresses,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// Whether its proxy is there.
    pub proxy_alive: bool,
    /// Where its logs are.
    pub logs: PathBuf,
    /// The proxy's control socket.
    pub control: PathBuf,
}

impl Local {
    /// Starts a cluster and waits until all of it is ready.
    ///
    /// # Errors
    /// See [`Error`]; nothing is left running then.
    pub async fn up(spec: &ClusterSpec, local: &LocalSpec, places: &Places, progress: &Progress<'_>) -> Result<Self, Error> {
        up::up(spec, local, places, progress).await
    }

    /// Takes hold of a cluster that is up.
    ///
    /// # Errors
    /// [`Error::NotUp`], [`Error::HalfStarted`], [`Error::OtherSpec`].
    pub fn attach(spec: &ClusterSpec, places: &Places) -> Result<Self, Error> {
        let mut local = Self::attach_by_name(&spec.name, places)?;
        if local.spec.kind != spec.kind {
            return Err(Error::OtherSpec(spec.name.clone()));
        }
        // Consent may have been changed while the cluster is up: what the file says now counts.
        local.spec = spec.clone();
        Ok(local)
    }

    /// Takes hold of a cluster that is up, by its name alone: for an undo without the cluster file at hand.
    ///
    /// # Errors
    /// [`Error::NotUp`], [`Error::HalfStarted`].
    pub fn attach_by_name(name: &ClusterName, places: &Places) -> Result<Self, Error> {
        let folder = Folder::of(name, places);
        let record = folder.read()?.ok_or_else(|| Error::NotUp(name.clone()))?;
        match record.phase {
            Phase::Up if record.present().any(Entry::is_alive) => Self::of(folder, &record),
            Phase::Up => Err(Error::NotUp(name.clone())),
            Phase::Starting | Phase::Stopping => Err(Error::HalfStarted(name.clone())),
        }
    }

    fn of(folder: Folder, record: &Record) -> Result<Self, Error> {
        let addresses = addresses(record);
        let ready = ready::Ready::new(&addresses)?;
        Ok(Self { folder, spec: record.spec.clone(), addresses, ready, links: Links::new(record.control.clone()) })
    }

    pub(super) fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    fn record(&self) -> Result<Record, Error> {
        self.folder.read()?.ok_or_else(|| Error::NotUp(self.spec.name.clone()))
    }

    pub(super) fn describe(&self) -> Result<Description, Error> {
        let record = self.record()?;
        Ok(Description {
            name: record.spec.name.to_string(),
            kind: "local".to_owned(),
            kafka: record.kafka.version.clone(),
            flink: record.flink.version.clone(),
            java: Some(record.java_build.clone()),
            nodes: nodes(&record).into_iter().map(|status| status.node).collect(),
            kafka_config: kafka::common_settings(record.ports.brokers.len(), &record.local().kafka.config),
            flink_config: flink::settings(&record),
            addresses: self.addresses.clone(),
        })
    }

    pub(super) fn view(&self) -> Result<Vec<NodeStatus>, Error> {
        Ok(nodes(&self.record()?))
    }

    pub(super) fn processes(&self) -> Result<Vec<(String, i32)>, Error> {
        let record = self.record()?;
        let alive = record.present().filter(|entry| matches!(entry.part, Part::Node(_)) && entry.is_alive());
        Ok(alive.map(|entry| (entry.name.clone(), entry.pid)).collect())
    }

    pub(super) fn checkpoints(&self) -> Option<PathBuf> {
        Some(self.record().ok()?.data.join("checkpoints"))
    }

    pub(super) fn savepoints(&self) -> Option<String> {
        Some(format!("file://{}", self.record().ok()?.data.join("savepoints").display()))
    }

    pub(super) fn logs(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let record = self.record()?;
        let log = |status: NodeStatus| Some((record.processes[record.find(&status.node)?].log.clone(), status.node.name));
        Ok(nodes(&record).into_iter().filter_map(log).map(|(log, name)| (name, log)).collect())
    }
}

/// The local clusters that have a record, up or not.
///
/// # Errors
/// When a record cannot be read.
pub fn status(places: &Places) -> Result<Vec<Status>, Error> {
    let read = |name: ClusterName| {
        let record = Folder::of(&name, places).read()?;
        Ok(record.map(|record| Status {
            logs: Folder::of(&name, places).logs(),
            control: record.control.clone(),
            name,
            phase: record.phase,
            created: record.created,
            kafka: record.kafka.version.clone(),
            flink: record.flink.version.clone(),
            addresses: addresses(&record),
            nodes: nodes(&record),
            proxy_alive: record.present().any(|entry| entry.part == Part::Proxy && entry.is_alive()),
        }))
    };
    record::recorded(places).into_iter().filter_map(|name| read(name).transpose()).collect()
}

fn addresses(record: &Record) -> Addresses {
    let each = |port: &dyn Fn(&ports::BrokerPorts) -> Option<u16>| {
        let ports = record.ports.brokers.iter().filter_map(port);
        ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    };
    let of_link = |link: &str| each(&|broker| broker.links.get(link).map(|ends| ends.proxy));
    let kafka = KafkaAccess {
        generator: Connection::plain(of_link("generator")),
        source: Connection::plain(of_link("source")),
        sink: Connection::plain(of_link("sink")),
        harness: Connection::plain(each(&|broker| Some(broker.direct))),
    };
    let links = ports::LINKS.map(|name| Link { name: name.to_owned(), address: of_link(name), proxied: true });
    let http = |port: u16| Access::to([format!("http://127.0.0.1:{port}")]);
    Addresses { kafka, flink: http(record.ports.rest), gateway: Some(http(record.ports.gateway)), links: links.into() }
}

fn nodes(record: &Record) -> Vec<NodeStatus> {
    let slots = record.local().flink.slots.get();
    let mut nodes: Vec<_> = record
        .present()
        .filter_map(|entry| {
            let node = entry.node()?;
            let stopped = process::is_stopped(entry.pid, entry.start_ticks);
            let slots = if node.role == Role::Taskmanager { slots } else { 0 };
            Some(NodeStatus { node, alive: stopped.is_some(), frozen: stopped == Some(true), slots })
        })
        .collect();
    nodes.sort_by(|a, b| (a.node.role, natural(&a.node.name)).cmp(&(b.node.role, natural(&b.node.name))));
    nodes
}

/// `tm-10` after `tm-9`.
fn natural(name: &str) -> (&str, u64) {
    let digits = name.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |last| last + 1);
    (&name[..digits], name[digits..].parse().unwrap_or(0))
}

fn cannot(what: &str) -> ClusterError {
    ClusterError::CannotDo { kind: "local", what: what.to_owned() }
}

/// How long to wait for somebody else who changes the cluster just now.
const PATIENCE: Duration = Duration::from_secs(5);
