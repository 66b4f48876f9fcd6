//! The timeline: waits for each fault's moment and fires it. Faults run side by side; each takes itself back.

use std::time::Duration;

use futures::future::join_all;

use crate::clock::{self, Timestamp};
use crate::journal::{EventKind, FaultId, Record};
use crate::plan::{PlannedFault, Trigger};
use crate::scenario::Moment;

use super::abort::holds;
use super::fire::Firing;

/// Between two looks at whether a moment has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs the whole timeline: returns when the last fault is taken back, or soon after the run is to stop.
pub async fn run(firing: Firing<'_>, start: Timestamp) {
    join_all(firing.plan.timeline.iter().map(|fault| one(firing, fault, start))).await;
}

async fn one(firing: Firing<'_>, fault: &PlannedFault, start: Timestamp) {
    let id = FaultId { name: fault.name.clone(), occurrence: fault.occurrence };
    let not_fired = |reason: String| firing.recorder.record(EventKind::FaultNotAimed { fault: id.clone(), reason });
    let planned = match &fault.trigger {
        Trigger::At(offset) => {
            let planned = start.plus(offset.0);
            if firing.stop.unless(tokio::time::sleep(planned.remaining())).await.is_err() {
                return not_fired("the run ended before its moment".to_owned());
            }
            planned
        }
        Trigger::When { moment, after, within } => {
            let deadline = start.plus(after.0).plus(within.0);
            let arrived = firing.stop.unless(async {
                tokio::time::sleep(start.plus(after.0).remaining()).await;
                wait_for(firing, moment, deadline).await
            });
            match arrived.await {
                Ok(true) => clock::now(),
                Ok(false) => return not_fired(format!("its moment did not come within {within}")),
                Err(_) => return not_fired("the run ended before its moment".to_owned()),
            }
        }
    };
    firing.fire(fault, planned).await;
}

async fn wait_for(firing: Firing<'_>, moment: &Moment, deadline: Timestamp) -> bool {
    let mut since: Option<Timestamp> = None;
    loop {
        let now = clock::now();
        let (came, hold) = firing.recorder.ask(|analysis| match moment {
            Moment::CheckpointInProgress => (analysis.checkpoint_in_progress(), Duration::ZERO),
            Moment::Restoring => (analysis.restoring(), Duration::ZERO),
            Moment::Recovered { recovered, then } => (analysis.recovered(recovered).is_some(), then.0),
            Moment::Metric { condition, hold } => (holds(analysis, condition, now) == Some(true), hold.0),
        });
        match (came, since) {
            (true, None) => since = Some(now),
            (true, Some(_)) => {}
            (false, _) => since = None,
        }
        if since.is_some_and(|since| now >= since.plus(hold)) {
            return true;
        }
        if now >= deadline {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
