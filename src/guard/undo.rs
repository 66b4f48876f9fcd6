//! Undoing a run whose engine is dead, from its journal alone.

use std::time::Duration;

use super::lock::{ClusterLock, UndoLock};
use super::owed::{Owed, Thing};
use super::reach::{Reach, cluster_spec};
use super::{Error, engine, inverse, registry, things};
use crate::cluster::Places;
use crate::journal::{Ending, EventKind, OpenUndo, Phase, RunFolder, Writer};

/// Longer than any single undo takes on a loaded machine: a TaskManager starts within half a minute there.
const UNDO_WITHIN: Duration = Duration::from_secs(90);
/// How long somebody else may be on the cluster, or at the same undo, before this one gives up. A run that finds leftovers ends
/// within a moment.
const PATIENCE: Duration = Duration::from_secs(20);
/// What fails is tried this often: a node that comes back by itself, or with a later undo, may have been needed.
const ROUNDS: usize = 3;
const BETWEEN_ROUNDS: Duration = Duration::from_secs(2);

/// What an undo did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The run.
    pub run: String,
    /// What was undone or removed, and what was seen of it: one sentence each.
    pub done: Vec<String>,
    /// What is left, and why: one sentence each.
    pub left: Vec<String>,
    /// What a resume needs and therefore stays, of a run that can be resumed.
    pub kept: Vec<String>,
}

impl Report {
    /// Whether nothing is left.
    pub fn is_clean(&self) -> bool {
        self.left.is_empty()
    }
}

/// Takes back all that a run owes, last in first out, and removes what it made. Done twice it does no harm. `by` goes into the
/// journal: `guard`, `undo command`. Whoever holds the lock of the run's cluster passes it.
///
/// # Errors
/// When the run's engine is alive, when somebody else is on the cluster or at the same undo, and when the run's folder cannot be
/// read. What could not be undone is no error, but in the report.
pub async fn undo_run(folder: &RunFolder, places: &Places, by: &str, held: Option<&ClusterLock>) -> Result<Report, Error> {
    undo(folder, places, by, held, false).await
}

/// The same, but what a run that can be resumed has made stays, and the run does not end.
///
/// # Errors
/// As [`undo_run`].
pub async fn undo_for_a_resume(folder: &RunFolder, places: &Places, by: &str, held: Option<&ClusterLock>) -> Result<Report, Error> {
    undo(folder, places, by, held, true).await
}

async fn undo(folder: &RunFolder, places: &Places, by: &str, held: Option<&ClusterLock>, resume: bool) -> Result<Report, Error> {
    let owed = Owed::read(folder)?;
    if engine::is_alive(owed.engine) {
        return Err(Error::EngineAlive { run: owed.run, pid: owed.engine.0 });
    }
    let spec = cluster_spec(folder)?;
    let _lock = match held {
        Some(_) => None,
        None => {
            let lock = places.state.join("locks").join(spec.name.as_str());
            Some(ClusterLock::take_within(&lock, &format!("the undo of run {}", owed.run), PATIENCE).await?)
        }
    };
    let journal = |source| Error::File { path: folder.journal(), source };
    let Some(_undoing) = UndoLock::take_within(folder, PATIENCE).await.map_err(journal)? else {
        return Err(Error::BeingUndone(owed.run));
    };
    // Another undo may have been at it until now.
    let owed = Owed::read(folder)?;
    let keeps = resume && owed.resumable().is_some();
    let report = if owed.is_nothing() && owed.ended.is_some() {
        Report { run: owed.run, ..Report::default() }
    } else {
        let last = owed.last().max(folder.last_sample().unwrap_or(0));
        let writer = Writer::resume(folder.clone(), last)?;
        let undoing = Undoing { by, writer, unwritten: false, reach: Reach::new(spec, places), report: Report::default(), owed };
        if keeps { undoing.faults().await } else { undoing.whole().await }
    };
    if report.is_clean() && !keeps {
        registry::forget(places, &report.run);
    }
    Ok(report)
}

struct Undoing<'a> {
    by: &'a str,
    owed: Owed,
    writer: Writer,
    unwritten: bool,
    reach: Reach<'a>,
    report: Report,
}

impl Undoing<'_> {
    async fn whole(mut self) -> Report {
        self.report.run.clone_from(&self.owed.run);
        if self.owed.ended.is_none() {
            self.note(EventKind::Phase(Phase::CleaningUp));
        }
        let in_flight = self.owed.is_submitting();
        self.take_down().await;
        let mut left = self.undos().await;
        let things = self.owed.things.clone();
        let mut removed = Vec::new();
        left.extend(things::remove_all(&things, &mut self.reach, in_flight, |thing, what| removed.push((thing.clone(), what))).await);
        for (thing, what) in removed {
            self.removed(&thing, what);
        }
        let clean = left.is_empty();
        self.report.left = left;
        match self.owed.ended.clone() {
            // What squall died of cannot be seen from here; what it leaves is the same.
            None => self.note(EventKind::RunEnded { ending: Ending::Interrupted("SIGKILL".to_owned()), clean }),
            Some((ending, false)) if clean => self.note(EventKind::RunEnded { ending, clean }),
            Some(_) => {}
        }
        self.report
    }

    /// The faults alone: the run can be resumed.
    async fn faults(mut self) -> Report {
        self.report.run.clone_from(&self.owed.run);
        self.report.left = self.undos().await;
        self.report.kept = self.owed.things.iter().map(|thing| format!("{} {}", thing.kind, thing.name)).collect();
        self.report
    }

    /// Safety comes before the record: an undo that cannot be written is done all the same.
    fn note(&mut self, event: EventKind) {
        match self.writer.append_now(event) {
            Ok(event) => self.owed.push(&event),
            Err(error) if !self.unwritten => {
                self.unwritten = true;
                tracing::error!("the undo goes on without a record: {error}");
            }
            Err(_) => {}
        }
    }

    /// Takes back what is owed, last in first out; what fails is tried again after the others. Returns what is left, and why.
    async fn undos(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(BETWEEN_ROUNDS).await;
            }
            left.clear();
            for open in self.owed.undos.last_first() {
                if let Err(error) = self.undo(&open).await {
                    left.push(format!("{}: {error}", open.fault.name));
                }
            }
            if left.is_empty() {
                break;
            }
        }
        left
    }

    async fn undo(&mut self, open: &OpenUndo) -> Result<(), Error> {
        self.note(EventKind::UndoStarted { undo: open.undo, by: self.by.to_owned() });
        let job = self.owed.job();
        let undone = tokio::time::timeout(UNDO_WITHIN, inverse::undo(&open.inverse, &mut self.reach, job)).await;
        let undone = undone.unwrap_or(Err(Error::Deadline(UNDO_WITHIN.as_secs())));
        let (restored, what, error) = match &undone {
            Ok(what) => (true, what.clone(), None),
            Err(error) => (false, String::new(), Some(error.to_string())),
        };
        if restored {
            self.report.done.push(format!("{}: {what}", open.fault.name));
        }
        self.note(EventKind::UndoPerformed { undo: open.undo, restored, effective: None, what, error });
        if self.owed.is_over(&open.fault) {
            self.note(EventKind::FaultRemoved { fault: open.fault.clone() });
        }
        undone.map(|_| ())
    }

    /// A cluster that the run started goes down with all that was done to it and made on it. When that fails, the rest is undone one
    /// by one.
    async fn take_down(&mut self) {
        let Some(cluster) = self.owed.things.iter().find(|thing| thing.kind == "cluster").cloned() else { return };
        let down = tokio::time::timeout(UNDO_WITHIN, things::remove(&cluster, &mut self.reach, false)).await;
        let Ok(Ok(what)) = down else { return };
        self.removed(&cluster, what);
        for thing in self.owed.things.clone() {
            if thing.kind != "file" {
                self.note(EventKind::Removed { kind: thing.kind, name: thing.name });
            }
        }
    }

    fn removed(&mut self, thing: &Thing, what: String) {
        self.report.done.push(what);
        self.note(EventKind::Removed { kind: thing.kind.clone(), name: thing.name.clone() });
    }
}
