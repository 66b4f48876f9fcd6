use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{Problem, at_most_all, not_zero};
use super::event_time::EventTime;
use super::identity::Placement;
use super::keys::{Keys, SHARDS};
use super::shape::Shape;
use super::value::Value;
use crate::units::{Count, Duration, Ratio};

/// What goes into one topic: one entry below `traffic:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stream {
    /// How the rate goes over time.
    pub rate: Shape,
    /// Which keys records have.
    #[serde(default)]
    pub keys: Keys,
    /// What records hold.
    #[serde(default)]
    pub value: Value,
    /// Share of each value that is one repeated letter; for values of a set size.
    #[serde(default)]
    pub compressible: Ratio,
    /// Share of the records without a value.
    #[serde(default)]
    pub tombstones: Ratio,
    /// Share of the records that nobody can parse: they hold bytes that are neither UTF-8 nor JSON.
    #[serde(default)]
    pub poison: Ratio,
    /// Event times.
    #[serde(default)]
    pub event_time: EventTime,
    /// Shares of the partitions, whatever the keys' own are: `[3, 1, 1, 1]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_weights: Vec<f64>,
    /// Properties of the producer, by librdkafka's names. They win over squall's: `acks: all`, `enable.idempotence: true`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub producer: BTreeMap<String, String>,
    /// Sends in transactions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<Transactions>,
    /// Threads, each with a producer of its own.
    #[serde(default = "one")]
    pub threads: u16,
}

fn one() -> u16 {
    1
}

/// When a transaction of the producer is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transactions {
    /// After so many records of a thread.
    Records(Count),
    /// After this time.
    Every(Duration),
}

impl Stream {
    /// Resolves files against the scenario's folder.
    pub fn resolve(&mut self, folder: &Path) {
        self.keys.resolve(folder);
        self.value.resolve(folder);
        self.rate.resolve(folder);
    }

    /// What is wrong with its settings, as far as can be told without files, for a topic with `partitions` where that is
    /// known, and records that carry their identity at `placement`.
    pub fn problems(&self, partitions: Option<u32>, placement: &Placement) -> Vec<Problem> {
        let mut problems = Problem::below(["rate"], self.rate.problems());
        problems.extend(Problem::below(["keys"], self.keys.problems(partitions)));
        problems.extend(Problem::below(["value"], self.value.problems(placement)));
        problems.extend(Problem::below(["event-time"], self.event_time.problems(partitions)));
        let shares = [("compressible", self.compressible), ("tombstones", self.tombstones), ("poison", self.poison)];
        problems.extend(shares.into_iter().filter_map(|(setting, share)| at_most_all(setting, share)));
        if self.tombstones.0 > 0.0 && !placement.allows_tombstones() {
            problems.push(Problem::new("tombstones", "have no value, and the value carries the identity; use a header"));
        }
        if self.compressible.0 > 0.0 && matches!(self.value, Value::Json(_) | Value::Lines(_)) {
            problems.push(Problem::new("compressible", "is for values of a set size"));
        }
        problems.extend(self.weight_problem(partitions));
        if self.threads == 0 || self.threads > SHARDS {
            problems.push(Problem::new("threads", format!("must lie between 1 and {SHARDS}")));
        }
        match self.transactions {
            Some(Transactions::Every(every)) => {
                problems.extend(Problem::below(["transactions"], not_zero("every", every).into_iter().collect()))
            }
            Some(Transactions::Records(Count(0))) => {
                problems.extend(Problem::below(["transactions"], vec![Problem::new("records", "must be at least 1")]));
            }
            _ => {}
        }
        problems
    }

    fn weight_problem(&self, partitions: Option<u32>) -> Option<Problem> {
        let weights = &self.partition_weights;
        let what = if weights.is_empty() {
            return None;
        } else if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) || weights.iter().sum::<f64>() <= 0.0 {
            "need numbers from 0 on, and one above it".to_owned()
        } else {
            match partitions {
                Some(all) if all as usize != weights.len() => format!("are {}, the topic has {all} partitions", weights.len()),
                _ => return None,
            }
        };
        Some(Problem::new("partition-weights", what))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn problems(text: &str, placement: &Placement) -> Vec<String> {
        let stream: Stream = serde_json::from_str(text).unwrap();
        let all = stream.problems(Some(4), placement);
        all.into_iter().map(|problem| format!("{}: {}", problem.path.join("."), problem.what)).collect()
    }

    #[test]
    fn the_example_of_the_design_is_fine() {
        let text = r#"{"rate":{"constant":"2k/s"},"keys":{"zipf":{"distinct":"10k","exponent":1.1}},"value":{"size":"512B"}}"#;
        assert_eq!(problems(text, &Placement::Header), Vec::<String>::new());
        let stream: Stream = serde_json::from_str(text).unwrap();
        let again = serde_json::to_string(&stream).unwrap();
        assert_eq!(serde_json::from_str::<Stream>(&again).unwrap(), stream);
    }

    #[test]
    fn all_problems_are_said_at_once() {
        let text = r#"{"rate":{"steps":[{"rate":"1/s","for":"0s"}]},"keys":{"partition":9},"value":{"size":"10B"},"tombstones":"10%",
            "poison":"120%","partition-weights":[1,2],"event-time":{"idle-partitions":[0,5]},"threads":99}"#;
        assert_eq!(
            problems(text, &Placement::ValuePrefix),
            [
                "rate.steps.0.for: must be longer than 0s",
                "keys.partition: the topic has 4 partitions, 0 to 3",
                "value: must be at least 43B, since it begins with the identity",
                "event-time.idle-partitions.1: the topic has 4 partitions, 0 to 3",
                "poison: 120% is more than all records",
                "tombstones: have no value, and the value carries the identity; use a header",
                "partition-weights: are 2, the topic has 4 partitions",
                "threads: must lie between 1 and 64",
            ]
        );
    }
}
