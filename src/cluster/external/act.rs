//! Deeds on nodes and links of a foreign cluster, and the witnesses that tell whether they happened.

use std::time::Duration;

use super::commands::{Call, value_of};
use super::record::Deed;
use super::shell::Shell;
use super::signals::{self, State};
use super::spec::Commands;
use super::{Error, External};
use crate::action::{Action, Identity, Node, NodeDeed, Role, Strength, Testimony, Witness};
use crate::clock;
use crate::cluster::{Error as ClusterError, Performed};

/// A killed process is gone within milliseconds; an orderly shutdown takes seconds.
const GONE_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How much longer than a freeze is meant to last its expiry waits: squall's own undo comes first.
const EXPIRES_LATER: Duration = Duration::from_secs(15);
/// For a freeze that nobody gave an end.
const EXPIRES_AT_LAST: Duration = Duration::from_secs(15 * 60);

impl External {
    /// `holds` is how long the deed is to hold, so that it expires by itself where the machine can see to that.
    pub(in crate::cluster) async fn perform(&self, action: &Action, holds: Option<Duration>) -> Result<Performed, ClusterError> {
        match action {
            Action::Node { node, deed } => self.perform_on(node, deed, holds).await,
            Action::Link { link, rule } => match self.links() {
                Some(links) => Ok(links.set_rule(link, rule).await?),
                None => Err(cannot("set rules on links: none of them passes through squall's proxy")),
            },
            Action::Traffic { .. } | Action::Kafka(_) | Action::Job(_) | Action::Storage(_) => {
                Err(cannot("do what the engine does: only actions on nodes and links are its own"))
            }
        }
    }

    async fn perform_on(&self, node: &Node, deed: &NodeDeed, holds: Option<Duration>) -> Result<Performed, ClusterError> {
        let name = name_of(deed);
        let commands = self.commands(node.role, name).filter(|commands| !commands.run.is_empty());
        let signal = match deed {
            NodeDeed::Kill => Some(("KILL", Some("gone"))),
            NodeDeed::Terminate => Some(("TERM", None)),
            NodeDeed::Freeze => Some(("STOP", Some("stopped"))),
            NodeDeed::SlowCpu { .. } | NodeDeed::LimitMemory { .. } | NodeDeed::Disconnect => None,
        };
        if let Some(commands) = commands {
            self.note(node, name).await?;
            let value = value_of(deed);
            let value = value.as_ref().map(|(name, value)| (*name, value.as_str()));
            let said = Call { node, deed: name, value }.run(&commands.run, commands).await?;
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            return Ok(Performed { at: clock::now(), what: format!("the owner's command to {name} {node} ended well{said}") });
        }
        let Some((signal, until)) = signal else { return Err(cannot(&format!("{name} a {} without the owner's command", node.role))) };
        let (shell, process) = self.reach(node)?;
        self.note(node, name).await?;
        if matches!(deed, NodeDeed::Freeze) {
            let after = holds.map_or(EXPIRES_AT_LAST, |holds| holds + EXPIRES_LATER);
            signals::set_expiry(shell, process, after).await?;
        }
        let sent = clock::now();
        let state = signals::signal(shell, node, process, signal, until).await?;
        let at = clock::now();
        let took = at.seconds_since(sent) * 1e3;
        let place = format!("process {} on {}", process.0, shell.shown());
        match (deed, state) {
            (NodeDeed::Kill, State::Gone) => {
                Ok(Performed { at, what: format!("SIGKILL to {node}, {place}, gone at most {took:.0} ms after") })
            }
            // An orderly shutdown begins at once and takes effect on the way, so it counts from the signal.
            (NodeDeed::Terminate, _) => Ok(Performed { at, what: format!("SIGTERM to {node}, {place}") }),
            (NodeDeed::Freeze, State::Stopped) => Ok(Performed { at, what: format!("SIGSTOP to {node}, {place}, stopped") }),
            (NodeDeed::Freeze, State::Gone) => Err(Error::Gone(node.clone()).into()),
            (NodeDeed::Freeze, _) => Err(Error::Stubborn { node: node.clone(), what: "stop", waited: GONE_WITHIN }.into()),
            _ => Err(Error::Stubborn { node: node.clone(), what: "go", waited: GONE_WITHIN }.into()),
        }
    }

    /// The owner's commands for a deed.
    pub(super) fn commands(&self, role: Role, deed: &str) -> Option<&Commands> {
        self.external.commands.of(role).said().find(|(name, _)| *name == deed).map(|(_, commands)| commands)
    }

    /// The shell and the process of a node that this cluster's machines have.
    pub(super) fn reach(&self, node: &Node) -> Result<(&Shell, (i32, u64)), Error> {
        let foreign = || Error::Foreign(node.clone());
        match &node.identity {
            Identity::Process { pid, start_ticks, host } => Ok((self.shell(host.as_deref()).ok_or_else(foreign)?, (*pid, *start_ticks))),
            Identity::Container { .. } | Identity::Named => Err(foreign()),
        }
    }

    /// Writes down, before a deed, what is about to be done, and who else was there. Only a node of this cluster is acted on.
    async fn note(&self, node: &Node, deed: &str) -> Result<(), Error> {
        let view = self.view().await?;
        let Some(status) = view.iter().find(|status| status.node == *node) else { return Err(Error::Foreign(node.clone())) };
        if !status.alive {
            return Err(Error::Gone(node.clone()));
        }
        let others = view.iter().filter(|other| other.alive && other.node.role == node.role && other.node != *node);
        let others = others.map(|other| (other.node.name.clone(), other.node.identity.clone())).collect();
        let mut record = self.store.read()?;
        record.push(Deed { node: node.clone(), deed: deed.to_owned(), at: clock::now(), others, successor: None, undone: false });
        self.store.write(&record)
    }

    pub(in crate::cluster) async fn witness(&self, witness: &Witness) -> Result<Testimony, ClusterError> {
        let strong = |(acted, what): (bool, String)| Testimony { acted, carried_work: false, strength: Strength::Strong, what };
        match witness {
            Witness::Gone { node } => self.gone(node).await,
            Witness::Frozen { node } => match self.own_witness(node, &["freeze"]).await? {
                Some(seen) => Ok(strong(seen)),
                None => {
                    let (shell, process) = self.reach(node)?;
                    let pid = process.0;
                    Ok(strong(match signals::state(shell, process).await? {
                        State::Stopped => (true, format!("process {pid} is stopped")),
                        State::Runs => (false, format!("process {pid} runs")),
                        State::Gone => (false, format!("process {pid} is gone")),
                    }))
                }
            },
            Witness::CpuShare { node, .. } => self.only_own_witness(node, "slow").await.map(strong),
            Witness::Disconnected { node } => self.only_own_witness(node, "disconnect").await.map(strong),
            Witness::LinkCounters { link } => match self.links() {
                Some(links) => Ok(strong(links.counters(link).await?)),
                None => Err(cannot("look at links: none of them passes through squall's proxy")),
            },
            Witness::TrafficShares { .. } | Witness::TopicState { .. } | Witness::JobState | Witness::WriteRefused { .. } => {
                Err(cannot("witness what the engine does"))
            }
        }
    }

    async fn gone(&self, node: &Node) -> Result<Testimony, ClusterError> {
        let end = clock::now().plus(GONE_WITHIN);
        loop {
            let (acted, what, strength) = match self.own_witness(node, &["kill", "terminate", "squeeze"]).await? {
                Some((acted, what)) => (acted, what, Strength::Strong),
                None if node.identity == Identity::Named => self.unregistered(node).await?,
                None => {
                    let (shell, process) = self.reach(node)?;
                    let gone = signals::state(shell, process).await? == State::Gone;
                    let what = format!("process {} on {} is {}", process.0, shell.shown(), if gone { "gone" } else { "still there" });
                    (gone, what, Strength::Strong)
                }
            };
            if acted || end.remaining().is_zero() {
                return Ok(Testimony { acted, carried_work: false, strength, what });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A node that is known by name only and has no witness of the owner's: what the cluster itself says.
    async fn unregistered(&self, node: &Node) -> Result<(bool, String, Strength), ClusterError> {
        if node.role != Role::Taskmanager {
            return Err(cannot(&format!("tell whether a {} is gone: the owner's command needs a `witness`", node.role)));
        }
        let registered = self.rest.taskmanagers().await.map_err(Error::from)?;
        let there = registered.iter().any(|taskmanager| taskmanager.id == node.name);
        let what = format!("{node} is {} at the JobManager", if there { "still registered" } else { "no longer registered" });
        Ok((!there, what, Strength::Weak))
    }

    /// What the owner's witness says of the newest of these deeds on a node.
    pub(super) async fn own_witness(&self, node: &Node, deeds: &[&'static str]) -> Result<Option<(bool, String)>, Error> {
        let record = self.store.read()?;
        let done = record.newest(node, deeds).map(|index| record.deeds[index].deed.clone());
        let deed = deeds.iter().find(|deed| done.as_deref().is_none_or(|done| done == **deed));
        let commands = deed.and_then(|deed| self.commands(node.role, deed)).filter(|commands| !commands.witness.is_empty());
        match commands {
            Some(commands) => {
                let (holds, said) = Call { node, deed: "look at", value: None }.look(commands).await?;
                let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                let verdict = if holds { "it happened" } else { "it does not hold" };
                Ok(Some((holds, format!("the owner's witness of {node} says that {verdict}{said}"))))
            }
            None => Ok(None),
        }
    }

    async fn only_own_witness(&self, node: &Node, deed: &'static str) -> Result<(bool, String), ClusterError> {
        let seen = self.own_witness(node, &[deed]).await?;
        seen.ok_or_else(|| cannot(&format!("tell whether it could {deed} a {}: the owner's command needs a `witness`", node.role)))
    }
}

/// A deed's name in cluster files.
pub(super) const fn name_of(deed: &NodeDeed) -> &'static str {
    match deed {
        NodeDeed::Kill => "kill",
        NodeDeed::Terminate => "terminate",
        NodeDeed::Freeze => "freeze",
        NodeDeed::SlowCpu { .. } => "slow",
        NodeDeed::LimitMemory { .. } => "squeeze",
        NodeDeed::Disconnect => "disconnect",
    }
}

pub(super) fn cannot(what: &str) -> ClusterError {
    ClusterError::CannotDo { kind: "external", what: what.to_owned() }
}
