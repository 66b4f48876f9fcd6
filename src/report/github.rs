//! Annotations on the scenario's lines, as GitHub's workflow commands on stdout.

use super::text::visible;
use super::wording;
use crate::analysis::{Outcome, Status, Verdict};

/// How much an annotation weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Red.
    Error,
    /// Yellow.
    Warning,
    /// Neither.
    Notice,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One command, with its line feed. `place` is a path from the repository's root and a line; line 0 is the whole file.
pub fn annotation(level: Level, place: Option<(&str, u32)>, title: &str, message: &str) -> String {
    let place = match place {
        Some((file, 0)) => format!("file={},", property(file)),
        Some((file, line)) => format!("file={},line={line},", property(file)),
        None => String::new(),
    };
    format!("::{} {place}title={}::{}\n", level.word(), property(title), data(message))
}

/// A command a line: `::error file=…,line=…,title=…::message`. `scenario_file` is its path from the repository's root.
pub fn annotations(outcome: &Outcome, scenario_file: &str) -> String {
    let mut out = String::new();
    for expectation in &outcome.expectations {
        let (level, title) = match expectation.status {
            Status::Met => continue,
            Status::Failed => (Level::Error, "expectation failed"),
            Status::NoData => (Level::Warning, "no data"),
        };
        let message = format!("{}: {}", expectation.text, wording::observed(expectation));
        out.push_str(&annotation(level, Some((scenario_file, expectation.line)), title, &message));
    }
    let level = match outcome.verdict {
        Verdict::Met => Level::Notice,
        Verdict::Inconclusive => Level::Warning,
        _ => Level::Error,
    };
    let title = format!("{} {}", outcome.scenario, outcome.verdict.word());
    out.push_str(&annotation(level, Some((scenario_file, 0)), &title, &wording::verdict_detail(outcome)));
    out
}

/// Escapes as GitHub's own toolkit does (`@actions/core`, `command.ts`).
fn data(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn lines_point_at_expectations() {
        assert_eq!(
            annotations(&sample::kill(), "scenarios/a,b.yaml"),
            "::error file=scenarios/a%2Cb.yaml,line=21,title=expectation failed::max(output-lag) during lose-one < 10k: 14.1 k at 0:51\n\
             ::warning file=scenarios/a%2Cb.yaml,line=24,title=no data::p99(produce-latency) recovery of lose-one < 50ms: \
             no data: no record was acknowledged in `recovery of lose-one`\n\
             ::error file=scenarios/a%2Cb.yaml,title=taskmanager-loss failed::1 of 5 expectations failed, 1 without data\n"
        );
    }

    #[test]
    fn hostile_names_make_no_command() {
        let text = annotations(&sample::hostile(), "x\n::stop-commands::y");
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.starts_with("::error file=x") || line.starts_with("::warning file=x")), "{text}");
    }
}
