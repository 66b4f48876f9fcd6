//! Which undos of a journal are still owed.

use std::collections::BTreeMap;

use super::{Event, EventKind, FaultId, UndoId};
use crate::action::Inverse;
use crate::clock::Timestamp;

/// An undo that was recorded and not yet read back as restored.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenUndo {
    /// Its id.
    pub undo: UndoId,
    /// The fault that it belongs to.
    pub fault: FaultId,
    /// The step of the aim that it takes back.
    pub step: u32,
    /// What to do.
    pub inverse: Inverse,
    /// When it was recorded, just before its deed.
    pub recorded: Timestamp,
}

/// Follows undos through a journal.
#[derive(Debug, Clone, Default)]
pub struct OpenUndos {
    open: BTreeMap<UndoId, OpenUndo>,
    next: u64,
}

impl OpenUndos {
    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        match &event.event {
            EventKind::UndoRecorded { undo, fault, step, inverse, .. } => {
                self.next = self.next.max(undo.0 + 1);
                let open = OpenUndo { undo: *undo, fault: fault.clone(), step: *step, inverse: inverse.clone(), recorded: event.at };
                self.open.insert(*undo, open);
            }
            EventKind::UndoPerformed { undo, restored: true, .. } => {
                self.open.remove(undo);
            }
            _ => {}
        }
    }

    /// Those still owed, in the order in which they are to be done: last in, first out.
    pub fn last_first(&self) -> Vec<OpenUndo> {
        self.open.values().rev().cloned().collect()
    }

    /// Those of one fault, last in, first out.
    pub fn of(&self, fault: &FaultId) -> Vec<OpenUndo> {
        self.open.values().rev().filter(|open| open.fault == *fault).cloned().collect()
    }

    /// Whether one is still owed.
    pub fn is_open(&self, undo: UndoId) -> bool {
        self.open.contains_key(&undo)
    }

    /// Whether none is owed.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The id of the next undo.
    pub fn next_id(&self) -> UndoId {
        UndoId(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_in_first_out_and_only_what_is_owed() {
        let fault = FaultId { name: "slow".into(), occurrence: 0 };
        let recorded = |seq, undo| Event {
            seq,
            at: Timestamp(seq as i64),
            event: EventKind::UndoRecorded {
                undo: UndoId(undo),
                fault: fault.clone(),
                step: 0,
                inverse: Inverse::RemoveRule { link: "sink".into() },
                due: None,
            },
        };
        let performed = |seq, undo, restored| Event {
            seq,
            at: Timestamp(seq as i64),
            event: EventKind::UndoPerformed { undo: UndoId(undo), restored, effective: None, what: String::new(), error: None },
        };
        let mut undos = OpenUndos::default();
        for event in [recorded(0, 0), recorded(1, 1), recorded(2, 2), performed(3, 1, true), performed(4, 2, false)] {
            undos.push(&event);
        }
        assert_eq!(undos.last_first().iter().map(|open| open.undo.0).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(undos.next_id(), UndoId(3));
        assert!(!undos.is_open(UndoId(1)) && !undos.is_empty());
        assert_eq!(undos.of(&fault).len(), 2);
    }
}
