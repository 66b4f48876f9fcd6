use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach, traffic};
use crate::action::{Ability, Aim, TrafficChange, View};
use crate::units::{Duration, Ratio};

/// Sends a share of the records to one partition of the input, whatever their keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SkewPartitions {
    /// Which stream; without it all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Share of the records.
    pub share: Ratio,
    /// Which partition, from 0.
    #[serde(default)]
    pub partition: u32,
    /// How long.
    pub r#for: Duration,
}

impl Fault for SkewPartitions {
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
        format!("{} of the records go to partition {}", self.share, self.partition)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        traffic::aim(
            self.stream.as_deref(),
            &TrafficChange::SkewPartitions { share: self.share, partition: self.partition },
            self.r#for,
            view,
        )
    }
}
