//! What is active, where, since when.

use std::path::Path;

use super::Error;
use super::leftovers::{Leftover, open_runs};
use crate::cluster::{self, LocalPhase, LocalStatus, Places};
use crate::proxy::RuleStatus;

/// All that squall knows to be active on this machine.
#[derive(Debug, Clone)]
pub struct Status {
    /// Runs that go on, and what others have left behind.
    pub runs: Vec<Leftover>,
    /// Clusters that squall has started.
    pub clusters: Vec<ClusterStatus>,
}

/// A cluster and the rules on its links.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// The cluster.
    pub cluster: LocalStatus,
    /// Rules that hold; none when the proxy does not answer.
    pub rules: Option<Vec<RuleStatus>>,
}

/// Looks at runs and clusters of this machine.
///
/// # Errors
/// When the record of a cluster cannot be read.
pub async fn status(places: &Places, reports: &Path) -> Result<Status, Error> {
    let mut clusters = Vec::new();
    for cluster in cluster::status(places).await? {
        let rules = if cluster.phase == LocalPhase::Up && cluster.proxy_alive { cluster::rules_of(&cluster).await.ok() } else { None };
        clusters.push(ClusterStatus { cluster, rules });
    }
    Ok(Status { runs: open_runs(places, reports), clusters })
}
