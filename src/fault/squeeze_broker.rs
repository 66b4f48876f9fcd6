use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::process::{self, Choice};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Role, View};
use crate::units::{Bytes, Duration, Ratio};

/// Lowers the memory limit of brokers to what they use now plus some headroom, until the kernel kills them: an out-of-memory kill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SqueezeBroker {
    /// How many; without any choice one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Share of all of them, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Ratio>,
    /// This one, by the cluster's or Flink's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Above what it uses now.
    pub headroom: Bytes,
    /// When the limit is lifted and squall starts what nobody else did; without it at the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_after: Option<Duration>,
}

impl SqueezeBroker {
    fn choice(&self) -> Choice<'_> {
        Choice { count: self.count, share: self.share, id: self.id.as_deref(), ..Choice::default() }
    }
}

impl Fault for SqueezeBroker {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::SqueezeNode(Role::Broker)]
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
        "has the kernel kill brokers for want of memory".to_owned()
    }

    fn undo_after(&self) -> Option<Duration> {
        self.restart_after
    }

    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let victims = self.choice().victims(Role::Broker, view, rng)?;
        Ok(process::squeeze(&victims, view, self.headroom, self.undo_after()))
    }
}
