//! `keep-at-least:` — nodes that no fault may take away, also when several overlap.

use super::{Asked, Limits};
use crate::action::{Ability, Role};
use crate::cluster::Kind;
use crate::diagnostic::Problem;
use crate::fault::Reach;
use crate::plan::{PlannedFault, Trigger};
use crate::scenario::Checked;
use crate::scenario::yaml::way;

/// Nodes of a role, as far as the cluster file tells.
pub(super) fn known(kind: &Kind, role: Role) -> Option<u32> {
    match kind {
        Kind::Local(local) => Some(match role {
            Role::Taskmanager => local.flink.taskmanagers.get(),
            Role::Broker => local.kafka.brokers.get(),
            Role::Jobmanager | Role::Gateway => 1,
        }),
        Kind::Containers(containers) => Some(match role {
            Role::Taskmanager => containers.flink.taskmanagers.get(),
            Role::Broker | Role::Jobmanager | Role::Gateway => 1,
        }),
        Kind::External(_) => None,
    }
}

/// Lines of the timeline that end the only JobManager: nobody is left who remembers the job.
pub(in crate::plan) fn losing_the_job(checked: &Checked, kind: &Kind) -> Vec<Problem> {
    if known(kind, Role::Jobmanager) != Some(1) {
        return Vec::new();
    }
    let jobmanager = Role::Jobmanager;
    let ends = [Ability::KillNode(jobmanager), Ability::TerminateNode(jobmanager), Ability::SqueezeNode(jobmanager)];
    let lines = checked.scenario().timeline.iter().enumerate();
    lines
        .filter(|(_, entry)| entry.inject.needs().iter().any(|needed| ends.contains(needed)))
        .map(|(index, entry)| {
            Problem::warning(format!("`{}` ends the only JobManager: the job will be lost", entry.name))
                .at(checked.loaded.at_key(way!["timeline", index, "inject", entry.inject.kind()], ""))
                .note("without high availability a new JobManager does not know of the job, and nobody submits it again")
        })
        .collect()
}

pub(super) fn check(asked: &Asked<'_>, limits: &mut Limits) {
    let keys = [(Role::Taskmanager, "taskmanagers"), (Role::Jobmanager, "jobmanagers"), (Role::Broker, "brokers")];
    for (role, key) in keys {
        let keep = asked.spec().keep_at_least.of(role);
        let Some(all) = known(&asked.spec().kind, role) else {
            let hit = |fault: &PlannedFault| matches!(fault.fault.reach(), Reach::Nodes { role: hit, away: true, .. } if hit == role);
            if keep > 0 && asked.timeline.iter().any(hit) {
                limits.kept.push(format!("keep-at-least: {keep} {role}s, looked at when a fault fires"));
            }
            continue;
        };
        let Some((away, index)) = most_away(asked, role, all) else { continue };
        if keep == 0 {
            continue;
        }
        let stay = all.saturating_sub(away);
        if stay >= keep {
            limits.kept.push(format!("keep-at-least: {keep} of {all} {role}s ({stay} stay)"));
            continue;
        }
        let owner = asked.cluster.at(way!["keep-at-least", key], format!("at least {keep} of {all} {role}s"));
        let here = asked.fault(index, format!("{away} away at once"));
        limits.broken.push(asked.refused(format!("{stay} {role}s would stay, {keep} must"), here, owner));
    }
}

/// The most nodes away at once, and the line of the timeline that begins that moment. What waits for a moment may overlap with
/// anything, and what nobody starts again stays away.
fn most_away(asked: &Asked<'_>, role: Role, all: u32) -> Option<(u32, usize)> {
    let lines = &asked.checked.scenario().timeline;
    let mut spans = Vec::new();
    let mut any_time = 0;
    let mut worst: Option<(u32, usize)> = None;
    for fault in asked.timeline {
        let Reach::Nodes { role: hit, count, away: true } = fault.fault.reach() else { continue };
        if hit != role {
            continue;
        }
        let Some(line) = lines.iter().position(|line| line.name.as_str() == fault.name) else { continue };
        let count = count.of(all);
        match fault.trigger {
            Trigger::At(at) => {
                let away = fault.fault.undo_after().max(fault.fault.lasts());
                let until = away.map_or(f64::INFINITY, |after| at.seconds() + after.seconds());
                spans.push((at.seconds(), until, count, line));
            }
            Trigger::When { .. } => {
                any_time += count;
                worst = worst.max(Some((any_time, line)));
            }
        }
    }
    for (at, _, _, line) in &spans {
        let overlapping: u32 = spans.iter().filter(|(from, until, ..)| from <= at && at < until).map(|(_, _, count, _)| count).sum();
        worst = worst.max(Some(((overlapping + any_time).min(all), *line)));
    }
    worst
}
