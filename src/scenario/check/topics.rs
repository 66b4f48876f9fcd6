//! Topics of the job.

use std::collections::BTreeMap;

use super::Context;
use crate::diagnostic::{Problem, did_you_mean, listed};
use crate::scenario::spec::Topic;
use crate::scenario::yaml::way;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let scenario = context.scenario();
    let mut problems = side(context, "source", &scenario.source.topics);
    problems.extend(side(context, "sink", &scenario.sink.topics));
    problems.extend(scenario.traffic.keys().filter_map(|stream| unknown_stream(context, stream)));
    problems
}

fn side(context: &Context<'_>, side: &str, topics: &BTreeMap<String, Topic>) -> Vec<Problem> {
    let written = context.loaded.written().get(side).and_then(|entry| entry.value.get("topics"));
    if topics.is_empty() && written.is_none_or(|entry| entry.value.entries().is_empty()) {
        let at = context.loaded.at_key(way![side, "topics"], "");
        return vec![Problem::error(format!("the {side} has no topic")).at(at).help("write `topics: { orders: { partitions: 4 } }`")];
    }
    let mut problems = Vec::new();
    for (name, topic) in topics {
        let at = |label: &str| context.loaded.at_key(way![side, "topics", name], label);
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "{}$".contains(c)) {
            problems.push(Problem::error(format!("`{name}` cannot stand in `${{topic.…}}`")).at(at("use letters, digits, `-` and `_`")));
        }
        match (&topic.partitions, &topic.name) {
            (None, None) => problems.push(
                Problem::error(format!("topic `{name}` has no partitions"))
                    .at(at("neither made nor found"))
                    .help("`partitions: 4` has squall make it for the run; `name: orders` takes one that exists"),
            ),
            (None, Some(_)) if !topic.config.is_empty() => problems.push(
                Problem::error("squall does not configure a topic that is not its own")
                    .at(context.loaded.at_key(way![side, "topics", name, "config"], ""))
                    .related(context.loaded.at(way![side, "topics", name, "name"], "it exists already")),
            ),
            (Some(_), Some(_)) => problems.push(
                Problem::error(format!("topic `{name}` exists: it has the partitions that it has"))
                    .at(context.loaded.at_key(way![side, "topics", name, "partitions"], ""))
                    .related(context.loaded.at(way![side, "topics", name, "name"], "it exists already"))
                    .help("leave one of them out"),
            ),
            _ => {}
        }
    }
    problems
}

fn unknown_stream(context: &Context<'_>, stream: &str) -> Option<Problem> {
    let inputs = context.loaded.written().get("source")?.value.get("topics")?.value.entries();
    if inputs.iter().any(|entry| entry.key == stream) {
        return None;
    }
    let names = || inputs.iter().map(|entry| entry.key.as_str());
    let at = |label: String| context.loaded.at_key(way!["traffic", stream], label);
    let problem = Problem::error(format!("no input topic is called `{stream}`"));
    Some(match did_you_mean(stream, names()) {
        Some(near) => problem.at(at(format!("did you mean `{near}`?"))),
        None => problem.at(at(String::new())).help(format!("`source: {{ topics: … }}` has {}", listed(names()))),
    })
}
