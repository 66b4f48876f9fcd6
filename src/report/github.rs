//! Annotations on the scenario's lines, as GitHub's workflow commands on stdout.

use std::fmt::Write;

use super::text::visible;
use super::wording;
use crate::analysis::{Outcome, Status, Verdict};

/// A command a line: `::error file=…,line=…,title=…::message`. `scenario_file` is its path from the repository's root.
pub fn annotations(outcome: &Outcome, scenario_file: &str) -> String {
    let mut out = String::new();
    let file = property(scenario_file);
    for expectation in &outcome.expectations {
        let (level, title) = match expectation.status {
            Status::Met => continue,
            Status::Failed => ("error", "expectation failed"),
            Status::NoData => ("warning", "no data"),
        };
        let message = format!("{}: {}", expectation.text, wording::observed(expectation));
        let _ = writeln!(out, "::{level} file={file},line={},title={title}::{}", expectation.line, data(&message));
    }
    let level = match outcome.verdict {
        Verdict::Met => "notice",
        Verdict::Inconclusive => "warning",
        _ => "error",
    };
    let _ = writeln!(
        out,
        "::{level} file={file},title={}::{}",
        property(&format!("{} {}", outcome.scenario, wording::verdict(outcome.verdict))),
        data(&wording::verdict_detail(outcome))
    );
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
