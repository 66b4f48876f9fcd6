//! What is wrong with a file that somebody wrote, shown on their own line: [`Source`], [`Problem`], [`Report`].
//!
//! Whoever reads a file collects *all* of its problems into one [`Report`]; only `cli` prints it.

mod render;
mod suggest;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use suggest::{did_you_mean, listed};

/// Bytes of a source text.
pub type Span = Range<usize>;

/// A text with the name under which its reader knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// `name` is shown as it is: a path as the user gave it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line of a byte, from 1.
    pub fn line(&self, byte: usize) -> u32 {
        let before = &self.text.as_bytes()[..byte.min(self.text.len())];
        u32::try_from(before.iter().filter(|byte| **byte == b'\n').count()).map_or(u32::MAX, |lines| lines.saturating_add(1))
    }

    /// A label on some of its bytes.
    pub fn label(self: &Arc<Self>, span: Span, text: impl Into<String>) -> Label {
        Label { source: Arc::clone(self), span: self.clamp(span), text: text.into() }
    }

    /// Within the text and on character boundaries.
    fn clamp(&self, span: Span) -> Span {
        let floor = |mut byte: usize| {
            byte = byte.min(self.text.len());
            while !self.text.is_char_boundary(byte) {
                byte -= 1;
            }
            byte
        };
        let start = floor(span.start);
        start..floor(span.end).max(start)
    }
}

/// A stretch of a source and what is said about it; the text may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    source: Arc<Source>,
    span: Span,
    text: String,
}

impl Label {
    /// Where it is: name of the source and line, from 1.
    pub fn place(&self) -> (&str, u32) {
        (self.source.name(), self.source.line(self.span.start))
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be done until it is mended.
    Error,
    /// Something may not be what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    severity: Severity,
    title: String,
    label: Option<Label>,
    related: Vec<Label>,
    notes: Vec<String>,
    help: Vec<String>,
}

impl Problem {
    /// An error. Titles are lower-case fragments.
    pub fn error(title: impl Into<String>) -> Self {
        Self { severity: Severity::Error, title: title.into(), label: None, related: Vec::new(), notes: Vec::new(), help: Vec::new() }
    }

    /// A warning.
    pub fn warning(title: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(title) }
    }

    /// Where it is.
    #[must_use]
    pub fn at(mut self, label: Label) -> Self {
        self.label = Some(label);
        self
    }

    /// What else is worth looking at, in this file or another one.
    #[must_use]
    pub fn related(mut self, label: Label) -> Self {
        self.related.push(label);
        self
    }

    /// A fact that explains it.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Facts that explain it.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What to do.
    pub fn helps(&self) -> &[String] {
        &self.help
    }

    /// Its title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where it is: name of the source and line, from 1.
    pub fn place(&self) -> Option<(&str, u32)> {
        self.label.as_ref().map(Label::place)
    }
}

/// All that is wrong, in the order in which it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    problems: Vec<Problem>,
}

impl Report {
    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds all problems of another report.
    pub fn merge(&mut self, other: Self) {
        self.problems.extend(other.problems);
    }

    /// Every problem.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many errors.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// How many warnings.
    pub fn warnings(&self) -> usize {
        self.problems.len() - self.errors()
    }

    /// File by file, as they came up, and each in the order of its text, so that it is mended from top to bottom.
    pub fn sort(&mut self) {
        let mut files: Vec<String> = Vec::new();
        for label in self.problems.iter().filter_map(|problem| problem.label.as_ref()) {
            if !files.contains(&label.source.name) {
                files.push(label.source.name.clone());
            }
        }
        self.problems.sort_by_key(|problem| {
            problem.label.as_ref().map(|label| (files.iter().position(|file| *file == label.source.name), label.span.start))
        });
    }

    /// Everything as text, with colours as escape sequences where `colour` says so.
    pub fn render(&self, colour: bool) -> String {
        render::render(&self.problems, colour)
    }
}

impl From<Problem> for Report {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl Extend<Problem> for Report {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.problems.extend(problems);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_spans_stay_inside() {
        let source = Source::new("a.yaml", "eins\nzwölf\n");
        assert_eq!(source.line(0), 1);
        assert_eq!(source.line(5), 2);
        assert_eq!(source.line(500), 3);
        assert_eq!(source.label(8..500, "").span, 7..12);
    }

    #[test]
    fn errors_and_warnings_are_told_apart() {
        let mut report = Report::from(Problem::warning("odd"));
        assert_eq!((report.errors(), report.warnings()), (0, 1));
        report.push(Problem::error("wrong"));
        assert_eq!((report.errors(), report.warnings()), (1, 1));
    }
}
