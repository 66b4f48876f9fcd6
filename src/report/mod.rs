//! Outcome → terminal, JSON, HTML, JUnit, Markdown, annotations. One file a format; each is a pure function of the
//! [`Outcome`](crate::analysis::Outcome), so an old run can be rendered again.
//!
//! Names, exceptions and log lines come from outside. They are escaped where they are shown: [`text::visible`] for the
//! terminal and for XML, askama and the `svg` module for HTML, `markdown` for Markdown, `github` for workflow commands.

pub mod json;
pub mod live;
pub mod terminal;
mod text;
mod wording;

#[cfg(test)]
mod sample;
