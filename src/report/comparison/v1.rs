//! Version 1 of a comparison's `report.json`. Frozen: add keys, never rename or remove one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::{Better, Cell, Comparison, Standing, Weight};
use crate::report::json::Unit;

/// Sides against each other; the first is what the others are held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "squall comparison")]
pub struct ComparisonV1 {
    /// Version of this format: 1.
    pub schema: u32,
    /// `comparison`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The sides.
    pub sides: Vec<SideV1>,
    /// What differs besides the figures.
    pub differences: Vec<DifferenceV1>,
    /// The worst standing of any side: `worse`, `no_data`, `not_comparable`, `different`, `better`, `same`.
    pub standing: String,
    /// In plain words.
    pub sentence: String,
    /// The figures.
    pub rows: Vec<RowV1>,
}

/// A side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SideV1 {
    /// What it is called.
    pub name: String,
    /// The scenario.
    pub scenario: String,
    /// Ids of its runs.
    pub runs: Vec<String>,
    /// What figures hang on.
    pub circumstances: BTreeMap<String, String>,
    /// Against the first side; null for the first.
    pub standing: Option<String>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DifferenceV1 {
    /// What.
    pub what: String,
    /// As each side has it.
    pub values: Vec<String>,
    /// Whether it is meant.
    pub accepted: bool,
}

/// A figure of all sides; values in `unit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowV1 {
    /// Of what.
    pub of: String,
    /// Its name.
    pub name: String,
    /// Unit.
    pub unit: Unit,
    /// `lower`, `higher`; null where it is neither good nor bad.
    pub better: Option<String>,
    /// Whether a difference decides over the standing of the side.
    pub decides: bool,
    /// One a side.
    pub cells: Vec<CellV1>,
}

/// A figure of one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellV1 {
    /// Median of its values.
    pub median: Option<f64>,
    /// Lower end of the median's 95 % interval.
    pub interval_low: Option<f64>,
    /// Upper end.
    pub interval_high: Option<f64>,
    /// Runs that have a value.
    pub values: usize,
    /// Runs.
    pub runs: usize,
    /// It was not over after this, in at least one run.
    pub at_least: Option<f64>,
    /// Against the first side; null for the first.
    pub standing: Option<String>,
    /// Difference of the medians ÷ the first side's.
    pub change_ratio: Option<f64>,
    /// Smallest difference that counts.
    pub noise: Option<f64>,
    /// Whether the noise was seen in the repeats; else a usual one is assumed.
    pub noise_seen: Option<bool>,
    /// Why there is no judgement.
    pub reason: Option<String>,
}

fn standing(standing: Standing) -> String {
    match standing {
        Standing::Worse => "worse",
        Standing::NoData => "no_data",
        Standing::NotComparable => "not_comparable",
        Standing::Different => "different",
        Standing::Better => "better",
        Standing::Same => "same",
    }
    .to_owned()
}

impl ComparisonV1 {
    /// A comparison in this format.
    pub(super) fn of(comparison: &Comparison, id: &str) -> Self {
        let sides = comparison.sides.iter().enumerate().map(|(index, side)| SideV1 {
            name: side.name.clone(),
            scenario: side.scenario.clone(),
            runs: side.runs.clone(),
            circumstances: side.circumstances.clone(),
            standing: index.checked_sub(1).and_then(|index| comparison.standings.get(index)).copied().map(standing),
        });
        let rows = comparison.rows.iter().map(|row| RowV1 {
            of: row.of.clone(),
            name: row.name.clone(),
            unit: row.unit.into(),
            better: match row.better {
                Better::Lower => Some("lower".to_owned()),
                Better::Higher => Some("higher".to_owned()),
                Better::Neither => None,
            },
            decides: row.weight != Weight::Shown,
            cells: row.cells.iter().map(Into::into).collect(),
        });
        Self {
            schema: 1,
            kind: "comparison".to_owned(),
            id: id.to_owned(),
            differences: comparison
                .differences
                .iter()
                .map(|difference| DifferenceV1 {
                    what: difference.what.clone(),
                    values: difference.values.clone(),
                    accepted: difference.accepted,
                })
                .collect(),
            standing: standing(comparison.standing()),
            sentence: comparison.sentence.clone(),
            sides: sides.collect(),
            rows: rows.collect(),
        }
    }
}

impl From<&Cell> for CellV1 {
    fn from(cell: &Cell) -> Self {
        let against = cell.against.as_ref();
        Self {
            median: cell.median,
            interval_low: cell.interval.map(|interval| interval.0),
            interval_high: cell.interval.map(|interval| interval.1),
            values: cell.values,
            runs: cell.runs,
            at_least: cell.at_least,
            standing: against.map(|against| standing(against.standing)),
            change_ratio: against.and_then(|against| against.change),
            noise: against.map(|against| against.noise),
            noise_seen: against.map(|against| against.seen),
            reason: against.and_then(|against| against.reason.clone()),
        }
    }
}
