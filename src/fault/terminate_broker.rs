use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

/// Shuts brokers down with SIGTERM. They say goodbye, so nobody has to wait for a time-out: what a rolling restart does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TerminateBroker {
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

impl TerminateBroker {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), ..Choice::default() }
    }
}

impl Fault for TerminateBroker {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::TerminateNode(Role::Broker)]
    }

    fn lasts(&self) -> Option<Duration> {
        None
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        self.choice().problems()
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Nodes { role: Role::Broker, count: self.choice().most(), away: true }
    }

    fn harm(&self) -> String {
        "shuts brokers down in order".to_owned()
    }

    fn undo_after(&self) -> Option<Duration> {
        self.restart_after
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Broker, view, rng)?;
        Ok(process::terminate(&victims, view, self.undo_after()))
    }
}
