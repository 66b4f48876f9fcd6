//! The steady stretch before the first fault, which everything is compared with.

use super::disturbance::disturbances;
use super::{Context, seconds};
use crate::diagnostic::Problem;
use crate::scenario::baseline::CHECKPOINTS;
use crate::scenario::yaml::way;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    too_short(context).into_iter().collect()
}

fn too_short(context: &Context<'_>) -> Option<Problem> {
    let scenario = context.scenario();
    let all = disturbances(context);
    let position = all.iter().position(|disturbance| disturbance.entry.is_some())?;
    let (before, first) = (&all[..position], &all[position]);
    let steady_since = before.last().map_or(0.0, |change| change.from);
    let length = seconds(first.from - steady_since);
    let least = scenario.settled();
    if length >= least {
        return None;
    }
    let entry = first.entry?;
    let moment = if scenario.timeline[entry].at.is_some() { "at" } else { "every" };
    let problem = Problem::warning(format!("a baseline of {length} is too short to compare with"))
        .at(context.loaded.at(way!["timeline", entry, moment], "the first fault"))
        .help(format!(
            "recovery may come out as no data; {least} would do: two checkpoints to settle, then {CHECKPOINTS}, and 30s at least"
        ));
    Some(match before.last() {
        Some(change) => problem.related(change.label.clone()),
        None => problem,
    })
}
