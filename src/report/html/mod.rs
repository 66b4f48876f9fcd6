//! `report.html`: one file, without script it is whole, and nothing in it comes from elsewhere.
//!
//! The first screen is for whoever asks "is it good?"; then each fault; then the figures by subject; last what a doubter wants to see.
//! Every text from outside passes askama's or the `svg` module's escaping, and a content policy lets only our own script run.

mod backpressure;
mod checkpoints;
mod delivery;
mod doubt;
mod drift;
mod faults;
mod lags;
mod latency;
mod memory;
mod overview;
pub(super) mod parts;
mod queries;
pub(super) mod rhythm;
mod skew;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use self::faults::Fault;
use self::parts::{Figure, Section, Table};
use super::{Extras, text, wording};
use crate::analysis::{Outcome, Verdict};
use crate::units::display;

pub(super) const STYLE: &str = include_str!("templates/style.css");
pub(super) const SCRIPT: &str = include_str!("templates/script.js");

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    outcome: &'a Outcome,
    extras: &'a Extras,
    policy: String,
    style: &'static str,
    script: &'static str,
    verdict: String,
    verdict_sign: &'static str,
    verdict_class: &'static str,
    verdict_detail: String,
    gaps: Vec<String>,
    reasons: Vec<String>,
    started: String,
    length: String,
    expectations: Vec<(&'static str, &'static str, &'static str, String, String)>,
    overview: Figure,
    contents: Vec<(String, String)>,
    windows: Table,
    faults: Vec<Fault>,
    fault_table: Table,
    sections: Vec<Section>,
    doubt: Section,
    facts: Vec<(String, Table)>,
}

/// The outcome as one HTML page.
///
/// # Errors
/// If a template cannot be written; in memory it can.
pub fn render(outcome: &Outcome, extras: &Extras) -> Result<String, askama::Error> {
    let frame = overview::frame(outcome);
    let sections: Vec<Section> = [
        drift::section(outcome),
        lags::section(outcome, &frame),
        latency::section(outcome, &frame),
        checkpoints::section(outcome, &frame),
        backpressure::section(outcome, &frame),
        skew::section(outcome),
        memory::section(outcome, &frame),
        queries::section(outcome, &frame),
        delivery::section(outcome),
    ]
    .into_iter()
    .flatten()
    .collect();
    let doubt = doubt::section(outcome);
    let page = Page {
        outcome,
        extras,
        policy: policy(),
        style: STYLE,
        script: SCRIPT,
        verdict: capital(outcome.verdict.word()),
        verdict_sign: wording::verdict_sign(outcome.verdict),
        verdict_class: match outcome.verdict {
            Verdict::Met => "met",
            Verdict::Inconclusive => "inconclusive",
            _ => "failed",
        },
        verdict_detail: wording::verdict_detail(outcome),
        gaps: outcome.gaps.iter().map(wording::gap).collect(),
        reasons: if outcome.verdict == Verdict::Met { Vec::new() } else { wording::further_reasons(outcome).map(str::to_owned).collect() },
        started: wording::day(outcome.start.unwrap_or(outcome.started)),
        length: display::seconds(outcome.traffic_end.unwrap_or(outcome.end)),
        expectations: outcome
            .expectations
            .iter()
            .map(|expectation| {
                let class = match expectation.status {
                    crate::analysis::Status::Met => "met",
                    crate::analysis::Status::Failed => "failed",
                    crate::analysis::Status::NoData => "inconclusive",
                };
                let (sign, word) = (wording::sign(expectation.status), wording::status(expectation.status));
                (class, sign, word, expectation.text.clone(), wording::observed(expectation))
            })
            .collect(),
        overview: overview::figure(outcome, &frame),
        contents: contents(outcome, &sections, &doubt),
        windows: overview::windows(outcome),
        faults: faults::all(outcome, &frame),
        fault_table: faults::table(outcome),
        sections,
        doubt,
        facts: doubt::facts(outcome),
    };
    let html = page.render()?;
    // Marks that turn the direction of writing could make a name read as another one; control characters have no place in HTML.
    Ok(harmless_page(&html))
}

/// The page without control characters and without marks that turn the direction of writing.
pub(super) fn harmless_page(html: &str) -> String {
    html.split_inclusive(['\n', '\t']).map(harmless).collect()
}

fn harmless(piece: &str) -> String {
    let end = piece.trim_end_matches(['\n', '\t']).len();
    format!("{}{}", text::visible(&piece[..end]), &piece[end..])
}

/// Only our style and our script: whatever slipped through the escaping would still not run.
pub(super) fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn contents(outcome: &Outcome, sections: &[Section], doubt: &Section) -> Vec<(String, String)> {
    let entry = |id: &str, title: &str| (id.to_owned(), title.to_owned());
    let mut contents = Vec::new();
    if !outcome.windows.is_empty() {
        contents.push(entry("windows", "Before, during, after"));
    }
    if !outcome.faults.is_empty() {
        contents.push(entry("faults", "Faults"));
    }
    contents.extend(sections.iter().map(|section| entry(section.id, section.title)));
    contents.push(match outcome.findings.len() {
        0 => entry("findings", "Findings"),
        count => ("findings".to_owned(), format!("Findings ({count})")),
    });
    contents.push(entry(doubt.id, doubt.title));
    contents.push(entry("inputs", "Repeat it"));
    contents
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::sample;

    /// The page's pictures, without its words, style and script.
    pub fn drawn(html: &str) -> String {
        html.split("<svg").skip(1).filter_map(|piece| piece.split_once('>')).map(|(tag, _)| tag).collect::<String>()
            + &html.split(" d=\"").skip(1).filter_map(|piece| piece.split_once('"')).map(|(path, _)| path).collect::<String>()
    }

    #[test]
    fn drifts_are_on_the_page() {
        let html = render(&sample::soak(), &sample::extras()).unwrap();
        for part in ["id=\"drift\"", "heap full in 3 h 40 min", "smallest drift that would show", "no drift above 17.6 KiB/min"] {
            assert!(html.contains(part), "{part} is missing");
        }
        assert!(!render(&sample::kill(), &sample::extras()).unwrap().contains("id=\"drift\""));
    }

    #[test]
    fn a_gap_is_said_and_drawn() {
        let html = render(&sample::resumed(), &sample::extras()).unwrap();
        for part in ["from 1:20 to 1:32 squall was dead", "class=\"gap\"", ">gap<", "Grey: a gap"] {
            assert!(html.contains(part), "{part} is missing");
        }
        assert!(!render(&sample::kill(), &sample::extras()).unwrap().contains("class=\"gap\""));
    }

    #[test]
    fn the_page_is_whole_and_alone() {
        let html = render(&sample::kill_and_slow_sink(), &sample::extras()).unwrap();
        for part in ["Failed", "17.2 s ± 500 ms", "first output", "log scale", "flink-config", "squall run", "Detection takes as long"] {
            assert!(html.contains(part), "{part} is missing");
        }
        for reference in [" src=", "href=\"http", "url(", "@import", "<link"] {
            assert!(!html.contains(reference), "{reference} refers to something else");
        }
        assert!(!drawn(&html).contains("NaN") && !drawn(&html).contains("inf"));
    }

    #[test]
    fn every_picture_has_its_numbers_and_the_faults() {
        let html = render(&sample::kill_and_slow_sink(), &sample::extras()).unwrap();
        for figure in html.split("<figure").skip(1) {
            let figure = &figure[..figure.find("</figure>").unwrap()];
            let title: String = figure.chars().skip_while(|c| *c != '>').take(120).collect();
            assert!(figure.contains("<details class=\"numbers\">") && figure.contains("<tbody>"), "no numbers: {title}");
            if figure.contains("data-from=\"0\"") {
                assert!(figure.contains("class=\"fault") && figure.contains("lose-one"), "no faults: {title}");
            }
        }
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut extras = sample::extras();
        extras.scenario_text = "</pre><script>alert(2)</script>\u{202e}".to_owned();
        let html = render(&sample::hostile(), &extras).unwrap();
        assert_eq!(html.matches("<script").count(), 1, "only our own");
        assert_eq!(html.matches("<!--").count(), 0);
        assert!(!html.contains(|c: char| c.is_control() && c != '\n' && c != '\t') && !html.contains('\u{202e}'));
        assert!(html.contains("&#60;script&#62;alert(1)") || html.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn a_day_is_as_quick_to_open_as_a_minute() {
        let html = render(&sample::day(), &sample::extras()).unwrap();
        assert!(html.len() < 2_500_000, "{} bytes", html.len());
        assert!(html.contains("lose-one (96)") && html.contains("more in report.json"));
    }

    #[test]
    fn every_query_has_its_chart() {
        let mut outcome = sample::kill();
        let points = (0..100).map(|second| (f64::from(second), f64::from(second * 40))).collect();
        let (metric, of) = (crate::metric::Metric::Query, crate::journal::Of::Query("consumer-lag".to_owned()));
        outcome.series.push(crate::analysis::Series { metric, of, unit: crate::metric::Unit::Records, points });
        outcome.resolutions.insert("query consumer-lag".to_owned(), (5.0, 15.0));
        outcome.facts.insert("queries".to_owned(), [("consumer-lag".to_owned(), "sum(lag)<1".to_owned())].into());
        let html = render(&outcome, &sample::extras()).unwrap();
        for part in ["id=\"queries\"", "consumer-lag over time", "asked every 5.00 s, scraped every 15.0 s", "sum(lag)&#60;1"] {
            assert!(html.contains(part), "{part} is missing");
        }
        assert!(!render(&sample::kill(), &sample::extras()).unwrap().contains("id=\"queries\""));
    }

    #[test]
    fn an_empty_run_has_a_page() {
        let mut outcome = sample::kill();
        outcome.verdict = Verdict::ToolError;
        outcome.reasons = vec!["the cluster did not start".to_owned()];
        outcome.start = None;
        outcome.end = 0.0;
        outcome.traffic_end = None;
        outcome.series.clear();
        outcome.expectations.clear();
        outcome.faults.clear();
        outcome.windows.clear();
        outcome.latency.clear();
        outcome.checkpoints.clear();
        outcome.states.clear();
        outcome.lags.clear();
        outcome.skews.clear();
        outcome.delivery = None;
        outcome.accounting = None;
        let html = render(&outcome, &Extras::default()).unwrap();
        assert!(html.contains("the cluster did not start") && !drawn(&html).contains("NaN"));
    }
}
