//! One fault from its moment to its end: look, aim, ask for consent, record the undo, do, witness, hold, take back.

use std::time::Duration;

use crate::action::{Action, Aim, Node, Role, Step, TopicView, View};
use crate::clock::{self, Timestamp};
use crate::journal::{EventKind, FaultId, OpenUndo, Record, UndoId};
use crate::plan::{self, Plan, PlannedFault};

use super::perform::World;
use super::recorder::Recorder;
use super::stop::Stop;
use super::{consent, crash, view as looking};

/// Longer than any single undo takes on a loaded machine: a TaskManager starts within half a minute there.
const UNDO_WITHIN: Duration = Duration::from_secs(90);
/// Traffic and proxies need this long to have met the change, before a witness looks.
const SETTLE: Duration = Duration::from_secs(1);

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

impl Firing<'_> {
    /// Fires a fault and holds it until its end, or the end of the run; then takes it back. Never returns early.
    pub async fn fire(&self, fault: &PlannedFault, planned: Timestamp) {
        let id = FaultId { name: fault.name.clone(), occurrence: fault.occurrence };
        self.recorder.record(EventKind::FaultDue { fault: id.clone(), planned });
        let (view, aim) = match self.aim(fault, &id).await {
            Ok(aimed) => aimed,
            Err(reason) => {
                self.recorder.record(EventKind::FaultNotAimed { fault: id, reason });
                return;
            }
        };
        let began = clock::now();
        let mut undos = Vec::new();
        for (index, step) in (0u32..).zip(&aim.steps) {
            // A run that ends does no more harm.
            if self.stop.reason().is_some() {
                break;
            }
            match self.step(&id, index, step, &aim, &view).await {
                Ok(undo) => undos.push(undo),
                Err(error) => {
                    let event = EventKind::ActionPerformed {
                        fault: id.clone(),
                        step: index,
                        effective: None,
                        what: String::new(),
                        error: Some(error),
                    };
                    self.recorder.record(event);
                    break;
                }
            }
        }
        if let Some(after) = aim.undo_after {
            // A run that ends takes everything back at once.
            let _ = self.stop.unless(tokio::time::sleep(began.plus(after.0).remaining())).await;
        }
        if aim.held {
            for ((index, step), undo) in (0u32..).zip(&aim.steps).zip(&undos) {
                self.witness(&id, index, step, *undo, &view).await;
            }
        }
        if aim.undo_after.is_some() || self.stop.reason().is_some() {
            self.undo_all(&id).await;
        }
        if self.recorder.undos().of(&id).is_empty() {
            self.recorder.record(EventKind::FaultRemoved { fault: id });
        }
    }

    async fn aim(&self, fault: &PlannedFault, id: &FaultId) -> Result<(View, Aim), String> {
        let job = self.world.job.id();
        let view = looking::look(&self.world.cluster, self.world.job.rest(), job.as_ref(), self.topics)
            .await
            .map_err(|error| format!("the cluster could not be looked at: {error}"))?;
        let mut rng = plan::rng_for(self.plan.seed, &fault.name, fault.occurrence);
        let aim = fault.fault.aim(&view, &mut rng).map_err(|none| none.0)?;
        consent::check(self.world.cluster.spec(), fault.fault.kind(), &view, &aim)?;
        let event = EventKind::FaultAimed { fault: id.clone(), view: view.clone(), aim: aim.clone() };
        self.recorder.durably(event).map_err(|error| format!("the aim could not be journalled: {error}"))?;
        Ok((view, aim))
    }

    /// Records the undo, then does the deed: in this order, or not at all.
    async fn step(&self, id: &FaultId, index: u32, step: &Step, aim: &Aim, view: &View) -> Result<Option<UndoId>, String> {
        crash::point("before-journal");
        let undo = match step.inverse.clone() {
            None => None,
            Some(inverse) => {
                let inverse = self.world.complete(inverse).await.map_err(|error| format!("the state before could not be read: {error}"))?;
                let due = aim.undo_after.map(|after| clock::now().plus(after.0));
                let recorded = |undo| EventKind::UndoRecorded { undo, fault: id.clone(), step: index, inverse, due };
                Some(self.recorder.record_undo(recorded).map_err(|error| format!("the undo could not be journalled: {error}"))?)
            }
        };
        crash::point("after-journal");
        let performed = self.world.perform(undo, step).await;
        crash::point("after-deed");
        let (effective, what, error) = match performed {
            Ok(done) => (Some(done.effective), done.what, None),
            Err(error) => (None, String::new(), Some(error.to_string())),
        };
        let failed = error.clone();
        self.recorder.record(EventKind::ActionPerformed { fault: id.clone(), step: index, effective, what, error });
        if failed.is_none() {
            if aim.held {
                let _ = self.stop.unless(tokio::time::sleep(SETTLE)).await;
            }
            self.witness(id, index, step, undo, view).await;
        }
        crash::point("while-held");
        Ok(undo)
    }

    async fn witness(&self, id: &FaultId, index: u32, step: &Step, undo: Option<UndoId>, view: &View) {
        match self.world.witness(undo, &step.witness).await {
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
        let (restored, what, error) = match undone {
            Ok(Ok(what)) => (true, what, None),
            Ok(Err(error)) => (false, String::new(), Some(error.to_string())),
            Err(_) => (false, String::new(), Some(format!("not done within {} s", UNDO_WITHIN.as_secs()))),
        };
        self.recorder.record(EventKind::UndoPerformed { undo: open.undo, restored, what, error });
    }
}

/// Whether a victim carried work of the job when it was aimed at. Other nodes than TaskManagers work for every job.
fn carried_work(node: &Node, view: &View) -> bool {
    node.role != Role::Taskmanager || view.nodes.iter().any(|seen| seen.node == *node && !seen.subtasks.is_empty())
}
