use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::link::{self, Link};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Direction, LinkEffect, LinkRule, View};
use crate::units::Duration;

/// A close by one side of a link reaches the other only after a time, as behind a load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlowCloseLink {
    /// Which link.
    #[serde(default)]
    pub link: Link,
    /// Which bytes.
    #[serde(default)]
    pub direction: Direction,
    /// How much later.
    pub after: Duration,
    /// How long.
    pub r#for: Duration,
}

impl Fault for SlowCloseLink {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::LinkRules]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Link(self.link)
    }

    fn harm(&self) -> String {
        format!("closes arrive {} late", self.after)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let rule = LinkRule { direction: self.direction, effect: LinkEffect::SlowClose { after: self.after } };
        link::aim(self.link, rule, self.r#for, view)
    }
}
