use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Kills the JobManager, and again as soon as it answers, several times. Without high availability the first crash loses its jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrashLoopJobmanager {
    /// How many; without any choice one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Share of all of them, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// This one, by the cluster's or Flink's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How often at most.
    pub times: u32,
    /// How long after each crash squall starts what nobody else did.
    #[serde(default = "process::soon")]
    pub restart_after: Duration,
    /// No crash comes later than this after the first.
    pub r#for: Duration,
}

impl CrashLoopJobmanager {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), ..Choice::default() }
    }
}

impl Fault for CrashLoopJobmanager {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::KillNode(Role::Jobmanager), Ability::StartNode(Role::Jobmanager)]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        process::loop_problems(&self.choice(), self.times, "kill-jobmanager")
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Jobmanager, count: self.choice().most(), away: true }
    }

    fn harm(&self) -> String {
        format!("kills the JobManager up to {} times: without high availability the job is lost", self.times)
    }

    fn undo_after(&self) -> Option<Duration> {
        Some(self.restart_after)
    }

    fn rounds(&self) -> u32 {
        self.times
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Jobmanager, view, rng)?;
        Ok(process::crash(&victims, view, self.restart_after))
    }

    fn again(&self, before: &View, now: &View) -> Result<Aim, NoTarget> {
        Ok(process::crash(&process::newcomers(Role::Jobmanager, before, now)?, now, self.restart_after))
    }
}
