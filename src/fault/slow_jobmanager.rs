use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Leaves the JobManager only a share of its CPU time: checkpoints are triggered and completed late, heartbeats answered late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlowJobmanager {
    /// How many; without any choice one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Share of all of them, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// This one, by the cluster's or Flink's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Share of its CPU time that is left.
    pub to: Ratio,
    /// How long.
    pub r#for: Duration,
}

impl SlowJobmanager {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), ..Choice::default() }
    }
}

impl Fault for SlowJobmanager {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::SlowNode(Role::Jobmanager)]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        process::slow_problems(&self.choice(), self.to)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Jobmanager, count: self.choice().most(), away: false }
    }

    fn harm(&self) -> String {
        format!("leaves the JobManager {} of its CPU time for {}", self.to, self.r#for)
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Jobmanager, view, rng)?;
        Ok(process::slow(&victims, view, self.to, self.r#for))
    }
}
