//! Several runs of one plan as one answer: each figure with its spread, and the expectations over repeats.

use super::figures::{Better, Observed, RunFigure, Weight, figures};
use super::outcome::{Figure, Outcome, Status, Verdict};
use super::quantile::{median, sorted};
use super::trend::bootstrap;
use super::{ExpectationOutcome, in_words};
use crate::metric::{Metric, Unit};
use crate::scenario::{Aggregate, Bound, Comparison, Expectation, Subject, Window, measured_in};
use crate::units::display;

/// Figures that vary by more than this (standard deviation ÷ mean) are noisy.
pub const NOISY: f64 = 0.05;
/// Resamples of a bootstrap.
const ROUNDS: usize = 2000;
/// Confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;
/// Below so many values resampling says no more than the values themselves.
const LEAST_FOR_INTERVAL: usize = 3;

/// What was asked of a series of repeats.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RepeatsAsked {
    /// Id of the series.
    pub series: String,
    /// How many runs were asked for.
    pub repeats: u32,
    /// Seed of the first run; the others' derive from it.
    pub seed: u64,
    /// Expectations `over` repeats.
    pub over: Vec<Expectation>,
    /// Why it ended before its last run, where it did.
    pub ended: Option<(Verdict, String)>,
}

/// One run of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct RepeatedRun {
    /// Run id.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Its verdict.
    pub verdict: Verdict,
    /// The first reason of its verdict; empty where all was met.
    pub reason: String,
}

/// A figure over the repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// Of what: a fault's name, `baseline`, `run`.
    pub of: String,
    /// `recovery-time`, …
    pub name: String,
    /// Unit.
    pub unit: Unit,
    /// Which way it is better.
    pub better: Better,
    /// What it is worth in a comparison.
    pub weight: Weight,
    /// What each run said, in their order.
    pub observed: Vec<Observed>,
    /// Median of the values.
    pub median: Option<f64>,
    /// Lowest value.
    pub min: Option<f64>,
    /// Highest value.
    pub max: Option<f64>,
    /// Bootstrap interval of the median at 95 %; from three values on.
    pub interval: Option<(f64, f64)>,
    /// Standard deviation ÷ mean.
    pub variation: Option<f64>,
    /// Whether it varies by more than [`NOISY`].
    pub noisy: bool,
}

/// A series of repeats, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeats {
    /// What was asked.
    pub asked: RepeatsAsked,
    /// Name of the scenario.
    pub scenario: String,
    /// Its `about`.
    pub about: String,
    /// Cluster and what it is.
    pub cluster: String,
    /// Version of squall.
    pub squall: String,
    /// The runs that were made.
    pub runs: Vec<RepeatedRun>,
    /// Expectations over repeats, then those of each run, worst first among the runs.
    pub expectations: Vec<ExpectationOutcome>,
    /// The figures.
    pub spreads: Vec<Spread>,
    /// The worst verdict.
    pub verdict: Verdict,
    /// Why, most important first.
    pub reasons: Vec<String>,
    /// What came out, in plain words.
    pub sentence: String,
}

impl Repeats {
    /// Judges runs of one plan, in the order in which they were made.
    pub fn of(asked: RepeatsAsked, outcomes: &[&Outcome]) -> Self {
        let spreads = spreads(outcomes);
        let first = outcomes.first();
        let text = |part: fn(&Outcome) -> &str| first.map_or_else(String::new, |outcome| part(outcome).to_owned());
        let runs: Vec<RepeatedRun> = outcomes
            .iter()
            .map(|outcome| RepeatedRun {
                run: outcome.run.clone(),
                seed: outcome.seed,
                verdict: outcome.verdict,
                reason: outcome.reasons.first().cloned().unwrap_or_default(),
            })
            .collect();
        let mut expectations: Vec<ExpectationOutcome> =
            asked.over.iter().map(|expectation| judge_over(expectation, &spreads, outcomes.len())).collect();
        expectations.extend(of_each(outcomes));
        let (verdict, reasons) = verdict(&asked, &runs, &expectations);
        let sentence = sentence(&asked, &runs, &spreads);
        Self {
            scenario: text(|outcome| &outcome.scenario),
            about: text(|outcome| &outcome.about),
            cluster: text(|outcome| &outcome.cluster),
            squall: text(|outcome| &outcome.squall),
            asked,
            runs,
            expectations,
            spreads,
            verdict,
            reasons,
            sentence,
        }
    }
}

/// Every figure that any of the runs has, in the order of the first run that has it.
pub fn spreads(outcomes: &[&Outcome]) -> Vec<Spread> {
    let per_run: Vec<Vec<RunFigure>> = outcomes.iter().map(|outcome| figures(outcome)).collect();
    let mut keys: Vec<&RunFigure> = Vec::new();
    for figure in per_run.iter().flatten() {
        if !keys.iter().any(|key| key.of == figure.of && key.name == figure.name) {
            keys.push(figure);
        }
    }
    keys.into_iter()
        .map(|key| {
            let observed = per_run
                .iter()
                .map(|run| {
                    let found = run.iter().find(|figure| figure.of == key.of && figure.name == key.name);
                    found.map_or_else(|| Observed::NoData("not in this run".to_owned()), |figure| figure.observed.clone())
                })
                .collect();
            Spread::new(key, observed)
        })
        .collect()
}

impl Spread {
    fn new(key: &RunFigure, observed: Vec<Observed>) -> Self {
        let known = sorted(observed.iter().filter_map(Observed::value));
        // What was not over is longer than anything that was: the median holds as long as it lies among the known.
        let longer = observed.iter().filter(|observed| matches!(observed, Observed::AtLeast(_))).count();
        let mut ordered = known.clone();
        ordered.extend(std::iter::repeat_n(f64::INFINITY, longer));
        let variation = if longer == 0 { variation(&known) } else { None };
        let seed = u64::from(crc32fast::hash(format!("{} {}", key.of, key.name).as_bytes()));
        let interval =
            if longer == 0 && known.len() >= LEAST_FOR_INTERVAL { bootstrap(&known, median, ROUNDS, CONFIDENCE, seed) } else { None };
        Self {
            of: key.of.clone(),
            name: key.name.clone(),
            unit: key.unit,
            better: key.better,
            weight: key.weight,
            median: median(&ordered).filter(|middle| middle.is_finite()),
            min: known.first().copied(),
            max: known.last().copied().filter(|_| longer == 0),
            interval,
            variation,
            noisy: variation.is_some_and(|variation| variation > NOISY),
            observed,
        }
    }

    /// The values, in the order of the runs that have one.
    pub fn values(&self) -> Vec<f64> {
        self.observed.iter().filter_map(Observed::value).collect()
    }
}

/// Standard deviation ÷ mean, with n − 1; none with fewer than two values or around zero.
pub fn variation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    if n < 2.0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    if mean.abs() < 1e-12 {
        return None;
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(variance.sqrt() / mean.abs())
}

/// An expectation over repeats. Each repeat is as sure as its own figure: the aggregate is taken of the lowest and of the highest that
/// every figure can be, and only what holds for both is met. So a run without data can leave a verdict standing, and never make one.
fn judge_over(expectation: &Expectation, spreads: &[Spread], runs: usize) -> ExpectationOutcome {
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
fn of_each(outcomes: &[&Outcome]) -> Vec<ExpectationOutcome> {
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

fn verdict(asked: &RepeatsAsked, runs: &[RepeatedRun], expectations: &[ExpectationOutcome]) -> (Verdict, Vec<String>) {
    let mut reasons: Vec<(Verdict, String)> = runs
        .iter()
        .enumerate()
        .filter(|(_, run)| run.verdict != Verdict::Met)
        .map(|(index, run)| (run.verdict, format!("run {}: {}", index + 1, run.reason)))
        .collect();
    reasons.extend(asked.ended.clone());
    for expectation in expectations.iter().take(asked.over.len()) {
        match expectation.status {
            Status::Failed => reasons.push((Verdict::Failed, format!("{}: {}", expectation.text, expectation.observed))),
            Status::NoData => reasons.push((Verdict::Inconclusive, format!("{}: {}", expectation.text, expectation.observed))),
            Status::Met => {}
        }
    }
    if runs.is_empty() && reasons.is_empty() {
        reasons.push((Verdict::Inconclusive, "no run was made".to_owned()));
    }
    reasons.sort_by_key(|(verdict, _)| *verdict);
    let verdict = reasons.first().map_or(Verdict::Met, |(verdict, _)| *verdict);
    (verdict, reasons.into_iter().map(|(_, reason)| reason).collect())
}

fn sentence(asked: &RepeatsAsked, runs: &[RepeatedRun], spreads: &[Spread]) -> String {
    let made = match (runs.len(), asked.repeats as usize) {
        (made, all) if made == all => format!("{made} runs"),
        (made, all) => format!("{made} of {all} runs"),
    };
    let mut parts = vec![made];
    for spread in spreads.iter().filter(|spread| spread.name == Metric::RecoveryTime.name()) {
        let plain = display::seconds;
        let longer = spread.observed.iter().filter(|observed| matches!(observed, Observed::AtLeast(_))).count();
        let unknown = spread.observed.iter().filter(|observed| matches!(observed, Observed::NoData(_))).count();
        match (spread.median, spread.min, spread.max) {
            (Some(middle), Some(low), Some(high)) if high == 0.0 && middle == 0.0 && low == 0.0 => {
                parts.push(format!("{} was ridden through every time", spread.of));
            }
            (Some(middle), Some(low), Some(high)) => {
                parts.push(format!(
                    "after {} the job had caught up in {} (from {} to {})",
                    spread.of,
                    plain(middle),
                    plain(low),
                    plain(high)
                ));
            }
            _ if longer > 0 => parts.push(format!("after {} it had not caught up in {longer} of them", spread.of)),
            _ => {}
        }
        if unknown > 0 {
            parts.push(format!("how long it took in {unknown} of them is not known"));
        }
    }
    let total = |name: &str| -> Option<f64> {
        let spread = spreads.iter().find(|spread| spread.name == name)?;
        let values = spread.values();
        (values.len() == runs.len() && !values.is_empty()).then(|| values.iter().sum())
    };
    match (total(Metric::Lost.name()), total(Metric::Duplicates.name())) {
        (Some(lost), Some(twice)) if lost == 0.0 && twice == 0.0 => parts.push("no record was lost or written twice".to_owned()),
        (Some(lost), Some(twice)) => {
            parts.push(format!(
                "{} records lost and {} written twice in all",
                display::grouped(lost as u64),
                display::grouped(twice as u64)
            ));
        }
        _ => {}
    }
    format!("{}.", parts.join("; "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::scenario::parse_expectation;

    fn spread(observed: Vec<Observed>) -> Spread {
        let key = RunFigure {
            of: "lose-one".to_owned(),
            name: Metric::RecoveryTime.name().to_owned(),
            unit: Unit::Seconds,
            better: Better::Lower,
            weight: Weight::Decides,
            observed: Observed::NoData(String::new()),
        };
        Spread::new(&key, observed)
    }

    fn value(value: f64) -> Observed {
        Observed::Value(Figure { value, error: Some(0.5) })
    }

    fn judged(text: &str, observed: Vec<Observed>) -> (Status, String) {
        let parsed = parse_expectation(text).unwrap();
        let expectation =
            Expectation { text: text.to_owned(), line: 1, subject: parsed.subject, comparison: parsed.comparison, bound: parsed.bound };
        let runs = observed.len();
        let judged = judge_over(&expectation, &[spread(observed)], runs);
        (judged.status, judged.observed)
    }

    #[test]
    fn over_repeats_holds_only_what_every_truth_holds() {
        let fast = || (0..5).map(|i| value(10.0 + f64::from(i))).collect::<Vec<_>>();
        assert_eq!(judged("p95(recovery-time) over 5 < 60s", fast()), (Status::Met, "13.8 s ± 500 ms over 5".to_owned()));
        assert_eq!(judged("max(recovery-time) over 5 < 60s", fast()).0, Status::Met);
        assert_eq!(judged("max(recovery-time) of lose-one over 5 < 14s", fast()).0, Status::NoData);
        assert_eq!(judged("max(recovery-time) over 5 < 13s", fast()).0, Status::Failed);
        assert_eq!(judged("max(recovery-time) over 6 < 60s", fast()), (Status::NoData, "no data: 5 of 6 repeats were made".to_owned()));
        let mut one_unknown = fast();
        one_unknown[2] = Observed::NoData("no baseline".to_owned());
        // The median of five does not hang on one that is not known; the maximum does.
        assert_eq!(judged("p50(recovery-time) over 5 < 60s", one_unknown.clone()).0, Status::Met);
        assert_eq!(judged("max(recovery-time) over 5 < 60s", one_unknown.clone()).0, Status::NoData);
        one_unknown[2] = Observed::AtLeast(70.0);
        let (status, observed) = judged("max(recovery-time) over 5 < 60s", one_unknown);
        assert_eq!((status, observed.as_str()), (Status::Failed, "at least 70.0 s over 5, 1 without an end"));
    }

    #[test]
    fn a_run_that_never_came_back_is_not_left_out() {
        let spread = spread(vec![value(10.0), Observed::AtLeast(90.0), value(12.0)]);
        assert_eq!((spread.median, spread.min, spread.max), (Some(12.0), Some(10.0), None));
        assert_eq!(spread.interval, None);
    }

    #[test]
    fn noise_is_flagged() {
        assert!(!spread(vec![value(100.0), value(101.0), value(102.0)]).noisy);
        assert!(spread(vec![value(100.0), value(120.0), value(90.0)]).noisy);
        assert_eq!(variation(&[5.0]), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_median_and_lies_within_the_values(values in prop::collection::vec(0.1f64..1e4, 3..20)) {
            let spread = spread(values.iter().map(|value| Observed::Value(Figure { value: *value, error: None })).collect());
            let (low, high) = spread.interval.unwrap();
            let middle = spread.median.unwrap();
            prop_assert!(spread.min.unwrap() <= low && low <= middle && middle <= high && high <= spread.max.unwrap());
        }

        /// Whatever is unknown about a run, the verdict that was given without it still holds for every value that it can have.
        #[test]
        fn no_verdict_rests_on_what_is_not_known(values in prop::collection::vec(1.0f64..100.0, 2..8), hidden in 0usize..8, truth in 0.0f64..1000.0, bound in 1.0f64..120.0) {
            let hidden = hidden % values.len();
            let text = format!("p75(recovery-time) over {} < {bound:.3}s", values.len());
            let exact = |value: f64| Observed::Value(Figure { value, error: None });
            let mut observed: Vec<Observed> = values.iter().map(|value| exact(*value)).collect();
            observed[hidden] = Observed::NoData("hidden".to_owned());
            let before = judged(&text, observed.clone()).0;
            observed[hidden] = exact(truth);
            let after = judged(&text, observed).0;
            prop_assert!(before == Status::NoData || before == after);
        }
    }
}
