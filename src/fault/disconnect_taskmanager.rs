use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice, Operator};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Takes TaskManagers off the network. They run on and hear nothing; connections are not reset, so both sides notice by heartbeat time-outs. One that
/// was away beyond them cancels its tasks and registers again when it is back; after five minutes (`taskmanager.registration.timeout`) it ends itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DisconnectTaskmanager {
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
    /// How long.
    pub r#for: Duration,
}

impl DisconnectTaskmanager {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), runs: self.runs.as_ref(), holds_no_slot: self.holds_no_slot }
    }
}

impl Fault for DisconnectTaskmanager {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::DisconnectNode(Role::Taskmanager)]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        self.choice().problems()
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Taskmanager, count: self.choice().most(), away: true }
    }

    fn harm(&self) -> String {
        format!("takes TaskManagers off the network for {}", self.r#for)
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Taskmanager, view, rng)?;
        Ok(process::disconnect(&victims, view, self.r#for))
    }
}
