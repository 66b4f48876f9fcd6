use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach, traffic};
use crate::action::{Ability, Aim, TrafficChange, View};
use crate::units::{Bytes, Duration};

/// Sends values of another size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BiggerValues {
    /// Which stream; without it all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Bytes of a value.
    pub size: Bytes,
    /// How long.
    pub r#for: Duration,
}

impl Fault for BiggerValues {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeTraffic]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Streams(self.stream.as_deref())
    }

    fn harm(&self) -> String {
        format!("values of {}", self.size)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        traffic::aim(self.stream.as_deref(), &TrafficChange::ValueSize { size: self.size }, self.r#for, view)
    }
}
