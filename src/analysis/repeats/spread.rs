//! A figure over the repeats.

use crate::analysis::figures::{Better, Observed, RunFigure, Weight, figures};
use crate::analysis::outcome::Outcome;
use crate::analysis::quantile::{median, sorted};
use crate::analysis::trend::bootstrap;
use crate::metric::Unit;

/// Figures that vary by more than this (standard deviation ÷ mean) are noisy.
pub const NOISY: f64 = 0.05;
/// Resamples of a bootstrap.
const ROUNDS: usize = 2000;
/// Confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;
/// Below so many values resampling says no more than the values themselves.
const LEAST_FOR_INTERVAL: usize = 3;

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
    pub(super) fn new(key: &RunFigure, observed: Vec<Observed>) -> Self {
        let Middle { known, at_least, median, interval } = Middle::of(&key.of, &key.name, &observed);
        let variation = if at_least.is_none() { variation(&known) } else { None };
        Self {
            of: key.of.clone(),
            name: key.name.clone(),
            unit: key.unit,
            better: key.better,
            weight: key.weight,
            median,
            min: known.first().copied(),
            max: known.last().copied().filter(|_| at_least.is_none()),
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

/// The middle of what runs said of one figure.
pub(in crate::analysis) struct Middle {
    /// The values, ascending.
    pub known: Vec<f64>,
    /// The longest time after which it was not over, where it was not.
    pub at_least: Option<f64>,
    /// Median; none where more than half have no value.
    pub median: Option<f64>,
    /// 95 % bootstrap interval of the median, from three values on; none where it was not over in every run.
    pub interval: Option<(f64, f64)>,
}

impl Middle {
    /// Of the figure with this name; resampling is seeded by it.
    pub fn of(of: &str, name: &str, observed: &[Observed]) -> Self {
        let known = sorted(observed.iter().filter_map(Observed::value));
        // What was not over is longer than anything that was: the median holds as long as it lies among the known.
        let longer = observed.iter().filter_map(|observed| if let Observed::AtLeast(watched) = observed { Some(*watched) } else { None });
        let longer: Vec<f64> = longer.collect();
        let mut ordered = known.clone();
        ordered.extend(std::iter::repeat_n(f64::INFINITY, longer.len()));
        let enough = longer.is_empty() && known.len() >= LEAST_FOR_INTERVAL;
        let seed = u64::from(crc32fast::hash(format!("{of} {name}").as_bytes()));
        Self {
            median: median(&ordered).filter(|middle| middle.is_finite()),
            interval: if enough { bootstrap(&known, median, ROUNDS, CONFIDENCE, seed) } else { None },
            at_least: longer.into_iter().max_by(f64::total_cmp),
            known,
        }
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
