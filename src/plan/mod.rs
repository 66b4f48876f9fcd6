//! A plan: a checked scenario on a cluster, with everything resolved that can be before the start. Data only, and the same, byte for
//! byte, for the same scenario, cluster file and seed. It holds selectors; aiming happens when a fault fires.

mod consent;
mod make;
mod random;
mod soak;
mod streams;
mod words;

use serde::{Deserialize, Serialize};

use crate::action::TopicView;
use crate::cluster::Environment;
use crate::diagnostic::Report;
use crate::fault::FaultSpec;
use crate::scenario::{AbortCondition, Expectation, Moment, Scenario};
use crate::units::{Bytes, Count, Duration, Rate};

pub use consent::within_hours;
pub use make::{Offer, foreseen, plan, plan_soak};
pub use random::rng_for;
pub use soak::{Soak, allowed_recovery};
pub use words::describe;

/// Version of the format that this squall writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// A run that is longer than this many seconds is long.
const LONG: f64 = 1800.0;

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Where everything random comes from.
    pub seed: u64,
    /// Where it runs.
    pub cluster: PlannedCluster,
    /// What is asked.
    pub scenario: Scenario,
    /// How it was made into a soak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
    /// Every fault, in the order of its time; those that wait for a moment come last.
    pub timeline: Vec<PlannedFault>,
    /// What must hold.
    pub expectations: Vec<Expectation>,
    /// What ends the run at once.
    pub abort_conditions: Vec<AbortCondition>,
    /// What squall sends, in the order of the scenario's streams.
    pub streams: Vec<PlannedStream>,
    /// The owner's limits that were looked at, and how near the plan comes to them.
    pub limits: Vec<String>,
    /// What is odd, but no error.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether a run of it is too long to be kept in memory, and to be sampled as closely as a short one.
    pub fn lasts_long(&self) -> bool {
        self.scenario.duration.seconds() > LONG
    }

    /// The topics by the scenario's names, as faults see them before a run has made any.
    pub fn topics(&self) -> Vec<TopicView> {
        let scenario = &self.scenario;
        let topic = |name: &String, input| TopicView {
            name: name.clone(),
            stream: name.clone(),
            input,
            partitions: scenario.partitions(name).unwrap_or(1),
            records: Count(0),
        };
        let inputs = scenario.source.topics.keys().map(|name| topic(name, true));
        let outputs = scenario.sink.topics.keys().map(|name| topic(name, false));
        inputs.chain(outputs).collect()
    }
}

/// The cluster of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedCluster {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// How much is at stake.
    pub environment: Environment,
    /// What it is, in one line: `laptop: 1 broker, 2 TaskManagers`.
    pub line: String,
}

/// A fault of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedFault {
    /// The timeline's name for it.
    pub name: String,
    /// Which of its occurrences, from 0.
    pub occurrence: u32,
    /// When it fires.
    pub trigger: Trigger,
    /// What happens.
    pub fault: FaultSpec,
    /// Whether it ends by itself should squall and its guard both die.
    #[serde(default)]
    pub expires: bool,
    /// Line of the scenario file, from 1.
    pub line: u32,
}

/// When a fault fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Trigger {
    /// At this time since the first intended record, the seed's jitter included.
    At(Duration),
    /// When a moment comes.
    When {
        /// Which.
        moment: Moment,
        /// It is looked for from this time on, since the first intended record.
        after: Duration,
        /// It is looked for so long.
        within: Duration,
    },
}

/// What squall sends to one topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedStream {
    /// The stream: the topic's name in the scenario.
    pub name: String,
    /// Records due until the end of traffic. Where arrivals are random, or faults wait for a moment, about so many.
    pub records: Count,
    /// Bytes of their values, where the scenario says how large these are.
    pub bytes: Option<Bytes>,
    /// The highest rate.
    pub peak: Rate,
}

/// Whether a plan cannot be, or may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// The owner of the cluster does not allow it.
    NotAllowed,
    /// It can never be done on this cluster.
    Impossible,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{report}")]
pub struct Refusal {
    /// Every reason.
    pub report: Report,
    /// The gravest one.
    pub because: Because,
}

impl Plan {
    /// The longest that traffic and draining take.
    pub fn lasts(&self) -> Duration {
        Duration::from(self.scenario.duration.0 + self.scenario.drain.within.0)
    }

    /// The worst that any fault does, and its name.
    pub fn largest_harm(&self) -> Option<(&str, String)> {
        let worst = self.timeline.iter().max_by_key(|fault| words::gravity(&fault.fault))?;
        Some((&worst.name, worst.fault.harm()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
