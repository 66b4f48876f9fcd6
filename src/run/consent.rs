//! Consent and limits once more, when the fault fires: the cluster may have changed since the plan was checked.

use crate::action::{Action, Aim, NodeDeed, Role, View};
use crate::cluster::{Allow, ClusterSpec};

/// Checks an aim against what the owner allows and what must stay.
///
/// # Errors
/// The limit that it would break, with the owner's own words.
pub fn check(cluster: &ClusterSpec, kind: &str, view: &View, aim: &Aim) -> Result<(), String> {
    let reason = cluster.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let allowed = cluster.allow.iter().find_map(|allow| match allow {
        Allow::Everything => Some(None),
        Allow::Fault { name, limits } if name == kind => Some(limits.at_most),
        _ => None,
    });
    match allowed {
        None => return Err(format!("{kind} is not allowed on cluster {}{reason}", cluster.name)),
        Some(Some(most)) if aim.steps.len() > most as usize => {
            return Err(format!(
                "{kind} may hit at most {most} at a time on cluster {}, this would hit {}{reason}",
                cluster.name,
                aim.steps.len()
            ));
        }
        Some(_) => {}
    }
    for role in [Role::Taskmanager, Role::Jobmanager, Role::Broker] {
        let taken = aim
            .steps
            .iter()
            .filter(|step| match &step.action {
                // A slowed node is still there.
                Action::Node { deed: NodeDeed::SlowCpu { .. }, .. } => false,
                Action::Node { node, .. } => node.role == role,
                _ => false,
            })
            .count();
        let left = view.nodes_of(role).count().saturating_sub(taken);
        let keep = cluster.keep_at_least.of(role) as usize;
        if taken > 0 && left < keep {
            return Err(format!("{left} {role}s would be left, cluster {} keeps at least {keep}{reason}", cluster.name));
        }
    }
    Ok(())
}
