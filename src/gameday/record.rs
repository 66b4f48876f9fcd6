//! The day on one page, as Markdown and as HTML: timeline, hypothesis against result, what surprised, actions to fill in.

use std::fmt::Write;

use askama::Template;

use super::day::{Day, StepRecord, StepState};
use crate::analysis::{Status, Verdict};
use crate::clock::Timestamp;
use crate::report::visible;
use crate::units::display;

const STYLE: &str = include_str!("../report/html/templates/style.css");

#[derive(Template)]
#[template(path = "gameday.html")]
struct Page<'a> {
    day: &'a Day,
    style: &'static str,
    sign: &'static str,
    word: &'static str,
    class: &'static str,
    detail: String,
    started: String,
    length: String,
    steps: Vec<Row<'a>>,
    actions: Vec<String>,
}

/// Class, sign, word, text and what was observed of an expectation.
type Line<'a> = (&'static str, &'static str, &'static str, &'a str, &'a str);

struct Row<'a> {
    at: String,
    name: &'a str,
    sign: &'static str,
    word: String,
    owner: &'a str,
    hypothesis: &'a str,
    sentence: &'a str,
    runbook: &'a str,
    run: String,
    lines: Vec<Line<'a>>,
    surprises: &'a [String],
}

/// The day as one HTML page: nothing in it comes from elsewhere, and nothing runs.
///
/// # Errors
/// If the template cannot be written; in memory it can.
pub fn html(day: &Day) -> Result<String, askama::Error> {
    let verdict = day.verdict();
    let page = Page {
        day,
        style: STYLE,
        sign: sign(verdict),
        word: verdict.word(),
        class: match verdict {
            Verdict::Met => "met",
            Verdict::Inconclusive => "inconclusive",
            _ => "failed",
        },
        detail: detail(day),
        started: moment(day.started),
        length: day.ended.map_or_else(String::new, |ended| display::seconds(ended.seconds_since(day.started))),
        steps: day.steps.iter().map(row).collect(),
        actions: actions(day),
    };
    // Control characters and marks that turn the direction of writing would make a text read as another one.
    Ok(page.render()?.lines().map(|line| format!("{}\n", visible(line))).collect())
}

/// The day as GitHub-flavoured Markdown.
pub fn markdown(day: &Day) -> String {
    let mut out = String::new();
    let verdict = day.verdict();
    let _ = writeln!(out, "## {} Game day {} – {}\n\n{}\n", sign(verdict), escape(&day.name), verdict.word(), escape(&detail(day)));
    if !day.about.is_empty() {
        let _ = writeln!(out, "> {}\n", escape(&day.about));
    }
    let _ = writeln!(out, "{} · {}\n", escape(&day.cluster), moment(day.started));
    let _ = writeln!(out, "| at (UTC) | step | hypothesis | result | owner | runbook |\n|---|---|---|---|---|---|");
    for row in day.steps.iter().map(row) {
        let result = if row.sentence.is_empty() { row.word.clone() } else { format!("{}: {}", row.word, row.sentence) };
        let cells = [row.at.as_str(), row.name, row.hypothesis, &format!("{} {result}", row.sign), row.owner, row.runbook];
        let _ = writeln!(out, "| {} |", cells.map(escape).join(" | "));
    }
    for row in day.steps.iter().map(row) {
        if row.lines.is_empty() && row.surprises.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n### {}\n\n| | expectation | observed |\n|---|---|---|", escape(row.name));
        for (_, sign, _, text, observed) in &row.lines {
            let _ = writeln!(out, "| {sign} | <code>{}</code> | {} |", escape(text), escape(observed));
        }
        for surprise in row.surprises {
            let _ = writeln!(out, "\n- **surprised**: {}", escape(surprise));
        }
    }
    let _ = writeln!(out, "\n### Actions\n\n| what | who | until |\n|---|---|---|");
    for action in actions(day) {
        let _ = writeln!(out, "| {} | | |", escape(&action));
    }
    let _ = writeln!(out, "| | | |");
    for line in &day.not_told {
        let _ = writeln!(out, "\n- not told: {}", escape(line));
    }
    let _ = writeln!(out, "\n<sub>{} · squall {}</sub>", escape(&day.id), escape(&day.squall));
    out
}

fn row(step: &StepRecord) -> Row<'_> {
    let verdict = step.verdict.unwrap_or(Verdict::Inconclusive);
    let of = |status: Status| match status {
        Status::Met => ("met", "✓", "met"),
        Status::Failed => ("failed", "✗", "failed"),
        Status::NoData => ("inconclusive", "?", "no data"),
    };
    let line = |status, text, observed| {
        let (class, sign, word) = of(status);
        (class, sign, word, text, observed)
    };
    let mut lines: Vec<Line<'_>> =
        step.expectations.iter().map(|(status, text, observed)| line(*status, text.as_str(), observed.as_str())).collect();
    lines.extend(step.alerts.iter().map(|alert| line(alert.status, alert.text.as_str(), alert.observed.as_str())));
    let (sign, word) = match step.state {
        StepState::Pending => ("?", "not begun".to_owned()),
        StepState::Running => ("?", "broken off".to_owned()),
        StepState::Skipped => ("?", "left out".to_owned()),
        StepState::Done => (sign(verdict), verdict.word().to_owned()),
    };
    Row {
        at: step.times.map_or_else(|| "–".to_owned(), |(began, _)| clock(began)),
        name: &step.name,
        sign,
        word,
        owner: &step.owner,
        hypothesis: &step.hypothesis,
        sentence: &step.sentence,
        runbook: &step.runbook,
        run: step.run.as_ref().map_or_else(String::new, |run| run.join("report.html").display().to_string()),
        lines,
        surprises: &step.surprises,
    }
}

/// What begs for an action: steps that were not met, and surprises.
fn actions(day: &Day) -> Vec<String> {
    let mut actions = Vec::new();
    for step in &day.steps {
        if step.state == StepState::Done && step.verdict != Some(Verdict::Met) {
            let because = step.reasons.first().map_or(String::new(), |reason| format!(": {reason}"));
            actions.push(format!("{}{because}", step.name));
        }
        actions.extend(
            step.surprises.iter().filter(|surprise| !step.reasons.contains(surprise)).map(|surprise| format!("{}: {surprise}", step.name)),
        );
    }
    actions
}

fn detail(day: &Day) -> String {
    let met = day.steps.iter().filter(|step| step.verdict == Some(Verdict::Met)).count();
    let steps = format!("{met} of {} steps met", day.steps.len());
    day.stopped.as_ref().map_or(steps.clone(), |why| format!("{steps}; ended early: {why}"))
}

const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "✓",
        Verdict::Inconclusive => "?",
        _ => "✗",
    }
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| "–".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn clock(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| "–".to_owned(), |at| at.strftime("%H:%M:%S").to_string())
}

/// Text from outside as text: what Markdown or HTML could read as its own becomes an entity.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in visible(text).replace('&', "&#38;").chars() {
        match c {
            '<' | '>' | '|' | '*' | '`' | '[' | ']' | '\\' | '~' | '@' | '$' => {
                let _ = write!(escaped, "&#{};", c as u32);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::alert::AlertOutcome;
    use super::*;

    fn step(name: &str, verdict: Option<Verdict>) -> StepRecord {
        StepRecord {
            name: name.to_owned(),
            scenario: "a.yaml".into(),
            hypothesis: "It comes back within a minute.".to_owned(),
            owner: "team-orders".to_owned(),
            runbook: String::new(),
            state: if verdict.is_some() { StepState::Done } else { StepState::Skipped },
            times: Some((Timestamp(1_780_000_000_000_000_000), Timestamp(1_780_000_120_000_000_000))),
            waited: Some(3.0),
            run: Some("reports/a/r1".into()),
            verdict,
            reasons: Vec::new(),
            sentence: "Lost a TaskManager.".to_owned(),
            expectations: vec![(Status::Met, "recovery-time < 60s".to_owned(), "17.2 s".to_owned())],
            alerts: Vec::new(),
            surprises: Vec::new(),
        }
    }

    fn day(steps: Vec<StepRecord>, stopped: Option<&str>) -> Day {
        Day {
            schema: 1,
            id: "d1".to_owned(),
            name: "first".to_owned(),
            about: String::new(),
            cluster: "laptop: 1 broker".to_owned(),
            squall: "0.1.0".to_owned(),
            started: Timestamp(1_780_000_000_000_000_000),
            ended: Some(Timestamp(1_780_000_500_000_000_000)),
            stopped: stopped.map(str::to_owned),
            steps,
            not_told: Vec::new(),
        }
    }

    fn silent() -> StepRecord {
        let mut silent = step("loss", Some(Verdict::Failed));
        silent.alerts = vec![AlertOutcome {
            text: "alert Lag fires within 2m of lose-one".to_owned(),
            status: Status::Failed,
            observed: "did not fire within 2m of lose-one".to_owned(),
        }];
        silent.reasons = vec!["alert Lag fires within 2m of lose-one: did not fire within 2m of lose-one".to_owned()];
        silent
    }

    #[test]
    fn a_silent_alert_is_on_the_page_and_in_the_actions() {
        let day = day(vec![step("slow-sink", Some(Verdict::Met)), silent()], None);
        assert_eq!(day.verdict(), Verdict::Failed);
        for page in [markdown(&day), html(&day).unwrap()] {
            assert!(page.contains("1 of 2 steps met") && page.contains("did not fire within 2m of lose-one"), "{page}");
        }
        assert_eq!(actions(&day), ["loss: alert Lag fires within 2m of lose-one: did not fire within 2m of lose-one"]);
    }

    #[test]
    fn a_day_that_ended_early_is_never_met() {
        let day = day(vec![step("a", Some(Verdict::Met)), step("b", None)], Some("SIGINT"));
        assert_eq!(day.verdict(), Verdict::Inconclusive);
        assert!(markdown(&day).contains("1 of 2 steps met; ended early: SIGINT"));
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut hostile = step("</title><script>alert(1)</script>", Some(Verdict::Met));
        hostile.hypothesis = "a | b\n| forged | \u{1b}[2J".to_owned();
        let day = day(vec![hostile], None);
        let (markdown, html) = (markdown(&day), html(&day).unwrap());
        assert!(!html.contains("<script>") && !html.contains('\u{1b}'));
        assert!(!markdown.contains("<script>") && !markdown.contains("\n| forged") && !markdown.contains('\u{1b}'), "{markdown}");
    }

    #[test]
    fn a_day_is_kept_and_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut open = day(vec![step("a", Some(Verdict::Met)), step("b", None)], None);
        open.ended = None;
        open.keep(&folder.path().join("d1")).unwrap();
        day(Vec::new(), None).keep(&folder.path().join("d2")).unwrap();
        assert_eq!(Day::broken_off(folder.path()).unwrap(), folder.path().join("d1"));
        assert_eq!(Day::open(&folder.path().join("d1")).unwrap(), open);
        open.schema = 2;
        open.keep(&folder.path().join("d1")).unwrap();
        assert!(Day::open(&folder.path().join("d1")).unwrap_err().to_string().contains("has format 2"));
        assert!(Day::broken_off(folder.path()).is_err());
    }
}
