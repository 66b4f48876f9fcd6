//! Names that stand for two things.

use super::Context;
use crate::diagnostic::Problem;
use crate::scenario::yaml::way;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let scenario = context.scenario();
    let mut problems = Vec::new();
    for (index, entry) in scenario.timeline.iter().enumerate() {
        let at = |label: &str| context.loaded.at(way!["timeline", index, "name"], label);
        if entry.name.as_str() == "baseline" {
            problems.push(Problem::error("`baseline` is the stretch before the first fault").at(at("give the fault another name")));
        }
        if let Some(first) = scenario.timeline[..index].iter().position(|other| other.name == entry.name) {
            let first = context.loaded.at(way!["timeline", first, "name"], "the first one");
            problems.push(Problem::error(format!("two faults are called `{}`", entry.name)).at(at("the second one")).related(first));
        }
    }
    for name in scenario.sink.topics.keys().filter(|name| scenario.source.topics.contains_key(*name)) {
        problems.push(
            Problem::error(format!("`{name}` is an input and an output"))
                .at(context.loaded.at_key(way!["sink", "topics", name], "the output"))
                .related(context.loaded.at_key(way!["source", "topics", name], "the input"))
                .help("a job that reads what it writes never ends; `${topic.…}` needs two names"),
        );
    }
    problems
}
