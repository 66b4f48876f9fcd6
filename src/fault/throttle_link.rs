use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::link::{self, Link};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Direction, LinkEffect, LinkRule, View};
use crate::units::{Bytes, Duration};

/// Limits how many bytes pass a link in a second, over all its connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThrottleLink {
    /// Which link.
    #[serde(default)]
    pub link: Link,
    /// Which bytes.
    #[serde(default)]
    pub direction: Direction,
    /// Bytes per second.
    pub per_second: Bytes,
    /// How long.
    pub r#for: Duration,
}

impl Fault for ThrottleLink {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::LinkRules]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        if self.per_second.0 == 0 { vec![("per-second", "nothing would pass; use black-hole-link".to_owned())] } else { Vec::new() }
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Link(self.link)
    }

    fn harm(&self) -> String {
        format!("at most {} per second pass the link", self.per_second)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let rule = LinkRule { direction: self.direction, effect: LinkEffect::Throttle { per_second: self.per_second } };
        link::aim(self.link, rule, self.r#for, view)
    }
}
