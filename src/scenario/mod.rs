//! A scenario: what to ask. YAML → [`Scenario`](crate::scenario) → checks; the grammar of expectations.

mod expectation;
pub mod yaml;

pub use expectation::{AbortCondition, Aggregate, Bound, Comparison, Condition, Expectation, OnNoData, Subject, Window};
