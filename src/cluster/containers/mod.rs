//! Kind `containers`: Kafka, JobManager, TaskManagers and SQL gateway in containers on a network of their own.
//!
//! What squall knows of such a cluster is in labels at the engine (`record.rs`, `engine.rs`): so any squall can see it, act on it and
//! take it down, also after a crash. Nothing without these labels is ever touched.
//!
//! ```text
//! up.rs ── launch.rs (testcontainers): image, command, mounts, ports ── settings of kind local, with other addresses
//! act.rs, undo.rs: deeds and their inverses, by the engine     down.rs: the end
//! ```

mod act;
mod down;
mod engine;
mod error;
mod launch;
mod record;
mod spec;
mod undo;
mod up;

pub(super) use act::{abilities, can};
pub(super) use down::{down, is_known};
pub use error::Error;
pub use spec::{ContainersFlink, ContainersKafka, ContainersSpec};
pub(super) use up::mistakes;

use std::path::{Path, PathBuf};

use engine::{Container, Engine};
use record::{Found, LINKS, Record, present};

use super::Progress;
use super::description::{Addresses, Description, KafkaAccess, Link, NodeStatus};
use super::links::Links;
use super::local::ready::Ready;
use super::local::{Phase, Status};
use super::spec::{ClusterName, ClusterSpec};
use crate::action::{Identity, Node, Role};
use crate::flink::Access;
use crate::kafka::Connection;
use crate::proxy::Client;

/// A cluster of containers that is up.
#[derive(Debug)]
pub struct Containers {
    engine: Engine,
    record: Record,
    spec: ClusterSpec,
    addresses: Addresses,
    ready: Ready,
    pub(super) links: Links,
}

impl Containers {
    /// Starts a cluster and waits until all of it is ready.
    ///
    /// # Errors
    /// See [`Error`]; nothing is left then.
    pub async fn up(
        spec: &ClusterSpec,
        containers: &ContainersSpec,
        places: &super::Places,
        progress: &Progress<'_>,
    ) -> Result<Self, Error> {
        up::up(spec, containers, places, progress).await
    }

    /// Takes hold of a cluster that is up.
    ///
    /// # Errors
    /// [`Error::NoEngine`], [`Error::NotUp`], [`Error::HalfStarted`], [`Error::OtherSpec`].
    pub async fn attach(spec: &ClusterSpec) -> Result<Self, Error> {
        let engine = Engine::connect().await?;
        let found = Found::of(&engine, &spec.name).await?.ok_or_else(|| Error::NotUp(spec.name.clone()))?;
        if found.record.spec.kind != spec.kind {
            return Err(Error::OtherSpec(spec.name.clone()));
        }
        if !is_whole(&found) {
            return Err(Error::HalfStarted(spec.name.clone()));
        }
        // Consent may have been changed while the cluster is up: what the file says now counts.
        Self::of(engine, &found, spec.clone())
    }

    fn of(engine: Engine, found: &Found, spec: ClusterSpec) -> Result<Self, Error> {
        let addresses = addresses(&found.record, found.gateway.as_deref().unwrap_or_default());
        let ready = Ready::new(&addresses)?;
        Ok(Self { engine, spec, ready, links: Links::new(found.record.control.clone()), record: found.record.clone(), addresses })
    }

    pub(super) fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub(super) fn describe(&self) -> Description {
        let containers = &self.record.containers;
        let tag = |image: &str| image.rsplit_once(':').map_or(image, |(_, tag)| tag).to_owned();
        Description {
            name: self.spec.name.to_string(),
            kind: "containers".to_owned(),
            kafka: tag(&containers.kafka.image),
            flink: tag(&containers.flink.image),
            java: None,
            nodes: Vec::new(),
            kafka_config: launch::broker_settings(&self.record, "gateway"),
            flink_config: launch::flink_settings(&self.record),
            addresses: self.addresses.clone(),
        }
    }

    /// All its containers, dead ones too.
    async fn containers(&self) -> Result<Vec<Container>, Error> {
        self.engine.containers(&self.record.label()).await
    }

    pub(super) async fn view(&self) -> Result<Vec<NodeStatus>, Error> {
        Ok(nodes(&self.containers().await?, self.record.containers.flink.slots.get()))
    }

    /// Names and pids of its nodes, where this machine's `/proc` shows them.
    pub(super) async fn processes_here(&self) -> Result<Vec<(String, i32)>, Error> {
        let containers = self.containers().await?;
        let here = |pid: i32| pid > 0 && Path::new("/proc").join(pid.to_string()).exists();
        let running = present(&containers).filter(|container| container.running && here(container.pid));
        Ok(running.map(|container| (container.node.clone(), container.pid)).collect())
    }

    /// Its nodes, dead ones whose place is empty too, and their logs.
    pub(super) async fn logs(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let folder = self.record.folder.join("logs");
        let log = |status: NodeStatus| {
            let path = folder.join(format!("{}.log", status.node.name));
            (status.node.name, path)
        };
        Ok(self.view().await?.into_iter().map(log).collect())
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.record.folder.join("checkpoints")
    }

    pub(super) fn savepoints(&self) -> String {
        format!("file://{}/savepoints", launch::SHARED)
    }
}

/// Whether every place has a container, running or not, and the proxy is there.
fn is_whole(found: &Found) -> bool {
    let count = |role: Role| found.present().filter(|container| container.role == role).count();
    let taskmanagers = usize::try_from(found.record.containers.flink.taskmanagers.get()).unwrap_or(usize::MAX);
    let places = [Role::Broker, Role::Jobmanager, Role::Gateway].into_iter().all(|role| count(role) == 1);
    places && count(Role::Taskmanager) == taskmanagers && found.present().any(|container| container.running)
}

fn nodes(containers: &[Container], slots: u32) -> Vec<NodeStatus> {
    let mut nodes: Vec<NodeStatus> = present(containers)
        .map(|container| NodeStatus {
            node: container.to_node(),
            alive: container.running,
            frozen: container.paused,
            slots: if container.role == Role::Taskmanager { slots } else { 0 },
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

/// The id of a node's container and the start that is meant.
fn container_of(node: &Node) -> Option<(&str, &str)> {
    match &node.identity {
        Identity::Container { id, started_at } => Some((id, started_at)),
        Identity::Process { .. } | Identity::Named => None,
    }
}

fn addresses(record: &Record, gateway: &str) -> Addresses {
    let proxy = |link: &str| record.ports.links.get(link).map_or(0, |ends| ends.proxy);
    let at = |link: &str| format!("{}:{}", if link == "generator" { "127.0.0.1" } else { gateway }, proxy(link));
    let kafka = KafkaAccess {
        generator: Connection::plain(at("generator")),
        source: Connection::plain(at("source")),
        sink: Connection::plain(at("sink")),
        harness: Connection::plain(format!("127.0.0.1:{}", record.ports.direct)),
    };
    let links = LINKS.map(|name| Link { name: name.to_owned(), address: at(name), proxied: true });
    let http = |port: u16| Access::to([format!("http://127.0.0.1:{port}")]);
    Addresses { kafka, flink: http(record.ports.rest), gateway: Some(http(record.ports.gateway)), links: links.into() }
}

/// The clusters of containers that there are; none where no engine answers.
pub(super) async fn status() -> Result<Vec<Status>, Error> {
    let Ok(engine) = Engine::connect().await else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for found in Found::list(&engine, engine::RECORD).await? {
        let record = &found.record;
        let tag = |image: &str| image.rsplit_once(':').map_or(image, |(_, tag)| tag).to_owned();
        let proxy_alive = match Client::connect(&record.control).await {
            Ok(client) => client.status(false).await.is_ok(),
            Err(_) => false,
        };
        all.push(Status {
            name: record.spec.name.clone(),
            phase: if is_whole(&found) { Phase::Up } else { Phase::Starting },
            created: record.created,
            kafka: tag(&record.containers.kafka.image),
            flink: tag(&record.containers.flink.image),
            addresses: addresses(record, found.gateway.as_deref().unwrap_or_default()),
            nodes: nodes(&found.containers, record.containers.flink.slots.get()),
            proxy_alive,
            logs: record.folder.join("logs"),
            control: record.control.clone(),
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn named(name: &ClusterName) -> String {
    format!("{}={name}", engine::CLUSTER)
}
