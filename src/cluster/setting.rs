//! Settings of Kafka and Flink, passed on as they are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

/// Keys and values of a configuration file.
pub type Settings = BTreeMap<String, Setting>;

/// Whether Flink's jobs are run by the adaptive scheduler.
pub(super) fn is_adaptive(flink: &Settings) -> bool {
    flink.get("jobmanager.scheduler").is_some_and(|scheduler| scheduler.0.eq_ignore_ascii_case("adaptive"))
}

/// A value of a configuration file: a text, a number or a truth value, kept as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting(pub String);

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = Setting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }

            fn visit_str<E>(self, value: &str) -> Result<Setting, E> {
                Ok(Setting(value.to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Setting, E> {
                Ok(Setting(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Setting, E> {
                Ok(Setting(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Setting, E> {
                Ok(Setting(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Setting, E> {
                Ok(Setting(value.to_string()))
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

impl JsonSchema for Setting {
    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
