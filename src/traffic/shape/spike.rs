use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::linear::Linear;
use crate::traffic::check::{Problem, not_zero};
use crate::units::{Duration, Rate};

/// A base rate with one peak: up within `rise`, there for `for`, down within `fall`.
///
/// rate is a trapezium above `base`; it adds (peak − base)·(rise/2 + for + fall/2) records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spike {
    /// Before and after.
    pub base: Rate,
    /// At the peak.
    pub peak: Rate,
    /// When it begins to rise.
    pub at: Duration,
    /// How long the way up takes; a jump without.
    #[serde(default)]
    pub rise: Duration,
    /// How long it stays up.
    pub r#for: Duration,
    /// How long the way down takes; a jump without.
    #[serde(default)]
    pub fall: Duration,
}

impl Spike {
    pub(super) fn curve(&self) -> Linear {
        let up = self.at.seconds();
        let top = up + self.rise.seconds();
        let down = top + self.r#for.seconds();
        let end = down + self.fall.seconds();
        Linear::through(&[(0.0, self.base.0), (up, self.base.0), (top, self.peak.0), (down, self.peak.0), (end, self.base.0)])
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let flat = self.rise == Duration::ZERO && self.fall == Duration::ZERO;
        if flat { not_zero("for", self.r#for).into_iter().collect() } else { Vec::new() }
    }
}
