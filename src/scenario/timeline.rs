//! The timeline: what goes wrong, and when.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::name::Name;
use crate::fault::FaultSpec;
use crate::units::Duration;

/// One line of the timeline: a fault at a time (`at`), again and again (`every`), or at a moment that something else decides (`when`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TimelineEntry {
    /// What expectations and reports call it.
    pub name: Name,
    /// Since the first intended record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// Again and again, this far apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
    /// The first time of `every`, one interval where nothing is said; `when` is not looked for earlier, nor within the baseline where
    /// nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// How often `every` fires at most; until traffic ends where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<NonZeroU32>,
    /// At a moment that something else decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Moment>,
    /// How long `when` is looked for; until traffic ends where nothing is said. A moment that never comes makes the run inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// The seed moves `at` and `every` by up to this much, either way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Duration>,
    /// The fault.
    pub inject: FaultSpec,
}

impl TimelineEntry {
    /// When it fires by the clock, before jitter; nothing for `when`.
    pub fn moments(&self, duration: Duration) -> Vec<Duration> {
        if let Some(at) = self.at {
            return vec![at];
        }
        let Some(every) = self.every.filter(|every| *every > Duration::default()) else { return Vec::new() };
        let most = self.times.map_or(MOST_OCCURRENCES, |times| times.get().min(MOST_OCCURRENCES));
        let first = self.from.unwrap_or(every);
        (0..most)
            .map_while(|index| every.0.checked_mul(index).and_then(|offset| first.0.checked_add(offset)).map(Duration::from))
            .take_while(|moment| *moment < duration)
            .collect()
    }
}

/// More than a report can tell apart, few enough for any memory.
pub const MOST_OCCURRENCES: u32 = 10_000;
