//! The figures by which runs are compared: one number each for a fault, the baseline or the run.

use serde::{Deserialize, Serialize};

use super::outcome::{Bounds, FaultOutcome, Figure, Moment, Outcome, Recovery, WindowOutcome};
use super::quantile::{median, sorted};
use crate::journal::FaultId;
use crate::metric::{Metric, Unit};

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// The lower.
    Lower,
    /// The higher.
    Higher,
    /// It says what the runs were like, not how good they were.
    Neither,
}

/// How much a figure is worth where two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// A difference beyond the noise is a regression.
    Decides,
    /// Any increase is a regression: counts of what must not happen.
    Exact,
    /// Shown, and judged in its row only.
    Shown,
}

/// What a run says of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// A value.
    Value(Figure),
    /// It was not over when the watching ended.
    AtLeast(f64),
    /// Nothing, and why.
    NoData(String),
}

impl Observed {
    /// The value, where there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value(figure) => Some(figure.value),
            Self::AtLeast(_) | Self::NoData(_) => None,
        }
    }

    /// Between which values the truth lies; figures are never below zero.
    pub fn range(&self) -> (f64, f64) {
        match self {
            Self::Value(Figure { value, error }) => {
                let error = error.unwrap_or(0.0).max(0.0);
                ((value - error).max(0.0), value + error)
            }
            Self::AtLeast(watched) => (*watched, f64::INFINITY),
            Self::NoData(_) => (0.0, f64::INFINITY),
        }
    }
}

/// A figure of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFigure {
    /// Of what: a fault's name, `baseline`, `run`.
    pub of: String,
    /// `recovery-time`, `visible-latency p99`, …
    pub name: String,
    /// Unit of its value.
    pub unit: Unit,
    /// Which way it is better.
    pub better: Better,
    /// What it is worth in a comparison.
    pub weight: Weight,
    /// What the run says.
    pub observed: Observed,
}

/// The figures of a run, in the order of a report: faults, baseline, run.
pub fn figures(outcome: &Outcome) -> Vec<RunFigure> {
    let mut all = Vec::new();
    for fault in &outcome.faults {
        of_fault(fault, &mut all);
    }
    if let Some(baseline) = outcome.windows.iter().find(|window| window.name == "baseline") {
        of_baseline(outcome, baseline, &mut all);
    }
    of_run(outcome, &mut all);
    all
}

/// `lose-one`, from its second occurrence on `lose-one (2)`.
pub fn fault_name(fault: &FaultId) -> String {
    if fault.occurrence == 0 { fault.name.clone() } else { format!("{} ({})", fault.name, fault.occurrence + 1) }
}

fn of_fault(fault: &FaultOutcome, all: &mut Vec<RunFigure>) {
    let of = fault_name(&fault.fault);
    let mut push = |name: &str, unit, better, weight, observed| {
        all.push(RunFigure { of: of.clone(), name: name.to_owned(), unit, better, weight, observed });
    };
    let recovery = match &fault.recovery {
        Recovery::Recovered { time } => Observed::Value(*time),
        Recovery::RodeThrough => Observed::Value(Figure { value: 0.0, error: None }),
        Recovery::NotRecovered { watched, .. } | Recovery::Censored { watched, .. } => Observed::AtLeast(*watched),
        Recovery::Inconclusive { reason } => Observed::NoData(reason.clone()),
    };
    let rode = fault.recovery == Recovery::RodeThrough;
    let known = |figure: Option<Figure>, why: &str| match figure {
        Some(figure) => Observed::Value(figure),
        None if rode => Observed::Value(Figure { value: 0.0, error: None }),
        None => Observed::NoData(why.to_owned()),
    };
    let plain = |value: Option<f64>, why: &str| match value {
        Some(value) => Observed::Value(Figure { value, error: None }),
        None => Observed::NoData(why.to_owned()),
    };
    let times = &fault.timeline;
    push(Metric::RecoveryTime.name(), Unit::Seconds, Better::Lower, Weight::Decides, recovery);
    push(Metric::Outage.name(), Unit::Seconds, Better::Lower, Weight::Decides, known(fault.outage, "its edges were not seen"));
    push(
        Metric::DetectionTime.name(),
        Unit::Seconds,
        Better::Lower,
        Weight::Shown,
        between(&times.t0_effective, &times.t2_departed_running),
    );
    push(Metric::TimeToRunning.name(), Unit::Seconds, Better::Lower, Weight::Shown, between(&times.t0_effective, &times.t4_all_running));
    let lag = plain(fault.max_output_lag.map(|(lag, _)| lag), "output lag was not sampled");
    push("output-lag max", Unit::Records, Better::Lower, Weight::Shown, lag);
    // A backlog that is gone with one or two commits has no rate to speak of; what it is worth is in the recovery time.
    push(
        "catch-up rate",
        Unit::PerSecond,
        Better::Higher,
        Weight::Shown,
        plain(fault.catch_up_rate, "it did not catch up, or with one commit"),
    );
    let replayed = match fault.replayed {
        Some(Bounds { at_least, at_most }) => {
            let (low, high) = (at_least as f64, at_most as f64);
            Observed::Value(Figure { value: f64::midpoint(low, high), error: Some((high - low) / 2.0) })
        }
        None => Observed::NoData("the restored position is not known".to_owned()),
    };
    push("replayed", Unit::Records, Better::Neither, Weight::Shown, replayed);
    push("checkpoint-age", Unit::Seconds, Better::Neither, Weight::Shown, plain(fault.checkpoint_age, "no checkpoint was seen"));
    push(Metric::Restarts.name(), Unit::Count, Better::Lower, Weight::Shown, plain(Some(f64::from(fault.restarts)), ""));
}

/// From one moment to another, with the error of both.
fn between(from: &Moment, to: &Moment) -> Observed {
    match (from, to) {
        (Moment::Seen { at: from, error: a, .. }, Moment::Seen { at: to, error: b, .. }) => {
            Observed::Value(Figure { value: (to - from).max(0.0), error: Some(a + b) })
        }
        (Moment::NotSeen { reason }, _) | (_, Moment::NotSeen { reason }) => Observed::NoData(reason.clone()),
    }
}

fn of_baseline(outcome: &Outcome, baseline: &WindowOutcome, all: &mut Vec<RunFigure>) {
    let mut push = |name: String, unit, better, weight, value: Option<f64>| {
        let observed = match value.filter(|value| value.is_finite()) {
            Some(value) => Observed::Value(Figure { value, error: None }),
            None => Observed::NoData("not measured in the baseline".to_owned()),
        };
        all.push(RunFigure { of: "baseline".to_owned(), name, unit, better, weight, observed });
    };
    push("input".to_owned(), Unit::PerSecond, Better::Neither, Weight::Shown, baseline.input_per_second);
    push("output".to_owned(), Unit::PerSecond, Better::Higher, Weight::Decides, baseline.output_per_second);
    push("output-lag max".to_owned(), Unit::Records, Better::Lower, Weight::Shown, baseline.max_output_lag);
    // One latency decides: what a reader of committed records sees, where that was measured.
    let judged = [Metric::VisibleLatency, Metric::EndToEndLatency].into_iter().find(|metric| baseline.latency.contains_key(metric));
    for (metric, points) in &baseline.latency {
        if *metric == Metric::Slip {
            continue;
        }
        let weight = if Some(*metric) == judged { Weight::Decides } else { Weight::Shown };
        push(format!("{metric} p50"), Unit::Seconds, Better::Lower, weight, Some(points[0]));
        push(format!("{metric} p99"), Unit::Seconds, Better::Lower, Weight::Shown, Some(points[1]));
    }
    let zero = outcome.start.unwrap_or(outcome.started);
    let durations = outcome
        .checkpoints
        .iter()
        .filter(|checkpoint| checkpoint.status == "completed" && !checkpoint.savepoint)
        .filter(|checkpoint| (baseline.from..baseline.to).contains(&checkpoint.triggered.seconds_since(zero)))
        .filter_map(|checkpoint| checkpoint.duration_s);
    push("checkpoint-duration p50".to_owned(), Unit::Seconds, Better::Lower, Weight::Shown, median(&sorted(durations)));
}

fn of_run(outcome: &Outcome, all: &mut Vec<RunFigure>) {
    let mut push = |name: &str, weight, observed| {
        let unit = name.parse::<Metric>().map_or(Unit::Count, Metric::unit);
        all.push(RunFigure { of: "run".to_owned(), name: name.to_owned(), unit, better: Better::Lower, weight, observed });
    };
    let count = |value: u64| Observed::Value(Figure { value: value as f64, error: None });
    let delivered = |of: fn(&crate::delivery::Verdict) -> u64| match &outcome.delivery {
        None => Observed::NoData("delivery was not verified".to_owned()),
        Some(verdict) => match &verdict.no_data {
            Some(reason) => Observed::NoData(reason.clone()),
            None => count(of(verdict)),
        },
    };
    push(Metric::Lost.name(), Weight::Exact, delivered(|verdict| verdict.lost));
    push(Metric::Duplicates.name(), Weight::Exact, delivered(|verdict| verdict.duplicates));
    push(Metric::Reordered.name(), Weight::Exact, delivered(|verdict| verdict.reordered));
    push(Metric::Corrupt.name(), Weight::Exact, delivered(|verdict| verdict.corrupt));
    let seen = !outcome.states.is_empty();
    let unexplained = outcome.restarts.iter().filter(|restart| restart.explained_by.is_none()).count();
    let restarts = if seen { count(unexplained as u64) } else { Observed::NoData("the job was not looked at".to_owned()) };
    push(Metric::UnexplainedRestarts.name(), Weight::Exact, restarts);
    let failed = outcome.checkpoints.iter().filter(|checkpoint| checkpoint.status == "failed").count();
    let looked = !outcome.checkpoints.is_empty();
    let failed = if looked { count(failed as u64) } else { Observed::NoData("no checkpoint was seen".to_owned()) };
    push(Metric::FailedCheckpoints.name(), Weight::Shown, failed);
    for (name, prefix) in [(Metric::PartitionSkew, "partitions"), (Metric::SubtaskSkew, "subtasks")] {
        let worst = outcome.skews.iter().filter(|skew| skew.of.starts_with(prefix)).map(|skew| skew.skew).max_by(f64::total_cmp);
        if let Some(value) = worst {
            push(name.name(), Weight::Shown, Observed::Value(Figure { value, error: None }));
        }
    }
}
