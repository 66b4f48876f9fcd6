//! Version 1 of a search's `report.json`. Frozen: add keys, never rename or remove one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::capacity::{Advice, Capacity, Edge, KeyChoice, Leg, Probe, Purpose, RecoveryModel, advise};
use crate::analysis::{Sustained, Verdict};
use crate::report::json::RunVerdict;

/// How much a job carries. Rates in records per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "squall capacity")]
pub struct CapacityV1 {
    /// Version of this format: 1.
    pub schema: u32,
    /// `capacity`.
    pub kind: String,
    /// Its id; the name of its folder.
    pub id: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Cluster and what it is.
    pub cluster: String,
    /// Seed.
    pub seed: u64,
    /// `met` where nothing broke off.
    pub verdict: RunVerdict,
    /// The recovery objective; null where there is none.
    pub objective_s: Option<f64>,
    /// The fault of the objective.
    pub fault: Option<String>,
    /// The limit of p99 latency; null where there is none.
    pub latency_s: Option<f64>,
    /// Width of the edge that was narrow enough, ÷ the rate.
    pub resolution_ratio: f64,
    /// What the scenario offers.
    pub offered_records_per_second: f64,
    /// What is to be carried; null where that was not said.
    pub target_records_per_second: Option<f64>,
    /// How long it took.
    pub took_s: f64,
    /// Why it ended before everything was tried.
    pub ended: Option<String>,
    /// One for each setting; the first with the scenario's keys is the headline.
    pub legs: Vec<LegV1>,
    /// What the target needs.
    pub needs: Vec<AdviceV1>,
    /// Settings and what they cost.
    pub settings: Vec<AdviceV1>,
}

/// Two rates that the truth lies between.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeV1 {
    /// The highest that passed.
    pub pass_records_per_second: Option<f64>,
    /// How often it passed.
    pub passes: Option<u32>,
    /// The lowest that failed.
    pub fail_records_per_second: Option<f64>,
    /// Why it failed.
    pub fail_reason: Option<String>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegV1 {
    /// Parallelism; null: as the job sets it.
    pub parallelism: Option<u32>,
    /// `scenario`, `even`.
    pub keys: String,
    /// Runs that it was measured in.
    pub runs: Vec<String>,
    /// λ*.
    pub sustainable: EdgeV1,
    /// λ*_R.
    pub recoverable: EdgeV1,
    /// What the saturated job served.
    pub saturated_records_per_second: Option<f64>,
    /// The model of the recovery time; null with fewer than two faults.
    pub model: Option<ModelV1>,
    /// Everything that was tried.
    pub probes: Vec<ProbeV1>,
    /// Why the search ended early.
    pub ended: Option<String>,
}

/// R = D + (D + a)·ρ ÷ (1 − ρ) + w, with ρ = rate ÷ μ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelV1 {
    /// D.
    pub resumed_s: f64,
    /// a.
    pub checkpoint_age_s: f64,
    /// μ.
    pub catch_up_records_per_second: f64,
    /// w.
    pub wait_s: f64,
    /// Each load, and what the model says of it when it is fitted to the others.
    pub predictions: Vec<PredictionV1>,
}

/// A load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictionV1 {
    /// Load.
    pub records_per_second: f64,
    /// Measured.
    pub measured_s: f64,
    /// Predicted from the other loads; null with too few.
    pub predicted_s: Option<f64>,
    /// (predicted − measured) ÷ measured.
    pub residual_ratio: Option<f64>,
}

/// A rate that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeV1 {
    /// Since the schedule's zero of its run.
    pub at_s: f64,
    /// `grow`, `narrow`, `confirm`, `recover`.
    pub purpose: String,
    /// The rate.
    pub records_per_second: f64,
    /// Length of the hold.
    pub held_s: f64,
    /// What became visible.
    pub served_records_per_second: Option<f64>,
    /// Slope of the output lag.
    pub lag_slope_records_per_second: Option<f64>,
    /// Its lower bound at 95 %.
    pub lag_slope_low: Option<f64>,
    /// Its upper bound.
    pub lag_slope_high: Option<f64>,
    /// p99 latency.
    pub latency_p99_s: Option<f64>,
    /// `yes`, `no`, `unclear`.
    pub sustained: String,
    /// Why not, or why nobody can say.
    pub why: Vec<String>,
    /// Recovery time, where a fault was fired and it came back.
    pub recovery_s: Option<f64>,
    /// Whether that meets the objective.
    pub recovery_met: Option<bool>,
    /// In words.
    pub recovery: Option<String>,
}

/// A line of advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdviceV1 {
    /// About what.
    pub what: String,
    /// The answer.
    pub value: String,
    /// What it rests on.
    pub evidence: String,
    /// Whether it goes beyond what was measured.
    pub extrapolated: bool,
}

impl CapacityV1 {
    /// A search in this format.
    pub(super) fn of(capacity: &Capacity, verdict: Verdict) -> Self {
        let asked = &capacity.asked;
        let demand = advise(capacity);
        Self {
            schema: 1,
            kind: "capacity".to_owned(),
            id: capacity.id.clone(),
            scenario: asked.scenario.clone(),
            cluster: asked.cluster.clone(),
            seed: asked.seed,
            verdict: verdict.into(),
            objective_s: asked.objective,
            fault: asked.fault.clone(),
            latency_s: asked.latency,
            resolution_ratio: asked.resolution,
            offered_records_per_second: asked.offered,
            target_records_per_second: asked.target,
            took_s: capacity.took,
            ended: capacity.ended.clone(),
            legs: capacity.legs.iter().map(Into::into).collect(),
            needs: demand.needs.iter().map(Into::into).collect(),
            settings: demand.settings.iter().map(Into::into).collect(),
        }
    }
}

impl From<Edge> for EdgeV1 {
    fn from(edge: Edge) -> Self {
        Self {
            pass_records_per_second: edge.pass.map(|(rate, _)| rate),
            passes: edge.pass.map(|(_, times)| times),
            fail_records_per_second: edge.fail.as_ref().map(|(rate, _)| *rate),
            fail_reason: edge.fail.map(|(_, why)| why),
        }
    }
}

impl From<&Leg> for LegV1 {
    fn from(leg: &Leg) -> Self {
        let predictions = RecoveryModel::predictions(&leg.points()).into_iter().map(|prediction| PredictionV1 {
            records_per_second: prediction.rate,
            measured_s: prediction.measured,
            predicted_s: prediction.predicted,
            residual_ratio: prediction.residual(),
        });
        Self {
            parallelism: leg.parallelism,
            keys: match leg.keys {
                KeyChoice::Scenario => "scenario",
                KeyChoice::Even => "even",
            }
            .to_owned(),
            runs: leg.runs.clone(),
            sustainable: leg.sustainable().into(),
            recoverable: leg.recoverable().into(),
            saturated_records_per_second: leg.saturated,
            model: leg.model().map(|model| ModelV1 {
                resumed_s: model.resumed,
                checkpoint_age_s: model.checkpoint_age,
                catch_up_records_per_second: model.catch_up,
                wait_s: model.wait,
                predictions: predictions.collect(),
            }),
            probes: leg.probes.iter().map(Into::into).collect(),
            ended: leg.ended.clone(),
        }
    }
}

impl From<&Probe> for ProbeV1 {
    fn from(probe: &Probe) -> Self {
        let (sustained, why) = match &probe.sustained {
            Sustained::Yes => ("yes", Vec::new()),
            Sustained::No(why) => ("no", why.clone()),
            Sustained::Unclear(why) => ("unclear", vec![why.clone()]),
        };
        let recovery = probe.recovery.as_ref();
        Self {
            at_s: probe.at,
            purpose: match probe.purpose {
                Purpose::Grow => "grow",
                Purpose::Narrow => "narrow",
                Purpose::Confirm => "confirm",
                Purpose::Recover => "recover",
            }
            .to_owned(),
            records_per_second: probe.rate,
            held_s: probe.hold.seconds,
            served_records_per_second: probe.hold.served,
            lag_slope_records_per_second: probe.hold.slope.map(|slope| slope.0),
            lag_slope_low: probe.hold.slope.map(|slope| slope.1),
            lag_slope_high: probe.hold.slope.map(|slope| slope.2),
            latency_p99_s: probe.hold.latency.map(|(_, p99)| p99),
            sustained: sustained.to_owned(),
            why,
            recovery_s: recovery.and_then(|recovery| recovery.time).map(|(time, _)| time),
            recovery_met: recovery.and_then(|recovery| recovery.met),
            recovery: recovery.map(|recovery| recovery.how.clone()),
        }
    }
}

impl From<&Advice> for AdviceV1 {
    fn from(line: &Advice) -> Self {
        Self { what: line.what.clone(), value: line.value.clone(), evidence: line.evidence.clone(), extrapolated: line.extrapolated }
    }
}
