//! Expectations and abort conditions, parsed. `docs/expectations.md` has the grammar.

mod bound;
mod fits;
mod line;
mod parse;
mod print;
mod token;

use serde::{Deserialize, Serialize};

pub use bound::{bound_in, measured_in, query_measured_in};
pub use parse::{GrammarError, Parsed, parse_condition, parse_expectation};
pub use print::written_in;

use crate::metric::{Metric, Unit};
use crate::units::Duration;

/// What `delivery` can be.
pub const DELIVERY_WORDS: &[&str] = &["exactly-once", "at-least-once", "at-most-once"];
/// What `job` can be at the end: Flink's own words.
pub const JOB_WORDS: &[&str] = &["RUNNING", "FINISHED", "RESTARTING", "FAILING", "FAILED", "CANCELLING", "CANCELED", "SUSPENDED"];

/// How samples of a window become one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// Largest.
    Max,
    /// Smallest.
    Min,
    /// Mean over time (gauges), over records (distributions).
    Mean,
    /// Percentile, 0 to 100: `p50`, `p99`, `p99.9`.
    Percentile(f64),
    /// How many samples, or how much a counter grew.
    Count,
    /// Growth of a counter per second.
    Rate,
    /// Theil–Sen slope per second.
    Slope,
    /// The last one.
    Last,
}

/// Which part of the run is looked at. The names are those of the timeline; definitions in `ARCHITECTURE.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// `in baseline`.
    Baseline,
    /// `during X`: from T0 to the fault's removal (instantaneous faults: to T4).
    During(String),
    /// `recovery of X`: from there to max(T8, T9).
    RecoveryOf(String),
    /// `after X`: from there to the next disturbance.
    After(String),
    /// `under X`: `during X` and `recovery of X` together.
    Under(String),
    /// `of X`, for figures of a fault such as recovery-time.
    Of(String),
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Subject {
    /// A metric, aggregated over a window. Without an aggregate: the metric's only value (figures), the growth over the window
    /// (counters), else the maximum. Without a window: the whole run, for figures the worst over all faults.
    Metric {
        /// Which.
        metric: Metric,
        /// How.
        aggregate: Option<Aggregate>,
        /// Where.
        window: Option<Window>,
        /// `over 5`: the aggregate is taken over the figures of this many repeats.
        over: Option<u32>,
    },
    /// A query that the scenario names, aggregated as a level is.
    Query {
        /// Its name.
        query: String,
        /// What the scenario says that it is measured in.
        unit: Unit,
        /// How.
        aggregate: Option<Aggregate>,
        /// Where.
        window: Option<Window>,
    },
    /// `delivery`.
    Delivery,
    /// `job`: its state at the end.
    Job,
}

/// How it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// Less than.
    #[serde(rename = "<")]
    Less,
    /// At most.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// More than.
    #[serde(rename = ">")]
    Greater,
    /// At least.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Equal.
    #[serde(rename = "==")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
}

/// What it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// In the metric's base unit (seconds, records, bytes, 0–1 …).
    Value(f64),
    /// `exactly-once`, `at-least-once`, `at-most-once`, or a job state.
    Word(String),
}

/// One line of `expect:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Expectation {
    /// As written.
    pub text: String,
    /// Line of the scenario file, from 1.
    pub line: u32,
    /// What is compared.
    pub subject: Subject,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub bound: Bound,
}

/// What an abort condition or a `when:` watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Condition {
    /// The newest value of a metric (worst over its subjects) against a bound.
    Metric {
        /// Which.
        metric: Metric,
        /// How.
        comparison: Comparison,
        /// Bound, in the metric's base unit.
        value: f64,
    },
    /// The newest value of a query that the scenario names against a bound.
    Query {
        /// Its name.
        query: String,
        /// What the scenario says that it is measured in.
        unit: Unit,
        /// How.
        comparison: Comparison,
        /// Bound, in that unit.
        value: f64,
    },
    /// `job failed`: Flink's state FAILED, or the job is lost.
    JobFailed,
}

/// What a condition without data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnNoData {
    /// Abort when there was no data for 30 s.
    #[default]
    Abort,
    /// Go on.
    Continue,
}

/// One line of `abort-when:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AbortCondition {
    /// As written.
    pub text: String,
    /// Line of the scenario file, from 1.
    pub line: u32,
    /// What is watched.
    pub condition: Condition,
    /// How long it must hold.
    pub hold: Duration,
    /// What missing data means.
    pub on_no_data: OnNoData,
}
