//! Deeds on containers and links, and the witnesses that tell whether they happened.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecOptions};
use testcontainers::bollard::models::{ContainerStatsResponse, ContainerUpdateBody, NetworkDisconnectRequest};
use testcontainers::bollard::query_parameters::{KillContainerOptionsBuilder, StatsOptionsBuilder};

use super::engine::{Container, is_conflict};
use super::error::{Asking, Error};
use super::{Containers, ContainersSpec, container_of};
use crate::action::{Ability, Action, Node, NodeDeed, Role, Strength, Testimony, Witness};
use crate::clock;
use crate::cluster::cgroup;
use crate::cluster::setting::is_adaptive;
use crate::cluster::{Can, Error as ClusterError, Performed};
use crate::units::{Bytes, Ratio};

const ROLES: [Role; 4] = [Role::Taskmanager, Role::Jobmanager, Role::Broker, Role::Gateway];
/// A killed or paused container is so within a second; an orderly shutdown takes seconds.
pub(super) const OBEYS_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Period of the CPU limit, in microseconds.
const PERIOD_US: i64 = 100_000;
/// How long the witness of a CPU limit looks: ten periods.
const LOOK: Duration = Duration::from_secs(1);
/// A clock tick in a hundred, and the burst at the edge of a period.
const GRAIN: f64 = 0.03;
/// How long a container may take to use up the memory that was left to it.
const OOM_WITHIN: Duration = Duration::from_secs(30);

impl Containers {
    pub(in crate::cluster) async fn perform(&self, action: &Action) -> Result<Performed, ClusterError> {
        match action {
            Action::Node { node, deed } => Ok(self.perform_on(node, deed).await?),
            Action::Link { link, rule } => Ok(self.links.set_rule(link, rule).await?),
            Action::Traffic { .. } | Action::Kafka(_) | Action::Job(_) | Action::Storage(_) => {
                Err(cannot("do what the engine does: only actions on nodes and links are its own"))
            }
        }
    }

    async fn perform_on(&self, node: &Node, deed: &NodeDeed) -> Result<Performed, Error> {
        let container = self.alive(node).await?;
        let docker = &self.engine.0;
        let id = container.id.as_str();
        let place = format!("container {}", container.name);
        let sent = clock::now();
        match deed {
            NodeDeed::Kill => {
                let signal = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
                docker.kill_container(id, Some(signal)).await.asking(|| format!("kill {place}"))?;
                self.until(node, "go", |now| !now.is_some_and(|now| now.running)).await?;
                let at = clock::now();
                let took = at.seconds_since(sent) * 1e3;
                Ok(Performed { at, what: format!("SIGKILL to {node}, {place}, gone at most {took:.0} ms after") })
            }
            NodeDeed::Terminate => {
                let signal = KillContainerOptionsBuilder::new().signal("SIGTERM").build();
                docker.kill_container(id, Some(signal)).await.asking(|| format!("end {place}"))?;
                // An orderly shutdown begins at once and takes effect on the way, so it counts from the signal.
                Ok(Performed { at: sent, what: format!("SIGTERM to {node}, {place}") })
            }
            NodeDeed::Freeze => {
                docker.pause_container(id).await.asking(|| format!("pause {place}"))?;
                Ok(Performed { at: clock::now(), what: format!("{node}, {place}, paused") })
            }
            NodeDeed::SlowCpu { share } => {
                let quota = ((share.0 * cgroup::cores() * PERIOD_US as f64) as i64).max(1_000);
                self.update(id, ContainerUpdateBody { cpu_period: Some(PERIOD_US), cpu_quota: Some(quota), ..Default::default() }).await?;
                Ok(Performed { at: clock::now(), what: format!("{node}, {place}, held to {share} of the CPU") })
            }
            NodeDeed::LimitMemory { headroom } => self.squeeze(node, &container, *headroom).await,
            NodeDeed::Disconnect => {
                let request = NetworkDisconnectRequest { container: id.to_owned(), force: Some(false) };
                let network = self.record.network();
                docker.disconnect_network(&network, request).await.asking(|| format!("take {place} off the network"))?;
                Ok(Performed { at: clock::now(), what: format!("{node}, {place}, off network {network}") })
            }
        }
    }

    /// Lowers the limit to what the processes hold and some headroom, and has a helper beside them use that up: the kernel then kills the
    /// largest, which is the node.
    async fn squeeze(&self, node: &Node, container: &Container, headroom: Bytes) -> Result<Performed, Error> {
        let limit = self.limit(container, headroom).await?;
        let helper = CreateExecOptions { cmd: Some(vec!["tail", "/dev/zero"]), ..Default::default() };
        let docker = &self.engine.0;
        let asked = || format!("use up the memory of container {}", container.name);
        let helper = docker.create_exec(&container.id, helper).await.asking(asked)?;
        match docker.start_exec(&helper.id, Some(StartExecOptions { detach: true, ..Default::default() })).await {
            Ok(_) => {}
            // It was dead before that.
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error).asking(asked),
        }
        let what = format!("memory of {node}, container {}, limited to {} and used up", container.name, Bytes(limit.unsigned_abs()));
        let end = clock::now().plus(OOM_WITHIN);
        loop {
            let now = self.engine.container(&container.id).await?;
            if !now.as_ref().is_some_and(|now| now.running) {
                let killed = now.is_some_and(|now| now.oom_killed);
                let by = if killed { "the kernel killed it" } else { "it is gone" };
                return Ok(Performed { at: clock::now(), what: format!("{what}; {by}") });
            }
            if end.remaining().is_zero() {
                return Err(Error::Stubborn { node: node.clone(), what: "run out of memory", waited: OOM_WITHIN });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Limits a container's memory to what it holds and some headroom; the limit in bytes. What it holds counts with the page cache: no limit is
    /// taken below that. It may grow while it is asked.
    async fn limit(&self, container: &Container, headroom: Bytes) -> Result<i64, Error> {
        const TRIES: u32 = 5;
        let mut tried = 1;
        loop {
            let held = self.stats(&container.id).await?.unwrap_or_default().memory_stats.unwrap_or_default().usage.unwrap_or(0);
            let limit = i64::try_from(held + u64::from(tried) * headroom.0).unwrap_or(i64::MAX);
            let change = ContainerUpdateBody { memory: Some(limit), memory_swap: Some(limit), ..Default::default() };
            match self.update(&container.id, change).await {
                Err(_) if tried < TRIES => tried += 1,
                Err(error) => return Err(error),
                Ok(()) => return Ok(limit),
            }
        }
    }

    pub(super) async fn update(&self, id: &str, change: ContainerUpdateBody) -> Result<(), Error> {
        self.engine.0.update_container(id, change).await.asking(|| format!("change the limits of container {id}"))
    }

    async fn stats(&self, id: &str) -> Result<Option<ContainerStatsResponse>, Error> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let first = self.engine.0.stats(id, Some(options)).next().await;
        first.transpose().asking(|| format!("measure container {id}"))
    }

    /// The container of a node of this cluster, in the start that is meant.
    pub(super) async fn alive(&self, node: &Node) -> Result<Container, Error> {
        let (_, started_at) = container_of(node).ok_or_else(|| Error::Foreign(node.clone()))?;
        let container = self.known(node).await?;
        if container.running && container.started_at == started_at { Ok(container) } else { Err(Error::Gone(node.clone())) }
    }

    /// The container of a node of this cluster, running or not.
    pub(super) async fn known(&self, node: &Node) -> Result<Container, Error> {
        let foreign = || Error::Foreign(node.clone());
        let (id, _) = container_of(node).ok_or_else(foreign)?;
        let own = self.containers().await?;
        own.into_iter().find(|container| container.id == id).ok_or_else(foreign)
    }

    /// Waits until a node's container is as `wanted`.
    pub(super) async fn until(&self, node: &Node, what: &'static str, wanted: impl Fn(Option<&Container>) -> bool) -> Result<(), Error> {
        let (id, _) = container_of(node).ok_or_else(|| Error::Foreign(node.clone()))?;
        let end = clock::now().plus(OBEYS_WITHIN);
        while !wanted(self.engine.container(id).await?.as_ref()) {
            if end.remaining().is_zero() {
                return Err(Error::Stubborn { node: node.clone(), what, waited: OBEYS_WITHIN });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    pub(in crate::cluster) async fn witness(&self, witness: &Witness) -> Result<Testimony, ClusterError> {
        let (acted, what) = match witness {
            Witness::Gone { node } => self.gone(node).await?,
            Witness::Frozen { node } => match self.now(node).await? {
                Some(container) if container.paused => (true, format!("container {} is paused", container.name)),
                Some(container) => (false, format!("container {} runs", container.name)),
                None => (false, format!("{node} is gone")),
            },
            Witness::CpuShare { node, share } => self.cpu_share(node, *share).await?,
            Witness::Disconnected { node } => match self.now(node).await? {
                Some(container) => {
                    let off = !container.networks.contains_key(&self.record.network());
                    (off, format!("container {} is {} the network", container.name, if off { "off" } else { "on" }))
                }
                None => (false, format!("{node} is gone")),
            },
            Witness::LinkCounters { link } => self.links.counters(link).await?,
            Witness::TrafficShares { .. } | Witness::TopicState { .. } | Witness::JobState | Witness::WriteRefused { .. } => {
                return Err(cannot("witness what the engine does"));
            }
        };
        Ok(Testimony { acted, carried_work: false, strength: Strength::Strong, what })
    }

    /// The container of this very start of a node; none when it is gone.
    async fn now(&self, node: &Node) -> Result<Option<Container>, Error> {
        match self.alive(node).await {
            Ok(container) => Ok(Some(container)),
            Err(Error::Gone(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn gone(&self, node: &Node) -> Result<(bool, String), Error> {
        let end = clock::now().plus(OBEYS_WITHIN);
        loop {
            match self.now(node).await? {
                None => {
                    let container = self.known(node).await?;
                    let how = if container.oom_killed { ", killed for want of memory" } else { "" };
                    return Ok((true, format!("the process of container {} is gone{how}", container.name)));
                }
                Some(container) if end.remaining().is_zero() => {
                    return Ok((false, format!("container {} still runs", container.name)));
                }
                Some(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Whether the engine holds a node to the share, and the CPU time that it takes meanwhile.
    async fn cpu_share(&self, node: &Node, share: Ratio) -> Result<(bool, String), Error> {
        let Some(container) = self.now(node).await? else { return Ok((false, format!("{node} is gone"))) };
        if container.cpu_quota <= 0 {
            return Ok((false, format!("{node} is not held back")));
        }
        let used = |stats: Option<ContainerStatsResponse>| {
            let cpu = stats?.cpu_stats?;
            Some((cpu.cpu_usage?.total_usage?, cpu.throttling_data.and_then(|data| data.throttled_periods).unwrap_or(0)))
        };
        let (began, before) = (clock::now(), used(self.stats(&container.id).await?));
        tokio::time::sleep(LOOK).await;
        let (ended, after) = (clock::now(), used(self.stats(&container.id).await?));
        let Some(((before, waited_before), (after, waited_after))) = before.zip(after) else {
            return Ok((false, format!("the CPU time of {node} cannot be measured")));
        };
        let held_to = container.cpu_quota as f64 / PERIOD_US as f64 / cgroup::cores();
        let used = after.saturating_sub(before) as f64 / 1e9 / ended.seconds_since(began) / cgroup::cores();
        let what = format!(
            "{node} is held to {} of the CPU, used {} and had to wait {} times in a second",
            Ratio(held_to),
            Ratio((used * 1000.0).round() / 1000.0),
            waited_after.saturating_sub(waited_before)
        );
        Ok((used <= share.0.max(held_to) + GRAIN, what))
    }
}

/// What clusters of containers can do.
pub(in crate::cluster) fn can(ability: Ability) -> Can {
    match ability {
        Ability::KillNode(_) | Ability::TerminateNode(_) | Ability::StartNode(_) | Ability::FreezeNode(_) => Can::Always,
        Ability::SlowNode(_) | Ability::SqueezeNode(_) | Ability::DisconnectNode(_) => Can::Always,
        Ability::LinkRules | Ability::ChangeTraffic | Ability::ChangeTopics | Ability::ChangeJob => Can::Always,
        Ability::RescaleJob => Can::With("`jobmanager.scheduler: adaptive` in `flink: { config: { … } }`"),
        Ability::ChangeStorage => Can::Never,
    }
}

/// What can be done on this cluster of containers.
pub(in crate::cluster) fn abilities(spec: &ContainersSpec) -> BTreeSet<Ability> {
    let of_role = |role| {
        [
            Ability::KillNode(role),
            Ability::TerminateNode(role),
            Ability::StartNode(role),
            Ability::FreezeNode(role),
            Ability::SlowNode(role),
            Ability::SqueezeNode(role),
            Ability::DisconnectNode(role),
        ]
    };
    let rescale = is_adaptive(&spec.flink.config).then_some(Ability::RescaleJob);
    ROLES.into_iter().flat_map(of_role).chain([Ability::LinkRules]).chain(rescale).collect()
}

pub(super) fn cannot(what: &str) -> ClusterError {
    ClusterError::CannotDo { kind: "containers", what: what.to_owned() }
}
