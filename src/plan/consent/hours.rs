//! `hours:` — when runs are allowed. A plan knows no time, so this is held against the clock when a run starts.

use jiff::Timestamp;

use super::{Asked, Limits};
use crate::cluster::{ClusterSpec, cover};
use crate::diagnostic::{Problem, Report};
use crate::plan::{Because, Plan, Refusal};
use crate::scenario::yaml::{Loaded, way};

/// Says what will be looked at.
pub(super) fn check(asked: &Asked<'_>, limits: &mut Limits) {
    let hours: Vec<String> = asked.spec().hours.iter().map(ToString::to_string).collect();
    if !hours.is_empty() {
        limits.kept.push(format!("hours: {} (looked at when the run starts)", hours.join(", ")));
    }
}

/// Refuses a run that would begin or end outside of the owner's hours.
///
/// # Errors
/// The limit, on its line, with the owner's reason.
pub fn within_hours(plan: &Plan, cluster: &Loaded<ClusterSpec>, now: Timestamp) -> Result<(), Refusal> {
    let lasts = plan.lasts();
    let owner = |label: &str| cluster.at_key(way!["hours"], label);
    let mut problem = match cover(&cluster.value.hours, now, lasts.seconds()) {
        Ok(true) => return Ok(()),
        Ok(false) => Problem::error(format!("a run of {lasts} from now on is not within the hours of `{}`", cluster.value.name))
            .at(owner("runs are allowed in these")),
        Err(unknown) => Problem::error(unknown.to_string()).at(owner("nobody can say whether it is one of these now")),
    };
    if let Some(reason) = &cluster.value.reason {
        problem = problem.note(format!("the owner says: {reason}"));
    }
    let mut report = Report::default();
    report.push(problem);
    Err(Refusal { report, because: Because::NotAllowed })
}
