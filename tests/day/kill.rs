//! What a killed TaskManager leaves in a journal.

use std::collections::BTreeMap;

use squall::action::{Action, Aim, Identity, Inverse, Node, NodeDeed, Role, Step, Strength, Testimony, View, Witness};
use squall::clock::Timestamp;
use squall::journal::{EventKind, FaultId, SubtaskTimes, UndoId};
use squall::units::Duration;

use super::{COMMIT, Story, stamp};

const FAULT: &str = "lose-one";

impl Story<'_> {
    /// A TaskManager dies, the job restarts, and another one takes its place.
    pub(super) fn kill(&mut self, occurrence: u32, at: i64) {
        let fault = FaultId { name: FAULT.to_owned(), occurrence };
        let undo = UndoId(occurrence.into());
        let node = Node { role: Role::Taskmanager, name: self.nodes[1].clone(), identity: Identity::Named };
        let inverse = Inverse::StartReplacement { node: node.clone() };
        let step = Step {
            action: Action::Node { node: node.clone(), deed: NodeDeed::Kill },
            inverse: Some(inverse.clone()),
            witness: Witness::Gone { node: node.clone() },
        };
        let aim = Aim { steps: vec![step], undo_after: Some(Duration::from_secs(5)), held: false, target: node.name.clone() };
        let testimony = Testimony { acted: true, carried_work: true, strength: Strength::Strong, what: "process gone".into() };
        let running = at + self.down(at) as i64 - 1500;
        let poll_gap = Duration::from_millis(200);
        let state = |state: &str, since| EventKind::JobState { state: state.into(), since: Some(stamp(since + 3)), poll_gap };
        let entered = [("DEPLOYING", running - 300), ("INITIALIZING", running - 200), ("RUNNING", running)];
        let entered: BTreeMap<String, Timestamp> = entered.into_iter().map(|(state, at)| (state.to_owned(), stamp(at + 3))).collect();
        self.nodes[1] = format!("tm-{}", occurrence + 3);
        let mut events = vec![
            (-20, EventKind::FaultDue { fault: fault.clone(), planned: stamp(at) }),
            (-10, EventKind::FaultAimed { fault: fault.clone(), view: View::default(), aim }),
            (-5, EventKind::UndoRecorded { undo, fault: fault.clone(), step: 0, inverse, due: None }),
            (
                1,
                EventKind::ActionPerformed {
                    fault: fault.clone(),
                    step: 0,
                    effective: Some(stamp(at)),
                    what: "killed".into(),
                    error: None,
                },
            ),
            (30, EventKind::Witnessed { fault: fault.clone(), step: 0, testimony }),
            (
                2300,
                EventKind::Exception {
                    thrown: stamp(at + 2003),
                    name: "org.apache.flink.runtime.jobmaster.JobMasterException".into(),
                    task: None,
                    taskmanager: None,
                    cause: format!("JobMasterException: TaskManager with id {} is no longer reachable.", node.name),
                    thrown_in: None,
                },
            ),
            (2300, state("RESTARTING", at + 2005)),
            (2350, EventKind::SubtasksRunning { running: 2, total: 4, poll_gap }),
            (3200, state("RUNNING", at + 3010)),
            (5000, EventKind::UndoStarted { undo, by: "engine".into() }),
            (5100, EventKind::UndoPerformed { undo, restored: true, effective: None, what: "another one started".into(), error: None }),
            (5101, EventKind::FaultRemoved { fault }),
            (running - at + 250, EventKind::Restored { checkpoint: (at / COMMIT) as u64, savepoint: false, at: stamp(running - 200) }),
            (running - at + 251, EventKind::SubtasksRunning { running: 4, total: 4, poll_gap }),
        ];
        for (vertex, index) in [("source", 0), ("source", 1), ("sink", 0), ("sink", 1)] {
            let times = SubtaskTimes {
                vertex: vertex.into(),
                index,
                attempt: occurrence + 1,
                state: "RUNNING".into(),
                taskmanager: Some(self.nodes[1].clone()),
                entered: entered.clone(),
            };
            events.push((running - at + 260, EventKind::SubtaskTimes(times)));
        }
        events.sort_by_key(|(after, _)| *after);
        self.due = events.into_iter().map(|(after, event)| (at + after, event)).collect();
    }

    pub(super) fn tell_due(&mut self, until: i64) {
        while let Some((at, event)) = self.due.pop_front_if(|(at, _)| *at <= until) {
            self.tell(at, event);
        }
    }
}
