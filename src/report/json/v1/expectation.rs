//! An expectation, judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;

/// Judgement of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectationStatus {
    /// Met.
    Met,
    /// Failed.
    Failed,
    /// No data: never a pass.
    NoData,
}

/// An expectation, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// As written.
    pub text: String,
    /// Line of the scenario file, from 1.
    pub line: u32,
    /// Judgement.
    pub status: ExpectationStatus,
    /// What was observed, for people.
    pub observed: String,
    /// What was observed, in `unit`.
    pub value: Option<f64>,
    /// Its error, in `unit`: the true value lies within value ± error.
    pub error: Option<f64>,
    /// Unit of `value` and `error`.
    pub unit: Option<Unit>,
    /// When it was observed.
    pub at_s: Option<f64>,
    /// Why there is no data.
    pub reason: Option<String>,
}
