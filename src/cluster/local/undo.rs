//! What puts nodes and links back. Each looks first, does what is left to do, and looks again.

use std::time::Duration;

use super::act::failed;
use super::error::Error;
use super::launch::Launch;
use super::ready::{self, Ready};
use super::record::{Entry, Record};
use super::{Local, PATIENCE, cannot, flink};
use crate::action::{Inverse, Node, Role};
use crate::clock;
use crate::cluster::process::{self, Process, Signal};
use crate::cluster::spec::Restarter;
use crate::cluster::{Error as ClusterError, Undone};

/// How long a node that was told to end in order may take until it is left as it is.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How soon a TaskManager dies that was thawed after its slots had been given up: its fenced Kafka writers end it.
const DIES_WITHIN: Duration = Duration::from_secs(5);

impl Local {
    pub(in crate::cluster) async fn undo(&self, inverse: &Inverse) -> Result<Undone, ClusterError> {
        match inverse {
            Inverse::StartReplacement { node } => Ok(self.replace(node).await?),
            Inverse::Thaw { node } => Ok(self.thaw(node).await?),
            Inverse::RemoveRule { link } => Ok(self.links.remove_rules(link).await?),
            Inverse::FullSpeed { node } => Ok(self.full_speed(node).await?),
            Inverse::RestoreMemory { node, .. } => Ok(self.restore_memory(node).await?),
            Inverse::Reconnect { .. } => Err(cannot("take a node off the network")),
            Inverse::RestoreTraffic { .. }
            | Inverse::RestoreTopicConfig { .. }
            | Inverse::EnsureJob { .. }
            | Inverse::Writable { .. }
            | Inverse::RemoveFill { .. } => Err(cannot("undo what the engine does")),
        }
    }

    /// Starts a node in the place of a dead one, unless one is there already.
    pub(super) async fn replace(&self, node: &Node) -> Result<Undone, Error> {
        self.let_end(node).await?;
        let started = {
            let locked = self.folder.lock(PATIENCE).await?;
            let mut record = self.record()?;
            let index = record.newest_in_place(record.find(node).ok_or_else(|| Error::Foreign(node.clone()))?);
            let present = &record.processes[index];
            if present.is_alive() {
                let what = if present.node().as_ref() == Some(node) {
                    format!("{node} is alive")
                } else {
                    format!("{} is there in place of {node}", present.name)
                };
                return Ok(Undone { at: clock::now(), changed: false, what });
            }
            if self.spec.restarted_by(node.role) == Restarter::Nobody {
                let what = format!("{node} stays away: the cluster file says that nobody restarts a {}", node.role);
                return Ok(Undone { at: clock::now(), changed: false, what });
            }
            let mut entry = launch(&record, self, node).start(&record, &self.folder)?;
            entry.in_place_of = Some(index);
            record.processes.push(entry.clone());
            locked.folder.write(&record)?;
            entry
        };
        let at = clock::now();
        let what = format!("{} started in place of {}", started.name, node.name);
        if node.role == Role::Taskmanager && !self.is_alive(Role::Jobmanager)? {
            // It cannot register now, and whoever brings the JobManager back may be waiting for this undo to end.
            return Ok(Undone { at, changed: true, what: format!("{what}; it registers when the JobManager is back") });
        }
        wait_until_back(&self.ready, &started, &self.record()?).await?;
        Ok(Undone { at, changed: true, what: format!("{what}, ready after {:.1} s", clock::now().seconds_since(at)) })
    }

    /// A node that squall has told to end may be about to: taking it for alive would leave its place empty.
    async fn let_end(&self, node: &Node) -> Result<(), Error> {
        let record = self.record()?;
        let entry = record.find(node).map(|index| &record.processes[index]).ok_or_else(|| Error::Foreign(node.clone()))?;
        if entry.ended.is_some()
            && let Some(process) = Process::open(entry.pid, entry.start_ticks).map_err(|source| failed(node, source))?
        {
            process.gone(ENDS_WITHIN).await.map_err(|source| failed(node, source))?;
        }
        Ok(())
    }

    fn is_alive(&self, role: Role) -> Result<bool, Error> {
        Ok(self.view()?.iter().any(|status| status.node.role == role && status.alive && !status.frozen))
    }

    /// Lets a stopped node go on; starts another in its place when it does not survive that.
    async fn thaw(&self, node: &Node) -> Result<Undone, Error> {
        let record = self.record()?;
        let entry = record.find(node).map(|index| record.processes[index].clone()).ok_or_else(|| Error::Foreign(node.clone()))?;
        let Some(process) = Process::open(entry.pid, entry.start_ticks).map_err(|source| failed(node, source))? else {
            return self.replace(node).await;
        };
        if process::is_stopped(entry.pid, entry.start_ticks) == Some(false) {
            return Ok(Undone { at: clock::now(), changed: false, what: format!("{node} runs") });
        }
        process.signal(Signal::CONT).map_err(|source| failed(node, source))?;
        if !process.stopped(false, ENDS_WITHIN).await {
            return Err(Error::Stubborn { node: node.clone(), what: "go on", waited: ENDS_WITHIN });
        }
        let at = clock::now();
        let frozen = entry.frozen.map_or(Duration::MAX, |since| Duration::from_secs_f64(at.seconds_since(since).max(0.0)));
        let given_up = node.role == Role::Taskmanager && frozen >= flink::heartbeat_timeout(&record.local().flink.config).0;
        if given_up && process.gone(DIES_WITHIN).await.map_err(|source| failed(node, source))? {
            let replaced = self.replace(node).await?;
            return Ok(Undone { at, changed: true, what: format!("{node} thawed and died of it; {}", replaced.what) });
        }
        Ok(Undone { at, changed: true, what: format!("{node} goes on") })
    }
}

/// The command that fills the place of a node: the same again, but for TaskManagers, whose ids are never used twice: Flink
/// would take a new process of an old id for the dead one, and fail its tasks once more.
fn launch(record: &Record, local: &Local, node: &Node) -> Launch {
    let number = |name: &str| name.rsplit('-').next().and_then(|digits| digits.parse::<usize>().ok());
    match node.role {
        Role::Broker => Launch::broker(record, &local.folder, number(&node.name).unwrap_or(1)),
        Role::Jobmanager => Launch::jobmanager(record, &local.folder),
        Role::Gateway => Launch::gateway(record, &local.folder),
        Role::Taskmanager => {
            let taskmanagers = record.processes.iter().filter(|entry| entry.node().is_some_and(|node| node.role == Role::Taskmanager));
            let last = taskmanagers.filter_map(|entry| number(&entry.name)).max().unwrap_or(0);
            Launch::taskmanager(record, &local.folder, &format!("tm-{}", last + 1))
        }
    }
}

async fn wait_until_back(ready: &Ready, started: &Entry, record: &Record) -> Result<(), Error> {
    let processes = std::slice::from_ref(started);
    match started.node().map(|node| node.role) {
        Some(Role::Taskmanager) => {
            let names = [started.name.clone()];
            ready::wait(processes, ready::START, async || ready.taskmanagers(&names).await).await
        }
        Some(Role::Jobmanager) => ready::wait(processes, ready::START, async || ready.jobmanager().await).await,
        Some(Role::Gateway) => ready::wait(processes, ready::START, async || ready.gateway().await).await,
        Some(Role::Broker) => {
            let alive = record.present().filter(|entry| entry.node().is_some_and(|node| node.role == Role::Broker) && entry.is_alive());
            let number = alive.count();
            ready::wait(processes, ready::START, async || ready.brokers(number).await).await
        }
        None => Ok(()),
    }
}
