//! `allow:` — which faults, and how much of each; in production also those that outlive squall and its guard.

use super::{Asked, Limits};
use crate::cluster::{Allow, Environment, Kind};
use crate::fault::{FaultSpec, HowMany, Reach};
use crate::scenario::yaml::way;

pub(super) fn check(asked: &Asked<'_>, limits: &mut Limits) {
    let spec = asked.spec();
    let mut kinds = Vec::new();
    for (index, entry) in asked.checked.scenario().timeline.iter().enumerate() {
        let kind = entry.inject.kind();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        let everything = spec.allow.contains(&Allow::Everything);
        let own = spec.allow.iter().enumerate().find_map(|(index, allow)| match allow {
            Allow::Fault { name, limits } if name == kind => Some((index, limits)),
            _ => None,
        });
        match own {
            None if everything => {}
            None => {
                let owner = asked.owner("allow", if spec.allow.is_empty() { "nothing is allowed here" } else { "not among these" });
                limits.broken.push(
                    asked
                        .refused(format!("`{kind}` is not allowed on `{}`", spec.name), asked.fault(index, ""), owner)
                        .help(format!("the owner of the cluster file can add `{{ {kind}: {{}} }}` to `allow`")),
                );
            }
            // Once named, a fault keeps to its own limit, whatever else is allowed.
            Some((allow, own)) => {
                let most = own.at_most;
                let count = hits(&entry.inject, asked);
                if let (Some(most), Some(count)) = (most, count)
                    && count > most
                {
                    let owner = asked.cluster.at(way!["allow", allow], format!("at most {most}"));
                    let title = format!("`{kind}` on {count} at once is not allowed on `{}`", spec.name);
                    limits.broken.push(asked.refused(title, asked.fault(index, format!("asks for {count}")), owner));
                }
            }
        }
        if spec.environment == Environment::Production && !expires(&entry.inject, &spec.kind) && !spec.allow.contains(&Allow::NoExpiry) {
            let owner = asked.owner("environment", "production");
            let title = format!("`{kind}` does not end by itself should squall and its guard both die");
            limits.broken.push(
                asked
                    .refused(title, asked.fault(index, "its undo needs one of them alive"), owner)
                    .help("the owner of the cluster file can add `no-expiry` to `allow`"),
            );
        }
    }
    if limits.broken.is_empty() && !kinds.is_empty() {
        limits.kept.push(format!("allow: {}", kinds.join(", ")));
    }
}

/// Whether a fault ends by itself, without squall and its guard: rules on links are leases of the proxy, squall's own traffic ends
/// with squall, and some kinds of cluster see to the end of more.
pub(in crate::plan) fn expires(fault: &FaultSpec, kind: &Kind) -> bool {
    let needs = fault.needs();
    matches!(fault.reach(), Reach::Link(_) | Reach::Streams(_)) || needs.iter().all(|ability| kind.expires(*ability))
}

/// How many things it hits at the same time, as far as is known before it aims.
fn hits(fault: &FaultSpec, asked: &Asked<'_>) -> Option<u32> {
    match fault.reach() {
        Reach::Nodes { count: HowMany::Count(count), .. } => Some(count),
        // A share of nobody knows how many is looked at when it fires.
        Reach::Nodes { role, count, .. } => super::nodes::known(&asked.spec().kind, role).map(|all| count.of(all)),
        Reach::Link(_) | Reach::Topic(_) | Reach::Job | Reach::CheckpointStorage => Some(1),
        Reach::Streams(Some(_)) => Some(1),
        Reach::Streams(None) => u32::try_from(asked.checked.scenario().traffic.len()).ok(),
    }
}
