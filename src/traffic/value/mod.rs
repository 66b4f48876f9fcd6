//! Values: what the n-th record holds, as a pure function of the seed and n.
//!
//! To add a kind: a file with its settings and a writer, a line in [`Value`], and an arm in each `match` of this file.

mod filler;
mod json;
mod lines;
mod size;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use filler::Filler;
pub use json::{Field, Number, Template, Text, TimeFormat};
pub use lines::{Lines, LinesError, Loaded, Order};
pub use size::{Between, Lognormal, Sizes};

use super::check::Problem;
use super::identity::{Placement, TEXT_LENGTH};
use crate::units::Bytes;

/// What a stream's records hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Text of this size.
    Size(Bytes),
    /// Text of a size between two, each as likely as any other.
    SizeBetween(Between),
    /// Text of lognormal size: mostly small, sometimes large.
    SizeLognormal(Lognormal),
    /// A JSON object with typed fields.
    Json(BTreeMap<String, Field>),
    /// Lines of a file.
    Lines(Lines),
}

impl Default for Value {
    fn default() -> Self {
        Self::Size(Bytes(512))
    }
}

/// Largest value: what a broker takes by default is 1 MiB.
const LARGEST: Bytes = Bytes(4 << 20);

fn fits(setting: &str, size: Bytes) -> Option<Problem> {
    (size > LARGEST).then(|| Problem::new(setting, format!("{size} is more than squall sends in a value, {LARGEST}")))
}

impl Value {
    /// What is wrong with its settings, as far as can be told without files, for records that carry their identity there.
    pub fn problems(&self, placement: &Placement) -> Vec<Problem> {
        let mut problems = match self {
            Self::Size(size) => fits("size", *size).into_iter().collect(),
            Self::SizeBetween(between) => Problem::below(["size-between"], between.problems()),
            Self::SizeLognormal(lognormal) => Problem::below(["size-lognormal"], lognormal.problems()),
            Self::Json(fields) => Problem::below(["json"], json::problems(fields)),
            Self::Lines(_) => Vec::new(),
        };
        let smallest = match self {
            Self::Size(size) => size.0,
            Self::SizeBetween(between) => between.from.0,
            // Whatever is drawn is raised to what must fit.
            Self::SizeLognormal(_) | Self::Json(_) | Self::Lines(_) => u64::MAX,
        };
        match (placement, self) {
            (Placement::ValuePrefix, Self::Json(_)) => {
                problems.push(Problem::new("json", "an identity before the object would spoil it; use `json-field`"));
            }
            (Placement::ValuePrefix, _) if smallest < TEXT_LENGTH as u64 => {
                problems.push(Problem::new("", format!("must be at least {TEXT_LENGTH}B, since it begins with the identity")));
            }
            (Placement::JsonField(_), Self::Size(_) | Self::SizeBetween(_) | Self::SizeLognormal(_)) => {
                problems.push(Problem::new("", "must be `json` or `lines`, since a JSON field carries the identity"));
            }
            (Placement::JsonField(name), Self::Json(fields)) if fields.contains_key(name) => {
                problems.push(Problem { path: vec!["json".to_owned(), name.clone()], what: "is the field of the identity".to_owned() });
            }
            _ => {}
        }
        problems
    }

    /// Resolves files against the scenario's folder.
    pub fn resolve(&mut self, folder: &Path) {
        if let Self::Lines(lines) = self {
            lines.file = folder.join(&lines.file);
        }
    }
}
