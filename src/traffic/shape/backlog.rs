use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::linear::Linear;
use crate::traffic::check::{Problem, not_zero};
use crate::units::{Count, Duration, Rate};

/// So many records over a time, then little or nothing: the job has to drain them.
///
/// rate(t) = records ÷ over while t < over, `then` after it. The time is asked for, since an instant would be a schedule
/// that no generator can keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Backlog {
    /// How many.
    pub records: Count,
    /// Within which time.
    pub over: Duration,
    /// The rate after it; zero without.
    #[serde(default)]
    pub then: Rate,
}

impl Backlog {
    pub(super) fn curve(&self) -> Linear {
        let over = self.over.seconds();
        let rate = self.records.0 as f64 / over;
        Linear::through(&[(0.0, rate), (over, rate), (over, self.then.0)])
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        not_zero("over", self.over).into_iter().collect()
    }
}
