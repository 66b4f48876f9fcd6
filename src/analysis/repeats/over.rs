//! Expectations over repeats, and those that every run judged for itself.

use super::Spread;
use crate::analysis::figures::Observed;
use crate::analysis::outcome::{Figure, Outcome, Status};
use crate::analysis::quantile::sorted;
use crate::analysis::{ExpectationOutcome, in_words};
use crate::metric::{Metric, Unit};
use crate::scenario::{Aggregate, Bound, Comparison, Expectation, Subject, Window, measured_in};

/// An expectation over repeats. Each repeat is as sure as its own figure: the aggregate is taken of the lowest and of the highest that
/// every figure can be, and only what holds for both is met. So a run without data can leave a verdict standing, and never make one.
pub(super) fn judge_over(expectation: &Expectation, spreads: &[Spread], runs: usize) -> ExpectationOutcome {
    let mut judged = ExpectationOutcome {
        text: expectation.text.clone(),
        line: expectation.line,
        status: Status::NoData,
        observed: String::new(),
        value: None,
        unit: None,
        at: None,
        reason: None,
    };
    let answer = over(expectation, spreads, runs);
    match answer {
        Ok((status, value, unit, observed)) => {
            judged.status = status;
            judged.value = value;
            judged.unit = Some(unit);
            judged.observed = observed;
            if status == Status::NoData {
                judged.reason = Some("the bound lies within what is not known".to_owned());
            }
        }
        Err(reason) => {
            judged.observed = format!("no data: {reason}");
            judged.reason = Some(reason);
        }
    }
    judged
}

type Answer = (Status, Option<Figure>, Unit, String);

fn over(expectation: &Expectation, spreads: &[Spread], runs: usize) -> Result<Answer, String> {
    let Subject::Metric { metric, aggregate: Some(aggregate), window, over: Some(least) } = &expectation.subject else {
        return Err("not an expectation over repeats".to_owned());
    };
    let Bound::Value(bound) = expectation.bound else { return Err(format!("{metric} is compared with a value")) };
    if runs < *least as usize {
        return Err(format!("{runs} of {least} repeats were made"));
    }
    let ranges = ranges(*metric, window.as_ref(), spreads, runs)?;
    let unit = if *aggregate == Aggregate::Count { Unit::Count } else { measured_in(*metric, None).0 };
    let (low, high) = match aggregate {
        // How many runs have a figure at all.
        Aggregate::Count => {
            let known = ranges.iter().filter(|(_, high)| high.is_finite()).count() as f64;
            (known, known)
        }
        _ => {
            let of = |end: fn(&(f64, f64)) -> f64| aggregated(*aggregate, &ranges.iter().map(end).collect::<Vec<_>>());
            (of(|range| range.0).ok_or_else(|| no_sense(*aggregate))?, of(|range| range.1).ok_or_else(|| no_sense(*aggregate))?)
        }
    };
    let holds = |value: f64| expectation.comparison.holds(value, bound);
    let status = match (holds(low), holds(high)) {
        _ if matches!(expectation.comparison, Comparison::Equal | Comparison::NotEqual) && low != high => Status::NoData,
        (true, true) => Status::Met,
        (false, false) => Status::Failed,
        _ => Status::NoData,
    };
    let unknown = ranges.iter().filter(|(_, high)| high.is_infinite()).count();
    let missing = if unknown > 0 { format!(", {unknown} without an end") } else { String::new() };
    let figure = high.is_finite().then(|| Figure { value: f64::midpoint(low, high), error: (high > low).then(|| (high - low) / 2.0) });
    let observed = match figure {
        Some(figure) => format!("{} over {runs}{missing}", in_words(figure, unit)),
        None => format!("at least {} over {runs}{missing}", in_words(Figure { value: low, error: None }, unit)),
    };
    let observed =
        if status == Status::NoData { format!("{observed}; no data: the bound lies within what is not known") } else { observed };
    Ok((status, figure, unit, observed))
}

fn no_sense(aggregate: Aggregate) -> String {
    format!("{aggregate} over repeats says nothing")
}

/// What each run says of a metric: of one fault, else the worst over all.
fn ranges(metric: Metric, window: Option<&Window>, spreads: &[Spread], runs: usize) -> Result<Vec<(f64, f64)>, String> {
    let of = window.and_then(Window::fault);
    let named = |spread: &Spread| match of {
        None => true,
        // Every occurrence of the fault.
        Some(name) => spread.of == name || spread.of.strip_prefix(name).is_some_and(|rest| rest.starts_with(" (")),
    };
    let chosen: Vec<&Spread> = spreads.iter().filter(|spread| spread.name == metric.name() && named(spread)).collect();
    if chosen.is_empty() {
        return Err(of.map_or_else(|| format!("no run has a {metric}"), |name| format!("`{name}` never came due")));
    }
    let worst = |run: usize| {
        let ranges = chosen.iter().filter_map(|spread| spread.observed.get(run)).map(Observed::range);
        ranges.fold((0.0f64, 0.0f64), |worst, range| (worst.0.max(range.0), worst.1.max(range.1)))
    };
    Ok((0..runs).map(worst).collect())
}

fn aggregated(aggregate: Aggregate, values: &[f64]) -> Option<f64> {
    let ordered = sorted(values.iter().copied());
    match aggregate {
        Aggregate::Max => ordered.last().copied(),
        Aggregate::Min => ordered.first().copied(),
        Aggregate::Mean => Some(values.iter().sum::<f64>() / values.len() as f64),
        Aggregate::Percentile(percentile) => percentile_of(&ordered, percentile / 100.0),
        Aggregate::Last => values.last().copied(),
        Aggregate::Count | Aggregate::Rate | Aggregate::Slope => None,
    }
}

/// As [`super::quantile::quantile`], where values may be without end: between a finite and an infinite one lies the infinite one.
fn percentile_of(ordered: &[f64], q: f64) -> Option<f64> {
    let position = q.clamp(0.0, 1.0) * ordered.len().checked_sub(1)? as f64;
    let (low, high) = (ordered.get(position.floor() as usize)?, ordered.get(position.ceil() as usize)?);
    let share = position.fract();
    Some(if share == 0.0 || low == high { *low } else { low + (high - low) * share })
}

/// The expectations that every run judged for itself: as in the worst run.
pub(super) fn of_each(outcomes: &[&Outcome]) -> Vec<ExpectationOutcome> {
    let Some(first) = outcomes.first() else { return Vec::new() };
    first
        .expectations
        .iter()
        .enumerate()
        .map(|(index, expectation)| {
            let all: Vec<&ExpectationOutcome> = outcomes.iter().filter_map(|outcome| outcome.expectations.get(index)).collect();
            let met = all.iter().filter(|judged| judged.status == Status::Met).count();
            let rank = |status: Status| match status {
                Status::Met => 0,
                Status::NoData => 1,
                Status::Failed => 2,
            };
            let worst = all.iter().max_by_key(|judged| rank(judged.status)).copied().unwrap_or(expectation);
            let mut merged = worst.clone();
            if met < all.len() {
                merged.observed = format!("met in {met} of {} runs; else {}", all.len(), worst.observed);
            } else {
                merged.observed = format!("met in all {} runs{}", all.len(), range_in_words(&all));
            }
            merged
        })
        .collect()
}

fn range_in_words(all: &[&ExpectationOutcome]) -> String {
    let values = sorted(all.iter().filter_map(|judged| judged.value.map(|figure| figure.value)));
    match (values.first(), values.last(), all.first().and_then(|judged| judged.unit)) {
        (Some(low), Some(high), Some(unit)) => {
            let plain = |value: f64| in_words(Figure { value, error: None }, unit);
            if low == high { format!(": {}", plain(*low)) } else { format!(": {} to {}", plain(*low), plain(*high)) }
        }
        _ => String::new(),
    }
}
