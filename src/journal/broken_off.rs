//! Whether a run can be resumed, and until when its engine was at work, by its journal.

use super::{Event, EventKind, Phase};
use crate::clock::Timestamp;

/// Follows a journal over the deaths of its engines. What the guard writes between them is nobody's work on the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokenOff {
    base: Option<String>,
    at_work: bool,
    stopped: bool,
    last: Timestamp,
}

impl BrokenOff {
    /// Takes in the next event, of the journal alone or with its samples.
    pub fn push(&mut self, event: &Event) {
        match &event.event {
            EventKind::RunStarted { .. } => self.at_work = true,
            EventKind::UndoStarted { by, .. } if by != "engine" => self.at_work = false,
            EventKind::Resumable { base } => self.base = Some(base.clone()),
            // A gap lasts until traffic flows again, however many squalls have tried; when it had stopped, only the sink is left to be read.
            EventKind::Resumed { since, .. } => (self.at_work, self.last) = (self.stopped, *since),
            EventKind::TrafficResumed { .. } => self.at_work = true,
            EventKind::TrafficStopped(_) => self.stopped = true,
            EventKind::Phase(Phase::CleaningUp) | EventKind::RunEnded { .. } => self.base = None,
            _ => {}
        }
        if self.at_work {
            self.last = self.last.max(event.at);
        }
    }

    /// The scenario's folder and the last line before the death, of a run that can be resumed once its engine is dead.
    pub fn resumable(&self) -> Option<(&str, Timestamp)> {
        self.base.as_deref().map(|base| (base, self.last))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::journal::{Accounting, Ending, UndoId};

    fn after(events: &[(i64, EventKind)]) -> BrokenOff {
        let mut broken = BrokenOff::default();
        for (seq, (at, event)) in (0..).zip(events) {
            broken.push(&Event { seq, at: Timestamp(*at), event: event.clone() });
        }
        broken
    }

    fn started() -> Vec<(i64, EventKind)> {
        vec![
            (1, EventKind::RunStarted { schema: 1, run: "r".into(), squall: "0".into(), engine: (1, 1) }),
            (2, EventKind::Resumable { base: "/s".into() }),
            (9, EventKind::Phase(Phase::Running)),
        ]
    }

    fn resumed(since: i64) -> EventKind {
        EventKind::Resumed { squall: "0".into(), engine: (2, 2), since: Timestamp(since) }
    }

    fn by_the_guard() -> EventKind {
        EventKind::UndoStarted { undo: UndoId(0), by: "guard".into() }
    }

    #[test]
    fn a_run_is_resumable_while_traffic_flows_or_the_sink_is_read() {
        let mut events = started();
        assert_eq!(after(&events[..1]).resumable(), None);
        assert_eq!(after(&events).resumable(), Some(("/s", Timestamp(9))));
        events.push((12, EventKind::Phase(Phase::Draining)));
        assert_eq!(after(&events).resumable(), Some(("/s", Timestamp(12))));
        events.push((13, EventKind::Phase(Phase::CleaningUp)));
        assert_eq!(after(&events).resumable(), None);
        let ended = EventKind::RunEnded { ending: Ending::Completed, clean: true };
        assert_eq!(after(&[started(), vec![(20, ended)]].concat()).resumable(), None);
    }

    #[test]
    fn a_gap_begins_with_the_last_line_of_work() {
        // The guard's lines are none, nor are those of a squall that died before traffic flowed again.
        let mut events = [started(), vec![(20, by_the_guard()), (21, resumed(9)), (30, EventKind::Phase(Phase::Running))]].concat();
        assert_eq!(after(&events).resumable().unwrap().1, Timestamp(9));
        events.push((31, EventKind::TrafficResumed { start: Timestamp(32), unsent: 0 }));
        events.push((40, EventKind::Phase(Phase::Running)));
        assert_eq!(after(&events).resumable().unwrap().1, Timestamp(40));
        // Where traffic had stopped, there is none to wait for.
        events.extend([(50, EventKind::TrafficStopped(Accounting::default())), (51, by_the_guard()), (60, resumed(50))]);
        events.push((61, EventKind::Phase(Phase::Draining)));
        assert_eq!(after(&events).resumable().unwrap().1, Timestamp(61));
    }
}
