use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach, traffic};
use crate::action::{Ability, Aim, TrafficChange, View};
use crate::units::Duration;

/// Multiplies the rate of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Surge {
    /// Which stream; without it all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Multiplier: 2 doubles the traffic.
    pub factor: f64,
    /// How long.
    pub r#for: Duration,
}

impl Fault for Surge {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeTraffic]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        if self.factor.is_finite() && self.factor > 0.0 && self.factor <= 1000.0 {
            Vec::new()
        } else {
            vec![("factor", format!("{} is not above 0 and at most 1000; to send nothing use stop-traffic", self.factor))]
        }
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Streams(self.stream.as_deref())
    }

    fn harm(&self) -> String {
        format!("{} times the traffic", self.factor)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        traffic::aim(self.stream.as_deref(), &TrafficChange::Surge { factor: self.factor }, self.r#for, view)
    }
}
