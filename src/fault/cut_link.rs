use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::link::{self, Link};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Direction, LinkEffect, LinkRule, View};
use crate::units::Duration;

/// Resets the live connections of a link, and new ones as they come, until it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CutLink {
    /// Which link.
    #[serde(default)]
    pub link: Link,
    /// Which bytes.
    #[serde(default)]
    pub direction: Direction,
    /// How long.
    pub r#for: Duration,
}

impl Fault for CutLink {
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
        "resets every connection of the link".to_owned()
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let rule = LinkRule { direction: self.direction, effect: LinkEffect::Cut };
        link::aim(self.link, rule, self.r#for, view)
    }
}
