//! What squall sends.

use super::Context;
use crate::diagnostic::Problem;
use crate::scenario::yaml::{Step, way};
use crate::traffic::{Schedule, ShapeError};

/// Records name their stream in one byte.
const MOST_STREAMS: usize = 256;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let scenario = context.scenario();
    let mut problems = Vec::new();
    for (name, stream) in &scenario.traffic {
        for problem in stream.problems(scenario.partitions(name), &scenario.sink.identity) {
            let steps: Vec<Step<'_>> = ["traffic", name]
                .into_iter()
                .map(Step::Key)
                .chain(problem.path.iter().map(|step| step.parse().map_or(Step::Key(step), Step::Index)))
                .collect();
            let setting = problem.path.last().map_or("", |setting| setting.as_str());
            problems.push(Problem::error(format!("`{setting}` {}", problem.what)).at(context.loaded.at(&steps, "")));
        }
        let mut stream = stream.clone();
        stream.resolve(context.folder);
        match Schedule::new(&stream.rate, 0) {
            Ok(_) | Err(ShapeError::NoSchedule) => {}
            Err(error) => problems.push(Problem::error(error.to_string()).at(context.loaded.at(way!["traffic", name, "rate"], ""))),
        }
    }
    if scenario.traffic.len() > MOST_STREAMS {
        problems.push(Problem::error(format!("more than {MOST_STREAMS} streams")).at(context.loaded.at_key(way!["traffic"], "")));
    }
    if scenario.duration.0.is_zero() {
        problems.push(Problem::error("a run of no time shows nothing").at(context.loaded.at(way!["duration"], "")));
    }
    if !scenario.traffic.is_empty() && scenario.drain.within.0.is_zero() {
        problems.push(
            Problem::error("without draining, every record in flight counts as lost")
                .at(context.loaded.at(way!["drain", "within"], ""))
                .help("the last transaction commits with the last checkpoint: allow for two intervals at least"),
        );
    }
    if let Some(interval) = scenario.checkpoint_interval()
        && !scenario.traffic.is_empty()
        && scenario.drain.within.0 < 2 * interval.0
    {
        problems.push(
            Problem::warning(format!("draining for {} may end before the last transaction commits", scenario.drain.within))
                .at(context.loaded.at(way!["drain", "within"], ""))
                .note(format!("the job commits with its checkpoints, every {interval}")),
        );
    }
    problems
}
