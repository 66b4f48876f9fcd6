//! `summary.md`: the first screen as Markdown, for a pull request or GitHub's step summary.

use std::fmt::Write;

use super::text::visible;
use super::wording;
use crate::analysis::{Outcome, Verdict};
use crate::metric::{Metric, Unit};
use crate::units::display;

const MOST_ROWS: usize = 30;

/// The outcome as GitHub-flavoured Markdown.
pub fn render(outcome: &Outcome) -> String {
    let mut out = String::new();
    let word = outcome.verdict.word();
    let _ = writeln!(out, "## {} {} – {word}\n", wording::verdict_sign(outcome.verdict), escape(&outcome.scenario));
    let _ = writeln!(out, "**{word}**: {}\n", escape(&wording::verdict_detail(outcome)));
    if !outcome.sentence.is_empty() {
        let _ = writeln!(out, "> {}\n", escape(&outcome.sentence));
    }
    for undo in &outcome.open_undos {
        let _ = writeln!(out, "- **still active**: {}", escape(undo));
    }
    for gap in &outcome.gaps {
        let _ = writeln!(out, "- **gap** {}", escape(&wording::gap(gap)));
    }
    if outcome.verdict != Verdict::Met {
        for reason in wording::further_reasons(outcome) {
            let _ = writeln!(out, "- because {}", escape(reason));
        }
    }
    out.push('\n');
    expectations(&mut out, outcome);
    faults(&mut out, outcome);
    drifts(&mut out, outcome);
    windows(&mut out, outcome);
    if !outcome.findings.is_empty() {
        let _ = writeln!(out, "### Findings\n");
        for finding in &outcome.findings {
            let _ = writeln!(
                out,
                "- **{}: {}** {} *{}*",
                escape(&finding.severity),
                escape(&finding.title),
                escape(&finding.evidence),
                escape(&finding.advice)
            );
        }
        out.push('\n');
    }
    if !outcome.hints.is_empty() {
        let _ = writeln!(out, "<details><summary>{} hints beside the ledger; no verdict rests on them</summary>\n", outcome.hints.len());
        for hint in outcome.hints.iter().take(MOST_ROWS) {
            let _ = writeln!(out, "- {}", escape(hint));
        }
        rest(&mut out, outcome.hints.len(), "hints");
        let _ = writeln!(out, "</details>\n");
    }
    let _ = writeln!(
        out,
        "<sub>run {} · {} · seed {} · squall {}</sub>",
        escape(&outcome.run),
        escape(&outcome.cluster),
        outcome.seed,
        escape(&outcome.squall)
    );
    out
}

fn expectations(out: &mut String, outcome: &Outcome) {
    if outcome.expectations.is_empty() {
        return;
    }
    let _ = writeln!(out, "| | expectation | observed |\n|---|---|---|");
    for expectation in &outcome.expectations {
        let _ = writeln!(
            out,
            "| {} | <code>{}</code> | {} |",
            wording::sign(expectation.status),
            escape(&expectation.text),
            escape(&wording::observed(expectation))
        );
    }
    out.push('\n');
}

fn faults(out: &mut String, outcome: &Outcome) {
    if outcome.faults.is_empty() {
        return;
    }
    let _ = writeln!(out, "| fault | at | what | how it went | outage | output lag max |\n|---|--:|---|---|--:|--:|");
    for fault in outcome.faults.iter().take(MOST_ROWS) {
        let _ = writeln!(
            out,
            "| {} | {} | {} {} | {} | {} | {} |",
            escape(&wording::fault_name(&fault.fault)),
            display::clock(fault.planned),
            escape(&fault.kind),
            escape(&fault.target),
            escape(&wording::recovery(fault)),
            fault.outage.map_or_else(|| "–".to_owned(), |outage| display::seconds_with_error(outage.value, outage.error)),
            wording::maybe(fault.max_output_lag.map(|(lag, _)| lag), Unit::Records)
        );
    }
    rest(out, outcome.faults.len(), "faults");
}

fn drifts(out: &mut String, outcome: &Outcome) {
    if outcome.drifts.is_empty() {
        return;
    }
    let _ = writeln!(out, "| | drift of | what it does | smallest that would show |\n|---|---|---|--:|");
    for drift in &outcome.drifts {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            wording::drift_sign(drift),
            escape(&drift.what),
            escape(&drift.sentence()),
            drift.smallest().unwrap_or_else(|| "–".to_owned())
        );
    }
    out.push('\n');
}

fn windows(out: &mut String, outcome: &Outcome) {
    if outcome.windows.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "| window | length | input | output | output lag max | visible p99 | checkpoints ok/bad | restarts |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    );
    for window in outcome.windows.iter().take(MOST_ROWS) {
        let p99 = window.latency.get(&Metric::VisibleLatency).map(|points| points[1]);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {}/{} | {} |",
            escape(&window.name),
            display::seconds(window.to - window.from),
            wording::maybe(window.input_per_second, Unit::PerSecond),
            wording::maybe(window.output_per_second, Unit::PerSecond),
            wording::maybe(window.max_output_lag, Unit::Records),
            wording::maybe(p99, Unit::Seconds),
            window.checkpoints_completed,
            window.checkpoints_failed,
            window.restarts
        );
    }
    rest(out, outcome.windows.len(), "windows");
}

fn rest(out: &mut String, all: usize, what: &str) {
    if all > MOST_ROWS {
        let _ = writeln!(out, "\nand {} more {what} in the report", all - MOST_ROWS);
    }
    out.push('\n');
}

/// Text from outside as text: what Markdown, HTML or a workflow command could read as its own becomes an entity.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in visible(text).replace('&', "&#38;").replace("::", "&#58;&#58;").replace("://", "&#58;//").chars() {
        match c {
            '<' | '>' | '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '@' | '"' | '$' => {
                let _ = write!(escaped, "&#{};", c as u32);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn shows_verdict_expectations_and_faults() {
        let text = render(&sample::kill());
        assert!(text.starts_with("## ✗ taskmanager-loss – failed\n\n**failed**: 1 of 5 expectations failed, 1 without data\n"), "{text}");
        assert!(text.contains("| ✗ | <code>max(output-lag) during lose-one &#60; 10k</code> | 14.1 k at 0:51 |"), "{text}");
        assert!(text.contains("| recovered in 17.2 s ± 500 ms |"), "{text}");
    }

    #[test]
    fn shows_a_gap() {
        let text = render(&sample::resumed());
        assert!(text.contains("- **gap** from 1:20 to 1:32 squall was dead; 24,000 records"), "{text}");
    }

    #[test]
    fn hostile_names_stay_text() {
        let text = render(&sample::hostile());
        assert!(!text.contains("<script") && !text.contains('\u{1b}') && !text.contains("::") && !text.contains("\nmet"), "{text}");
        // Every row of a table has the cells of its head: no name breaks out of its cell.
        for line in text.lines().filter(|line| line.starts_with("| ✗") || line.starts_with("| ✓")) {
            assert_eq!(line.matches('|').count(), 4, "{line}");
        }
    }
}
