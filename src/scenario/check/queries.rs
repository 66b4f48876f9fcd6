//! `queries:` — what cannot be asked, or not so often.

use super::Context;
use crate::diagnostic::Problem;
use crate::scenario::yaml::way;

/// More often, and Prometheus is loaded by its own test; more seldom, and a fault is over between two looks.
const EVERY: std::ops::RangeInclusive<f64> = 1.0..=30.0;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, query) in &context.scenario().queries {
        if query.promql.trim().is_empty() {
            let at = context.loaded.at(way!["queries", name.as_str(), "promql"], "write for example `sum(kafka_consumergroup_lag)`");
            problems.push(Problem::error(format!("the query `{name}` asks for nothing")).at(at));
        }
        if !EVERY.contains(&query.every.seconds()) {
            let at = context.loaded.at(way!["queries", name.as_str(), "every"], "write `1s` to `30s`");
            problems.push(Problem::error(format!("the query `{name}` cannot be asked every {}", query.every)).at(at));
        }
    }
    problems
}
