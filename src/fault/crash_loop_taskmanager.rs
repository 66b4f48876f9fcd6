use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice, Operator};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Kills TaskManagers, and whoever takes their place as soon as it is registered, several times: a pod that does not get past its start. It is over when the
/// last one is back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrashLoopTaskmanager {
    /// How many; without any choice one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Share of all of them, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// This one, by the cluster's or Flink's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Those that run this operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Operator>,
    /// Only idle ones, to show that losing them does no harm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_no_slot: bool,
    /// How often at most.
    pub times: u32,
    /// How long after each crash squall starts what nobody else did.
    #[serde(default = "process::soon")]
    pub restart_after: Duration,
    /// No crash comes later than this after the first.
    pub r#for: Duration,
}

impl CrashLoopTaskmanager {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), runs: self.runs.as_ref(), holds_no_slot: self.holds_no_slot }
    }
}

impl Fault for CrashLoopTaskmanager {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::KillNode(Role::Taskmanager), Ability::StartNode(Role::Taskmanager)]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        process::loop_problems(&self.choice(), self.times, "kill-taskmanager")
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Taskmanager, count: self.choice().most(), away: true }
    }

    fn harm(&self) -> String {
        format!("kills TaskManagers up to {} times: each time their subtasks stop and the job restarts", self.times)
    }

    fn undo_after(&self) -> Option<Duration> {
        Some(self.restart_after)
    }

    fn rounds(&self) -> u32 {
        self.times
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Taskmanager, view, rng)?;
        Ok(process::crash(&victims, view, self.restart_after))
    }

    fn again(&self, before: &View, now: &View) -> Result<Aim, NoTarget> {
        Ok(process::crash(&process::newcomers(Role::Taskmanager, before, now)?, now, self.restart_after))
    }
}
