//! Two or more sides against each other, figure by figure: better, worse, the same, or not to be compared.
//!
//! A difference counts when it is larger than the noise, and the noise comes from the repeats:
//!
//! - With at least four degrees of freedom (three runs on each side) it is Student's interval of the difference of two medians: t × s ×
//!   √(c²(n₁)/n₁ + c²(n₂)/n₂), s the pooled standard deviation and c(n) the median's standard error in units of the mean's. With m figures
//!   that decide, each is asked at 5 % ÷ m (Bonferroni), so that all of them together cry wolf once in twenty times.
//! - With fewer nobody knows the noise; then a usual one is assumed (see [`usual`]), and the report says so.
//! - It is never below [`NOISE`] of the first side's value, nor below the measurements' own errors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::figures::{Better, Observed, Weight};
use super::outcome::Outcome;
use super::quantile::{median, sorted};
use super::repeats::{CONFIDENCE, Spread, spreads};
use super::trend::bootstrap;
use crate::metric::Unit;
use crate::plan::Plan;
use crate::scenario::Scenario;

/// The least relative difference that counts.
pub const NOISE: f64 = 0.05;
/// Degrees of freedom from which on the repeats' own spread is believed.
const BELIEVED: usize = 4;
/// Wrong alarms among comparisons of the same with the same.
const ALPHA: f64 = 0.05;
/// Resamples of a bootstrap.
const ROUNDS: usize = 2000;

/// A figure of one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SideFigure {
    /// Of what.
    pub of: String,
    /// Its name.
    pub name: String,
    /// Unit.
    pub unit: Unit,
    /// Which way it is better.
    pub better: Better,
    /// What it is worth.
    pub weight: Weight,
    /// What each run says.
    pub observed: Vec<Observed>,
}

impl From<&Spread> for SideFigure {
    fn from(spread: &Spread) -> Self {
        Self {
            of: spread.of.clone(),
            name: spread.name.clone(),
            unit: spread.unit,
            better: spread.better,
            weight: spread.weight,
            observed: spread.observed.clone(),
        }
    }
}

/// One side of a comparison; can be kept as a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// The scenario.
    pub scenario: String,
    /// Ids of its runs.
    pub runs: Vec<String>,
    /// What must be the same for figures to be comparable: versions, parallelism, rate, faults.
    pub circumstances: BTreeMap<String, String>,
    /// Its figures.
    pub figures: Vec<SideFigure>,
}

impl Side {
    /// Of runs of one plan.
    pub fn of(name: impl Into<String>, runs: &[(&Plan, &Outcome)]) -> Self {
        let outcomes: Vec<&Outcome> = runs.iter().map(|(_, outcome)| *outcome).collect();
        Self {
            name: name.into(),
            scenario: outcomes.first().map_or_else(String::new, |outcome| outcome.scenario.clone()),
            runs: outcomes.iter().map(|outcome| outcome.run.clone()).collect(),
            circumstances: runs.first().map(|(plan, outcome)| circumstances(plan, outcome)).unwrap_or_default(),
            figures: spreads(&outcomes).iter().map(Into::into).collect(),
        }
    }
}

/// What a run's figures hang on. Seeds may differ: they choose victims, not what is measured.
pub fn circumstances(plan: &Plan, outcome: &Outcome) -> BTreeMap<String, String> {
    let mut all = of_scenario(&plan.scenario);
    let fact = |section: &str, name: &str| outcome.facts.get(section).and_then(|facts| facts.get(name)).cloned();
    for (name, value) in [
        ("flink version", fact("versions", "flink")),
        ("kafka version", fact("versions", "kafka")),
        ("cores of the machine", fact("machine", "cores")),
    ] {
        all.extend(value.map(|value| (name.to_owned(), value)));
    }
    all.insert("cluster".to_owned(), plan.cluster.line.split_once(": ").map_or(plan.cluster.line.clone(), |(_, what)| what.to_owned()));
    all
}

fn of_scenario(scenario: &Scenario) -> BTreeMap<String, String> {
    let json = |value: Result<String, serde_json::Error>| value.unwrap_or_default().replace('"', "");
    let mut all = BTreeMap::from([("scenario".to_owned(), scenario.name.to_string())]);
    if let Some(parallelism) = scenario.job.parallelism() {
        all.insert("parallelism".to_owned(), parallelism.to_string());
    }
    if let Some(checkpoint) = scenario.job.checkpoint() {
        all.insert("checkpoint.interval".to_owned(), checkpoint.interval.to_string());
        all.insert("checkpoint.mode".to_owned(), checkpoint.mode.to_string());
        let unaligned = checkpoint.unaligned.map_or("as the cluster says".to_owned(), |on| if on { "on" } else { "off" }.to_owned());
        all.insert("checkpoint.unaligned".to_owned(), unaligned);
    }
    for (name, stream) in &scenario.traffic {
        all.insert(format!("rate of {name}"), json(serde_json::to_string(&stream.rate)));
        all.insert(format!("keys of {name}"), json(serde_json::to_string(&stream.keys)));
        all.insert(format!("values of {name}"), json(serde_json::to_string(&stream.value)));
    }
    for (name, topic) in scenario.source.topics.iter().chain(&scenario.sink.topics) {
        if let Some(partitions) = topic.partitions {
            all.insert(format!("partitions of {name}"), partitions.to_string());
        }
    }
    for entry in &scenario.timeline {
        all.insert(format!("fault {}", entry.name), json(serde_json::to_string(&entry.inject)));
    }
    all
}

/// What is different between the sides besides the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub what: String,
    /// As each side has it.
    pub values: Vec<String>,
    /// Whether it is meant.
    pub accepted: bool,
}

/// How a side's figure stands to that of the first side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Worse by more than the noise.
    Worse,
    /// A side has no value.
    NoData,
    /// What was done differs.
    NotComparable,
    /// Different by more than the noise, which is neither good nor bad.
    Different,
    /// Better by more than the noise.
    Better,
    /// No difference beyond the noise.
    Same,
}

/// A figure of one side, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Median of its values; none where more than half have none.
    pub median: Option<f64>,
    /// 95 % bootstrap interval of the median, from three values on.
    pub interval: Option<(f64, f64)>,
    /// Values.
    pub values: usize,
    /// Runs.
    pub runs: usize,
    /// It was not over after this, in at least one run.
    pub at_least: Option<f64>,
    /// Against the first side; none for the first itself.
    pub against: Option<Against>,
}

/// A side against the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Against {
    /// How it stands.
    pub standing: Standing,
    /// Difference of the medians ÷ the first side's; none around zero.
    pub change: Option<f64>,
    /// Smallest difference that counts, in the figure's unit.
    pub noise: f64,
    /// Whether the noise was seen in the repeats; else a usual one is assumed.
    pub seen: bool,
    /// Why there is no judgement, where there is none.
    pub reason: Option<String>,
}

/// A figure of all sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of what.
    pub of: String,
    /// Its name.
    pub name: String,
    /// Unit.
    pub unit: Unit,
    /// Which way it is better.
    pub better: Better,
    /// What it is worth.
    pub weight: Weight,
    /// One cell a side.
    pub cells: Vec<Cell>,
}

/// Sides, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The sides; the first is what the others are held against.
    pub sides: Vec<Side>,
    /// What differs besides the figures.
    pub differences: Vec<Difference>,
    /// The figures.
    pub rows: Vec<Row>,
    /// Of each side but the first: the worst of what decides.
    pub standings: Vec<Standing>,
    /// In plain words.
    pub sentence: String,
}

impl Comparison {
    /// Compares. What differs and is in `accepted` (a name, or the beginning of one) is meant.
    pub fn of(sides: Vec<Side>, accepted: &[String]) -> Self {
        let differences = differences(&sides, accepted);
        let comparable = differences.iter().all(|difference| difference.accepted);
        let mut keys: Vec<&SideFigure> = Vec::new();
        for figure in sides.iter().flat_map(|side| &side.figures) {
            if !keys.iter().any(|key| key.of == figure.of && key.name == figure.name) {
                keys.push(figure);
            }
        }
        let has_values =
            |side: &Side, key: &SideFigure| find(side, key).is_some_and(|figure| figure.observed.iter().any(|o| o.value().is_some()));
        let deciding = keys.iter().filter(|key| key.weight == Weight::Decides && sides.iter().all(|side| has_values(side, key))).count();
        let rows: Vec<Row> = keys
            .iter()
            .map(|key| {
                let figures: Vec<Option<&SideFigure>> = sides.iter().map(|side| find(side, key)).collect();
                let first = figures.first().copied().flatten();
                let cells = figures
                    .iter()
                    .enumerate()
                    .map(|(index, figure)| {
                        let against = (index > 0).then(|| against(key, first, *figure, comparable, deciding.max(1)));
                        cell(key, *figure, against)
                    })
                    .collect();
                Row { of: key.of.clone(), name: key.name.clone(), unit: key.unit, better: key.better, weight: key.weight, cells }
            })
            .collect();
        let standings: Vec<Standing> = (1..sides.len()).map(|side| overall(&rows, side, comparable)).collect();
        let sentence = sentence(&sides, &rows, &standings, &differences);
        Self { sides, differences, rows, standings, sentence }
    }

    /// The worst standing of any side.
    pub fn standing(&self) -> Standing {
        self.standings.iter().copied().min().unwrap_or(Standing::NoData)
    }
}

fn find<'a>(side: &'a Side, key: &SideFigure) -> Option<&'a SideFigure> {
    side.figures.iter().find(|figure| figure.of == key.of && figure.name == key.name)
}

fn differences(sides: &[Side], accepted: &[String]) -> Vec<Difference> {
    let mut names: Vec<&String> = sides.iter().flat_map(|side| side.circumstances.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let values: Vec<String> =
                sides.iter().map(|side| side.circumstances.get(name).cloned().unwrap_or_else(|| "–".to_owned())).collect();
            let same = values.windows(2).all(|pair| pair[0] == pair[1]);
            (!same).then(|| Difference {
                accepted: accepted.iter().any(|meant| name.starts_with(meant.as_str())),
                what: name.clone(),
                values,
            })
        })
        .collect()
}

fn cell(key: &SideFigure, figure: Option<&SideFigure>, against: Option<Against>) -> Cell {
    let observed: &[Observed] = figure.map(|figure| figure.observed.as_slice()).unwrap_or_default();
    let known = sorted(observed.iter().filter_map(Observed::value));
    let longer = observed.iter().filter_map(|observed| if let Observed::AtLeast(watched) = observed { Some(*watched) } else { None });
    let longer: Vec<f64> = longer.collect();
    let mut ordered = known.clone();
    ordered.extend(longer.iter().map(|_| f64::INFINITY));
    let seed = u64::from(crc32fast::hash(format!("{} {}", key.of, key.name).as_bytes()));
    let interval = if longer.is_empty() && known.len() >= 3 { bootstrap(&known, median, ROUNDS, CONFIDENCE, seed) } else { None };
    Cell {
        median: median(&ordered).filter(|middle| middle.is_finite()),
        interval,
        values: known.len(),
        runs: observed.len(),
        at_least: longer.into_iter().max_by(f64::total_cmp),
        against,
    }
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

fn against(key: &SideFigure, a: Option<&SideFigure>, b: Option<&SideFigure>, comparable: bool, asked: usize) -> Against {
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

fn overall(rows: &[Row], side: usize, comparable: bool) -> Standing {
    if !comparable {
        return Standing::NotComparable;
    }
    let standings: Vec<Standing> = rows
        .iter()
        .filter(|row| row.weight != Weight::Shown)
        .filter_map(|row| row.cells.get(side)?.against.as_ref().map(|against| (row.weight, against.standing)))
        .filter(|(weight, standing)| *weight == Weight::Decides || *standing != Standing::NoData)
        .map(|(_, standing)| standing)
        .collect();
    let any = |wanted: Standing| standings.contains(&wanted);
    if any(Standing::Worse) {
        Standing::Worse
    } else if standings.is_empty() || standings.iter().all(|standing| *standing == Standing::NoData) {
        Standing::NoData
    } else if any(Standing::Better) {
        Standing::Better
    } else {
        Standing::Same
    }
}

fn sentence(sides: &[Side], rows: &[Row], standings: &[Standing], differences: &[Difference]) -> String {
    let against = sides.first().map_or("", |side| side.name.as_str());
    let unmeant: Vec<&str> =
        differences.iter().filter(|difference| !difference.accepted).map(|difference| difference.what.as_str()).collect();
    if !unmeant.is_empty() {
        return format!("Not comparable: {} differ.", unmeant.join(", "));
    }
    let mut parts = Vec::new();
    for (index, (side, standing)) in sides.iter().skip(1).zip(standings).enumerate() {
        let telling = |wanted: Standing| -> Vec<String> {
            rows.iter()
                .filter(|row| row.weight != Weight::Shown)
                .filter_map(|row| {
                    let against = row.cells.get(index + 1)?.against.as_ref()?;
                    (against.standing == wanted).then(|| match against.change {
                        Some(change) => format!("{} {} {:+.0} %", row.of, row.name, change * 100.0),
                        None => format!("{} {}", row.of, row.name),
                    })
                })
                .collect()
        };
        parts.push(match standing {
            Standing::Worse => format!("{} is worse than {against}: {}", side.name, telling(Standing::Worse).join(", ")),
            Standing::Better => format!("{} is better than {against}: {}", side.name, telling(Standing::Better).join(", ")),
            Standing::Same => format!("{} and {against} are the same, as far as the noise lets see", side.name),
            _ => format!("nothing can be said of {} against {against}", side.name),
        });
    }
    let mut text = parts.join("; ");
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    format!("{text}.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::analysis::Figure;

    fn figure(name: &str, weight: Weight, values: &[f64]) -> SideFigure {
        SideFigure {
            of: "lose-one".to_owned(),
            name: name.to_owned(),
            unit: Unit::Seconds,
            better: Better::Lower,
            weight,
            observed: values.iter().map(|value| Observed::Value(Figure { value: *value, error: None })).collect(),
        }
    }

    fn side(name: &str, figures: Vec<SideFigure>) -> Side {
        Side { name: name.to_owned(), scenario: "s".to_owned(), runs: Vec::new(), circumstances: BTreeMap::new(), figures }
    }

    fn standing(a: &[f64], b: &[f64]) -> Standing {
        let of = |values: &[f64]| vec![figure("recovery-time", Weight::Decides, values)];
        Comparison::of(vec![side("A", of(a)), side("B", of(b))], &[]).standing()
    }

    #[test]
    fn a_difference_counts_beyond_the_noise_only() {
        let (quiet, slower) = ([10.0, 10.1, 9.9, 10.05, 9.95], [11.5, 11.6, 11.4, 11.55, 11.45]);
        assert_eq!(standing(&quiet, &slower), Standing::Worse);
        assert_eq!(standing(&slower, &quiet), Standing::Better);
        assert_eq!(standing(&quiet, &[10.3, 10.4, 10.2, 10.35, 10.25]), Standing::Same);
        assert_eq!(standing(&[10.0, 14.0, 8.0, 12.0, 9.0], &[11.5, 15.0, 9.0, 13.5, 10.0]), Standing::Same);
        // Two runs know nothing of the noise: 15 % more may be chance, twice as much is not.
        assert_eq!(standing(&[10.0], &[11.5]), Standing::Same);
        assert_eq!(standing(&[10.0], &[20.0]), Standing::Worse);
        assert_eq!(standing(&[], &[20.0]), Standing::NoData);
    }

    #[test]
    fn a_recovery_that_never_ends_is_worse() {
        let mut endless = figure("recovery-time", Weight::Decides, &[10.0, 10.0]);
        endless.observed.push(Observed::AtLeast(60.0));
        let fine = figure("recovery-time", Weight::Decides, &[10.0, 10.0, 10.0]);
        let compared = Comparison::of(vec![side("A", vec![fine]), side("B", vec![endless])], &[]);
        assert_eq!(compared.standing(), Standing::Worse);
        assert_eq!(compared.rows[0].cells[1].at_least, Some(60.0));
    }

    #[test]
    fn one_lost_record_is_a_regression() {
        let steady = || figure("recovery-time", Weight::Decides, &[10.0, 10.0]);
        let a = side("A", vec![steady(), figure("lost", Weight::Exact, &[0.0, 0.0])]);
        let b = side("B", vec![steady(), figure("lost", Weight::Exact, &[0.0, 1.0])]);
        let compared = Comparison::of(vec![a, b], &[]);
        assert_eq!(compared.standing(), Standing::Worse);
        assert_eq!(compared.sentence, "B is worse than A: lose-one lost.");
    }

    #[test]
    fn what_was_done_must_be_the_same_unless_it_is_meant() {
        let mut a = side("A", vec![figure("recovery-time", Weight::Decides, &[10.0])]);
        let mut b = a.clone();
        a.circumstances.insert("parallelism".to_owned(), "1".to_owned());
        b.circumstances.insert("parallelism".to_owned(), "2".to_owned());
        let compared = Comparison::of(vec![a.clone(), b.clone()], &[]);
        assert_eq!((compared.standing(), compared.sentence.as_str()), (Standing::NotComparable, "Not comparable: parallelism differ."));
        assert_eq!(Comparison::of(vec![a, b], &["parallelism".to_owned()]).standing(), Standing::Same);
    }

    /// Normal with this mean and relative standard deviation, by the sum of twelve.
    fn drawn(random: &mut StdRng, mean: f64, relative: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| random.random_range(0.0..1.0)).sum();
        mean * (1.0 + relative * (sum - 6.0))
    }

    #[test]
    fn the_same_is_the_same_in_nineteen_of_twenty() {
        let mut random = StdRng::seed_from_u64(7);
        for (n, relative) in [(1, 0.12), (3, 0.2), (5, 0.05), (5, 0.3), (8, 0.12)] {
            let mut wrong = 0;
            for _ in 0..100 {
                let mut figures = |name: &str| {
                    (0..4)
                        .map(|i| {
                            figure(
                                &format!("{name}{i}"),
                                Weight::Decides,
                                &(0..n).map(|_| drawn(&mut random, 10.0, relative)).collect::<Vec<_>>(),
                            )
                        })
                        .collect::<Vec<_>>()
                };
                let (a, b) = (side("A", figures("f")), side("B", figures("f")));
                wrong += u32::from(Comparison::of(vec![a, b], &[]).standing() != Standing::Same);
            }
            assert!(wrong <= 12, "{wrong} of 100 with {n} runs that vary by {relative}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_better_or_worse_than_itself(values in prop::collection::vec(0.0f64..1e4, 1..8)) {
            prop_assert_eq!(standing(&values, &values), Standing::Same);
        }

        #[test]
        fn swapping_the_sides_swaps_the_answer(a in prop::collection::vec(5.0f64..50.0, 3..7), b in prop::collection::vec(5.0f64..50.0, 3..7)) {
            let turned = match standing(&b, &a) {
                Standing::Better => Standing::Worse,
                Standing::Worse => Standing::Better,
                other => other,
            };
            let straight = standing(&a, &b);
            // Near the floor of 5 %, which is of the first side, the two may differ.
            prop_assert!(straight == turned || straight == Standing::Same || turned == Standing::Same);
        }
    }
}
