//! `abort-when`: conditions that are watched while the run goes on.

use std::time::Duration;

use crate::analysis::Analysis;
use crate::clock::{self, Timestamp};
use crate::journal::{Ending, EventKind, Record};
use crate::scenario::{AbortCondition, Comparison, Condition, OnNoData};

use super::recorder::Recorder;
use super::stop::Stop;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A value older than this says nothing about now.
const STALE: Duration = Duration::from_secs(10);
/// No data for this long aborts, where the scenario does not say `continue`.
const NO_DATA: Duration = Duration::from_secs(30);

/// Watches the conditions until one holds for its time, then ends the run.
pub async fn watch(conditions: &[AbortCondition], recorder: &Recorder, stop: &Stop) {
    let mut since: Vec<Option<Timestamp>> = vec![None; conditions.len()];
    let mut known: Vec<Timestamp> = vec![clock::now(); conditions.len()];
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = clock::now();
        for (index, condition) in conditions.iter().enumerate() {
            let (held, seen) = recorder.ask(|analysis| (holds(analysis, &condition.condition, now), seen(analysis, &condition.condition)));
            match held {
                None => {
                    since[index] = None;
                    if condition.on_no_data == OnNoData::Abort && now >= known[index].plus(NO_DATA) {
                        abort(recorder, stop, condition, format!("no data for {} s", NO_DATA.as_secs()));
                        return;
                    }
                    continue;
                }
                Some(true) => {
                    since[index].get_or_insert(now);
                }
                Some(false) => since[index] = None,
            }
            known[index] = now;
            if since[index].is_some_and(|since| now >= since.plus(condition.hold.0)) {
                abort(recorder, stop, condition, seen);
                return;
            }
        }
    }
}

fn abort(recorder: &Recorder, stop: &Stop, condition: &AbortCondition, seen: String) {
    recorder.record(EventKind::Abort { condition: condition.text.clone(), seen: seen.clone() });
    stop.now(Ending::Aborted(format!("{}: {seen}", condition.text)));
}

/// Whether a condition holds now; none without fresh data.
pub fn holds(analysis: &Analysis, condition: &Condition, now: Timestamp) -> Option<bool> {
    match condition {
        Condition::JobFailed => {
            let state = analysis.job_state()?;
            Some(state == "FAILED" || state == "LOST")
        }
        Condition::Metric { metric, comparison, value } => {
            let (newest, at) = analysis.latest(*metric, *comparison)?;
            (now <= at.plus(STALE)).then(|| compare(newest, *comparison, *value))
        }
    }
}

fn seen(analysis: &Analysis, condition: &Condition) -> String {
    match condition {
        Condition::JobFailed => analysis.job_state().unwrap_or("unknown").to_owned(),
        Condition::Metric { metric, comparison, .. } => analysis
            .latest(*metric, *comparison)
            .map_or_else(|| "no data".to_owned(), |(value, _)| crate::units::display::significant(value)),
    }
}

fn compare(left: f64, comparison: Comparison, right: f64) -> bool {
    match comparison {
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
    }
}
