//! One fault from its moment to its end: look, aim, ask for consent, record the undo, do, witness, hold, take back.

use std::time::Duration;

use crate::action::{Action, Aim, Node, Role, Step, TopicView, View};
use crate::clock::{self, Timestamp};
use crate::journal::{EventKind, FaultId, OpenUndo, Record, UndoId};
use crate::plan::{self, Plan, PlannedFault};

use super::before::Before;
use super::perform::World;
use super::recorder::Recorder;
use super::stop::Stop;
use super::{consent, crash, view as looking};

/// Longer than any single undo takes on a loaded machine: a TaskManager starts within half a minute there.
const UNDO_WITHIN: Duration = Duration::from_secs(90);
/// Between two tries of an undo that failed, at first and at most: what was in its way may pass, and a soak goes on for hours.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(240)];
/// Traffic and proxies need this long to have met the change, before a witness looks.
const SETTLE: Duration = Duration::from_secs(1);
/// How long before its moment a fault aims, so that looking at the cluster and writing the undo make no deed late.
pub const AIMS_BEFORE: Duration = Duration::from_millis(500);

/// What firing needs.
#[derive(Debug, Clone, Copy)]
pub struct Firing<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What can be acted on.
    pub world: &'a World,
    /// Where it is written.
    pub recorder: &'a Recorder,
    /// Topics, for the view.
    pub topics: &'a [TopicView],
    /// When to stop holding.
    pub stop: &'a Stop,
}

/// A deed that was tried.
#[derive(Debug)]
struct Deed {
    undo: Option<UndoId>,
    before: Before,
}

impl Firing<'_> {
    /// Aims a fault, does it when it is `planned`, and holds it until its end, or the end of the run; then takes it back. Never returns
    /// early. True when something that should have been taken back by now was not.
    pub async fn fire(&self, fault: &PlannedFault, planned: Timestamp) -> bool {
        let id = FaultId { name: fault.name.clone(), occurrence: fault.occurrence };
        self.recorder.record(EventKind::FaultDue { fault: id.clone(), planned });
        let (mut view, mut aim) = match self.aim(fault, &id).await {
            Ok(aimed) => aimed,
            Err(reason) => {
                self.recorder.record(EventKind::FaultNotAimed { fault: id, reason });
                return false;
            }
        };
        let last = clock::now().plus(fault.fault.lasts().unwrap_or_default().0);
        let mut steps = 0;
        for round in 1..=fault.fault.rounds() {
            if round > 1 {
                if self.stop.reason().is_some() || clock::now() >= last {
                    break;
                }
                match self.again(fault, &id, &view).await {
                    Ok(aimed) => (view, aim) = aimed,
                    Err(error) => {
                        self.failed(&id, steps, error);
                        break;
                    }
                }
            }
            self.round(&id, steps, planned, &aim, &view).await;
            steps += u32::try_from(aim.steps.len()).unwrap_or(u32::MAX);
        }
        let owed = !self.recorder.undos().of(&id).is_empty();
        if !owed {
            self.recorder.record(EventKind::FaultRemoved { fault: id });
        }
        owed && aim.undo_after.is_some()
    }

    /// Tries again and again to take back what could not be taken back, as long as the run has time until `end`; whoever ends the run tries
    /// once more.
    pub async fn undo_again(&self, id: &FaultId, end: Timestamp) {
        let [mut pause, longest] = AGAIN_AFTER;
        while clock::now().plus(pause) < end {
            if self.stop.unless(tokio::time::sleep(pause)).await.is_err() {
                return;
            }
            self.undo_all(id).await;
            if self.recorder.undos().of(id).is_empty() {
                return self.recorder.record(EventKind::FaultRemoved { fault: id.clone() });
            }
            pause = (2 * pause).min(longest);
        }
    }

    /// Performs an aim when it is planned, holds it, and takes it back; its steps are numbered from `first`.
    async fn round(&self, id: &FaultId, first: u32, planned: Timestamp, aim: &Aim, view: &View) {
        let began = clock::now().max(planned);
        let mut done = Vec::new();
        for (index, step) in (first..).zip(&aim.steps) {
            // A run that ends does no more harm.
            if self.stop.reason().is_some() {
                break;
            }
            match self.step(id, index, planned, (step, aim), view).await {
                Ok(deed) => done.push(deed),
                Err(error) => {
                    self.failed(id, index, error);
                    break;
                }
            }
        }
        if let Some(after) = aim.undo_after {
            // A run that ends takes everything back at once.
            let _ = self.stop.unless(tokio::time::sleep(began.plus(after.0).remaining())).await;
        }
        if aim.held {
            for ((index, step), deed) in (first..).zip(&aim.steps).zip(&done) {
                self.witness(id, index, step, deed, view).await;
            }
        }
        if aim.undo_after.is_some() || self.stop.reason().is_some() {
            self.undo_all(id).await;
        }
    }

    fn failed(&self, id: &FaultId, step: u32, error: String) {
        let event = EventKind::ActionPerformed { fault: id.clone(), step, effective: None, what: String::new(), error: Some(error) };
        self.recorder.record(event);
    }

    async fn aim(&self, fault: &PlannedFault, id: &FaultId) -> Result<(View, Aim), String> {
        let view = self.look().await?;
        let mut rng = plan::rng_for(self.plan.seed, &fault.name, fault.occurrence);
        let aim = fault.fault.aim(&view, &mut rng).map_err(|none| none.0)?;
        self.aimed(fault, id, view, aim)
    }

    async fn again(&self, fault: &PlannedFault, id: &FaultId, before: &View) -> Result<(View, Aim), String> {
        let view = self.look().await?;
        let aim = fault.fault.again(before, &view).map_err(|none| none.0)?;
        self.aimed(fault, id, view, aim)
    }

    async fn look(&self) -> Result<View, String> {
        let job = self.world.job.id();
        looking::look(&self.world.cluster, self.world.job.rest(), job.as_ref(), self.topics)
            .await
            .map_err(|error| format!("the cluster could not be looked at: {error}"))
    }

    /// Asks for consent, and journals what was chosen.
    fn aimed(&self, fault: &PlannedFault, id: &FaultId, view: View, aim: Aim) -> Result<(View, Aim), String> {
        consent::check(self.world.cluster.spec(), fault.fault.kind(), &view, &aim)?;
        let event = EventKind::FaultAimed { fault: id.clone(), view: view.clone(), aim: aim.clone() };
        self.recorder.durably(event).map_err(|error| format!("the aim could not be journalled: {error}"))?;
        Ok((view, aim))
    }

    /// Records the undo, then does the deed: in this order, or not at all.
    async fn step(&self, id: &FaultId, index: u32, planned: Timestamp, (step, aim): (&Step, &Aim), view: &View) -> Result<Deed, String> {
        let unread = |error| format!("the state before could not be read: {error}");
        let before = self.world.before(&step.witness).await.map_err(unread)?;
        crash::point("before-journal");
        let undo = match step.inverse.clone() {
            None => None,
            Some(inverse) => {
                let inverse = self.world.complete(inverse).await.map_err(unread)?;
                let due = aim.undo_after.map(|after| clock::now().plus(after.0));
                let recorded = |undo| EventKind::UndoRecorded { undo, fault: id.clone(), step: index, inverse, due };
                Some(self.recorder.record_undo(recorded).map_err(|error| format!("the undo could not be journalled: {error}"))?)
            }
        };
        let deed = Deed { undo, before };
        crash::point("after-journal");
        if self.stop.unless(tokio::time::sleep(planned.remaining())).await.is_err() {
            return Err("the run ended before its moment".to_owned());
        }
        let performed = self.world.perform(undo, step, aim.undo_after.filter(|_| aim.held).map(|after| after.0)).await;
        crash::point("after-deed");
        let (effective, what, error) = match performed {
            Ok(done) => (Some(done.effective), done.what, None),
            Err(error) => (None, String::new(), Some(error.to_string())),
        };
        let failed = error.is_some();
        self.recorder.record(EventKind::ActionPerformed { fault: id.clone(), step: index, effective, what, error });
        if !failed {
            if aim.held {
                let _ = self.stop.unless(tokio::time::sleep(SETTLE)).await;
            }
            self.witness(id, index, step, &deed, view).await;
        }
        crash::point("while-held");
        Ok(deed)
    }

    async fn witness(&self, id: &FaultId, index: u32, step: &Step, deed: &Deed, view: &View) {
        match self.world.witness(deed.undo, step, &deed.before).await {
            Ok(mut testimony) => {
                if let Action::Node { node, .. } = &step.action {
                    testimony.carried_work = carried_work(node, view);
                } else if matches!(step.action, Action::Link { .. }) {
                    testimony.carried_work = testimony.acted;
                }
                self.recorder.record(EventKind::Witnessed { fault: id.clone(), step: index, testimony });
            }
            Err(error) => tracing::warn!("no witness for {}: {error}", id.name),
        }
    }

    /// Takes back what a fault did, last in first out.
    pub async fn undo_all(&self, id: &FaultId) {
        for open in self.recorder.undos().of(id) {
            self.undo(&open, "engine").await;
        }
    }

    /// Takes one deed back, within a deadline of its own.
    pub async fn undo(&self, open: &OpenUndo, by: &str) {
        crash::point("before-undo");
        self.recorder.record(EventKind::UndoStarted { undo: open.undo, by: by.to_owned() });
        crash::point("during-undo");
        let undone = tokio::time::timeout(UNDO_WITHIN, self.world.undo(open.undo, &open.inverse)).await;
        crash::point("after-undo");
        let (effective, what, error) = match undone {
            Ok(Ok(done)) => (Some(done.effective), done.what, None),
            Ok(Err(error)) => (None, String::new(), Some(error.to_string())),
            Err(_) => (None, String::new(), Some(format!("not done within {} s", UNDO_WITHIN.as_secs()))),
        };
        let restored = error.is_none();
        self.recorder.record(EventKind::UndoPerformed { undo: open.undo, restored, effective, what, error });
    }
}

/// Whether a victim carried work of the job when it was aimed at. Other nodes than TaskManagers work for every job.
fn carried_work(node: &Node, view: &View) -> bool {
    node.role != Role::Taskmanager || view.nodes.iter().any(|seen| seen.node == *node && !seen.subtasks.is_empty())
}
