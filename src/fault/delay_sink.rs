use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::link::{self, Link};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Direction, Distribution, LinkEffect, LinkRule, View};
use crate::units::Duration;

/// Delays what the job sends to its output, on live connections too. An exactly-once sink pays it once per request pair of a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DelaySink {
    /// The delay. It counts one way: a request and its answer take this much longer together.
    pub add: Duration,
    /// Spread around it.
    #[serde(default)]
    pub jitter: Duration,
    /// Shape of the spread.
    #[serde(default)]
    pub distribution: Distribution,
    /// How long.
    pub r#for: Duration,
}

impl Fault for DelaySink {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::LinkRules]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        link::delay_problems(self.add, self.jitter)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Link(Link::Sink)
    }

    fn harm(&self) -> String {
        format!("everything that goes to the sink takes {} longer", self.add)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let rule = LinkRule {
            direction: Direction::Upstream,
            effect: LinkEffect::Delay { add: self.add, jitter: self.jitter, distribution: self.distribution },
        };
        link::aim(Link::Sink, rule, self.r#for, view)
    }
}
