//! A scenario: what to ask. YAML → [`Scenario`] → checks → [`Checked`]; the grammar of expectations.

pub mod baseline;
mod check;
mod expectation;
mod moment;
mod name;
mod query;
mod spec;
mod timeline;
pub mod yaml;

pub use check::{Checked, check, check_changed};
pub use expectation::{
    AbortCondition, Aggregate, Bound, Comparison, Condition, Expectation, GrammarError, OnNoData, Parsed, Subject, Window, measured_in,
    parse_condition, parse_expectation, query_measured_in, written_in,
};
pub use moment::Moment;
pub use name::{Name, NotAName};
pub use query::{Queries, Query};
pub use spec::{Drain, Guarantee, Scenario, Sink, Source, Topic};
pub use timeline::{MOST_OCCURRENCES, TimelineEntry};

/// The JSON schema of scenario files, draft-07.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Scenario>()
}
