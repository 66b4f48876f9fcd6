//! Two or more sides against each other, figure by figure: better, worse, the same, or not to be compared.
//!
//! A difference counts when it is larger than the noise, and the noise comes from the repeats:
//!
//! - With at least four degrees of freedom (three runs on each side) it is Student's interval of the difference of two medians: t × s ×
//!   √(c²(n₁)/n₁ + c²(n₂)/n₂), s the pooled standard deviation and c(n) the median's standard error in units of the mean's. With m figures
//!   that decide, each is asked at 5 % ÷ m (Bonferroni), so that all of them together cry wolf once in twenty times.
//! - With fewer nobody knows the noise; then a usual one is assumed (see [`usual`]), and the report says so.
//! - It is never below [`NOISE`] of the first side's value, nor below the measurements' own errors.

mod judge;
mod side;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::figures::{Better, Weight};
use crate::metric::Unit;

pub use judge::NOISE;
pub use side::{Side, SideFigure, circumstances};

use judge::{against, cell};

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
