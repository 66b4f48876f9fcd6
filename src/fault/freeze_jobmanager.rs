use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Freezes the JobManager (SIGSTOP, or the engine's pause): no checkpoint is triggered, nobody restarts a task; TaskManagers go on until their heartbeats time out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FreezeJobmanager {
    /// How many; without any choice one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Share of all of them, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// This one, by the cluster's or Flink's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How long.
    pub r#for: Duration,
}

impl FreezeJobmanager {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), ..Choice::default() }
    }
}

impl Fault for FreezeJobmanager {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::FreezeNode(Role::Jobmanager)]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        self.choice().problems()
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Jobmanager, count: self.choice().most(), away: true }
    }

    fn harm(&self) -> String {
        format!("freezes JobManagers for {}", self.r#for)
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Jobmanager, view, rng)?;
        Ok(process::freeze(&victims, view, self.r#for))
    }
}
