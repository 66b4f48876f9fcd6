use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{at_most_all, few_enough};
use crate::traffic::check::Problem;
use crate::units::{Count, Ratio};

/// A share of the records goes to the first `keys` keys, evenly, the rest to the others, evenly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hot {
    /// Of all records.
    pub share: Ratio,
    /// How many hot keys.
    pub keys: Count,
    /// How many keys in all.
    pub distinct: Count,
}

impl Hot {
    pub(super) fn weights(self) -> Vec<f64> {
        let (hot, all) = (self.keys.0, self.distinct.0);
        let hot_weight = self.share.0 / hot as f64;
        let cold_weight = (1.0 - self.share.0) / (all - hot).max(1) as f64;
        (0..all).map(|index| if index < hot { hot_weight } else { cold_weight }).collect()
    }

    pub(super) fn problems(self) -> Vec<Problem> {
        let keys = match (self.keys.0, self.distinct.0) {
            (0, _) => Some(Problem::new("keys", "must be at least 1")),
            (hot, all) if hot > all => Some(Problem::new("keys", format!("are more than the {} distinct ones", self.distinct))),
            (hot, all) if hot == all && self.share.0 < 1.0 => {
                Some(Problem::new("distinct", "leaves no key for the records that are not hot".to_owned()))
            }
            _ => None,
        };
        few_enough(self.distinct).into_iter().chain(at_most_all("share", self.share)).chain(keys).collect()
    }
}
