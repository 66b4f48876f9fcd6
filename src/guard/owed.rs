//! What a run still owes, by its journal.

use std::collections::BTreeSet;

use crate::action::Inverse;
use crate::clock::Timestamp;
use crate::journal::{BrokenOff, Ending, Error, Event, EventKind, FaultId, OpenUndo, OpenUndos, Reader, RunFolder};

/// Something that a run made and has not removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// `job`, `group`, `topic`, `file`, `cluster`.
    pub kind: String,
    /// Its name; of a job its name or its id.
    pub name: String,
    /// Since when.
    pub made: Timestamp,
}

/// A run, as far as undoing it is concerned.
#[derive(Debug, Clone, Default)]
pub struct Owed {
    /// Run id.
    pub run: String,
    /// Pid and start time of its engine.
    pub engine: (i32, u64),
    /// When it began.
    pub started: Timestamp,
    /// Undos that are owed.
    pub undos: OpenUndos,
    /// Things to be removed, in the order in which they were made.
    pub things: Vec<Thing>,
    /// How it ended and whether that was clean, when it came to its end.
    pub ended: Option<(Ending, bool)>,
    broken_off: BrokenOff,
    jobs: Vec<(String, String)>,
    removed: BTreeSet<FaultId>,
    last: u64,
}

impl Owed {
    /// Reads it.
    ///
    /// # Errors
    /// When the journal cannot be read, or is a newer squall's.
    pub fn read(folder: &RunFolder) -> Result<Self, Error> {
        let mut owed = Self { run: folder.run(), ..Self::default() };
        for event in Reader::open_journal(folder)? {
            owed.push(&event?);
        }
        Ok(owed)
    }

    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        self.last = self.last.max(event.seq);
        self.undos.push(event);
        self.broken_off.push(event);
        match &event.event {
            EventKind::RunStarted { run, engine, .. } => {
                self.run.clone_from(run);
                self.engine = *engine;
                self.started = event.at;
            }
            EventKind::Resumed { engine, .. } => self.engine = *engine,
            EventKind::Made { kind, name } => {
                self.things.push(Thing { kind: kind.clone(), name: name.clone(), made: event.at });
            }
            EventKind::Removed { kind, name } => self.remove(kind, name),
            EventKind::JobRuns { id, name, .. } => {
                self.jobs.push((id.clone(), name.clone()));
            }
            EventKind::FaultRemoved { fault } => {
                self.removed.insert(fault.clone());
            }
            EventKind::RunEnded { ending, clean } => {
                self.ended = Some((ending.clone(), *clean));
                if *clean {
                    self.things.clear();
                }
            }
            _ => {}
        }
    }

    /// A job is made under its name, before it has an id, and may be removed by its id.
    fn remove(&mut self, kind: &str, name: &str) {
        let same =
            |thing: &Thing| thing.name == name || kind == "job" && self.jobs.iter().any(|(id, called)| id == name && *called == thing.name);
        self.things.retain(|thing| thing.kind != kind || !same(thing));
    }

    /// Whether nothing is owed.
    pub fn is_nothing(&self) -> bool {
        self.undos.is_empty() && self.things.is_empty()
    }

    /// The scenario's folder and the last line before the death of the engine, where the run can be resumed: its things are kept then.
    pub fn resumable(&self) -> Option<(&str, Timestamp)> {
        self.broken_off.resumable()
    }

    /// Whether a fault was not yet said to be removed, and has no undo left.
    pub fn is_over(&self, fault: &FaultId) -> bool {
        !self.removed.contains(fault) && self.undos.of(fault).is_empty()
    }

    /// The job that ran last, by Flink's id, and whether the run made it.
    pub(super) fn job(&self) -> Option<(&str, bool)> {
        let (id, name) = self.jobs.last()?;
        let own = self.things.iter().any(|thing| thing.kind == "job" && (thing.name == *name || thing.name == *id));
        Some((id, own))
    }

    /// Whether the journal ends between the start of a submission and its answer.
    pub(super) fn is_submitting(&self) -> bool {
        let drill = |open: &OpenUndo| matches!(open.inverse, Inverse::EnsureJob { .. });
        self.jobs.is_empty() || self.undos.last_first().iter().any(drill)
    }

    /// Number of the last event of the journal.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Since when something is owed.
    pub fn since(&self) -> Timestamp {
        let undos = self.undos.last_first().into_iter().map(|open| open.recorded);
        undos.chain(self.things.iter().map(|thing| thing.made)).min().unwrap_or(self.started)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::journal::UndoId;

    fn owed(events: Vec<EventKind>) -> Owed {
        let mut owed = Owed::default();
        for (seq, event) in (0..).zip(events) {
            owed.push(&Event { seq, at: Timestamp(seq as i64), event });
        }
        owed
    }

    fn made(kind: &str, name: &str) -> EventKind {
        EventKind::Made { kind: kind.into(), name: name.into() }
    }

    fn removed(kind: &str, name: &str) -> EventKind {
        EventKind::Removed { kind: kind.into(), name: name.into() }
    }

    fn undo(undo: u64) -> EventKind {
        let fault = FaultId { name: "cut".into(), occurrence: 0 };
        EventKind::UndoRecorded { undo: UndoId(undo), fault, step: 0, inverse: Inverse::RemoveRule { link: "sink".into() }, due: None }
    }

    #[test]
    fn what_was_made_and_not_removed() {
        let runs = EventKind::JobRuns { id: "1f".into(), name: "squall-x-r".into(), vertices: Vec::new() };
        let mut events = vec![made("topic", "a"), made("topic", "b"), made("job", "squall-x-r"), runs, removed("topic", "a")];
        let names = |owed: &Owed| owed.things.iter().map(|thing| thing.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&owed(events.clone())), ["b", "squall-x-r"]);
        events.push(removed("job", "1f"));
        let now = owed(events.clone());
        assert_eq!((names(&now), now.since()), (vec!["b".to_owned()], Timestamp(1)));
        events.push(EventKind::RunEnded { ending: Ending::Completed, clean: false });
        assert!(!owed(events.clone()).is_nothing());
        events.push(EventKind::RunEnded { ending: Ending::Completed, clean: true });
        assert!(owed(events).is_nothing());
    }

    #[test]
    fn a_run_that_was_resumed_has_another_engine() {
        let mut events = vec![EventKind::RunStarted { schema: 1, run: "r".into(), squall: "0".into(), engine: (1, 1) }];
        events.push(EventKind::Resumable { base: "/s".into() });
        assert_eq!((owed(events.clone()).engine, owed(events.clone()).resumable().map(|(_, last)| last)), ((1, 1), Some(Timestamp(1))));
        events.push(EventKind::Resumed { squall: "0".into(), engine: (2, 2), since: Timestamp(1) });
        assert_eq!(owed(events.clone()).engine, (2, 2));
        events.push(EventKind::RunEnded { ending: Ending::Completed, clean: true });
        assert_eq!(owed(events).resumable(), None);
    }

    #[test]
    fn a_fault_is_over_with_its_last_undo_and_once() {
        let fault = FaultId { name: "cut".into(), occurrence: 0 };
        let performed =
            |undo| EventKind::UndoPerformed { undo: UndoId(undo), restored: true, effective: None, what: String::new(), error: None };
        let mut events = vec![undo(0), undo(1), performed(1)];
        assert!(!owed(events.clone()).is_over(&fault));
        events.push(performed(0));
        assert!(owed(events.clone()).is_over(&fault));
        events.push(EventKind::FaultRemoved { fault: fault.clone() });
        assert!(!owed(events).is_over(&fault));
    }
}
