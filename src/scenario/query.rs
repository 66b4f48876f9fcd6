//! Queries of Prometheus that a scenario names.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::Name;
use crate::metric::Unit;
use crate::units::Duration;

/// A query of the cluster's Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Query {
    /// PromQL that gives one value: `sum(kafka_consumergroup_lag{group="enrich"})`.
    pub promql: String,
    /// What that value is measured in: how bounds on it are written.
    pub unit: Unit,
    /// How often it is asked, 1 s to 30 s.
    #[serde(default = "every")]
    pub every: Duration,
}

/// The queries of a scenario by their names.
pub type Queries = BTreeMap<Name, Query>;

fn every() -> Duration {
    Duration::from_secs(5)
}
