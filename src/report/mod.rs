//! Outcome → terminal, JSON, HTML, JUnit, Markdown, annotations. One file a format; each is a pure function of the
//! [`Outcome`](crate::analysis::Outcome), so an old run can be rendered again.
//!
//! Names, exceptions and log lines come from outside. They are escaped where they are shown: [`text::visible`] for the
//! terminal and for XML, askama and the `svg` module for HTML, `markdown` for Markdown, `github` for workflow commands.

pub mod capacity;
pub mod comparison;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod live;
pub mod markdown;
pub mod repeats;
pub mod sheet;
mod svg;
pub mod terminal;
mod text;
mod wording;
mod write;

pub use text::visible;
pub use write::{Extras, ReportError, write_all};

#[cfg(test)]
mod sample;
