//! What the owner of a cluster allows, as data. The checks are the plan's.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::action::Role;

/// One entry of `allow:`, written `everything`, `no-expiry`, `consumer-groups`, `make-topics`, `submit-jobs`, `delay-sink`, or
/// `{ kill-taskmanager: { at-most: 1 } }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// Every fault, without a limit of its own.
    Everything,
    /// Faults whose undo needs squall or its guard to be alive.
    NoExpiry,
    /// Faults that change a topic which squall did not make: every group that reads it meets them.
    ConsumerGroups,
    /// Topics of its own, on a cluster that squall did not start; it deletes them afterwards.
    MakeTopics,
    /// A job of its own, on a cluster that squall did not start; it cancels it afterwards.
    SubmitJobs,
    /// One fault by its name in scenarios.
    Fault {
        /// `kill-taskmanager`.
        name: String,
        /// How much of it.
        limits: Limits,
    },
}

/// How much of a fault is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// Nodes (or links, or topics) that it may hit at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
}

const EVERYTHING: &str = "everything";
const NO_EXPIRY: &str = "no-expiry";
const CONSUMER_GROUPS: &str = "consumer-groups";
const MAKE_TOPICS: &str = "make-topics";
const SUBMIT_JOBS: &str = "submit-jobs";

impl Serialize for Allow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everything => serializer.serialize_str(EVERYTHING),
            Self::NoExpiry => serializer.serialize_str(NO_EXPIRY),
            Self::ConsumerGroups => serializer.serialize_str(CONSUMER_GROUPS),
            Self::MakeTopics => serializer.serialize_str(MAKE_TOPICS),
            Self::SubmitJobs => serializer.serialize_str(SUBMIT_JOBS),
            Self::Fault { name, limits } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(name, limits)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Allow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;

        impl<'de> Visitor<'de> for Entry {
            type Value = Allow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "`everything`, `no-expiry`, `consumer-groups`, `make-topics`, `submit-jobs` or one fault such as { kill-taskmanager: { at-most: 1 } }",
                )
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Allow, E> {
                Ok(match text {
                    EVERYTHING => Allow::Everything,
                    NO_EXPIRY => Allow::NoExpiry,
                    CONSUMER_GROUPS => Allow::ConsumerGroups,
                    MAKE_TOPICS => Allow::MakeTopics,
                    SUBMIT_JOBS => Allow::SubmitJobs,
                    name => Allow::Fault { name: name.to_owned(), limits: Limits::default() },
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Allow, A::Error> {
                let faults = std::collections::BTreeMap::<String, Limits>::deserialize(MapAccessDeserializer::new(map))?;
                let mut faults = faults.into_iter();
                match (faults.next(), faults.next()) {
                    (Some((name, limits)), None) => Ok(Allow::Fault { name, limits }),
                    _ => Err(serde::de::Error::custom("an entry of `allow` names exactly one fault")),
                }
            }
        }

        deserializer.deserialize_any(Entry)
    }
}

impl JsonSchema for Allow {
    fn schema_name() -> Cow<'static, str> {
        "Allow".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let limits = generator.subschema_for::<Limits>();
        json_schema!({
            "description": "`everything`, `no-expiry`, `consumer-groups`, `make-topics`, `submit-jobs`, or one fault and how much of it",
            "oneOf": [
                { "type": "string", "examples": [EVERYTHING, NO_EXPIRY, CONSUMER_GROUPS, MAKE_TOPICS, SUBMIT_JOBS] },
                { "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": limits },
            ],
        })
    }
}

/// Nodes that must stay whatever a fault asks for; 0 where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct KeepAtLeast {
    /// TaskManagers alive.
    pub taskmanagers: u32,
    /// JobManagers alive.
    pub jobmanagers: u32,
    /// Brokers alive.
    pub brokers: u32,
}

impl KeepAtLeast {
    /// How many nodes of this role must stay.
    pub fn of(&self, role: Role) -> u32 {
        match role {
            Role::Taskmanager => self.taskmanagers,
            Role::Jobmanager => self.jobmanagers,
            Role::Broker => self.brokers,
            Role::Gateway => 0,
        }
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How synthetic records are kept from doing harm among real ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Synthetic {
    /// They carry squall's mark, and what reads them knows it.
    Marked,
    /// They go to topics of their own.
    ShadowTopic,
}

/// A stretch of the week in which runs are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hours {
    /// Days on which it begins; none is every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// First minute.
    pub from: TimeOfDay,
    /// First minute after; before `from` means the next day.
    pub to: TimeOfDay,
    /// Time zone such as `Europe/Berlin`; none is the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A time of day, written `08:30`; `24:00` ends a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// Minutes since midnight, 0 to 1440.
    pub const fn minutes(self) -> u16 {
        self.minutes
    }
}

/// Why a text is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of day: write it as `08:30`")]
pub struct NotATime(pub String);

impl FromStr for TimeOfDay {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let wrong = || NotATime(text.to_owned());
        let two_digits =
            |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok()).flatten();
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let (hours, minutes) = two_digits(hours).zip(two_digits(minutes)).ok_or_else(wrong)?;
        let total = hours * 60 + minutes;
        if minutes < 60 && total <= 24 * 60 { Ok(Self { minutes: total }) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NotATime;

    fn try_from(text: String) -> Result<Self, NotATime> {
        text.parse()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl JsonSchema for TimeOfDay {
    fn schema_name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "a time of day such as 08:30", "pattern": "^([01][0-9]|2[0-4]):[0-5][0-9]$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_parse_and_print() {
        for text in ["00:00", "08:30", "23:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().map(|time| time.to_string()).as_deref(), Ok(text));
        }
        for text in ["8:30", "24:01", "12:60", "noon", "", "+8:30"] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(NotATime(text.to_owned())));
        }
    }
}
