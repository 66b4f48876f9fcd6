//! Deeds on nodes and links, and the witnesses that tell whether they happened.

use std::collections::BTreeSet;
use std::time::Duration;

use super::error::Error;
use super::record::Entry;
use super::spec::LocalSpec;
use super::{Local, PATIENCE, cannot};
use crate::action::{Ability, Action, Identity, Node, NodeDeed, Role, Strength, Testimony, Witness};
use crate::clock::{self, Timestamp};
use crate::cluster::cgroup::Controller;
use crate::cluster::process::{self, Process, Signal};
use crate::cluster::setting::is_adaptive;
use crate::cluster::{Can, Error as ClusterError, Performed};

const ROLES: [Role; 4] = [Role::Taskmanager, Role::Jobmanager, Role::Broker, Role::Gateway];

/// A killed or stopped process is so within milliseconds; an orderly shutdown takes seconds.
const OBEYS_WITHIN: Duration = Duration::from_secs(10);
/// An orderly shutdown ends within this time, or counts as not happened: a broker hands its partitions over first, on a loaded machine for longer than 10 s.
const SHUT_DOWN_WITHIN: Duration = Duration::from_secs(60);

impl Local {
    pub(in crate::cluster) async fn perform(&self, action: &Action) -> Result<Performed, ClusterError> {
        match action {
            Action::Node { node, deed: NodeDeed::Kill } => Ok(self.kill(node).await?),
            Action::Node { node, deed: NodeDeed::Terminate } => Ok(self.terminate(node).await?),
            Action::Node { node, deed: NodeDeed::Freeze } => Ok(self.freeze(node).await?),
            Action::Node { node, deed: NodeDeed::SlowCpu { share } } => Ok(self.slow(node, *share).await?),
            Action::Node { node, deed: NodeDeed::LimitMemory { headroom } } => Ok(self.squeeze(node, *headroom).await?),
            Action::Node { deed: NodeDeed::Disconnect, .. } => Err(cannot("take a node off the network")),
            Action::Link { link, rule } => Ok(self.links.set_rule(link, rule).await?),
            Action::Traffic { .. } | Action::Kafka(_) | Action::Job(_) | Action::Storage(_) => {
                Err(cannot("do what the engine does: only actions on nodes and links are its own"))
            }
        }
    }

    async fn kill(&self, node: &Node) -> Result<Performed, Error> {
        let process = self.open(node)?;
        self.note(node, |entry, now| entry.ended = Some(now)).await?;
        let sent = clock::now();
        process.signal(Signal::KILL).map_err(|source| failed(node, source))?;
        if !process.gone(OBEYS_WITHIN).await.map_err(|source| failed(node, source))? {
            return Err(Error::Stubborn { node: node.clone(), what: "go", waited: OBEYS_WITHIN });
        }
        // It runs no more from the signal on; what takes time is to free its memory.
        let took = clock::now().seconds_since(sent) * 1e3;
        Ok(Performed { at: sent, what: format!("SIGKILL to {node}, {}, gone after {took:.0} ms", pid_text(node)) })
    }

    /// An orderly shutdown begins at once and takes effect on the way, so it counts from the signal.
    async fn terminate(&self, node: &Node) -> Result<Performed, Error> {
        let process = self.open(node)?;
        self.note(node, |entry, now| entry.ended = Some(now)).await?;
        let at = clock::now();
        process.signal(Signal::TERM).map_err(|source| failed(node, source))?;
        Ok(Performed { at, what: format!("SIGTERM to {node}, {}", pid_text(node)) })
    }

    async fn freeze(&self, node: &Node) -> Result<Performed, Error> {
        let process = self.open(node)?;
        self.note(node, |entry, now| entry.frozen = Some(now)).await?;
        process.signal(Signal::STOP).map_err(|source| failed(node, source))?;
        if !process.stopped(true, OBEYS_WITHIN).await {
            return Err(Error::Stubborn { node: node.clone(), what: "stop", waited: OBEYS_WITHIN });
        }
        Ok(Performed { at: clock::now(), what: format!("SIGSTOP to {node}, {}, stopped", pid_text(node)) })
    }

    /// The process of a node that this cluster started, if it is there.
    pub(super) fn open(&self, node: &Node) -> Result<Process, Error> {
        let record = self.record()?;
        let entry = record.find(node).map(|index| &record.processes[index]).ok_or_else(|| Error::Foreign(node.clone()))?;
        let process = Process::open(entry.pid, entry.start_ticks).map_err(|source| failed(node, source))?;
        process.ok_or_else(|| Error::Gone(node.clone()))
    }

    /// Writes to the record what is about to be done to a node, so that whoever undoes it knows.
    pub(super) async fn note(&self, node: &Node, change: impl FnOnce(&mut Entry, Timestamp)) -> Result<(), Error> {
        let locked = self.folder.lock(PATIENCE).await?;
        let mut record = self.record()?;
        let index = record.find(node).ok_or_else(|| Error::Foreign(node.clone()))?;
        change(&mut record.processes[index], clock::now());
        locked.folder.write(&record)
    }

    pub(in crate::cluster) async fn witness(&self, witness: &Witness) -> Result<Testimony, ClusterError> {
        let (acted, what) = match witness {
            Witness::Gone { node } => {
                let (pid, start_ticks) = process_of(node).ok_or_else(|| Error::Foreign(node.clone()))?;
                let gone = match Process::open(pid, start_ticks).map_err(|source| failed(node, source))? {
                    Some(process) => process.gone(SHUT_DOWN_WITHIN).await.map_err(|source| failed(node, source))?,
                    None => true,
                };
                (gone, if gone { format!("process {pid} is gone") } else { format!("process {pid} is still there") })
            }
            Witness::Frozen { node } => {
                let (pid, start_ticks) = process_of(node).ok_or_else(|| Error::Foreign(node.clone()))?;
                match process::is_stopped(pid, start_ticks) {
                    Some(true) => (true, format!("process {pid} is stopped")),
                    Some(false) => (false, format!("process {pid} runs")),
                    None => (false, format!("process {pid} is gone")),
                }
            }
            Witness::LinkCounters { link } => self.links.counters(link).await?,
            Witness::CpuShare { node, share } => self.cpu_share(node, *share).await?,
            Witness::Disconnected { .. } => return Err(cannot("take a node off the network")),
            Witness::TrafficShares { .. } | Witness::TopicState { .. } | Witness::JobState | Witness::WriteRefused { .. } => {
                return Err(cannot("witness what the engine does"));
            }
        };
        Ok(Testimony { acted, carried_work: false, strength: Strength::Strong, what })
    }
}

/// What local clusters can do.
pub(in crate::cluster) fn can(ability: Ability) -> Can {
    match ability {
        Ability::KillNode(_) | Ability::TerminateNode(_) | Ability::StartNode(_) | Ability::FreezeNode(_) => Can::Always,
        Ability::LinkRules | Ability::ChangeTraffic | Ability::ChangeTopics | Ability::ChangeJob => Can::Always,
        Ability::SlowNode(_) | Ability::SqueezeNode(_) => Can::With("the right to make control groups, as root has it"),
        Ability::RescaleJob => Can::With("`jobmanager.scheduler: adaptive` in `flink: { config: { … } }`"),
        Ability::ChangeStorage => Can::With("`flink: { checkpoint-disk: 16MiB }`, which takes root to mount"),
        Ability::DisconnectNode(_) => Can::Never,
    }
}

/// What can be done on this local cluster, on this machine.
pub(in crate::cluster) fn abilities(spec: &LocalSpec) -> BTreeSet<Ability> {
    let of_node = |role| [Ability::KillNode(role), Ability::TerminateNode(role), Ability::StartNode(role), Ability::FreezeNode(role)];
    let slow = ROLES.into_iter().filter(|_| Controller::Cpu.is_available()).map(Ability::SlowNode);
    let squeeze = ROLES.into_iter().filter(|_| Controller::Memory.is_available()).map(Ability::SqueezeNode);
    ROLES
        .into_iter()
        .flat_map(of_node)
        .chain(slow)
        .chain(squeeze)
        .chain([Ability::LinkRules])
        .chain(is_adaptive(&spec.flink.config).then_some(Ability::RescaleJob))
        .chain(spec.flink.checkpoint_disk.map(|_| Ability::ChangeStorage))
        .collect()
}

pub(super) fn failed(node: &Node, source: std::io::Error) -> Error {
    Error::Io { what: format!("cannot signal {node}"), source }
}

/// Pid and start time of a node of this machine.
pub(super) fn process_of(node: &Node) -> Option<(i32, u64)> {
    match node.identity {
        Identity::Process { pid, start_ticks, host: None } => Some((pid, start_ticks)),
        Identity::Process { .. } | Identity::Container { .. } | Identity::Named => None,
    }
}

pub(super) fn pid_text(node: &Node) -> String {
    process_of(node).map_or_else(|| "no process".to_owned(), |(pid, _)| format!("process {pid}"))
}
