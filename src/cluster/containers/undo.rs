//! What puts containers and links back. Each looks first, does what is left to do, and looks again.

use std::time::Duration;

use testcontainers::bollard::models::{ContainerUpdateBody, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest};
use testcontainers::bollard::query_parameters::StartContainerOptions;

use super::act::cannot;
use super::engine::{Container, is_conflict};
use super::error::{Asking, Error};
use super::launch::Launch;
use super::record::present;
use super::up::wait;
use super::{Containers, container_of};
use crate::action::{Inverse, Node, Role};
use crate::clock;
use crate::cluster::local::flink;
use crate::cluster::local::ready::START;
use crate::cluster::spec::Restarter;
use crate::cluster::{Error as ClusterError, Undone};

/// How long a node that was told to end in order may take until it is left as it is.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How soon a TaskManager dies that was let go after its slots had been given up: its fenced Kafka writers end it.
const DIES_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Containers {
    pub(in crate::cluster) async fn undo(&self, inverse: &Inverse) -> Result<Undone, ClusterError> {
        match inverse {
            Inverse::StartReplacement { node } => Ok(self.replace(node).await?),
            Inverse::Thaw { node } => Ok(self.thaw(node).await?),
            Inverse::FullSpeed { node } => Ok(self.full_speed(node).await?),
            Inverse::RestoreMemory { node, .. } => Ok(self.restore_memory(node).await?),
            Inverse::Reconnect { node } => Ok(self.reconnect(node).await?),
            Inverse::RemoveRule { link } => Ok(self.links.remove_rules(link).await?),
            Inverse::RestoreTraffic { .. }
            | Inverse::RestoreTopicConfig { .. }
            | Inverse::EnsureJob { .. }
            | Inverse::Writable { .. }
            | Inverse::RemoveFill { .. } => Err(cannot("undo what the engine does")),
        }
    }

    /// Starts a node in the place of a dead one, unless one is there already.
    async fn replace(&self, node: &Node) -> Result<Undone, Error> {
        let unchanged = |what: String| Ok(Undone { at: clock::now(), changed: false, what });
        let (_, started_at) = container_of(node).ok_or_else(|| Error::Foreign(node.clone()))?;
        let victim = self.known(node).await?;
        let containers = self.containers().await?;
        let newest = newest_in_place(&containers, &victim);
        if newest.running && (newest.id != victim.id || newest.started_at != started_at) {
            return unchanged(format!("{} is there in place of {node}", newest.node));
        }
        // One that was told to end may be about to: taking it for alive would leave its place empty.
        if newest.running && !self.ends(node).await? {
            return unchanged(format!("{node} is alive"));
        }
        if self.spec.restarted_by(node.role) == Restarter::Nobody {
            return unchanged(format!("{node} stays away: the cluster file says that nobody restarts a {}", node.role));
        }
        let at = clock::now();
        let started = self.start_in_place_of(&newest, &containers).await?;
        let what = format!("{} started in place of {}", started.node, node.name);
        let jobmanager = self.containers().await?.into_iter().any(|other| other.role == Role::Jobmanager && other.running && !other.paused);
        if node.role == Role::Taskmanager && !jobmanager {
            // It cannot register now, and whoever brings the JobManager back may be waiting for this undo to end.
            return Ok(Undone { at, changed: true, what: format!("{what}; it registers when the JobManager is back") });
        }
        let names = [started.node.clone()];
        wait(&self.engine, &[&started], START, async || match started.role {
            Role::Taskmanager => self.ready.taskmanagers(&names).await,
            Role::Jobmanager => self.ready.jobmanager().await,
            Role::Gateway => self.ready.gateway().await,
            Role::Broker => self.ready.brokers(1).await,
        })
        .await?;
        Ok(Undone { at, changed: true, what: format!("{what}, ready after {:.1} s", clock::now().seconds_since(at)) })
    }

    /// Starts the container again, with its name, ports and files; for a TaskManager a new one, whose id Flink does not take for the dead
    /// one's.
    async fn start_in_place_of(&self, dead: &Container, containers: &[Container]) -> Result<Container, Error> {
        if dead.role == Role::Taskmanager {
            let number = |container: &Container| container.node.rsplit('-').next().and_then(|digits| digits.parse::<u32>().ok());
            let last = containers.iter().filter(|other| other.role == Role::Taskmanager).filter_map(number).max().unwrap_or(0);
            return Launch::taskmanager(&self.record, &format!("tm-{}", last + 1)).in_place_of(&dead.id).start(&self.engine).await;
        }
        let docker = &self.engine.0;
        // Its limits are those that it was made with; a squeezed one would die again.
        self.give_memory_back(dead).await?;
        match docker.start_container(&dead.id, None::<StartContainerOptions>).await {
            Err(error) if !is_conflict(&error) => return Err(error).asking(|| format!("start container {}", dead.name)),
            _ => {}
        }
        self.engine.container(&dead.id).await?.ok_or_else(|| Error::Foreign(dead.to_node()))
    }

    /// Waits for an end that was begun; false when the node stays.
    async fn ends(&self, node: &Node) -> Result<bool, Error> {
        let end = clock::now().plus(ENDS_WITHIN);
        loop {
            match self.alive(node).await {
                Err(Error::Gone(_)) => return Ok(true),
                Err(error) => return Err(error),
                Ok(_) if end.remaining().is_zero() => return Ok(false),
                Ok(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Lets a paused node go on; starts another in its place when it does not survive that.
    async fn thaw(&self, node: &Node) -> Result<Undone, Error> {
        let container = match self.alive(node).await {
            Ok(container) => container,
            Err(Error::Gone(_)) => return self.replace(node).await,
            Err(error) => return Err(error),
        };
        if !container.paused {
            return Ok(Undone { at: clock::now(), changed: false, what: format!("{node} runs") });
        }
        match self.engine.0.unpause_container(&container.id).await {
            Err(error) if !is_conflict(&error) => return Err(error).asking(|| format!("unpause container {}", container.name)),
            _ => {}
        }
        self.until(node, "go on", |now| !now.is_some_and(|now| now.paused)).await?;
        let at = clock::now();
        match self.died_of(node, at).await? {
            Some(replaced) => Ok(Undone { what: format!("{node} thawed and died of it; {}", replaced.what), ..replaced }),
            None => Ok(Undone { at, changed: true, what: format!("{node} goes on") }),
        }
    }

    /// A TaskManager whose slots were given up meanwhile may die when it hears of that; then another is started in its place.
    async fn died_of(&self, node: &Node, since: clock::Timestamp) -> Result<Option<Undone>, Error> {
        if node.role != Role::Taskmanager || self.ready.taskmanagers(std::slice::from_ref(&node.name)).await {
            return Ok(None);
        }
        let patience = DIES_WITHIN.max(flink::heartbeat_timeout(&self.record.containers.flink.config).0 / 4);
        let end = since.plus(patience);
        while !end.remaining().is_zero() {
            if matches!(self.alive(node).await, Err(Error::Gone(_))) {
                return self.replace(node).await.map(Some);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    async fn full_speed(&self, node: &Node) -> Result<Undone, Error> {
        let container = self.known(node).await?;
        if container.cpu_quota <= 0 {
            return Ok(Undone { at: clock::now(), changed: false, what: format!("{node} is not held back") });
        }
        self.update(&container.id, ContainerUpdateBody { cpu_quota: Some(-1), ..Default::default() }).await?;
        self.until(node, "be let go", |now| now.is_none_or(|now| now.cpu_quota <= 0)).await?;
        Ok(Undone { at: clock::now(), changed: true, what: format!("{node} is held back no longer") })
    }

    /// Sets the memory limit of a container to that of the cluster file; true when it was another.
    async fn give_memory_back(&self, container: &Container) -> Result<bool, Error> {
        let containers = &self.record.containers;
        let memory = if container.role == Role::Broker { containers.kafka.memory } else { containers.flink.memory };
        let memory = i64::try_from(memory.0).unwrap_or(i64::MAX);
        if container.memory == memory {
            return Ok(false);
        }
        self.update(&container.id, ContainerUpdateBody { memory: Some(memory), memory_swap: Some(memory), ..Default::default() }).await?;
        Ok(true)
    }

    async fn restore_memory(&self, node: &Node) -> Result<Undone, Error> {
        let container = self.known(node).await?;
        let given = self.give_memory_back(&container).await?;
        if self.alive(node).await.is_ok() {
            let what = format!("{node} has {}", if given { "its memory back" } else { "its memory" });
            return Ok(Undone { at: clock::now(), changed: given, what });
        }
        let replaced = self.replace(node).await?;
        Ok(Undone { changed: given || replaced.changed, ..replaced })
    }

    /// Puts a node back on the network, at the address that it had.
    async fn reconnect(&self, node: &Node) -> Result<Undone, Error> {
        let network = self.record.network();
        let container = self.known(node).await?;
        if self.alive(node).await.is_err() {
            return self.replace(node).await;
        }
        if container.networks.contains_key(&network) {
            return Ok(Undone { at: clock::now(), changed: false, what: format!("{node} is on the network") });
        }
        let endpoint =
            EndpointSettings { aliases: Some(vec![container.node.clone()]), ipam_config: None::<EndpointIpamConfig>, ..Default::default() };
        let request = NetworkConnectRequest { container: container.id.clone(), endpoint_config: Some(endpoint) };
        let asked = || format!("put container {} on the network", container.name);
        match self.engine.0.connect_network(&network, request).await {
            // Somebody else did meanwhile.
            Err(error) if !is_conflict(&error) => return Err(error).asking(asked),
            _ => {}
        }
        self.until(node, "come back to the network", |now| now.is_none_or(|now| now.networks.contains_key(&network))).await?;
        let at = clock::now();
        match self.died_of(node, at).await? {
            Some(replaced) => Ok(Undone { what: format!("{node} is back on the network and died of it; {}", replaced.what), ..replaced }),
            None => Ok(Undone { at, changed: true, what: format!("{node} is back on the network") }),
        }
    }
}

/// The newest container in the place of one: itself when nobody took it.
fn newest_in_place(containers: &[Container], of: &Container) -> Container {
    match containers.iter().rfind(|other| other.in_place_of.as_deref() == Some(of.id.as_str())) {
        Some(next) => newest_in_place(containers, next),
        None => present(containers).find(|container| container.id == of.id).unwrap_or(of).clone(),
    }
}
