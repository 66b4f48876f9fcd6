use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Laid, Shape, ShapeError};
use crate::traffic::check::{Problem, not_zero};
use crate::traffic::dice::Dice;
use crate::units::Duration;

/// A shape for a time; its own time begins with it. The last one goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stretch {
    /// The shape.
    pub shape: Shape,
    /// How long.
    pub r#for: Duration,
}

/// The curves one after another; a sequence within a sequence is cut where its stretch ends.
pub fn lay(stretches: &[Stretch], dice: Dice) -> Result<Vec<Laid>, ShapeError> {
    let mut all = Vec::new();
    for (index, stretch) in stretches.iter().enumerate() {
        let last = index + 1 == stretches.len();
        let mut left = stretch.r#for.seconds();
        for laid in stretch.shape.lay(dice.split(index as u64))? {
            let lasts = if last { laid.lasts } else { Some(laid.lasts.unwrap_or(left).min(left)) };
            left -= lasts.unwrap_or(0.0);
            if lasts != Some(0.0) {
                all.push(Laid { lasts, ..laid });
            }
        }
    }
    Ok(all)
}

pub fn problems(stretches: &[Stretch]) -> Vec<Problem> {
    if stretches.is_empty() {
        return vec![Problem::new("", "needs at least one shape")];
    }
    let mut problems = Vec::new();
    for (index, stretch) in stretches.iter().enumerate() {
        let index = index.to_string();
        problems.extend(Problem::below([&index], not_zero("for", stretch.r#for).into_iter().collect()));
        problems.extend(Problem::below([&index, "shape"], stretch.shape.problems()));
        if stretch.shape.in_flight().is_some() {
            problems.push(Problem { path: vec![index, "shape".to_owned()], what: ShapeError::NoSchedule.to_string() });
        }
    }
    problems
}
