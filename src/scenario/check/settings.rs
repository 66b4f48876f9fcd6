//! Settings of the faults, and what they name.

use super::Context;
use crate::diagnostic::{Label, Problem, did_you_mean, listed};
use crate::fault::Reach;
use crate::scenario::yaml::way;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let scenario = context.scenario();
    let mut problems = Vec::new();
    for (index, entry) in scenario.timeline.iter().enumerate() {
        let kind = entry.inject.kind();
        let at = |field: &str, label: &str| context.loaded.at(way!["timeline", index, "inject", kind, field], label);
        problems.extend(entry.inject.problems().into_iter().map(|(field, what)| Problem::error(what).at(at(field, ""))));
        match entry.inject.reach() {
            Reach::Streams(stream) => {
                if scenario.traffic.is_empty() && context.loaded.written().get("traffic").is_none() {
                    let here = context.loaded.at_key(way!["timeline", index, "inject", kind], "squall sends no records in this scenario");
                    problems.push(Problem::error(format!("`{kind}` changes nothing")).at(here).help("add `traffic:`"));
                }
                let streams = scenario.traffic.keys().map(String::as_str);
                problems.extend(stream.and_then(|stream| unknown("stream", stream, streams.collect(), &|label| at("stream", &label))));
            }
            Reach::Topic(topic) => {
                let topics = scenario.source.topics.keys().chain(scenario.sink.topics.keys()).map(String::as_str);
                problems.extend(topic.and_then(|topic| unknown("topic", topic, topics.collect(), &|label| at("topic", &label))));
            }
            Reach::Nodes { .. } | Reach::Link(_) | Reach::Job | Reach::CheckpointStorage => {}
        }
    }
    problems
}

fn unknown(what: &str, name: &str, known: Vec<&str>, at: &dyn Fn(String) -> Label) -> Option<Problem> {
    if known.contains(&name) || known.is_empty() {
        return None;
    }
    let problem = Problem::error(format!("no {what} is called `{name}`"));
    Some(match did_you_mean(name, known.iter().copied()) {
        Some(near) => problem.at(at(format!("did you mean `{near}`?"))),
        None => problem.at(at(String::new())).help(format!("the scenario has {}", listed(known))),
    })
}
