use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Shuts the JobManager down with SIGTERM. Without high availability its jobs are lost all the same: a session cluster does not wait for them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TerminateJobmanager {
    /// How many; without any choice one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Share of all of them, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// This one, by the cluster's or Flink's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When squall starts what nobody else did; without it at the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_after: Option<Duration>,
}

impl TerminateJobmanager {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), ..Choice::default() }
    }
}

impl Fault for TerminateJobmanager {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::TerminateNode(Role::Jobmanager)]
    }

    fn lasts(&self) -> Option<Duration> {
        None
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        self.choice().problems()
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Jobmanager, count: self.choice().most(), away: true }
    }

    fn harm(&self) -> String {
        "shuts the JobManager down: without high availability the job is lost".to_owned()
    }

    fn undo_after(&self) -> Option<Duration> {
        self.restart_after
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Jobmanager, view, rng)?;
        Ok(process::terminate(&victims, view, self.undo_after()))
    }
}
