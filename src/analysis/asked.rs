//! What analysis takes from the plan.

use std::collections::BTreeMap;

use crate::metric::Unit;
use crate::plan::{Plan, Trigger};
use crate::scenario::{Expectation, Moment};

/// A stream of the traffic, as asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamAsked {
    /// Its name in the scenario.
    pub name: String,
    /// Records per second, where that does not change by itself.
    pub per_second: Option<f64>,
}

/// A fault of the timeline, as asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultAsked {
    /// Its name in the timeline.
    pub name: String,
    /// Which of its occurrences, from 0.
    pub occurrence: u32,
    /// `kill-taskmanager`, `delay-sink`, …
    pub kind: String,
    /// Whether it is to act while a checkpoint is under way.
    pub in_checkpoint: bool,
}

/// The parts of a plan that an outcome depends on. Made from a [`Plan`](crate::plan); written by hand in tests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// Name of the scenario.
    pub scenario: String,
    /// Its `about`.
    pub about: String,
    /// Cluster and what it is: `laptop: 1 broker, 2 TaskManagers`.
    pub cluster: String,
    /// Kind of cluster.
    pub cluster_kind: String,
    /// Seed.
    pub seed: u64,
    /// How long traffic is to flow, in seconds.
    pub duration_s: Option<f64>,
    /// The job's checkpoint interval in seconds, where the scenario sets it.
    pub checkpoint_interval_s: Option<f64>,
    /// The streams, in the order of the scenario.
    pub streams: Vec<StreamAsked>,
    /// The faults of the timeline.
    pub faults: Vec<FaultAsked>,
    /// The queries and what they are measured in.
    pub queries: BTreeMap<String, Unit>,
    /// Whether it is a soak: drifts are looked for.
    pub soak: bool,
    /// The expectations, in the order of the file.
    pub expectations: Vec<Expectation>,
}

impl From<&Plan> for Asked {
    fn from(plan: &Plan) -> Self {
        let scenario = &plan.scenario;
        let streams = scenario
            .traffic
            .iter()
            .map(|(name, stream)| StreamAsked { name: name.clone(), per_second: stream.rate.level().map(|rate| rate.0) });
        let faults = plan.timeline.iter().map(|fault| FaultAsked {
            name: fault.name.clone(),
            occurrence: fault.occurrence,
            kind: fault.fault.kind().to_owned(),
            in_checkpoint: matches!(&fault.trigger, Trigger::When { moment: Moment::CheckpointInProgress, .. }),
        });
        Self {
            scenario: scenario.name.to_string(),
            about: scenario.about.clone(),
            cluster: plan.cluster.line.clone(),
            cluster_kind: plan.cluster.kind.clone(),
            seed: plan.seed,
            duration_s: Some(scenario.duration.seconds()),
            checkpoint_interval_s: scenario.checkpoint_interval().map(|interval| interval.seconds()),
            streams: streams.collect(),
            faults: faults.collect(),
            queries: scenario.queries.iter().map(|(name, query)| (name.to_string(), query.unit)).collect(),
            soak: plan.soak.is_some(),
            expectations: plan.expectations.clone(),
        }
    }
}

impl Asked {
    /// The kind of a fault by its name.
    pub fn kind_of(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.name == name).map(|fault| fault.kind.as_str())
    }

    /// Records per second of all streams at the start, where all of them have one.
    pub fn per_second(&self) -> Option<f64> {
        if self.streams.is_empty() {
            return None;
        }
        self.streams.iter().map(|stream| stream.per_second).sum()
    }
}
