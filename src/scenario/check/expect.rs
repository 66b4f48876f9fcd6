//! `expect:` — the grammar, the names in it, and whether anything in the run can answer.

use super::Context;
use crate::diagnostic::Problem;
use crate::metric::Metric;
use crate::scenario::expectation::{Bound, Expectation, GrammarError, Parsed, Subject, parse_expectation};
use crate::scenario::spec::{Guarantee, Scenario};
use crate::scenario::yaml::{Loaded, way};

pub(super) fn parse(loaded: &Loaded<Scenario>) -> (Vec<(usize, Parsed)>, Vec<Problem>) {
    let mut parsed = Vec::new();
    let mut problems = Vec::new();
    for (index, text) in loaded.value.expect.iter().enumerate() {
        match parse_expectation(text, &loaded.value.queries) {
            Ok(expectation) => parsed.push((index, expectation)),
            Err(error) => problems.push(problem(loaded, "expect", index, &error)),
        }
    }
    (parsed, problems)
}

pub(super) fn problem(loaded: &Loaded<Scenario>, list: &str, index: usize, error: &GrammarError) -> Problem {
    let problem = Problem::error(&error.title).at(loaded.within(way![list, index], error.span.clone(), &error.label));
    match &error.help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

pub(super) fn expectation(loaded: &Loaded<Scenario>, index: usize, parsed: Parsed) -> Expectation {
    Expectation {
        text: loaded.value.expect[index].clone(),
        line: loaded.line(way!["expect", index]),
        subject: parsed.subject,
        comparison: parsed.comparison,
        bound: parsed.bound,
    }
}

pub(super) fn check(context: &Context<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, parsed) in context.expectations {
        problems.extend(unknown_fault(context, *index, parsed));
        problems.extend(unanswerable(context, *index, parsed));
        problems.extend(promised_less(context, *index, parsed));
    }
    problems
}

fn unknown_fault(context: &Context<'_>, index: usize, parsed: &Parsed) -> Option<Problem> {
    let (name, span) = (parsed.subject.window()?.fault()?, parsed.name_span.clone()?);
    if context.fault_names().contains(&name) {
        return None;
    }
    Some(context.unknown_fault(name, |text| context.loaded.within(way!["expect", index], span.clone(), text)))
}

/// What only records of squall's own can tell.
fn needs_traffic(subject: &Subject) -> bool {
    let Subject::Metric { metric, .. } = subject else { return *subject == Subject::Delivery };
    matches!(
        metric,
        Metric::Scheduled
            | Metric::Sent
            | Metric::Acknowledged
            | Metric::SendFailed
            | Metric::Seen
            | Metric::Input
            | Metric::OutputLag
            | Metric::TimeLag
            | Metric::Slip
            | Metric::ProduceLatency
            | Metric::EndToEndLatency
            | Metric::VisibleLatency
            | Metric::Lost
            | Metric::Duplicates
            | Metric::Reordered
            | Metric::Corrupt
    )
}

fn needs_fault(subject: &Subject) -> bool {
    let metrics = [Metric::RecoveryTime, Metric::DetectionTime, Metric::TimeToRunning, Metric::Outage];
    matches!(subject, Subject::Metric { metric, .. } if metrics.contains(metric))
}

/// An expectation that no probe can answer would be *no data* for ever.
fn unanswerable(context: &Context<'_>, index: usize, parsed: &Parsed) -> Option<Problem> {
    let scenario = context.scenario();
    let at = |label: &str| context.loaded.at(way!["expect", index], label);
    if context.loaded.written().get("traffic").is_none() && needs_traffic(&parsed.subject) {
        let help = "add `traffic:`, or expect something that can be observed: `position-lag`, `committed-lag`, `restarts`, `job`";
        let problem = Problem::error(format!("nothing can answer `{}`", parsed.subject));
        return Some(problem.at(at("squall sends no records in this scenario")).help(help));
    }
    if context.loaded.written().get("timeline").is_none() && needs_fault(&parsed.subject) {
        let problem = Problem::error(format!("nothing can answer `{}`", parsed.subject));
        return Some(problem.at(at("no fault happens in this scenario")).help("add a `timeline:`"));
    }
    if let Subject::Metric { over: Some(over), .. } = &parsed.subject {
        let repeats = scenario.repeat.map_or(1, |repeat| repeat.get());
        if *over > repeats {
            let problem = Problem::error(format!("nothing can answer `{}`", parsed.subject));
            let said = if repeats == 1 { "the scenario runs once".to_owned() } else { format!("the scenario runs {repeats} times") };
            return Some(problem.at(at(&said)).help(format!("write `repeat: {over}`, or run it with --repeat {over}")));
        }
    }
    None
}

fn promised_less(context: &Context<'_>, index: usize, parsed: &Parsed) -> Option<Problem> {
    let promised = context.scenario().sink.guarantee?;
    let expected = match &parsed.bound {
        Bound::Word(word) if parsed.subject == Subject::Delivery => match word.as_str() {
            "exactly-once" => Guarantee::ExactlyOnce,
            "at-least-once" => Guarantee::AtLeastOnce,
            _ => Guarantee::AtMostOnce,
        },
        _ => return None,
    };
    (expected > promised).then(|| {
        Problem::warning("the sink promises less than is expected of it")
            .at(context.loaded.at(way!["expect", index], ""))
            .related(context.loaded.at(way!["sink", "guarantee"], "promised here"))
    })
}
