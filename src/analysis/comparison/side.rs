//! What is compared: the figures of one side, and what they hang on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analysis::figures::{Better, Observed, Weight};
use crate::analysis::outcome::Outcome;
use crate::analysis::repeats::{Spread, spreads};
use crate::metric::Unit;
use crate::plan::Plan;
use crate::scenario::Scenario;

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
