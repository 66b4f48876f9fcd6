use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::traffic::check::Problem;
use crate::units::Count;

/// At most so many records in flight: the next one goes when one of them is acknowledged.
///
/// A slow pipeline slows its load down here, so latencies look better than users would see them; for comparison with
/// tools that work so. A record's intended time is the moment at which its turn came; slip is zero by definition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Closed {
    /// Records handed to the producer and not yet settled, over all threads of this process.
    pub in_flight: Count,
}

impl Closed {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let none = (self.in_flight.0 == 0).then(|| Problem::new("in-flight", "must be at least 1"));
        none.into_iter().collect()
    }
}
