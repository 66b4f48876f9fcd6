use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::few_enough;
use crate::traffic::check::{Problem, at_most_all};
use crate::traffic::dice::Dice;
use crate::units::{Count, Ratio};

/// Keys come, live for a while, and go: state that is never read again.
///
/// Record n draws evenly from the keys ⌊n·new⌋ … ⌊n·new⌋ + distinct − 1, so each record brings in `new` of a key, and a
/// key lives for distinct ÷ new records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Churn {
    /// Keys that live at one time.
    pub distinct: Count,
    /// Share of the records that bring in a new key.
    pub new: Ratio,
}

impl Churn {
    /// The number of the key of record `n`.
    pub(super) fn number(self, n: u64, dice: Dice) -> u64 {
        (n as f64 * self.new.0) as u64 + dice.below(n, self.distinct.0)
    }

    pub(super) fn problems(self) -> Vec<Problem> {
        few_enough(self.distinct).into_iter().chain(at_most_all("new", self.new)).collect()
    }
}
