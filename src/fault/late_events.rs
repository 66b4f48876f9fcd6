use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach, traffic};
use crate::action::{Ability, Aim, TrafficChange, View};
use crate::units::{Duration, Ratio};

/// Gives a share of the records an event time in the past, beyond the watermark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LateEvents {
    /// Which stream; without it all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Share of the records.
    pub share: Ratio,
    /// How late.
    pub by: Duration,
    /// How long.
    pub r#for: Duration,
}

impl Fault for LateEvents {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeTraffic]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        traffic::share_problems(self.share)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Streams(self.stream.as_deref())
    }

    fn harm(&self) -> String {
        format!("{} of the records are {} late", self.share, self.by)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        traffic::aim(self.stream.as_deref(), &TrafficChange::LateEvents { share: self.share, by: self.by }, self.r#for, view)
    }
}
