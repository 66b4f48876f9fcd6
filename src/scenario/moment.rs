//! Moments that something else decides.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::expectation::{Comparison, Condition, bound_in, written_in};
use crate::metric::Metric;
use crate::units::Duration;

/// A moment that something else decides, written `checkpoint-in-progress`, `restoring`, `{ recovered: lose-one, then: 30s }` or
/// `{ output-lag: { above: 100k, for: 10s } }`.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment {
    /// A checkpoint was triggered and is not complete.
    CheckpointInProgress,
    /// Subtasks are restoring their state.
    Restoring,
    /// Some time after an earlier fault was recovered from.
    Recovered {
        /// The timeline's name for it.
        recovered: String,
        /// How long after.
        then: Duration,
    },
    /// A level has been above a bound for some time.
    Metric {
        /// What is watched.
        condition: Condition,
        /// How long.
        hold: Duration,
    },
}

/// Levels that a moment can wait for.
const LEVELS: &[Metric] = &[
    Metric::OutputLag,
    Metric::PositionLag,
    Metric::CommittedLag,
    Metric::TimeLag,
    Metric::Backpressure,
    Metric::Busy,
    Metric::Heap,
    Metric::CheckpointAge,
];
const WORDS: &[&str] = &["checkpoint-in-progress", "restoring"];
const FIELDS: &[&str] =
    &["recovered", "then", "output-lag", "position-lag", "committed-lag", "time-lag", "backpressure", "busy", "heap", "checkpoint-age"];

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Level {
    above: Written,
    #[serde(default)]
    r#for: Duration,
}

/// A quantity whose unit the metric decides.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Written(crate::job::Setting);

fn above(metric: Metric, value: f64) -> Condition {
    Condition::Metric { metric, comparison: Comparison::Greater, value }
}

enum Field {
    Recovered,
    Then,
    Level(Metric),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.as_str() {
            "recovered" => Ok(Self::Recovered),
            "then" => Ok(Self::Then),
            "lag" => Err(de::Error::custom("`lag` is four metrics; say `output-lag`, `position-lag`, `committed-lag` or `time-lag`")),
            name => match LEVELS.iter().find(|metric| metric.name() == name) {
                Some(metric) => Ok(Self::Level(*metric)),
                None => Err(de::Error::unknown_field(name, FIELDS)),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneMoment;

        impl<'de> Visitor<'de> for OneMoment {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "`checkpoint-in-progress`, `restoring`, `{ recovered: … }` or a level such as `{ output-lag: { above: 100k } }`",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
                match text {
                    "checkpoint-in-progress" => Ok(Moment::CheckpointInProgress),
                    "restoring" => Ok(Moment::Restoring),
                    other => Err(E::unknown_variant(other, WORDS)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Moment, A::Error> {
                let (mut recovered, mut then, mut level) = (None, None, None);
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::Recovered => recovered = Some(map.next_value::<String>()?),
                        Field::Then => then = Some(map.next_value::<Duration>()?),
                        Field::Level(metric) => {
                            let written: Level = map.next_value()?;
                            let value = bound_in(metric, &written.above.0.0).map_err(de::Error::custom)?;
                            if level.replace(Moment::Metric { condition: above(metric, value), hold: written.r#for }).is_some() {
                                return Err(de::Error::custom("more than one moment; one is enough here"));
                            }
                        }
                    }
                }
                match (recovered, then, level) {
                    (Some(recovered), then, None) => Ok(Moment::Recovered { recovered, then: then.unwrap_or_default() }),
                    (None, None, Some(level)) => Ok(level),
                    (None, Some(_), None) => Err(de::Error::missing_field("recovered")),
                    (None, None, None) => Err(de::Error::custom("no moment; name one, such as `{ recovered: lose-one, then: 30s }`")),
                    _ => Err(de::Error::custom("more than one moment; one is enough here")),
                }
            }
        }

        deserializer.deserialize_any(OneMoment)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::CheckpointInProgress => serializer.serialize_str("checkpoint-in-progress"),
            Self::Restoring => serializer.serialize_str("restoring"),
            Self::Recovered { recovered, then } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("recovered", recovered)?;
                map.serialize_entry("then", then)?;
                map.end()
            }
            Self::Metric { condition: Condition::JobFailed | Condition::Query { .. }, .. } => {
                Err(S::Error::custom("this is no metric's level"))
            }
            Self::Metric { condition: Condition::Metric { metric, value, .. }, hold } => {
                let mut map = serializer.serialize_map(Some(1))?;
                let above = Written(crate::job::Setting(written_in(metric.unit(), false, *value)));
                map.serialize_entry(metric.name(), &Level { above, r#for: *hold })?;
                map.end()
            }
        }
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let duration = generator.subschema_for::<Duration>();
        let level = generator.subschema_for::<Level>();
        let levels: serde_json::Map<String, serde_json::Value> =
            LEVELS.iter().map(|metric| (metric.name().to_owned(), serde_json::Value::from(level.clone()))).collect();
        json_schema!({
            "description": "A moment that something else decides.",
            "oneOf": [
                { "type": "string", "enum": WORDS },
                {
                    "type": "object",
                    "properties": { "recovered": { "type": "string", "description": "The timeline's name of an earlier fault." }, "then": duration },
                    "required": ["recovered"],
                    "additionalProperties": false,
                },
                { "type": "object", "properties": levels, "minProperties": 1, "maxProperties": 1, "additionalProperties": false },
            ],
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckpointInProgress => f.write_str("while a checkpoint is in progress"),
            Self::Restoring => f.write_str("while the job restores its state"),
            Self::Recovered { recovered: name, then } if *then == Duration::default() => write!(f, "when {name} is recovered from"),
            Self::Recovered { recovered: name, then } => write!(f, "{then} after {name} is recovered from"),
            Self::Metric { condition: Condition::JobFailed, .. } => f.write_str("when the job has failed"),
            Self::Metric { condition: Condition::Query { query, unit, value, .. }, hold } => {
                write!(f, "when query {query} has been above {} for {hold}", written_in(*unit, false, *value))
            }
            Self::Metric { condition: Condition::Metric { metric, value, .. }, hold } => {
                write!(f, "when {metric} has been above {} for {hold}", written_in(metric.unit(), false, *value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn moments_parse_and_print() {
        for json in [
            r#""checkpoint-in-progress""#,
            r#""restoring""#,
            r#"{"recovered":"lose-one","then":"30s"}"#,
            r#"{"backpressure":{"above":"80%","for":"10s"}}"#,
            r#"{"output-lag":{"above":"100k","for":"0s"}}"#,
        ] {
            let moment: Moment = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&moment).unwrap(), json);
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for (json, says) in [
            (r#""restored""#, "restored"),
            (r#"{"then":"30s"}"#, "recovered"),
            (r#"{"lag":{"above":"1"}}"#, "four metrics"),
            (r#"{"output-lag":{"above":"5s"}}"#, "unknown unit"),
            (r#"{"recovered":"a","output-lag":{"above":"5"}}"#, "more than one"),
            (r#"{}"#, "no moment"),
        ] {
            let error = serde_json::from_str::<Moment>(json).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
