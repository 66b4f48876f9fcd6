//! What a pipeline is told beside the reports: GitHub's step summary, and annotations on the lines of files.
//!
//! Annotations go to stderr: the runner reads both streams, and stdout is data.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::tell;
use crate::analysis::Outcome;
use crate::diagnostic::{Report, Severity};
use crate::report::{github, markdown};

/// Tells of a run. Where its scenario file is known, its lines are annotated.
pub(super) fn publish(outcome: &Outcome, scenario: Option<&Path>) {
    summarise(&markdown::render(outcome));
    if let (true, Some(scenario)) = (annotates(), scenario) {
        tell(&github::annotations(outcome, &in_repository(scenario)));
    }
}

/// Appends to the step's summary, where there is one. A summary that cannot be written changes no verdict.
pub(super) fn summarise(text: &str) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return };
    let written = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        tell(&format!("warning: the step summary {} was not written: {error}\n", Path::new(&path).display()));
    }
}

/// Mistakes in files for people, and for GitHub where it listens.
pub(super) fn mistakes(report: &Report, colour: bool) -> String {
    let mut text = report.render(colour);
    if annotates() {
        for problem in report.problems() {
            let level = match problem.severity() {
                Severity::Error => github::Level::Error,
                Severity::Warning => github::Level::Warning,
            };
            let place = problem.place().map(|(file, line)| (in_repository(Path::new(file)), line));
            let place = place.as_ref().map(|(file, line)| (file.as_str(), *line));
            text.push_str(&github::annotation(level, place, "squall check", problem.title()));
        }
    }
    text
}

fn annotates() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|said| said == "true")
}

/// A path from the repository's root, which annotations count from.
fn in_repository(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let root = std::env::var_os("GITHUB_WORKSPACE").unwrap_or_default();
    let inside = if root.is_empty() { None } else { whole.strip_prefix(&root).ok() };
    inside.unwrap_or(path).display().to_string()
}
