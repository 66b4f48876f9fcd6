use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::link::{self, Link};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Direction, Distribution, LinkEffect, LinkRule, View};
use crate::units::Duration;

/// Delays what passes a link, in one direction or both, on live connections too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DelayLink {
    /// Which link.
    #[serde(default)]
    pub link: Link,
    /// Which bytes.
    #[serde(default)]
    pub direction: Direction,
    /// The delay of each direction: with `both`, a request and its answer take twice as much longer together.
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

impl Fault for DelayLink {
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
        Reach::Link(self.link)
    }

    fn harm(&self) -> String {
        format!("what passes the link takes {} longer", self.add)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let rule = LinkRule {
            direction: self.direction,
            effect: LinkEffect::Delay { add: self.add, jitter: self.jitter, distribution: self.distribution },
        };
        link::aim(self.link, rule, self.r#for, view)
    }
}
