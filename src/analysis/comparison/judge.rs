//! One figure of one side against the first side's: how large a difference is beyond the noise.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{Against, Cell, SideFigure, Standing};
use crate::analysis::figures::{Better, Observed, Weight};
use crate::analysis::quantile::{median, sorted};
use crate::analysis::repeats::Middle;
use crate::metric::Unit;

/// The least relative difference that counts.
pub const NOISE: f64 = 0.05;
/// Degrees of freedom from which on the repeats' own spread is believed.
const BELIEVED: usize = 4;
/// Wrong alarms among comparisons of the same with the same.
const ALPHA: f64 = 0.05;

pub(super) fn cell(key: &SideFigure, figure: Option<&SideFigure>, against: Option<Against>) -> Cell {
    let observed: &[Observed] = figure.map(|figure| figure.observed.as_slice()).unwrap_or_default();
    let Middle { known, at_least, median, interval } = Middle::of(&key.of, &key.name, observed);
    Cell { median, interval, values: known.len(), runs: observed.len(), at_least, against }
}

/// The run-to-run standard deviation ÷ value that is assumed where it was not seen. What one-off events such as recoveries vary by hangs on
/// where in a checkpoint interval the fault falls: `docs/qualification/compare.md` has it for 24 recorded runs. The others are assumptions.
fn usual(key: &SideFigure) -> f64 {
    match (key.of.as_str(), key.unit) {
        ("baseline", Unit::PerSecond) => 0.02,
        ("baseline", _) => 0.10,
        ("run", _) => 0.25,
        ("capacity", _) => 0.02,
        _ => 0.2,
    }
}

/// Standard error of the median of `n` normal values in units of that of their mean (exact for small n; √(π/2) in the limit).
fn of_median(n: usize) -> f64 {
    const EXACT: [f64; 11] = [1.0, 1.0, 1.0, 1.160, 1.092, 1.198, 1.135, 1.214, 1.160, 1.223, 1.176];
    EXACT.get(n).copied().unwrap_or(1.2533)
}

fn squares(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// The smallest difference that counts, and whether the repeats show it.
fn noise(key: &SideFigure, a: &SideFigure, b: &SideFigure, asked: usize) -> (f64, bool) {
    let values = |figure: &SideFigure| -> Vec<f64> { figure.observed.iter().filter_map(Observed::value).collect() };
    let (first, second) = (values(a), values(b));
    let middle = |values: &[f64]| median(&sorted(values.iter().copied())).unwrap_or(0.0);
    let (x, y) = (middle(&first), middle(&second));
    let freedom = (first.len() + second.len()).saturating_sub(2);
    let own = squares(&first) + squares(&second);
    let alpha = ALPHA / asked as f64;
    let seen = freedom >= BELIEVED && first.len() > 1 && second.len() > 1;
    let (spread, freedom) = if seen {
        ((own / freedom as f64).sqrt(), freedom as f64)
    } else {
        let assumed = usual(key) * f64::midpoint(x, y);
        // What little was seen counts where it is worse than usual.
        let few = if freedom > 0 { (own / freedom as f64).sqrt() } else { 0.0 };
        (assumed.max(few), 1e6)
    };
    let t = StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(1.0 - alpha / 2.0));
    let share = |n: usize| of_median(n).powi(2) / n.max(1) as f64;
    let by_chance = t * spread * (share(first.len()) + share(second.len())).sqrt();
    let error = |figure: &SideFigure| {
        let errors = figure.observed.iter().filter_map(|observed| if let Observed::Value(figure) = observed { figure.error } else { None });
        let errors: Vec<f64> = errors.collect();
        // Errors of polls fall on either side: they shrink with the repeats as any other noise.
        errors.iter().sum::<f64>() / errors.len().max(1) as f64 / (errors.len().max(1) as f64).sqrt()
    };
    (by_chance.max(NOISE * x.abs()).max(error(a) + error(b)), seen)
}

pub(super) fn against(key: &SideFigure, a: Option<&SideFigure>, b: Option<&SideFigure>, comparable: bool, asked: usize) -> Against {
    let none = |standing, reason: &str| Against { standing, change: None, noise: 0.0, seen: false, reason: Some(reason.to_owned()) };
    let (Some(a), Some(b)) = (a, b) else { return none(Standing::NoData, "only one side has it") };
    let longer = |figure: &SideFigure| figure.observed.iter().filter(|observed| matches!(observed, Observed::AtLeast(_))).count();
    let known = |figure: &SideFigure| sorted(figure.observed.iter().filter_map(Observed::value));
    let (first, second) = (known(a), known(b));
    let (noise, seen) = noise(key, a, b, asked);
    let judged = |standing: Standing, change: Option<f64>| {
        let standing = if comparable { standing } else { Standing::NotComparable };
        Against { standing, change, noise, seen, reason: None }
    };
    match (longer(a), longer(b)) {
        (0, 0) => {}
        (before, after) => {
            let share = |longer: usize, figure: &SideFigure| longer as f64 / figure.observed.len().max(1) as f64;
            let (x, y) = (share(before, a), share(after, b));
            // That something never ended is the plainest of differences.
            return if y > x + 0.2 || (x == 0.0 && y > 0.0) {
                Against { reason: Some("it did not end in every run".to_owned()), ..judged(Standing::Worse, None) }
            } else if x > y + 0.2 {
                Against { reason: Some("it did not end in every run of the first".to_owned()), ..judged(Standing::Better, None) }
            } else {
                Against { reason: Some("it did not end on either side".to_owned()), ..none(Standing::NoData, "") }
            };
        }
    }
    let (Some(x), Some(y)) = (median(&first), median(&second)) else {
        let why = a
            .observed
            .iter()
            .chain(&b.observed)
            .find_map(|observed| if let Observed::NoData(why) = observed { Some(why.as_str()) } else { None });
        return none(Standing::NoData, why.unwrap_or("no values"));
    };
    let change = (x.abs() > 1e-12).then(|| (y - x) / x);
    if key.weight == Weight::Exact {
        let (most_before, most_after) = (first.last().copied().unwrap_or(0.0), second.last().copied().unwrap_or(0.0));
        let standing = if most_after > most_before {
            Standing::Worse
        } else if most_after < most_before {
            Standing::Better
        } else {
            Standing::Same
        };
        return judged(standing, change);
    }
    let standing = if (y - x).abs() <= noise {
        Standing::Same
    } else {
        match (key.better, y > x) {
            (Better::Neither, _) => Standing::Different,
            (Better::Lower, true) | (Better::Higher, false) => Standing::Worse,
            (Better::Lower, false) | (Better::Higher, true) => Standing::Better,
        }
    };
    judged(standing, change)
}
