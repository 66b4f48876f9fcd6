//! Capacity as data: what was tried, what came of it, and what follows.

mod advice;
mod model;
mod recovery_probe;
mod scaling;
mod side;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hold::{Hold, Sustained};

pub use advice::{Advice, Demand, advise};
pub use model::{Prediction, RecoveryModel};
pub use scaling::{Scaling, ScalingFit};

/// Why a rate was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A short look, from below: is it too much already?
    Grow,
    /// A hold near the edge.
    Narrow,
    /// The edge again.
    Confirm,
    /// A fault at this rate.
    Recover,
}

/// One rate that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probe {
    /// Seconds since the schedule's zero of its run.
    pub at: f64,
    /// Why.
    pub purpose: Purpose,
    /// Records per second that were to be offered.
    pub rate: f64,
    /// What was seen at that rate, without a fault.
    pub hold: Hold,
    /// Whether it could go on like that.
    pub sustained: Sustained,
    /// What the fault did, where one was fired.
    #[serde(default)]
    pub recovery: Option<RecoveryProbe>,
}

/// A fault at one rate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecoveryProbe {
    /// Recovery time in seconds and its error; none where it did not recover, or nothing can be said.
    pub time: Option<(f64, f64)>,
    /// How long was watched in vain.
    pub watched: Option<f64>,
    /// Whether it meets the objective; none: nobody can say.
    pub met: Option<bool>,
    /// In words.
    pub how: String,
    /// D: T4 − T0, processing resumes.
    pub resumed: Option<f64>,
    /// a: age of the newest completed checkpoint at T0.
    pub checkpoint_age: Option<f64>,
    /// Output lag's catch-up rate: served less offered.
    pub catch_up: Option<f64>,
    /// T2 − T0.
    pub detection: Option<f64>,
}

/// Keys of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyChoice {
    /// As the scenario has them.
    Scenario,
    /// The same number of keys, all alike.
    Even,
}

/// What one setting carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Leg {
    /// Parallelism of the job; none: as the job sets it.
    pub parallelism: Option<u32>,
    /// Keys.
    pub keys: KeyChoice,
    /// Runs that it was measured in.
    pub runs: Vec<String>,
    /// Everything that was tried, in order.
    pub probes: Vec<Probe>,
    /// Service rate of the saturated job, where it was saturated: visible records per second.
    pub saturated: Option<f64>,
    /// Why the search ended before its edge was found, where it did.
    pub ended: Option<String>,
    /// Whether everything that was to be tried was tried.
    pub done: bool,
}

/// Two rates that the truth lies between.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edge {
    /// The highest rate that passed, and how often.
    pub pass: Option<(f64, u32)>,
    /// The lowest rate that failed, and why.
    pub fail: Option<(f64, String)>,
}

impl Edge {
    /// Width ÷ the rate that passed.
    pub fn width(&self) -> Option<f64> {
        let ((pass, _), (fail, _)) = (self.pass.as_ref()?, self.fail.as_ref()?);
        Some(fail / pass - 1.0)
    }
}

/// Rates closer than this are the same rate.
const SAME_RATE: f64 = 0.005;

impl Leg {
    /// Of a setting that nothing was tried of.
    pub fn new(parallelism: Option<u32>, keys: KeyChoice) -> Self {
        Self { parallelism, keys, runs: Vec::new(), probes: Vec::new(), saturated: None, ended: None, done: false }
    }

    /// λ*: short looks say what fails, never what passes. A rate that passed and failed is a failure.
    pub fn sustainable(&self) -> Edge {
        let mut edge = Edge::default();
        for probe in &self.probes {
            if let Sustained::No(why) = &probe.sustained
                && edge.fail.as_ref().is_none_or(|(lowest, _)| probe.rate < *lowest)
            {
                edge.fail = Some((probe.rate, why.first().cloned().unwrap_or_default()));
            }
        }
        let below = edge.fail.as_ref().map_or(f64::INFINITY, |(fail, _)| *fail * (1.0 - SAME_RATE));
        let passed: Vec<f64> = self
            .probes
            .iter()
            .filter(|probe| probe.sustained == Sustained::Yes && matches!(probe.purpose, Purpose::Narrow | Purpose::Confirm))
            .map(|probe| probe.rate)
            .filter(|rate| *rate < below)
            .collect();
        if let Some(highest) = passed.iter().copied().max_by(f64::total_cmp) {
            let times = passed.iter().filter(|rate| (*rate / highest - 1.0).abs() < SAME_RATE).count();
            edge.pass = Some((highest, u32::try_from(times).unwrap_or(u32::MAX)));
        }
        edge
    }

    /// λ*_R: the same for the recovery objective.
    pub fn recoverable(&self) -> Edge {
        let mut edge = Edge::default();
        let probes = || self.probes.iter().filter_map(|probe| Some((probe.rate, probe.recovery.as_ref()?)));
        for (rate, recovery) in probes() {
            if recovery.met == Some(false) && edge.fail.as_ref().is_none_or(|(lowest, _)| rate < *lowest) {
                edge.fail = Some((rate, recovery.how.clone()));
            }
        }
        let below = edge.fail.as_ref().map_or(f64::INFINITY, |(fail, _)| *fail * (1.0 - SAME_RATE));
        let passed: Vec<f64> =
            probes().filter(|(rate, recovery)| recovery.met == Some(true) && *rate < below).map(|(rate, _)| rate).collect();
        if let Some(highest) = passed.iter().copied().max_by(f64::total_cmp) {
            let times = passed.iter().filter(|rate| (*rate / highest - 1.0).abs() < SAME_RATE).count();
            edge.pass = Some((highest, u32::try_from(times).unwrap_or(u32::MAX)));
        }
        edge
    }

    /// The model fitted to its recoveries; none with fewer than two.
    pub fn model(&self) -> Option<RecoveryModel> {
        RecoveryModel::fit(&self.points())
    }

    /// Load, D, a and recovery time of each fault that was recovered from.
    pub fn points(&self) -> Vec<model::Point> {
        self.probes
            .iter()
            .filter_map(|probe| {
                let recovery = probe.recovery.as_ref()?;
                Some(model::Point {
                    rate: probe.rate,
                    resumed: recovery.resumed?,
                    checkpoint_age: recovery.checkpoint_age?,
                    time: recovery.time?.0,
                    catch_up: recovery.catch_up,
                })
            })
            .collect()
    }

    /// `parallelism 2, even keys`.
    pub fn label(&self) -> String {
        let keys = match self.keys {
            KeyChoice::Scenario => "the scenario's keys",
            KeyChoice::Even => "even keys",
        };
        self.parallelism.map_or_else(|| keys.to_owned(), |parallelism| format!("parallelism {parallelism}, {keys}"))
    }
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CapacityAsked {
    /// Name of the scenario.
    pub scenario: String,
    /// Its `about`.
    pub about: String,
    /// Cluster and what it is.
    pub cluster: String,
    /// The recovery objective in seconds, where there is one.
    pub objective: Option<f64>,
    /// As it was written.
    pub objective_text: Option<String>,
    /// Name of the fault.
    pub fault: Option<String>,
    /// What it does.
    pub fault_kind: Option<String>,
    /// Highest p99 latency in seconds, where there is one.
    pub latency: Option<f64>,
    /// Width of the edge that is narrow enough, ÷ the rate.
    pub resolution: f64,
    /// Records per second that are to be carried, where that was said.
    pub target: Option<f64>,
    /// Records per second that the scenario offers.
    pub offered: f64,
    /// Checkpoint interval in seconds.
    pub interval: f64,
    /// Slots of a TaskManager, where the cluster says.
    pub slots: Option<u32>,
    /// TaskManagers, where the cluster says.
    pub taskmanagers: Option<u32>,
    /// Cores of the machine, where it runs on this one.
    pub cores: Option<u32>,
    /// Partitions of the least partitioned input.
    pub partitions: Option<u32>,
    /// Share of the records that the hottest key has, where the scenario says.
    pub hottest_key: Option<f64>,
    /// Seed.
    pub seed: u64,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Capacity {
    /// Version of this format.
    pub schema: u32,
    /// Its id.
    pub id: String,
    /// What was asked.
    pub asked: CapacityAsked,
    /// One for each setting.
    pub legs: Vec<Leg>,
    /// Seconds that it took, runs and waiting.
    pub took: f64,
    /// Flink's configuration as it was effective, keys that advice looks at.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Why it ended before everything was tried, where it did.
    #[serde(default)]
    pub ended: Option<String>,
}

impl Capacity {
    /// The leg that the headline is about: the scenario's keys, the scenario's parallelism, else the first.
    pub fn main(&self) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.keys == KeyChoice::Scenario).or_else(|| self.legs.first())
    }

    /// Throughput over parallelism, of the legs that share their keys with the main one.
    pub fn scaling(&self) -> Scaling {
        let keys = self.main().map_or(KeyChoice::Scenario, |leg| leg.keys);
        let points = self.legs.iter().filter(|leg| leg.keys == keys).filter_map(|leg| {
            let edge = leg.sustainable();
            Some((leg.parallelism?, edge.pass?.0, edge.fail.map(|(fail, _)| fail)))
        });
        Scaling::of(points.collect(), self.asked.cores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(purpose: Purpose, rate: f64, sustained: Sustained) -> Probe {
        let hold = Hold {
            seconds: 60.0,
            offered: rate,
            input: None,
            served: None,
            slope: None,
            lag: None,
            latency: None,
            checkpoints: 30,
            failed_checkpoints: 0,
            longest_checkpoint: None,
            restarts: 0,
            slip: None,
            busiest: None,
            subtask_skew: None,
        };
        Probe { at: 0.0, purpose, rate, hold, sustained, recovery: None }
    }

    #[test]
    fn the_edge_lies_between_the_highest_pass_and_the_lowest_fail() {
        let no = || Sustained::No(vec!["lag".to_owned()]);
        let mut leg = Leg::new(Some(1), KeyChoice::Scenario);
        leg.probes = vec![
            probe(Purpose::Grow, 400.0, Sustained::Yes),
            probe(Purpose::Grow, 800.0, no()),
            probe(Purpose::Narrow, 485.0, Sustained::Yes),
            probe(Purpose::Narrow, 515.0, no()),
            probe(Purpose::Narrow, 505.0, Sustained::Unclear("too short".to_owned())),
            probe(Purpose::Confirm, 485.0, Sustained::Yes),
        ];
        let edge = leg.sustainable();
        assert_eq!(edge.pass, Some((485.0, 2)));
        assert_eq!(edge.fail, Some((515.0, "lag".to_owned())));
        // What failed once does not pass any more, nor does what lies above it.
        leg.probes.push(probe(Purpose::Confirm, 485.0, no()));
        assert_eq!(leg.sustainable().pass, None);
    }
}
