//! Bounds longer than the time that there is to look: after a fault until the next disturbance.

use super::disturbance::disturbances;
use super::{Context, seconds};
use crate::diagnostic::Problem;
use crate::metric::Metric;
use crate::scenario::expectation::{Bound, Comparison, Subject, Window};
use crate::scenario::yaml::way;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let all = disturbances(context);
    let timeline = &context.scenario().timeline;
    let mut problems = Vec::new();
    for (index, parsed) in context.expectations {
        let Subject::Metric { metric, window, .. } = &parsed.subject else { continue };
        let from_removal = match metric {
            Metric::RecoveryTime => true,
            Metric::DetectionTime | Metric::TimeToRunning | Metric::Outage => false,
            _ => continue,
        };
        let (Comparison::Less | Comparison::LessOrEqual, Bound::Value(bound)) = (parsed.comparison, &parsed.bound) else { continue };
        let meant = |entry: usize| match window {
            Some(Window::Of(name)) => timeline[entry].name.as_str() == name,
            _ => true,
        };
        let short = all.iter().enumerate().find_map(|(position, disturbance)| {
            let entry = disturbance.entry.filter(|entry| meant(*entry))?;
            let start = if from_removal { disturbance.until } else { disturbance.from };
            let next = all.get(position + 1)?;
            (next.from - start < *bound).then_some((entry, next, (next.from - start).max(0.0)))
        });
        if let Some((entry, next, gap)) = short {
            let name = &timeline[entry].name;
            let gap = seconds((gap * 1e3).round() / 1e3);
            problems.push(
                Problem::error(format!("`{metric}` of `{name}` can be watched for {gap} only"))
                    .at(context.loaded.within(way!["expect", *index], parsed.bound_span.clone(), "longer than that"))
                    .related(next.label.clone())
                    .help("lower the bound, or leave more time behind the fault"),
            );
        }
    }
    problems
}
