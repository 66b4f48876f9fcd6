use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::linear::Linear;
use crate::traffic::check::{Problem, not_zero};
use crate::units::{Duration, Rate};

/// From one rate to another, evenly; then the second one stays.
///
/// rate(t) = from + (to − from)·t/over, integral from·t + (to − from)·t²/(2·over).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ramp {
    /// At the start.
    pub from: Rate,
    /// At the end.
    pub to: Rate,
    /// How long it takes.
    pub over: Duration,
}

impl Ramp {
    pub(super) fn curve(&self) -> Linear {
        Linear::through(&[(0.0, self.from.0), (self.over.seconds(), self.to.0)])
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        not_zero("over", self.over).into_iter().collect()
    }
}
