//! Keys: which key the n-th record carries, as a pure function of the seed and n.
//!
//! Keys live in a [`KeyTable`] that is made before the start, with the partition of each by Kafka's murmur2, so that a
//! record costs a draw and a look-up. To add a kind: a file with its settings and its weights or draw, a line in
//! [`Keys`], and an arm in each `match` of this file.

mod alias;
mod churn;
mod hot;
mod picker;
mod table;
mod zipf;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use alias::Alias;
pub use churn::Churn;
pub use hot::Hot;
pub use picker::{COUNTED, Key, KeyError, Pick, Picker, SHARDS, Skew};
pub use table::{KeyBuffer, KeyTable};
pub use zipf::Zipf;

use super::check::{Problem, at_most_all};
use crate::units::Count;

/// Which keys a stream's records have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// No key; partitions take turns.
    #[default]
    None,
    /// One after the other.
    RoundRobin(Distinct),
    /// Each as likely as any other.
    Uniform(Distinct),
    /// The k-th most frequent one has a share ∝ 1 ÷ k^exponent.
    Zipf(Zipf),
    /// A share of the records goes to a few keys, the rest evenly to the others.
    Hot(Hot),
    /// Keys come, live for a while, and go.
    Churn(Churn),
    /// No key; everything goes to this partition.
    Partition(u32),
    /// From a file, one key a line, each line as likely as any other.
    File(PathBuf),
}

/// How many keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Distinct {
    /// How many.
    pub distinct: Count,
}

/// Most keys of a table: 100 M need about 2 GB.
const MOST: u64 = 100_000_000;

fn few_enough(distinct: Count) -> Option<Problem> {
    match distinct.0 {
        0 => Some(Problem::new("distinct", "must be at least 1")),
        n if n > MOST => Some(Problem::new("distinct", format!("is more than a table holds, {}", Count(MOST)))),
        _ => None,
    }
}

impl Keys {
    /// What is wrong with its settings, as far as can be told without files.
    pub fn problems(&self, partitions: Option<u32>) -> Vec<Problem> {
        match self {
            Self::None | Self::File(_) => Vec::new(),
            Self::RoundRobin(keys) => Problem::below(["round-robin"], few_enough(keys.distinct).into_iter().collect()),
            Self::Uniform(keys) => Problem::below(["uniform"], few_enough(keys.distinct).into_iter().collect()),
            Self::Zipf(zipf) => Problem::below(["zipf"], zipf.problems()),
            Self::Hot(hot) => Problem::below(["hot"], hot.problems()),
            Self::Churn(churn) => Problem::below(["churn"], churn.problems()),
            Self::Partition(partition) => match partitions {
                Some(all) if *partition >= all => {
                    vec![Problem::new("partition", format!("the topic has {all} partitions, 0 to {}", all.saturating_sub(1)))]
                }
                _ => Vec::new(),
            },
        }
    }

    /// Resolves files against the scenario's folder.
    pub fn resolve(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod properties;
