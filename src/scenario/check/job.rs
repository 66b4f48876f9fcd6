//! The job's own files.

use super::Context;
use crate::diagnostic::{Problem, Source};
use crate::job::{Error, JobSpec, Placeholders};
use crate::scenario::yaml::way;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let scenario = context.scenario();
    // Values do not matter here: what is checked is that each placeholder has one.
    let mut placeholders = Placeholders::new("run", scenario.group()).link("source", "source").link("sink", "sink");
    for topic in scenario.source.topics.keys().chain(scenario.sink.topics.keys()) {
        placeholders = placeholders.topic(topic, topic);
    }
    let kind = match &scenario.job {
        JobSpec::Sql(_) => "sql",
        JobSpec::Jar(_) => "jar",
        JobSpec::Attach(_) => return attached(context),
    };
    let file = |label: &str| context.loaded.at(way!["job", kind, "file"], label);
    match scenario.job.prepare(context.folder, &placeholders) {
        Ok(_) => Vec::new(),
        Err(Error::Read { path, reason }) => {
            let folder = context.folder.display().to_string();
            let from = if folder.is_empty() { "the working folder".to_owned() } else { format!("`{folder}`") };
            vec![
                Problem::error(format!("cannot read {}", path.display()))
                    .at(file(&reason.to_string()))
                    .help(format!("files count from {from}")),
            ]
        }
        Err(Error::Script { path, problems }) => {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let source = Source::new(path.display().to_string(), text);
            problems.into_iter().map(|problem| shown(&problem, source.label(problem.offset..problem.offset + problem.length, ""))).collect()
        }
        Err(Error::Arguments(problems)) => problems
            .into_iter()
            .map(|(index, problem)| {
                let part = problem.offset..problem.offset + problem.length;
                shown(&problem, context.loaded.within(way!["job", kind, "args", index], part, ""))
            })
            .collect(),
        Err(other) => vec![Problem::error(other.to_string()).at(context.loaded.at_key(way!["job"], ""))],
    }
}

fn shown(problem: &crate::job::Problem, at: crate::diagnostic::Label) -> Problem {
    let shown = Problem::error(&problem.message).at(at);
    match &problem.hint {
        Some(hint) => shown.help(hint),
        None => shown,
    }
}

fn attached(context: &Context<'_>) -> Vec<Problem> {
    let scenario = context.scenario();
    let made = scenario.source.topics.iter().map(|topic| ("source", topic)).chain(scenario.sink.topics.iter().map(|topic| ("sink", topic)));
    made.filter(|(_, (_, topic))| topic.partitions.is_some() && topic.name.is_none())
        .map(|(side, (name, _))| {
            Problem::error(format!("a job that runs already cannot read or write a new topic `{name}`"))
                .at(context.loaded.at_key(way![side, "topics", name], "say which one it is: `name: …`"))
                .related(context.loaded.at_key(way!["job", "attach"], "attached to here"))
        })
        .collect()
}
