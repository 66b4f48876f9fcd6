use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach, traffic};
use crate::action::{Ability, Aim, TrafficChange, View};
use crate::units::{Count, Duration, Ratio};

/// Sends a share of the records to a few hot keys, the rest as before. The achieved share is measured from what was acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SkewKeys {
    /// Which stream; without it all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Share of the records.
    pub share: Ratio,
    /// How many hot keys.
    #[serde(default = "one_key")]
    pub keys: Count,
    /// How long.
    pub r#for: Duration,
}

/// One hot key is what people mean by "a key gets hot".
const fn one_key() -> Count {
    Count(1)
}

impl Fault for SkewKeys {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeTraffic]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = traffic::share_problems(self.share);
        if self.keys.0 == 0 {
            problems.push(("keys", "0 keys cannot be hot".to_owned()));
        }
        problems
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Streams(self.stream.as_deref())
    }

    fn harm(&self) -> String {
        format!("{} of the records go to {} key(s)", self.share, self.keys)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        traffic::aim(self.stream.as_deref(), &TrafficChange::SkewKeys { share: self.share, keys: self.keys }, self.r#for, view)
    }
}
