use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice, Operator};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Shuts TaskManagers down with SIGTERM. They say goodbye, so nobody has to wait for a time-out: what a rolling restart does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TerminateTaskmanager {
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
    /// When squall starts what nobody else did; without it at the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_after: Option<Duration>,
}

impl TerminateTaskmanager {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), runs: self.runs.as_ref(), holds_no_slot: self.holds_no_slot }
    }
}

impl Fault for TerminateTaskmanager {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::TerminateNode(Role::Taskmanager)]
    }

    fn lasts(&self) -> Option<Duration> {
        None
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        self.choice().problems()
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Taskmanager, count: self.choice().most(), away: true }
    }

    fn harm(&self) -> String {
        "shuts TaskManagers down in order".to_owned()
    }

    fn undo_after(&self) -> Option<Duration> {
        self.restart_after
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Taskmanager, view, rng)?;
        Ok(process::terminate(&victims, view, self.undo_after()))
    }
}
