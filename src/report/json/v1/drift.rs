//! What a soak found to drift.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;

/// What a series does over hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftStatus {
    /// It grows, where it must not.
    Grows,
    /// It falls.
    Falls,
    /// Neither, within what could be seen.
    Steady,
    /// Nothing can be said.
    NoData,
}

/// The drift of a series. Slopes are in `unit` per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// Of what.
    pub what: String,
    /// Metric.
    pub metric: String,
    /// Unit of the values.
    pub unit: Unit,
    /// How it was measured.
    pub how: String,
    /// What it does.
    pub status: DriftStatus,
    /// In words.
    pub sentence: String,
    /// Why nothing can be said.
    pub reason: Option<String>,
    /// Slope.
    pub slope_per_second: Option<f64>,
    /// Lower end of its 95 % interval.
    pub slope_low_per_second: Option<f64>,
    /// Upper end.
    pub slope_high_per_second: Option<f64>,
    /// Two-sided p-value of *no trend*.
    pub p_value: Option<f64>,
    /// The smallest growth that would have been seen in four of five runs.
    pub detectable_per_second: Option<f64>,
    /// The usual value.
    pub level: Option<f64>,
    /// Points that it rests on.
    pub points: u64,
    /// First moment after warm-up.
    pub from_s: f64,
    /// Last moment.
    pub to_s: f64,
    /// Time until a limit is reached, at this slope.
    pub full_in_s: Option<f64>,
    /// At the upper end of the slope.
    pub full_in_soonest_s: Option<f64>,
    /// At its lower end; null: never.
    pub full_in_latest_s: Option<f64>,
}
