use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::few_enough;
use crate::traffic::check::Problem;
use crate::units::Count;

/// The k-th most frequent of n keys has the share k^−s ÷ Hₙ,ₛ, where Hₙ,ₛ = Σ i^−s over i = 1…n.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Zipf {
    /// How many keys, n.
    pub distinct: Count,
    /// How steep, s: 0 is uniform, about 1 is common in real traffic.
    pub exponent: f64,
}

impl Zipf {
    pub(super) fn weights(self) -> Vec<f64> {
        (1..=self.distinct.0).map(|rank| (rank as f64).powf(-self.exponent)).collect()
    }

    pub(super) fn problems(self) -> Vec<Problem> {
        let usable = self.exponent.is_finite() && (0.0..=20.0).contains(&self.exponent);
        let exponent = (!usable).then(|| Problem::new("exponent", "must lie between 0 and 20"));
        few_enough(self.distinct).into_iter().chain(exponent).collect()
    }
}
