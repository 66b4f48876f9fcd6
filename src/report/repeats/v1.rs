//! Version 1 of a series' `report.json`. Frozen: add keys, never rename or remove one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::{Better, Observed, Repeats, Spread};
use crate::report::json::{Expectation, RunVerdict, Unit};

/// Several runs of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "squall repeats")]
pub struct RepeatsV1 {
    /// Version of this format: 1.
    pub schema: u32,
    /// `repeats`.
    pub kind: String,
    /// Version of squall that ran it.
    pub squall: String,
    /// Id of the series; the name of its folder.
    pub series: String,
    /// Name of the scenario.
    pub scenario: String,
    /// What the scenario asks.
    pub about: String,
    /// Cluster and what it is.
    pub cluster: String,
    /// Seed of the first run; the others' derive from it.
    pub seed: u64,
    /// How many runs were asked for.
    pub repeats: u32,
    /// The runs that were made, in order.
    pub runs: Vec<RepeatedRunV1>,
    /// Why it ended before its last run; null where it did not.
    pub ended: Option<String>,
    /// The worst verdict.
    pub verdict: RunVerdict,
    /// Why, most important first.
    pub reasons: Vec<String>,
    /// What came out, in plain words.
    pub sentence: String,
    /// Expectations over repeats, then those of each run as in the worst of them.
    pub expectations: Vec<Expectation>,
    /// The figures with their spread.
    pub figures: Vec<SpreadV1>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatedRunV1 {
    /// Run id; the name of its folder, beside that of the series.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Its verdict.
    pub verdict: RunVerdict,
    /// The first reason of its verdict.
    pub reason: String,
}

/// A figure over the runs; values in `unit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadV1 {
    /// Of what: a fault's name, `baseline`, `run`.
    pub of: String,
    /// `recovery-time`, …
    pub name: String,
    /// Unit.
    pub unit: Unit,
    /// `lower`, `higher`; null where it is neither good nor bad.
    pub better: Option<String>,
    /// Median; null where more than half have no value.
    pub median: Option<f64>,
    /// Lower end of the median's 95 % interval (bootstrap).
    pub interval_low: Option<f64>,
    /// Upper end.
    pub interval_high: Option<f64>,
    /// Lowest.
    pub min: Option<f64>,
    /// Highest.
    pub max: Option<f64>,
    /// Standard deviation ÷ mean.
    pub variation_ratio: Option<f64>,
    /// Whether that is above 5 %.
    pub noisy: bool,
    /// What each run said, in the order of the runs.
    pub observed: Vec<ObservedV1>,
}

/// What a run said of a figure: a value, a time that was watched in vain, or a reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedV1 {
    /// Value.
    pub value: Option<f64>,
    /// The true value lies within value ± error.
    pub error: Option<f64>,
    /// It was not over after this.
    pub at_least: Option<f64>,
    /// Why there is no data.
    pub no_data: Option<String>,
}

impl From<&Observed> for ObservedV1 {
    fn from(observed: &Observed) -> Self {
        match observed {
            Observed::Value(figure) => Self { value: Some(figure.value), error: figure.error, ..Self::default() },
            Observed::AtLeast(watched) => Self { at_least: Some(*watched), ..Self::default() },
            Observed::NoData(reason) => Self { no_data: Some(reason.clone()), ..Self::default() },
        }
    }
}

impl From<&Spread> for SpreadV1 {
    fn from(spread: &Spread) -> Self {
        Self {
            of: spread.of.clone(),
            name: spread.name.clone(),
            unit: spread.unit.into(),
            better: match spread.better {
                Better::Lower => Some("lower".to_owned()),
                Better::Higher => Some("higher".to_owned()),
                Better::Neither => None,
            },
            median: spread.median,
            interval_low: spread.interval.map(|interval| interval.0),
            interval_high: spread.interval.map(|interval| interval.1),
            min: spread.min,
            max: spread.max,
            variation_ratio: spread.variation,
            noisy: spread.noisy,
            observed: spread.observed.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Repeats> for RepeatsV1 {
    fn from(repeats: &Repeats) -> Self {
        Self {
            schema: 1,
            kind: "repeats".to_owned(),
            squall: repeats.squall.clone(),
            series: repeats.asked.series.clone(),
            scenario: repeats.scenario.clone(),
            about: repeats.about.clone(),
            cluster: repeats.cluster.clone(),
            seed: repeats.asked.seed,
            repeats: repeats.asked.repeats,
            runs: repeats
                .runs
                .iter()
                .map(|run| RepeatedRunV1 { run: run.run.clone(), seed: run.seed, verdict: run.verdict.into(), reason: run.reason.clone() })
                .collect(),
            ended: repeats.asked.ended.as_ref().map(|(_, why)| why.clone()),
            verdict: repeats.verdict.into(),
            reasons: repeats.reasons.clone(),
            sentence: repeats.sentence.clone(),
            expectations: repeats.expectations.iter().map(Into::into).collect(),
            figures: repeats.spreads.iter().map(Into::into).collect(),
        }
    }
}
