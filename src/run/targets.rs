//! Whom each fault of a plan would hit if it fired now. Looks only.

use std::path::Path;

use super::view::{LookError, look};
use crate::action::{SubtaskView, View};
use crate::cluster::{Cluster, ClusterSpec, Places};
use crate::flink::Rest;
use crate::job::JobSpec;
use crate::plan::{self, Plan};

/// A fault and its target as of now, or why it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetNow {
    /// The timeline's name for it.
    pub fault: String,
    /// In words: `tm-2 (runs 1 of 2 subtasks)`.
    pub target: Result<String, String>,
}

/// Targets as of now; none where the cluster is not up. A job that the run would start does not run yet: each live TaskManager
/// then counts as one that will carry work.
///
/// # Errors
/// When the cluster is up and cannot be looked at, or the job that the scenario attaches to does not run.
pub async fn targets_now(plan: &Plan, spec: &ClusterSpec, places: &Places, base: &Path) -> Result<Option<Vec<TargetNow>>, LookError> {
    let cluster = match Cluster::attach(spec, places).await {
        Ok(cluster) => cluster,
        Err(error) if error.is_not_up() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let view = view(plan, &cluster, base).await?;
    let target = |fault: &plan::PlannedFault| TargetNow {
        fault: fault.name.clone(),
        target: fault
            .fault
            .aim(&view, &mut plan::rng_for(plan.seed, &fault.name, fault.occurrence))
            .map(|aim| aim.target)
            .map_err(|none| none.0),
    };
    Ok(Some(plan.timeline.iter().map(target).collect()))
}

async fn view(plan: &Plan, cluster: &Cluster, base: &Path) -> Result<View, LookError> {
    let rest = Rest::new(&cluster.addresses().flink, base)?;
    let job = match &plan.scenario.job {
        JobSpec::Attach(attach) => Some(attach.find(&rest).await?.id),
        JobSpec::Sql(_) | JobSpec::Jar(_) => None,
    };
    let mut view = look(cluster, &rest, job.as_ref(), &plan.topics()).await?;
    if job.is_none() {
        for (index, node) in (0..).zip(view.nodes.iter_mut().filter(|node| node.flink_id.is_some())) {
            node.subtasks.push(SubtaskView { vertex: String::new(), name: String::new(), index });
        }
    }
    Ok(view)
}
