use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::link::{self, Link};
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Aim, Direction, LinkEffect, LinkRule, View};
use crate::units::{Bytes, Duration};

/// Cuts what passes a link into small segments with pauses between them: a slow, lossy path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SliceLink {
    /// Which link.
    #[serde(default)]
    pub link: Link,
    /// Which bytes.
    #[serde(default)]
    pub direction: Direction,
    /// Bytes of a segment.
    pub size: Bytes,
    /// Pause between segments.
    pub gap: Duration,
    /// How long.
    pub r#for: Duration,
}

impl Fault for SliceLink {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::LinkRules]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        if self.size.0 == 0 { vec![("size", "a segment has at least 1B".to_owned())] } else { Vec::new() }
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Link(self.link)
    }

    fn harm(&self) -> String {
        format!("segments of {} with {} between them", self.size, self.gap)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let rule = LinkRule { direction: self.direction, effect: LinkEffect::Slice { size: self.size, gap: self.gap } };
        link::aim(self.link, rule, self.r#for, view)
    }
}
