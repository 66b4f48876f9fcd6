//! What a report of several runs shows, before it has a form: verdict, checks, tables, pictures. `repeats`, `comparison` and `capacity`
//! fill one in; each format is one file here.

mod html;
mod junit;
mod markdown;
mod terminal;

pub use html::render as html;
pub use junit::render as junit;
pub use markdown::render as markdown;
pub use terminal::render as terminal;

use std::path::Path;

use super::html::parts::{Figure, Section, Table};
use super::write::put;
use super::{ReportError, wording};
use crate::analysis::{ExpectationOutcome, Status, Verdict};

/// A line that is met, failed, or has no data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Check {
    /// Which.
    pub status: Status,
    /// What was asked.
    pub text: String,
    /// What was seen.
    pub observed: String,
}

impl From<&ExpectationOutcome> for Check {
    fn from(expectation: &ExpectationOutcome) -> Self {
        Self { status: expectation.status, text: expectation.text.clone(), observed: wording::observed(expectation) }
    }
}

/// A report of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// What it is a report of: `repeats`, `comparison`, `capacity`.
    pub(super) kind: &'static str,
    /// Name of the scenario.
    pub(super) title: String,
    /// The question.
    pub(super) about: String,
    /// Facts for the head, shortest first.
    pub(super) meta: Vec<String>,
    /// The sign of the whole.
    pub(super) status: Status,
    /// The verdict's word.
    pub(super) word: String,
    /// What stands behind it.
    pub(super) detail: String,
    /// One or two plain sentences.
    pub(super) sentence: String,
    /// What must not be missed.
    pub(super) alarms: Vec<String>,
    /// Why, where it is not good.
    pub(super) reasons: Vec<String>,
    /// Key figures: name, value, note.
    pub(super) key: Vec<(String, String, String)>,
    /// What was asked and how it went.
    pub(super) checks: Vec<Check>,
    /// Pictures of the first screen.
    pub(super) pictures: Vec<Figure>,
    /// Tables of the first screen; the terminal and Markdown show these.
    pub(super) tables: Vec<Table>,
    /// The rest, for HTML.
    pub(super) sections: Vec<Section>,
    /// The command that repeats it.
    pub(super) command: String,
    /// Texts of files, by name.
    pub(super) inputs: Vec<(String, String)>,
    /// Its id.
    pub(super) id: String,
    /// Version of squall.
    pub(super) squall: String,
}

impl Sheet {
    /// An empty one.
    pub(super) fn new(kind: &'static str, title: &str, verdict: Verdict) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            about: String::new(),
            meta: Vec::new(),
            status: match verdict {
                Verdict::Met => Status::Met,
                Verdict::Inconclusive => Status::NoData,
                _ => Status::Failed,
            },
            word: verdict.word().to_owned(),
            detail: String::new(),
            sentence: String::new(),
            alarms: Vec::new(),
            reasons: Vec::new(),
            key: Vec::new(),
            checks: Vec::new(),
            pictures: Vec::new(),
            tables: Vec::new(),
            sections: Vec::new(),
            command: String::new(),
            inputs: Vec::new(),
            id: String::new(),
            squall: String::new(),
        }
    }

    /// With the command that repeats it, and the texts of the files that it was made from.
    pub fn with_inputs(self, command: impl Into<String>, inputs: Vec<(String, String)>) -> Self {
        Self { command: command.into(), inputs, ..self }
    }

    /// The reasons that neither the verdict's line nor a check says already.
    fn further_reasons(&self) -> impl Iterator<Item = &str> {
        let said =
            |reason: &str| reason.ends_with(self.detail.as_str()) || self.checks.iter().any(|check| reason.contains(check.text.as_str()));
        self.reasons.iter().map(String::as_str).filter(move |reason| self.detail.is_empty() || !said(reason))
    }
}

/// `met`, `failed` or `inconclusive`, for the style.
fn class(status: Status) -> &'static str {
    match status {
        Status::Met => "met",
        Status::Failed => "failed",
        Status::NoData => "inconclusive",
    }
}

/// Writes `report.json` (as given), `report.html`, `summary.md` and `junit.xml` into `folder`, each whole or not at all.
///
/// # Errors
/// As [`super::write_all`].
pub fn write_sheet(sheet: &Sheet, json: &str, folder: &Path) -> Result<(), ReportError> {
    put(folder, "report.json", json)?;
    put(folder, "summary.md", &markdown(sheet))?;
    let xml = junit(sheet).map_err(|error| ReportError::Render { name: "junit.xml", reason: error.to_string() })?;
    put(folder, "junit.xml", &xml)?;
    let page = html(sheet).map_err(|error| ReportError::Render { name: "report.html", reason: error.to_string() })?;
    put(folder, "report.html", &page)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::report::{capacity, comparison, repeats};

    #[test]
    fn the_schemas_are_in_step() {
        for (name, schema) in [("repeats", repeats::schema()), ("comparison", comparison::schema()), ("capacity", capacity::schema())] {
            let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let now = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("SQUALL_UPDATE_SCHEMA").is_some() {
                std::fs::write(&path, &now).unwrap();
            }
            assert!(
                std::fs::read_to_string(&path).unwrap_or_default() == now,
                "{path} is out of step: run this test with SQUALL_UPDATE_SCHEMA=1"
            );
        }
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut sheet = Sheet::new("repeats", "</title><script>alert(1)</script>", Verdict::Failed);
        sheet.sentence = "a\u{1b}[2Jb | c".to_owned();
        sheet.checks = vec![Check { status: Status::Failed, text: "<b>|x".to_owned(), observed: "]]>::error".to_owned() }];
        sheet.tables = vec![Table::words(&["|", "a\nb"], vec![vec!["<i>".to_owned(), "y\nmet: forged".to_owned()]])];
        let html = html(&sheet).unwrap();
        assert!(!html.contains("<script>alert") && !html.contains("<b>|x") && !html.contains('\u{1b}'));
        let text = terminal(&sheet, None, &crate::report::terminal::Look::default());
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(!text.contains('\u{1b}') && text.lines().all(|line| !line.starts_with("met:")), "{text}");
        let markdown = markdown(&sheet);
        assert!(!markdown.contains("<script>") && !markdown.contains("::error") && !markdown.contains("\nmet:"), "{markdown}");
        assert!(!junit(&sheet).unwrap().contains("<script>"));
    }
}
