use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::linear::Linear;
use crate::traffic::check::{Problem, not_zero};
use crate::units::{Duration, Rate};

/// One step: a rate for a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// The rate.
    pub rate: Rate,
    /// How long.
    pub r#for: Duration,
}

/// rate(t) is that of the step in which t lies; the integral is the sum of the steps before and the part of this one.
pub fn curve(steps: &[Step]) -> Linear {
    let mut corners = Vec::with_capacity(2 * steps.len());
    let mut from = 0.0;
    for step in steps {
        let to = from + step.r#for.seconds();
        corners.extend([(from, step.rate.0), (to, step.rate.0)]);
        from = to;
    }
    Linear::through(&corners)
}

pub fn problems(steps: &[Step]) -> Vec<Problem> {
    if steps.is_empty() {
        return vec![Problem::new("", "needs at least one step")];
    }
    let zero = |(index, step): (usize, &Step)| not_zero("for", step.r#for).map(|problem| (index, problem));
    steps.iter().enumerate().filter_map(zero).flat_map(|(index, problem)| Problem::below([&index.to_string()], vec![problem])).collect()
}
