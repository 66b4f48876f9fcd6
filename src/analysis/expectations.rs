//! Expectations, judged: met, failed, or no data.

use super::Analysis;
use super::measure::Measured;
use super::outcome::{ExpectationOutcome, Figure, Recovery, Status};
use super::quantile::{quantile, sorted};
use super::recovery::Course;
use crate::metric::{Behaviour, Metric, Unit};
use crate::scenario::{Aggregate, Bound, Comparison, Expectation, Subject, Window};
use crate::units::display;

/// A judgement before it is put into words for one line of the report.
#[derive(Debug, Clone, PartialEq)]
struct Judged {
    status: Status,
    value: Option<Figure>,
    unit: Option<Unit>,
    at: Option<i64>,
    observed: String,
    reason: Option<String>,
}

/// What an expectation asks of something measured.
struct Asked<'a> {
    behaviour: Behaviour,
    unit: Unit,
    aggregate: Option<Aggregate>,
    window: Option<&'a Window>,
    comparison: Comparison,
    bound: f64,
}

impl Judged {
    fn no_data(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { status: Status::NoData, value: None, unit: None, at: None, observed: format!("no data: {reason}"), reason: Some(reason) }
    }
}

/// A value against a bound. Within its error of the bound nothing can be said.
pub fn compare(value: Figure, comparison: Comparison, bound: f64) -> Status {
    let error = value.error.unwrap_or(0.0).max(0.0);
    if value.value.is_nan() || bound.is_nan() {
        return Status::NoData;
    }
    let (low, high) = (value.value - error, value.value + error);
    let holds = |value: f64| match comparison {
        Comparison::Less => value < bound,
        Comparison::LessOrEqual => value <= bound,
        Comparison::Greater => value > bound,
        Comparison::GreaterOrEqual => value >= bound,
        Comparison::Equal => value == bound,
        Comparison::NotEqual => value != bound,
    };
    let inside = low <= bound && bound <= high;
    match comparison {
        Comparison::Equal | Comparison::NotEqual if error > 0.0 && inside => Status::NoData,
        _ => match (holds(low), holds(high)) {
            (true, true) => Status::Met,
            (false, false) => Status::Failed,
            _ => Status::NoData,
        },
    }
}

/// A figure in its unit, with its error; what is smaller than its error is `≤ error`.
pub fn in_words(figure: Figure, unit: Unit) -> String {
    let plain = |value: f64| match unit {
        Unit::Count | Unit::Records => display::count(value),
        Unit::PerSecond => display::rate(value),
        Unit::Seconds => display::seconds(value),
        Unit::Bytes => display::bytes(value),
        Unit::Ratio => display::percent(value),
        Unit::Factor => display::significant(value),
    };
    match figure.error {
        Some(error) if error > 0.0 && figure.value.abs() < error => format!("≤ {}", plain(figure.value.abs() + error)),
        Some(error) if error > 0.0 => format!("{} ± {}", plain(figure.value), plain(error)),
        _ => plain(figure.value),
    }
}

fn upper(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Less | Comparison::LessOrEqual | Comparison::Equal)
}

impl Analysis {
    /// All expectations, in the order of the file.
    pub(super) fn judge_expectations(&self, courses: &[Course]) -> Vec<ExpectationOutcome> {
        self.asked.expectations.iter().map(|expectation| self.judge_expectation(courses, expectation)).collect()
    }

    /// One expectation. Capacity and repeats ask for those that the scenario does not have.
    pub(super) fn judge_expectation(&self, courses: &[Course], expectation: &Expectation) -> ExpectationOutcome {
        let judged = match &expectation.subject {
            Subject::Delivery => self.judge_delivery(expectation),
            Subject::Job => self.judge_job(expectation),
            Subject::Metric { over: Some(runs), .. } => Judged::no_data(format!("judged over {runs} repeats; this is one run")),
            Subject::Query { query, unit, aggregate, window } => match expectation.bound {
                Bound::Value(bound) => {
                    let spans = self.spans(courses, window.as_ref(), Metric::Query);
                    let measured = spans.and_then(|spans| self.measure_query(query, *aggregate, &spans));
                    let (behaviour, comparison) = (Metric::Query.behaviour(), expectation.comparison);
                    let asked = Asked { behaviour, unit: *unit, aggregate: *aggregate, window: window.as_ref(), comparison, bound };
                    self.judge_measured(courses, measured, &asked)
                }
                Bound::Word(_) => Judged::no_data(format!("query {query} is compared with a value")),
            },
            Subject::Metric { metric, aggregate, window, over: None } => {
                self.judge_metric(courses, *metric, *aggregate, window.as_ref(), expectation)
            }
        };
        ExpectationOutcome {
            text: expectation.text.clone(),
            line: expectation.line,
            status: judged.status,
            observed: judged.observed,
            value: judged.value,
            unit: judged.unit,
            at: judged.at.map(|at| self.seconds(at)),
            reason: judged.reason,
        }
    }

    fn judge_delivery(&self, expectation: &Expectation) -> Judged {
        let Bound::Word(guarantee) = &expectation.bound else { return Judged::no_data("delivery is compared with a guarantee") };
        let verdict = match self.run.delivery.as_ref() {
            None => return Judged::no_data("delivery was not verified"),
            Some(verdict) => verdict,
        };
        let observed = super::delivery::sentence(verdict);
        let status = match super::delivery::holds(verdict, guarantee) {
            Err(reason) => return Judged { observed: format!("{observed}; {reason}"), ..Judged::no_data(reason) },
            Ok(holds) => {
                let wanted = expectation.comparison != Comparison::NotEqual;
                if holds == wanted { Status::Met } else { Status::Failed }
            }
        };
        Judged { status, value: None, unit: None, at: None, observed, reason: None }
    }

    fn judge_job(&self, expectation: &Expectation) -> Judged {
        let Bound::Word(wanted) = &expectation.bound else { return Judged::no_data("a job's state is compared with a word") };
        // Cleaning up ends the job.
        let moment = self.run.cleaning.unwrap_or(self.run.last);
        let state = match self.job.state_at(moment) {
            None => return Judged::no_data("the job's state was never seen"),
            Some("UNKNOWN") => return Judged::no_data("no JobManager answered at the end"),
            Some(state) => state,
        };
        let same = state.eq_ignore_ascii_case(wanted);
        let status = if same == (expectation.comparison != Comparison::NotEqual) { Status::Met } else { Status::Failed };
        Judged { status, value: None, unit: None, at: None, observed: state.to_owned(), reason: None }
    }

    fn judge_metric(
        &self,
        courses: &[Course],
        metric: Metric,
        aggregate: Option<Aggregate>,
        window: Option<&Window>,
        expectation: &Expectation,
    ) -> Judged {
        let Bound::Value(bound) = expectation.bound else { return Judged::no_data(format!("{metric} is compared with a value")) };
        let comparison = expectation.comparison;
        if matches!(metric, Metric::RecoveryTime | Metric::DetectionTime | Metric::TimeToRunning | Metric::Outage) {
            return self.judge_faults(courses, metric, aggregate, window, comparison, bound);
        }
        let measured =
            self.spans(courses, window, metric).and_then(|spans| self.measure(courses, metric, aggregate, &spans, upper(comparison)));
        let asked = Asked { behaviour: metric.behaviour(), unit: metric.unit(), aggregate, window, comparison, bound };
        self.judge_measured(courses, measured, &asked)
    }

    /// A measured value against its bound. What a gap cuts off can fail, and is not met.
    fn judge_measured(&self, courses: &[Course], measured: Result<Measured, String>, asked: &Asked<'_>) -> Judged {
        let mut measured = match measured {
            Ok(measured) => measured,
            Err(reason) => return Judged::no_data(self.cut_by_a_gap(courses, asked.window).unwrap_or(reason)),
        };
        measured.partial = measured.partial.or_else(|| self.cut_by_a_gap(courses, asked.window));
        let unit = unit_of(asked.unit, asked.behaviour, asked.aggregate);
        let mut status = compare(measured.figure, asked.comparison, asked.bound);
        let mut observed = in_words(measured.figure, unit);
        if asked.aggregate == Some(Aggregate::Slope) {
            observed.push_str(" per second");
        }
        if let Some(at) = measured.at {
            observed = format!("{observed} at {}", display::clock(self.seconds(at)));
        }
        if asked.window.is_none() && matches!(asked.behaviour, Behaviour::Gauge | Behaviour::Distribution) {
            observed.push_str(&self.left_out());
        }
        let mut reason = (status == Status::NoData).then(|| "the bound lies within the error".to_owned());
        if status == Status::Met
            && let Some(partial) = measured.partial
        {
            status = Status::NoData;
            reason = Some(partial);
        }
        if let Some(reason) = &reason {
            observed = format!("{observed}; no data: {reason}");
        }
        Judged { status, value: Some(measured.figure), unit: Some(unit), at: measured.at, observed, reason }
    }

    /// A figure of faults: of one by its name, else the worst of all. With several, each must hold.
    fn judge_faults(
        &self,
        courses: &[Course],
        metric: Metric,
        aggregate: Option<Aggregate>,
        window: Option<&Window>,
        comparison: Comparison,
        bound: f64,
    ) -> Judged {
        let name = match window {
            None => None,
            Some(Window::Of(name) | Window::During(name) | Window::RecoveryOf(name) | Window::After(name) | Window::Under(name)) => {
                Some(name.as_str())
            }
            Some(Window::Baseline) => return Judged::no_data(format!("the baseline has no {metric}")),
        };
        let faults: Vec<_> = self
            .faults
            .all()
            .iter()
            .zip(courses)
            .filter(|(fault, _)| name.is_none_or(|name| fault.id.name == name) && !self.can_be_spared(fault))
            .map(|(fault, course)| (fault.id.name.as_str(), self.judge_course(course, metric, comparison, bound)))
            .collect();
        if faults.is_empty() {
            return Judged::no_data(name.map_or_else(|| "no fault came due".to_owned(), |name| format!("`{name}` never came due")));
        }
        if let Some(aggregate) = aggregate {
            return aggregate_faults(&faults, metric, aggregate, comparison, bound);
        }
        let several = faults.len() > 1;
        let rank = |judged: &Judged| match judged.status {
            Status::Failed => 2,
            Status::NoData => 1,
            Status::Met => 0,
        };
        let size =
            |judged: &Judged| judged.value.map_or(f64::NEG_INFINITY, |figure| if upper(comparison) { figure.value } else { -figure.value });
        let worst = faults.into_iter().max_by(|(_, a), (_, b)| rank(a).cmp(&rank(b)).then(size(a).total_cmp(&size(b))));
        let Some((name, mut judged)) = worst else { return Judged::no_data("no fault came due") };
        if several {
            judged.observed = format!("{name}: {}", judged.observed);
            judged.reason = judged.reason.map(|reason| format!("{name}: {reason}"));
        }
        judged
    }

    fn judge_course(&self, course: &Course, metric: Metric, comparison: Comparison, bound: f64) -> Judged {
        let known = |figure: Figure| {
            let status = compare(figure, comparison, bound);
            let observed = in_words(figure, Unit::Seconds);
            let reason = (status == Status::NoData).then(|| "the bound lies within the error".to_owned());
            let observed = reason.as_ref().map_or(observed.clone(), |reason| format!("{observed}; no data: {reason}"));
            Judged { status, value: Some(figure), unit: Some(Unit::Seconds), at: course.end.as_ref().map(|end| end.at), observed, reason }
        };
        let zero = Figure { value: 0.0, error: None };
        let not_by = |watched: f64, words: String| Judged {
            status: Status::Failed,
            value: Some(Figure { value: watched, error: None }),
            unit: Some(Unit::Seconds),
            at: None,
            observed: words,
            reason: None,
        };
        let bounded = matches!(comparison, Comparison::Less | Comparison::LessOrEqual);
        if metric != Metric::RecoveryTime {
            if let Recovery::Inconclusive { reason } = &course.recovery
                && course.moment(0).is_none()
            {
                return Judged::no_data(reason.clone());
            }
            let figure = match metric {
                Metric::DetectionTime => course.since_t0(2),
                Metric::TimeToRunning if course.recovery == Recovery::RodeThrough => Ok(zero),
                Metric::TimeToRunning => course.since_t0(4),
                _ => course.outage(),
            };
            let t0 = course.moment(0).map_or(course.until.0, |t0| t0.at);
            let watched = (course.until.0 - t0) as f64 / 1e9;
            return match figure {
                Ok(figure) => known(figure),
                Err(reason) if bounded && metric == Metric::TimeToRunning && course.moment(2).is_some() && watched > bound => {
                    not_by(watched, format!("not within {}: {reason}", display::seconds(watched)))
                }
                Err(reason) => Judged::no_data(reason),
            };
        }
        match &course.recovery {
            Recovery::Recovered { time } => known(*time),
            Recovery::RodeThrough => Judged { observed: "rode through".to_owned(), ..known(zero) },
            Recovery::NotRecovered { watched, how_far } if bounded => {
                not_by(*watched, format!("not back after {}: {how_far}", display::seconds(*watched)))
            }
            Recovery::NotRecovered { watched, how_far } => {
                Judged::no_data(format!("not back after {}: {how_far}", display::seconds(*watched)))
            }
            Recovery::Censored { watched, by } if bounded && *watched > bound => {
                not_by(*watched, format!("not back after {}, when {by} began", display::seconds(*watched)))
            }
            Recovery::Censored { watched, by } => {
                Judged::no_data(format!("watched for {} only, then {by} began", display::seconds(*watched)))
            }
            Recovery::Inconclusive { reason } => Judged::no_data(reason.clone()),
        }
    }
}

/// An aggregate over the occurrences of a fault.
fn aggregate_faults(faults: &[(&str, Judged)], metric: Metric, aggregate: Aggregate, comparison: Comparison, bound: f64) -> Judged {
    if let Some((name, judged)) = faults.iter().find(|(_, judged)| judged.status == Status::NoData && judged.value.is_none()) {
        return Judged::no_data(format!("{name}: {}", judged.reason.clone().unwrap_or_default()));
    }
    let values = sorted(faults.iter().filter_map(|(_, judged)| judged.value.map(|figure| figure.value)));
    let error = faults.iter().filter_map(|(_, judged)| judged.value.and_then(|figure| figure.error)).max_by(f64::total_cmp);
    let value = match aggregate {
        Aggregate::Max => values.last().copied(),
        Aggregate::Min => values.first().copied(),
        Aggregate::Mean => Some(values.iter().sum::<f64>() / values.len() as f64),
        Aggregate::Percentile(percentile) => quantile(&values, percentile / 100.0),
        Aggregate::Count => Some(values.len() as f64),
        Aggregate::Last => faults.iter().rev().find_map(|(_, judged)| judged.value.map(|figure| figure.value)),
        Aggregate::Rate | Aggregate::Slope => None,
    };
    let Some(value) = value else { return Judged::no_data(format!("this aggregate of {metric} says nothing")) };
    let unit = if aggregate == Aggregate::Count { Unit::Count } else { Unit::Seconds };
    let figure = Figure { value, error: if unit == Unit::Count { None } else { error } };
    let status = compare(figure, comparison, bound);
    let reason = (status == Status::NoData).then(|| "the bound lies within the error".to_owned());
    Judged {
        status,
        value: Some(figure),
        unit: Some(unit),
        at: None,
        observed: format!("{} of {}", in_words(figure, unit), faults.len()),
        reason,
    }
}

/// What an aggregate of a metric is measured in.
fn unit_of(unit: Unit, behaviour: Behaviour, aggregate: Option<Aggregate>) -> Unit {
    match (aggregate, unit, behaviour) {
        (Some(Aggregate::Count), _, Behaviour::Counter | Behaviour::Figure) => unit,
        (Some(Aggregate::Count), _, _) => Unit::Count,
        (Some(Aggregate::Rate), _, Behaviour::Distribution) => Unit::PerSecond,
        (Some(Aggregate::Rate), Unit::Records | Unit::Count, _) => Unit::PerSecond,
        (Some(Aggregate::Rate), Unit::Seconds, _) => Unit::Ratio,
        (_, unit, _) => unit,
    }
}
