//! The summary on stdout: windows, expectations, verdict. Fits narrow terminals; colour says nothing that a sign does not.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::text::{ascii, shortened, visible, width, wrapped};
use super::wording;
use crate::analysis::{Outcome, Status, Verdict, WindowOutcome};
use crate::metric::{Metric, Unit};

/// Where the summary is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Width of the terminal in columns; 80 where it is none.
    pub columns: usize,
    /// Whether only ASCII can be shown.
    pub ascii: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { columns: 80, ascii: false }
    }
}

impl Look {
    /// `text`, harmless, in the characters that can be shown.
    pub(super) fn text(&self, text: &str) -> String {
        let shown = visible(text);
        if self.ascii { ascii(&shown) } else { shown.into_owned() }
    }
}

const HEAD: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
/// Windows beyond these stay in the other reports: a soak has hundreds.
const MOST_WINDOWS: usize = 13;
const GAP: usize = 3;

/// The first line of a run: scenario, cluster, seed; on several lines where one is too narrow.
pub fn header(scenario: &str, cluster: &str, seed: u64, look: &Look) -> String {
    let parts = [("scenario", look.text(scenario)), ("cluster", look.text(cluster)), ("seed", seed.to_string())];
    let line = parts.iter().map(|(word, value)| width(word) + 2 + width(value)).sum::<usize>() + 2 * GAP;
    let gap = if line <= look.columns { " ".repeat((look.columns - line).min(6) / 2 + GAP) } else { "\n".to_owned() };
    let mut out = String::new();
    for (index, (word, value)) in parts.iter().enumerate() {
        if gap == "\n" {
            let _ = write!(out, "{QUIET}{word:<8}{QUIET:#}  ");
            hanging(&mut out, value, 10, look);
        } else {
            let _ = write!(out, "{}{QUIET}{word}{QUIET:#}  {value}", if index > 0 { gap.as_str() } else { "" });
        }
    }
    if gap != "\n" {
        out.push('\n');
    }
    out
}

/// The whole summary. Its last two lines are the verdict and, where a report was written, its path. Print it through
/// `anstream`, which drops the colours where they are not wanted.
pub fn summary(outcome: &Outcome, report: Option<&str>, look: &Look) -> String {
    let mut out = header(&outcome.scenario, &outcome.cluster, outcome.seed, look);
    windows(&mut out, outcome, look);
    drifts(&mut out, outcome, look);
    expectations(&mut out, outcome, look);
    remarks(&mut out, outcome, look);
    out.push('\n');
    let style = match outcome.verdict {
        Verdict::Met => AnsiColor::Green,
        Verdict::Inconclusive => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    }
    .on_default()
    .bold();
    // One line each, whatever their length: scripts read them.
    let _ = writeln!(out, "{style}{}{style:#}: {}", outcome.verdict.word(), look.text(&wording::verdict_detail(outcome)));
    if let Some(path) = report {
        let _ = writeln!(out, "report: {}", look.text(path));
    }
    out
}

/// A run in one line: its verdict and what stands behind it.
pub fn verdict_line(outcome: &Outcome, look: &Look) -> String {
    look.text(&format!("{}: {}", outcome.verdict.word(), wording::verdict_detail(outcome)))
}

struct Row {
    label: String,
    cells: Vec<String>,
}

fn rows(windows: &[WindowOutcome], look: &Look) -> Vec<Row> {
    let row = |label: &str, cell: &dyn Fn(&WindowOutcome) -> String| Row {
        label: label.to_owned(),
        cells: windows.iter().map(|window| look.text(&cell(window))).collect(),
    };
    let rate = |value: Option<f64>| match value {
        Some(0.0) => "0".to_owned(),
        value => wording::maybe(value, Unit::PerSecond),
    };
    let mut rows = vec![
        row("input", &|window| rate(window.input_per_second)),
        row("output", &|window| rate(window.output_per_second)),
        row("output lag max", &|window| wording::maybe(window.max_output_lag, Unit::Records)),
    ];
    for (metric, label) in [(Metric::VisibleLatency, "visible p99"), (Metric::EndToEndLatency, "end-to-end p99")] {
        if windows.iter().any(|window| window.latency.contains_key(&metric)) {
            rows.push(row(label, &|window| wording::maybe(window.latency.get(&metric).map(|points| points[1]), Unit::Seconds)));
        }
    }
    if windows.iter().any(|window| window.checkpoints_completed + window.checkpoints_failed > 0) {
        rows.push(row("checkpoints ok/bad", &|window| format!("{}/{}", window.checkpoints_completed, window.checkpoints_failed)));
    }
    if windows.iter().any(|window| window.restarts > 0) {
        rows.push(row("restarts", &|window| window.restarts.to_string()));
    }
    rows
}

/// The windows as columns; as many side by side as fit, the rest below.
fn windows(out: &mut String, outcome: &Outcome, look: &Look) {
    let shown = &outcome.windows[..outcome.windows.len().min(MOST_WINDOWS)];
    if shown.is_empty() {
        return;
    }
    let rows = rows(shown, look);
    // A long name goes on two lines: `recovery of` above `lose-one`.
    let heads: Vec<(String, String)> = wording::window_heads(shown, &outcome.faults)
        .iter()
        .map(|head| {
            let head = look.text(head);
            let (above, below) = match head.split_once(' ') {
                Some((first, rest)) => match rest.strip_prefix("of ") {
                    Some(name) => (format!("{first} of"), name.to_owned()),
                    None => (first.to_owned(), rest.to_owned()),
                },
                None => (String::new(), head.clone()),
            };
            let below = shortened(&below, 16).into_owned();
            (above, if look.ascii { ascii(&below) } else { below })
        })
        .collect();
    let label_width = rows.iter().map(|row| width(&row.label)).max().unwrap_or(0) + 2;
    let widths: Vec<usize> = (0..shown.len())
        .map(|index| {
            let cells = rows.iter().map(|row| width(&row.cells[index])).max().unwrap_or(0);
            cells.max(width(&heads[index].0)).max(width(&heads[index].1)).max(8)
        })
        .collect();
    let mut from = 0;
    while from < shown.len() {
        let mut to = from;
        let mut taken = label_width;
        while to < shown.len() && (to == from || taken + GAP + widths[to] <= look.columns) {
            taken += GAP + widths[to];
            to += 1;
        }
        out.push('\n');
        let columns = from..to;
        let cells = |texts: &dyn Fn(usize) -> String| -> String {
            columns.clone().map(|index| right(&texts(index), GAP + widths[index])).collect()
        };
        if columns.clone().any(|index| !heads[index].0.is_empty()) {
            let _ = writeln!(out, "{HEAD}{}{}{HEAD:#}", " ".repeat(label_width), cells(&|index| heads[index].0.clone()));
        }
        let _ = writeln!(out, "{HEAD}{}{}{HEAD:#}", " ".repeat(label_width), cells(&|index| heads[index].1.clone()));
        for row in &rows {
            let _ = writeln!(out, "  {}{}", left(&row.label, label_width - 2), cells(&|index| row.cells[index].clone()));
        }
        from = to;
    }
    if outcome.windows.len() > shown.len() {
        let _ = writeln!(out, "  and {} more windows in the report", outcome.windows.len() - shown.len());
    }
}

pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

fn expectations(out: &mut String, outcome: &Outcome, look: &Look) {
    if outcome.expectations.is_empty() {
        return;
    }
    out.push('\n');
    let lines: Vec<(Status, String, String)> = outcome
        .expectations
        .iter()
        .map(|expectation| (expectation.status, look.text(&expectation.text), look.text(&wording::observed(expectation))))
        .collect();
    // The column of observed values, behind the longest text that leaves them room; a longer text has a line of its own.
    let room = look.columns.saturating_sub(4 + GAP + 30);
    let column = lines.iter().map(|(_, text, _)| width(text)).filter(|text| *text <= room).max();
    for (status, text, observed) in lines {
        let style = match status {
            Status::Met => AnsiColor::Green,
            Status::Failed => AnsiColor::Red,
            Status::NoData => AnsiColor::Yellow,
        }
        .on_default();
        let _ = write!(out, "  {style}{}{style:#} ", look.text(wording::sign(status)));
        match column {
            Some(column) if width(&text) <= column => {
                let _ = write!(out, "{}", left(&text, column + GAP));
                hanging(out, &observed, 4 + column + GAP, look);
            }
            _ => {
                hanging(out, &text, 4, look);
                let indent = column.map_or(6, |column| 4 + column + GAP);
                let _ = write!(out, "{}", " ".repeat(indent));
                hanging(out, &observed, indent, look);
            }
        }
    }
}

/// What drifts, then what cannot be told; what is steady in one line, its bounds are in the other reports.
fn drifts(out: &mut String, outcome: &Outcome, look: &Look) {
    if outcome.drifts.is_empty() {
        return;
    }
    out.push('\n');
    let label = outcome.drifts.iter().map(|drift| width(&drift.what)).max().unwrap_or(0).min(look.columns.saturating_sub(26).max(8));
    for drift in &outcome.drifts {
        let _ = write!(out, "  {} {}  ", look.text(wording::drift_sign(drift)), left(&shortened(&look.text(&drift.what), label), label));
        hanging(out, &look.text(&drift.sentence()), label + 6, look);
    }
}

/// `text` in the columns from `indent` on; the first line is already there.
pub(super) fn hanging(out: &mut String, text: &str, indent: usize, look: &Look) {
    let lines = wrapped(text, look.columns.saturating_sub(indent).max(20));
    let _ = writeln!(out, "{}", lines.join(&format!("\n{}", " ".repeat(indent))));
}

/// What is neither a figure nor an expectation, and must not be missed.
fn remarks(out: &mut String, outcome: &Outcome, look: &Look) {
    let mut remarks: Vec<(&str, String)> = Vec::new();
    remarks.extend(outcome.open_undos.iter().map(|undo| ("still active", undo.clone())));
    remarks.extend(outcome.gaps.iter().map(|gap| ("gap", wording::gap(gap))));
    if outcome.verdict != Verdict::Met {
        remarks.extend(wording::further_reasons(outcome).map(|reason| ("because", reason.to_owned())));
    }
    if let Err(why) = &outcome.generator
        && !outcome.reasons.iter().any(|reason| reason.contains(why.as_str()))
    {
        remarks.push(("generator", why.clone()));
    }
    remarks
        .extend(outcome.findings.iter().filter(|finding| finding.severity == "problem").map(|finding| ("problem", finding.title.clone())));
    remarks.extend(wording::hints(outcome).map(|hint| ("hint", hint)));
    sentences(out, &remarks, 8, look);
}

/// Sentences, each behind its word, at `most` so many.
pub(super) fn sentences(out: &mut String, all: &[(&str, String)], most: usize, look: &Look) {
    if all.is_empty() {
        return;
    }
    out.push('\n');
    for (word, sentence) in all.iter().take(most) {
        let _ = write!(out, "  {word:<12}  ");
        hanging(out, &look.text(sentence), 16, look);
    }
    if all.len() > most {
        let _ = writeln!(out, "  and {} more in the report", all.len() - most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn plain(outcome: &Outcome, look: &Look) -> String {
        anstream::adapter::strip_str(&summary(outcome, Some("reports/x/report.html"), look)).to_string()
    }

    #[test]
    fn one_fault_reads_as_designed() {
        insta::assert_snapshot!(plain(&sample::kill(), &Look { columns: 100, ascii: false }), @r#"
scenario  taskmanager-loss      cluster  laptop: 1 broker, 2 TaskManagers      seed  42

                       baseline   lose-one   recovery      after
  input                2.00 k/s   2.00 k/s   2.00 k/s   2.00 k/s
  output               2.00 k/s          0   3.31 k/s   2.00 k/s
  output lag max         4.21 k     14.1 k     14.1 k     4.30 k
  visible p99            2.31 s     7.90 s     9.40 s     2.36 s
  end-to-end p99        90.0 ms    90.0 ms    90.0 ms    90.0 ms
  checkpoints ok/bad       22/0        0/1        5/0       21/0
  restarts                    0          1          0          0

  ✓ recovery-time of lose-one < 60s                    17.2 s ± 500 ms
  ✗ max(output-lag) during lose-one < 10k              14.1 k at 0:51
  ✓ delivery == exactly-once                           210,000 records: 0 lost, 0 twice, 0 corrupt
  ✓ failed-checkpoints <= 2                            1
  ? p99(produce-latency) recovery of lose-one < 50ms   no data: no record was acknowledged in
                                                       `recovery of lose-one`

failed: 1 of 5 expectations failed, 1 without data
report: reports/x/report.html
"#);
    }

    #[test]
    fn drifts_are_told_before_the_expectations() {
        let text = plain(&sample::soak(), &Look { columns: 160, ascii: false });
        assert!(text.contains("  ✗ heap of the TaskManagers     grows by 2.10 MiB/min (1.95 MiB/min to 2.22 MiB/min), heap full in 3 h 40 min (3 h 28 min to 3 h 57 min)"), "{text}");
        assert!(text.contains("  ✓ state                        no drift above 17.6 KiB/min"), "{text}");
        assert!(text.contains("  ? threads of the TaskManagers  no data: it was not seen after warm-up"), "{text}");
    }

    #[test]
    fn a_gap_is_told_whatever_the_verdict() {
        let outcome = Outcome { verdict: Verdict::Met, ..sample::resumed() };
        let text = plain(&outcome, &Look { columns: 160, ascii: false });
        let gap =
            "gap           from 1:20 to 1:32 squall was dead; 24,000 records that were due then were never sent; skipped: lose-one (2)";
        assert!(text.contains(gap), "{text}");
    }

    #[test]
    fn every_width_fits() {
        for outcome in [sample::kill(), sample::kill_and_slow_sink(), sample::soak(), sample::resumed()] {
            for columns in [40, 60, 80, 100, 140] {
                let text = plain(&outcome, &Look { columns, ascii: false });
                // The last two lines are for scripts and stay whole.
                let lines: Vec<&str> = text.lines().collect();
                for line in &lines[..lines.len() - 2] {
                    assert!(width(line) <= columns, "{} > {columns}: {line}", width(line));
                }
                assert!(lines[lines.len() - 2].starts_with("failed: "));
            }
        }
    }

    #[test]
    fn ascii_is_ascii() {
        assert!(plain(&sample::kill_and_slow_sink(), &Look { columns: 80, ascii: true }).is_ascii());
    }

    #[test]
    fn hostile_names_cannot_reach_the_terminal() {
        let text = plain(&sample::hostile(), &Look::default());
        let coloured = summary(&sample::hostile(), Some("\u{1b}[2J"), &Look::default());
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text}");
        assert!(!coloured.contains("\u{1b}[2J") && !coloured.contains("\u{1b}]0;"));
        // A name with a line feed cannot forge a verdict.
        assert_eq!(text.lines().filter(|line| line.starts_with("met:")).count(), 0);
    }
}
