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
                    let (patience, why) = recorder.ask(|analysis| without_data(analysis, &condition.condition));
                    if condition.on_no_data == OnNoData::Abort && now >= known[index].plus(patience) {
                        abort(recorder, stop, condition, format!("no data for {} s{why}", patience.as_secs()));
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
        Condition::Query { query, comparison, value, .. } => {
            let newest = analysis.newest_answer(query)?;
            let fresh = STALE.max(Duration::from_secs_f64(3.0 * analysis.query_resolution(query).0));
            (now <= newest.at.plus(fresh)).then(|| compare(newest.value, *comparison, *value))
        }
        Condition::Metric { metric, comparison, value } => {
            let (newest, at) = analysis.latest(*metric, *comparison)?;
            (now <= at.plus(STALE)).then(|| compare(newest, *comparison, *value))
        }
    }
}

/// How long data may be missing, and why it is. Prometheus knows a job's series only once it has scraped them.
fn without_data(analysis: &Analysis, condition: &Condition) -> (Duration, String) {
    match condition {
        Condition::Query { query, .. } => {
            let scraped = Duration::from_secs_f64(analysis.query_resolution(query).1);
            (NO_DATA + scraped, analysis.last_unanswered(query).map_or_else(String::new, |why| format!(": {why}")))
        }
        Condition::Metric { .. } | Condition::JobFailed => (NO_DATA, String::new()),
    }
}

fn seen(analysis: &Analysis, condition: &Condition) -> String {
    match condition {
        Condition::JobFailed => analysis.job_state().unwrap_or("unknown").to_owned(),
        Condition::Query { query, .. } => {
            analysis.newest_answer(query).map_or_else(|| "no data".to_owned(), |newest| crate::units::display::significant(newest.value))
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Asked;
    use crate::journal::{Event, Of, query_probe};
    use crate::metric::{Metric, Unit};

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn a_query_holds_while_its_answer_is_fresh() {
        let mut analysis = Analysis::of(Asked::default());
        let mut tell = |seconds, event| analysis.push(&Event { seq: 0, at: at(seconds), event });
        let probe = query_probe("lag");
        let (interval, cache) = (crate::units::Duration::from_secs(5), crate::units::Duration::from_secs(15));
        tell(0, EventKind::Resolution { probe: probe.clone(), interval, cache });
        tell(10, EventKind::Sample { metric: Metric::Query, of: Of::Query("lag".to_owned()), value: 7e6 });
        tell(15, EventKind::ProbeFailed { probe, error: "connection refused".to_owned() });
        let above = |value| Condition::Query { query: "lag".to_owned(), unit: Unit::Records, comparison: Comparison::Greater, value };
        assert_eq!(holds(&analysis, &above(5e6), at(12)), Some(true));
        assert_eq!(holds(&analysis, &above(9e6), at(12)), Some(false));
        assert_eq!(holds(&analysis, &above(5e6), at(25)), Some(true), "three rounds are fresh");
        assert_eq!(holds(&analysis, &above(5e6), at(26)), None);
        assert_eq!(without_data(&analysis, &above(5e6)), (Duration::from_secs(45), ": connection refused".to_owned()));
        let other = Condition::Query { query: "other".to_owned(), unit: Unit::Records, comparison: Comparison::Greater, value: 1.0 };
        assert_eq!(holds(&analysis, &other, at(12)), None);
    }
}
