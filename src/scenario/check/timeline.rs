//! When faults fire.

use super::Context;
use crate::diagnostic::Problem;
use crate::scenario::moment::Moment;
use crate::scenario::timeline::TimelineEntry;
use crate::scenario::yaml::way;
use crate::units::Duration;

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, entry) in context.scenario().timeline.iter().enumerate() {
        problems.extend(one_trigger(context, index, entry));
        problems.extend(misplaced(context, index, entry));
        problems.extend(after_the_end(context, index, entry));
        problems.extend(overlaps_itself(context, index, entry));
        problems.extend(waits_for(context, index, entry));
    }
    problems
}

fn one_trigger(context: &Context<'_>, index: usize, entry: &TimelineEntry) -> Option<Problem> {
    let said = [("at", entry.at.is_some()), ("every", entry.every.is_some()), ("when", entry.when.is_some())];
    let said: Vec<&str> = said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect();
    match said[..] {
        [_] => None,
        // A trigger that was wrong in itself has its own problem.
        [] => {
            let written = context.loaded.written().get("timeline")?.value.elements();
            let own = written.iter().find(|other| other.get("name").and_then(|name| name.value.text()) == Some(entry.name.as_str()))?;
            let broken = ["at", "every", "when"].into_iter().any(|trigger| own.get(trigger).is_some());
            (!broken).then(|| {
                Problem::error(format!("`{}` never fires", entry.name))
                    .at(context.loaded.at(way!["timeline", index, "name"], "needs `at`, `every` or `when`"))
                    .help("write for example `at: 45s`")
            })
        }
        [first, second, ..] => Some(
            Problem::error(format!("`{first}` and `{second}` both say when `{}` fires", entry.name))
                .at(context.loaded.at_key(way!["timeline", index, second], ""))
                .related(context.loaded.at_key(way!["timeline", index, first], ""))
                .help("leave one of them out"),
        ),
    }
}

fn misplaced(context: &Context<'_>, index: usize, entry: &TimelineEntry) -> Vec<Problem> {
    let fields = [
        ("from", entry.from.is_some(), entry.every.is_some() || entry.when.is_some(), "every` and `when"),
        ("times", entry.times.is_some(), entry.every.is_some(), "every"),
        ("within", entry.within.is_some(), entry.when.is_some(), "when"),
        ("jitter", entry.jitter.is_some(), entry.when.is_none(), "at` and `every"),
    ];
    fields
        .into_iter()
        .filter(|(_, said, fits, _)| *said && !fits)
        .map(|(field, _, _, belongs)| {
            Problem::error(format!("`{field}` belongs to `{belongs}`")).at(context.loaded.at_key(way!["timeline", index, field], ""))
        })
        .collect()
}

fn after_the_end(context: &Context<'_>, index: usize, entry: &TimelineEntry) -> Option<Problem> {
    let duration = context.scenario().duration;
    let ends = || context.loaded.at(way!["duration"], "traffic ends here");
    let first = ["at", "from"].into_iter().zip([entry.at, entry.from]).find_map(|(field, time)| Some((field, time?)));
    let (field, time) = match (first, entry.every) {
        (Some(first), _) => first,
        (None, Some(every)) => ("every", every),
        (None, None) => return None,
    };
    if time >= duration {
        return Some(
            Problem::error(format!("`{}` would fire after the end", entry.name))
                .at(context.loaded.at(way!["timeline", index, field], format!("{time} since the first record")))
                .related(ends())
                .help("raise `duration`, or fire earlier"),
        );
    }
    let last = entry.moments(duration).into_iter().next_back()?;
    let over = last.0.checked_add(entry.inject.lasts()?.0)?;
    (over > duration.0).then(|| {
        Problem::warning(format!("`{}` is still held when traffic ends", entry.name))
            .at(context.loaded.at(way!["timeline", index, field], format!("held until {}", Duration::from(over))))
            .related(ends())
            .note("it is undone before draining; its recovery cannot be seen")
    })
}

fn overlaps_itself(context: &Context<'_>, index: usize, entry: &TimelineEntry) -> Option<Problem> {
    let every = entry.every?;
    let at = |label: String| context.loaded.at(way!["timeline", index, "every"], label);
    if every.0.is_zero() {
        return Some(Problem::error("`every` needs some time between").at(at(String::new())));
    }
    if entry.moments(context.scenario().duration).len() < 2 {
        return None;
    }
    let jitter = entry.jitter.unwrap_or_default();
    let lasts = entry.inject.undo_after().max(entry.inject.lasts()).unwrap_or_default();
    let needs = lasts.0 + 2 * jitter.0;
    (needs >= every.0 && !needs.is_zero()).then(|| {
        let what =
            if jitter.0.is_zero() { format!("{lasts} until its undo") } else { format!("{lasts} until its undo, moved by up to {jitter}") };
        Problem::error(format!("`{}` would overlap itself", entry.name)).at(at(format!("again after {every}"))).note(what)
    })
}

fn waits_for(context: &Context<'_>, index: usize, entry: &TimelineEntry) -> Option<Problem> {
    let Some(Moment::Recovered { recovered: name, .. }) = &entry.when else { return None };
    let at = |label: String| context.loaded.at(way!["timeline", index, "when", "recovered"], label);
    if !context.fault_names().contains(&name.as_str()) {
        return Some(context.unknown_fault(name, at));
    }
    let mut seen = vec![entry.name.as_str()];
    let mut next = name.as_str();
    loop {
        if seen.contains(&next) {
            let problem = Problem::error(format!("`{}` waits for itself", entry.name));
            return Some(problem.at(at(if seen.len() == 1 { String::new() } else { format!("through {}", seen[1..].join(", ")) })));
        }
        seen.push(next);
        match context.scenario().timeline.iter().find(|other| other.name.as_str() == next).and_then(|other| other.when.as_ref()) {
            Some(Moment::Recovered { recovered: name, .. }) => next = name,
            _ => return None,
        }
    }
}
