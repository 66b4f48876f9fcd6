use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::link::{self, Link};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Direction, LinkEffect, LinkRule, View};
use crate::units::Duration;

/// `EndTxn` of the Kafka protocol: commits or aborts a transaction.
const END_TXN: i16 = 26;

/// Keeps the requests that end a transaction, and what follows them on their connection; delivers them when it ends. The checkpoint has completed, its transactions are not committed: where
/// that lasts longer than `transaction.timeout.ms` the broker aborts them, and their records are lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HoldCommits {
    /// How long.
    pub r#for: Duration,
}

impl Fault for HoldCommits {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::LinkRules]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Link(Link::Sink)
    }

    fn harm(&self) -> String {
        format!("no transaction of the sink is committed for {}; one whose timeout is shorter is lost", self.r#for)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let rule = LinkRule { direction: Direction::Upstream, effect: LinkEffect::HoldRequest { api_key: END_TXN } };
        link::aim(Link::Sink, rule, self.r#for, view)
    }
}
