use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach, traffic};
use crate::action::{Ability, Aim, TrafficChange, View};
use crate::units::Duration;

/// Sends nothing for a time: what the job does when its input falls silent, and when everything comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StopTraffic {
    /// Which stream; without it all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// How long.
    pub r#for: Duration,
}

impl Fault for StopTraffic {
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
        "sends nothing".to_owned()
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        traffic::aim(self.stream.as_deref(), &TrafficChange::Surge { factor: 0.0 }, self.r#for, view)
    }
}
