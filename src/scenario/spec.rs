//! A scenario as it is written.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline;
use super::expectation::OnNoData;
use super::name::Name;
use super::query::Queries;
use super::timeline::TimelineEntry;
use crate::delivery::Check;
use crate::job::{JobSpec, Setting};
use crate::traffic::{Placement, Stream};
use crate::units::Duration;

/// A scenario: what to ask of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Names its reports.
    pub name: Name,
    /// The question, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The job under test.
    pub job: JobSpec,
    /// What the job reads.
    pub source: Source,
    /// What the job writes.
    pub sink: Sink,
    /// What squall sends to the input topics, by their names here. Without it squall only observes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traffic: BTreeMap<String, Stream>,
    /// How long traffic flows.
    pub duration: Duration,
    /// Reading the sink to its end, after traffic has stopped.
    #[serde(default)]
    pub drain: Drain,
    /// What goes wrong, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<TimelineEntry>,
    /// What the monitoring of the people on call is asked while the run goes on, by names for `expect:` and `abort-when:`
    /// (`max(query consumer-lag) < 10k`). The cluster file says where Prometheus is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub queries: Queries,
    /// What must hold: `recovery-time of lose-one < 60s`. The grammar is in docs/expectations.md.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<String>,
    /// What ends the run at once: `output-lag > 5M for 30s`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abort_when: Vec<String>,
    /// What an abort condition without data means.
    #[serde(default)]
    pub on_no_data: OnNoData,
    /// Where everything random comes from; drawn anew for each run where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Runs of the same plan, for figures over repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<NonZeroU32>,
}

/// What the job reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// Input topics, by their names in this scenario.
    pub topics: BTreeMap<String, Topic>,
    /// The job's consumer group; the scenario's name where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What the job writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sink {
    /// Output topics, by their names in this scenario.
    pub topics: BTreeMap<String, Topic>,
    /// Where records carry their identity through the job.
    #[serde(default)]
    pub identity: Placement,
    /// What the job does to records, where it does not forward each of them.
    #[serde(default, skip_serializing_if = "is_forward")]
    pub check: Check,
    /// What the sink promises, where it is less than exactly-once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<Guarantee>,
}

fn is_forward(check: &Check) -> bool {
    *check == Check::Forward
}

/// What a sink promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// Nothing twice, some may be lost.
    AtMostOnce,
    /// Nothing lost, some may come twice.
    AtLeastOnce,
    /// Nothing lost, nothing twice.
    ExactlyOnce,
}

/// A topic: one that squall makes for the run, or one that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Topic {
    /// Partitions of a topic that squall makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<NonZeroU32>,
    /// Configuration of a topic that squall makes, by Kafka's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Setting>,
    /// A topic that exists; squall neither makes nor deletes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Reading the sink to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Drain {
    /// Records that are not there by then are lost; those that the job has not read yet, by what its group has committed, are no data.
    pub within: Duration,
}

impl Default for Drain {
    /// A minute: several checkpoints of most jobs.
    fn default() -> Self {
        Self { within: Duration::from_secs(60) }
    }
}

impl Scenario {
    /// The job's consumer group.
    pub fn group(&self) -> &str {
        self.source.group.as_deref().unwrap_or(self.name.as_str())
    }

    /// Partitions of an input or output topic, where the scenario says so.
    pub fn partitions(&self, topic: &str) -> Option<u32> {
        let topic = self.source.topics.get(topic).or_else(|| self.sink.topics.get(topic))?;
        topic.partitions.map(NonZeroU32::get)
    }

    /// Between two checkpoints, where the scenario says so.
    pub fn checkpoint_interval(&self) -> Option<Duration> {
        self.job.checkpoint().map(|checkpoint| checkpoint.interval)
    }

    /// The shortest baseline that figures can rest on.
    pub fn shortest_baseline(&self) -> Duration {
        baseline::shortest(self.interval()).into()
    }

    /// From the beginning of traffic, or a change of its rate, until a fault has a baseline before it.
    pub fn settled(&self) -> Duration {
        baseline::settled(self.interval()).into()
    }

    fn interval(&self) -> std::time::Duration {
        self.checkpoint_interval().unwrap_or_default().0
    }
}
