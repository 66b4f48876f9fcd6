//! The timeline: waits for each fault's moment and fires it. Faults run side by side; each takes itself back.

use std::time::Duration;

use futures::future::join_all;

use crate::analysis::Analysis;
use crate::clock::{self, Timestamp};
use crate::journal::{EventKind, FaultId, Record};
use crate::plan::{PlannedFault, Trigger};
use crate::scenario::Moment;

use super::abort::holds;
use super::fire::{AIMS_BEFORE, Firing};

/// Between two looks at whether a moment has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A checkpoint that takes longer than this is seen while it is under way, by polls half a second apart of a cache as old.
const SEEN_IF_LONGER: Duration = Duration::from_secs(2);

/// Runs the whole timeline: returns when the last fault is taken back, or soon after the run is to stop.
pub async fn run(firing: Firing<'_>, start: Timestamp) {
    join_all(firing.plan.timeline.iter().map(|fault| one(firing, fault, start))).await;
}

async fn one(firing: Firing<'_>, fault: &PlannedFault, start: Timestamp) {
    let id = FaultId { name: fault.name.clone(), occurrence: fault.occurrence };
    let not_fired = |reason: String| firing.recorder.record(EventKind::FaultNotAimed { fault: id.clone(), reason });
    let last = match &fault.trigger {
        Trigger::At(offset) => start.plus(offset.0),
        Trigger::When { after, within, .. } => start.plus(after.0).plus(within.0),
    };
    let (has_come, is_missed) = firing.recorder.ask(|analysis| (analysis.has_come(&id), analysis.in_gap(last)));
    if has_come {
        return;
    }
    if is_missed {
        firing.recorder.record(EventKind::FaultDue { fault: id.clone(), planned: last });
        return not_fired("skipped: its moment lay in the gap in which squall was dead".to_owned());
    }
    let planned = match &fault.trigger {
        Trigger::At(offset) => {
            let planned = start.plus(offset.0);
            let aims = Timestamp(planned.0 - AIMS_BEFORE.as_nanos() as i64);
            if firing.stop.unless(tokio::time::sleep(aims.remaining())).await.is_err() {
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
                Ok(Some(planned)) => planned,
                Ok(None) => return not_fired(format!("its moment did not come within {within}")),
                Err(_) => return not_fired("the run ended before its moment".to_owned()),
            }
        }
    };
    if firing.fire(fault, planned).await {
        firing.undo_again(&id, start.plus(firing.plan.scenario.duration.0)).await;
    }
}

/// Waits for a moment; gives when to act, which may be a little later.
async fn wait_for(firing: Firing<'_>, moment: &Moment, deadline: Timestamp) -> Option<Timestamp> {
    let mut since: Option<Timestamp> = None;
    loop {
        let now = clock::now();
        if *moment == Moment::CheckpointInProgress
            && let Some(inside) = firing.recorder.ask(|analysis| inside_a_checkpoint(analysis, now))
            && inside < deadline
        {
            let aims = Timestamp(inside.0 - AIMS_BEFORE.as_nanos() as i64);
            tokio::time::sleep(aims.remaining()).await;
            return Some(inside);
        }
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
            return Some(now);
        }
        if now >= deadline {
            return None;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A moment within the next checkpoint, where checkpoints are over before anybody sees them: after a third of their usual time.
fn inside_a_checkpoint(analysis: &Analysis, now: Timestamp) -> Option<Timestamp> {
    let (trigger, takes) = analysis.next_checkpoint(now.plus(AIMS_BEFORE))?;
    (takes < SEEN_IF_LONGER.as_nanos() as i64).then_some(Timestamp(trigger.0 + takes / 3))
}
