//! How a job is judged, by what it does to records.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conservation::Conservation;
use crate::units::Ratio;

/// How a job is judged, by what it does to records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Each record comes out once, whole, with its identity.
    #[default]
    Forward,
    /// Some records come out, each once; the others are dropped on purpose.
    Filter(Filter),
    /// Each record comes out this often (2 to 15), with its identity.
    FanOut(u32),
    /// Records are summed up.
    Conservation(Conservation),
}

/// Which records a filtering job lets through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// This share of them, whichever: single losses cannot be told, the share must be within four standard deviations.
    ExpectShare(Ratio),
    /// Those whose key begins so: single losses are told.
    KeyPrefix(String),
}

impl Check {
    /// How often each record comes out.
    pub fn factor(&self) -> u32 {
        if let Self::FanOut(factor) = self { *factor } else { 1 }
    }

    /// What is wrong with it.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::FanOut(factor) if !(2..=15).contains(factor) => Some(format!("a fan-out of {factor} cannot be followed: 2 to 15 can")),
            Self::Conservation(conservation) if conservation.field.is_empty() => Some("conservation needs the name of a field".to_owned()),
            _ => None,
        }
    }

    /// Whether the sink must have a record, by its key.
    pub fn lets_through(&self, key: Option<&[u8]>) -> bool {
        match self {
            Self::Filter(Filter::KeyPrefix(prefix)) => key.is_some_and(|key| key.starts_with(prefix.as_bytes())),
            _ => true,
        }
    }

    /// Whether a record that does not come out is lost.
    pub fn names_losses(&self) -> bool {
        !matches!(self, Self::Filter(Filter::ExpectShare(_)) | Self::Conservation(_))
    }
}
