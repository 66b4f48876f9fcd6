//! What puts nodes and links of a foreign cluster back. Each looks first, does what is left to do, and looks again.

use std::time::Duration;

use super::act::cannot;
use super::commands::Call;
use super::record::Deed;
use super::signals::{self, State};
use super::{Error, External};
use crate::action::{Identity, Inverse, Node, Role};
use crate::clock;
use crate::cluster::spec::Restarter;
use crate::cluster::{Error as ClusterError, NodeStatus, Undone};

/// How long a node that was told to end in order may take.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How soon a TaskManager dies that was thawed after its slots had been given up: its fenced Kafka writers end it.
const DIES_WITHIN: Duration = Duration::from_secs(5);
/// How long whoever restarts nodes may take; less than an undo's own deadline.
const BACK_WITHIN: Duration = Duration::from_secs(80);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Flink's `heartbeat.timeout` where nothing is said.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(50);

impl External {
    pub(in crate::cluster) async fn undo(&self, inverse: &Inverse) -> Result<Undone, ClusterError> {
        match inverse {
            Inverse::StartReplacement { node } => Ok(self.replace(node).await?),
            Inverse::Thaw { node } => self.thaw(node).await,
            Inverse::FullSpeed { node } => Ok(self.take_back(node, "slow").await?),
            Inverse::Reconnect { node } => Ok(self.take_back(node, "disconnect").await?),
            Inverse::RestoreMemory { node, .. } => {
                let undone = self.take_back(node, "squeeze").await?;
                if !undone.changed {
                    return Ok(undone);
                }
                let replaced = self.replace(node).await?;
                Ok(Undone { changed: true, what: format!("{}; {}", undone.what, replaced.what), ..replaced })
            }
            Inverse::RemoveRule { link } => match self.links() {
                Some(links) => Ok(links.remove_rules(link).await?),
                None => Err(cannot("set rules on links: none of them passes through squall's proxy")),
            },
            Inverse::RestoreTraffic { .. }
            | Inverse::RestoreTopicConfig { .. }
            | Inverse::EnsureJob { .. }
            | Inverse::Writable { .. }
            | Inverse::RemoveFill { .. } => Err(cannot("undo what the engine does")),
        }
    }

    /// Whether something that was done to a node is not yet taken back.
    pub(super) fn is_owed(&self, node: &Node) -> Result<bool, Error> {
        Ok(self.store.read()?.deeds.iter().any(|deed| deed.node == *node && !deed.undone))
    }

    fn settle(&self, node: &Node, deeds: &[&str], successor: Option<&NodeStatus>) -> Result<(), Error> {
        let mut record = self.store.read()?;
        if let Some(index) = record.newest(node, deeds) {
            record.deeds[index].undone = true;
            if let Some(successor) = successor {
                record.deeds[index].successor = Some((successor.node.name.clone(), successor.node.identity.clone()));
            }
            self.store.write(&record)?;
        }
        Ok(())
    }

    /// Sees to it that a node is there in the place of a dead one, in the way that `restarted-by` says.
    async fn replace(&self, node: &Node) -> Result<Undone, Error> {
        let unchanged = |what: String| Ok(Undone { at: clock::now(), changed: false, what });
        let record = self.store.read()?;
        let Some(ended) = record.newest(node, &ENDED).map(|index| record.deeds[index].clone()) else {
            return unchanged(format!("squall has not ended {node}"));
        };
        if ended.undone {
            return unchanged(match &ended.successor {
                Some((name, _)) => format!("{name} is there in place of {node}"),
                None => format!("nothing is owed in place of {node}"),
            });
        }
        if self.is_alive_after_its_end(node).await? {
            self.settle(node, &ENDED, None)?;
            return unchanged(format!("{node} is alive"));
        }
        let restarter = self.spec.restarted_by(node.role);
        if let Some(there) = self.look_for_successor(node, &ended).await? {
            self.settle(node, &ENDED, Some(&there))?;
            return unchanged(format!("{} is there in place of {node}", there.node.name));
        }
        let began = clock::now();
        let who = match restarter {
            Restarter::Nobody => {
                self.settle(node, &ENDED, None)?;
                return unchanged(format!("{node} stays away: the cluster file says that nobody restarts a {}", node.role));
            }
            Restarter::Platform => "the platform",
            Restarter::Squall => {
                let terminated = ended.deed == "terminate";
                let commands = self.external.commands.of(node.role).starts(terminated);
                // The cluster file is checked for one.
                let commands = commands.ok_or_else(|| Error::NotReplaced { node: node.clone(), who: "squall", waited: Duration::ZERO })?;
                Call { node, deed: "start", value: None }.run(&commands.undo, commands).await?;
                "squall"
            }
        };
        let end = began.plus(BACK_WITHIN);
        loop {
            if let Some(there) = self.look_for_successor(node, &ended).await? {
                self.settle(node, &ENDED, Some(&there))?;
                let took = clock::now().seconds_since(began);
                let what = match restarter {
                    Restarter::Squall => {
                        format!("{} started in place of {}, by the owner's command, there after {took:.1} s", there.node.name, node.name)
                    }
                    _ => format!("{} is there in place of {}, by the platform, after {took:.1} s", there.node.name, node.name),
                };
                return Ok(Undone { at: clock::now(), changed: true, what });
            }
            if end.remaining().is_zero() {
                return Err(Error::NotReplaced { node: node.clone(), who, waited: BACK_WITHIN });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether this very process is there, once what was told to end has had its time.
    async fn is_alive_after_its_end(&self, node: &Node) -> Result<bool, Error> {
        if node.identity == Identity::Named {
            return Ok(false);
        }
        let (shell, process) = self.reach(node)?;
        let end = clock::now().plus(ENDS_WITHIN);
        while signals::state(shell, process).await? != State::Gone {
            if end.remaining().is_zero() {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(false)
    }

    /// A node of the same role that was not there when the deed was done. One that is known by name only counts when the cluster has heard
    /// from it since.
    async fn look_for_successor(&self, node: &Node, ended: &Deed) -> Result<Option<NodeStatus>, Error> {
        let others = &ended.others;
        let view = self.view().await?;
        let mut alive = view.iter().filter(|status| status.alive && status.node.role == node.role && status.node != *node);
        let fresh = |status: &&NodeStatus| match &status.node.identity {
            Identity::Named => {
                node.identity == Identity::Named
                    && !others.iter().any(|(name, _)| *name == status.node.name)
                    && status.node.name != node.name
            }
            identity => !others.iter().any(|(_, other)| other == identity),
        };
        let known = alive.find(fresh);
        if known.is_some() || node.identity != Identity::Named {
            return Ok(known.cloned());
        }
        if !self.is_heard_of_since(node, ended).await? {
            return Ok(None);
        }
        Ok(Some(NodeStatus { node: node.clone(), alive: true, frozen: false, slots: 0 }))
    }

    /// Whether a node that is known by name only has been heard of since a deed ended it.
    async fn is_heard_of_since(&self, node: &Node, ended: &Deed) -> Result<bool, Error> {
        if let Some((gone, _)) = self.own_witness(node, &ENDED).await? {
            return Ok(!gone);
        }
        let since = ended.at.plus(Duration::from_secs(2));
        match node.role {
            Role::Taskmanager => {
                let registered = self.rest.taskmanagers().await?;
                let heard = registered.iter().find(|taskmanager| taskmanager.id == node.name).and_then(|found| found.last_heartbeat);
                Ok(heard.is_some_and(|heard| heard > since))
            }
            Role::Jobmanager => Ok(self.rest.overview().await.is_ok()),
            Role::Broker => Ok(self.brokers(Duration::from_secs(3)).await?.iter().any(|(id, _)| format!("broker-{id}") == node.name)),
            Role::Gateway => Ok(true),
        }
    }

    /// Lets a stopped node go on; sees to a replacement when it does not survive that.
    async fn thaw(&self, node: &Node) -> Result<Undone, ClusterError> {
        let own = self.commands(node.role, "freeze").filter(|commands| !commands.run.is_empty());
        if own.is_some() {
            return Ok(self.take_back(node, "freeze").await?);
        }
        let (shell, process) = self.reach(node)?;
        // First what would let it go on too, so that a deed that comes later is not undone by an earlier one's expiry.
        signals::drop_expiry(shell, process).await?;
        let frozen_at = {
            let record = self.store.read()?;
            record.newest(node, &["freeze"]).map(|index| record.deeds[index].at)
        };
        let was = signals::state(shell, process).await?;
        match was {
            State::Gone => {
                self.settle(node, &["freeze"], None)?;
                self.ended_by(node, frozen_at)?;
                return Ok(self.replace(node).await?);
            }
            State::Runs => {
                self.settle(node, &["freeze"], None)?;
                return Ok(Undone { at: clock::now(), changed: false, what: format!("{node} runs") });
            }
            State::Stopped => {}
        }
        let state = signals::signal(shell, node, process, "CONT", Some("runs")).await?;
        let at = clock::now();
        if state == State::Stopped {
            return Err(Error::Stubborn { node: node.clone(), what: "go on", waited: ENDS_WITHIN }.into());
        }
        self.settle(node, &["freeze"], None)?;
        let lasted = frozen_at.map_or(Duration::MAX, |since| Duration::from_secs_f64(at.seconds_since(since).max(0.0)));
        if node.role == Role::Taskmanager && lasted >= self.heartbeat_timeout().await {
            let end = at.plus(DIES_WITHIN);
            while !end.remaining().is_zero() {
                if signals::state(shell, process).await? == State::Gone {
                    self.ended_by(node, frozen_at)?;
                    let replaced = self.replace(node).await?;
                    return Ok(Undone { what: format!("{node} thawed and died of it; {}", replaced.what), ..replaced });
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(Undone { at, changed: true, what: format!("{node} goes on") })
    }

    /// A node that died of its freeze was ended by it: whoever replaces it looks for who was there before.
    fn ended_by(&self, node: &Node, frozen_at: Option<clock::Timestamp>) -> Result<(), Error> {
        let mut record = self.store.read()?;
        if record.newest(node, &ENDED).is_none()
            && let Some(index) = record.newest(node, &["freeze"])
        {
            let freeze = record.deeds[index].clone();
            let at = frozen_at.unwrap_or(freeze.at);
            record.push(Deed { deed: "kill".to_owned(), at, undone: false, ..freeze });
            self.store.write(&record)?;
        }
        Ok(())
    }

    async fn heartbeat_timeout(&self) -> Duration {
        let said = self.config().await.ok().and_then(|config| config.get("heartbeat.timeout").map(|text| text.replace(' ', "")));
        let read = said.and_then(|said| match said.parse::<u64>() {
            Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
            Err(_) => said.parse::<crate::units::Duration>().ok().map(|duration| duration.0),
        });
        read.unwrap_or(HEARTBEAT_TIMEOUT)
    }

    /// Runs the owner's undo of a deed, and has the owner's witness look again.
    async fn take_back(&self, node: &Node, deed: &'static str) -> Result<Undone, Error> {
        let record = self.store.read()?;
        let index = record.newest(node, &[deed]);
        if index.is_some_and(|index| record.deeds[index].undone) {
            return Ok(Undone { at: clock::now(), changed: false, what: format!("the {deed} of {node} was taken back") });
        }
        let Some(commands) = self.commands(node.role, deed).filter(|commands| !commands.undo.is_empty()) else {
            return Err(Error::StillHolds(format!("the {deed} of {node}, for which the cluster file has no undo,")));
        };
        let said = Call { node, deed: "take back", value: None }.run(&commands.undo, commands).await?;
        let at = clock::now();
        if let Some((true, what)) = self.own_witness(node, &[deed]).await?
            && deed != "squeeze"
        {
            return Err(Error::StillHolds(what));
        }
        // A squeezed node's place may be empty yet: its replacement settles it.
        if deed != "squeeze" {
            self.settle(node, &[deed], None)?;
        }
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        Ok(Undone { at, changed: true, what: format!("the owner's undo of the {deed} of {node} ended well{said}") })
    }
}

/// Deeds after which a node's place is empty.
const ENDED: [&str; 3] = ["kill", "terminate", "squeeze"];
