//! Scenario + cluster + seed → plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand::Rng;

use super::{Because, Plan, PlannedCluster, PlannedFault, Refusal, SCHEMA, Soak, Trigger, consent, random, streams};
use crate::action::Ability;
use crate::cluster::{ClusterSpec, Kind};
use crate::diagnostic::{Problem, Report, listed};
use crate::fault::Reach;
use crate::job::JobSpec;
use crate::scenario::yaml::{Loaded, way};
use crate::scenario::{Checked, Scenario, TimelineEntry};
use crate::units::Duration;

/// What a cluster of some kind can do, whether or not it is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The kind's name.
    pub kind: String,
    /// What can be done to its nodes, links and the rest.
    pub abilities: BTreeSet<Ability>,
    /// Links that pass through a proxy.
    pub links: BTreeSet<String>,
    /// What a cluster of this kind could do as well, and what it takes, for advice.
    pub with: BTreeMap<Ability, String>,
    /// What the other kinds can do, for advice.
    pub elsewhere: Vec<(String, BTreeSet<Ability>)>,
    /// What the owner of such a cluster can do so that faults on links act, where there is something.
    pub link_advice: Option<String>,
}

/// Makes the plan of a scenario on a cluster. Relative files of the scenario count from `folder`.
///
/// # Errors
/// What this kind of cluster can never do, and every limit of its owner that the scenario breaks.
pub fn plan(checked: &Checked, folder: &Path, cluster: &Loaded<ClusterSpec>, offer: &Offer, seed: u64) -> Result<Plan, Refusal> {
    let timeline = timeline(checked, &cluster.value.kind, seed);
    whole(checked, folder, cluster, offer, seed, timeline, None)
}

/// Makes the plan of a soak: see [`Soak`].
///
/// # Errors
/// As [`plan`].
pub fn plan_soak(
    checked: &Checked,
    folder: &Path,
    cluster: &Loaded<ClusterSpec>,
    offer: &Offer,
    seed: u64,
    soak: Soak,
) -> Result<Plan, Refusal> {
    let timeline = soak.timeline(checked, &cluster.value.kind, seed);
    whole(checked, folder, cluster, offer, seed, timeline, Some(soak))
}

fn whole(
    checked: &Checked,
    folder: &Path,
    cluster: &Loaded<ClusterSpec>,
    offer: &Offer,
    seed: u64,
    timeline: Vec<PlannedFault>,
    soak: Option<Soak>,
) -> Result<Plan, Refusal> {
    let scenario = soak.map_or_else(|| checked.scenario().clone(), |soak| soak.scenario(checked.scenario()));
    let sent = streams::sent(&scenario, folder, seed, &timeline);
    let mut report = Report::default();
    report.extend(impossible(checked, offer));
    report.extend(no_gateway(checked, cluster));
    report.extend(no_prometheus(checked, cluster));
    let mut because = Because::Impossible;
    let asked = consent::Asked { checked, cluster, timeline: &timeline, peak: sent.peak };
    let limits = consent::check(&asked);
    if report.is_empty() {
        because = Because::NotAllowed;
    }
    report.extend(limits.broken);
    if report.errors() > 0 {
        report.sort();
        return Err(Refusal { report, because });
    }
    Ok(Plan {
        schema: SCHEMA,
        seed,
        cluster: PlannedCluster {
            name: cluster.value.name.to_string(),
            kind: offer.kind.clone(),
            environment: cluster.value.environment,
            line: cluster.value.line(),
        },
        scenario,
        soak,
        timeline,
        expectations: checked.expectations.clone(),
        abort_conditions: checked.abort_conditions.clone(),
        streams: sent.streams,
        limits: limits.kept,
        warnings: checked
            .warnings
            .iter()
            .cloned()
            .chain(foreseen(checked, cluster).iter().map(|problem| problem.title().to_owned()))
            .collect(),
    })
}

/// What will go wrong for good on this cluster, and is meant to: warnings, for somebody who did not mean it.
pub fn foreseen(checked: &Checked, cluster: &Loaded<ClusterSpec>) -> Vec<Problem> {
    consent::losing_the_job(checked, &cluster.value.kind)
}

fn timeline(checked: &Checked, kind: &Kind, seed: u64) -> Vec<PlannedFault> {
    let scenario = checked.scenario();
    let mut planned = Vec::new();
    for (index, entry) in scenario.timeline.iter().enumerate() {
        let line = checked.loaded.line(way!["timeline", index]);
        let (name, fault, expires) = (entry.name.to_string(), entry.inject.clone(), consent::expires(&entry.inject, kind));
        let fault = |occurrence, trigger| PlannedFault { name: name.clone(), occurrence, trigger, fault: fault.clone(), expires, line };
        for (occurrence, moment) in (0..).zip(entry.moments(scenario.duration)) {
            planned.push(fault(occurrence, Trigger::At(jittered(scenario, entry, occurrence, moment, seed))));
        }
        if let Some(moment) = &entry.when {
            // Not before there is something to compare with.
            let after = entry.from.unwrap_or_else(|| scenario.settled().min(scenario.duration));
            let rest = Duration::from(scenario.duration.0.saturating_sub(after.0));
            planned.push(fault(
                0,
                Trigger::When { moment: moment.clone(), after, within: entry.within.map_or(rest, |within| within.min(rest)) },
            ));
        }
    }
    planned.sort_by_key(|fault| match fault.trigger {
        Trigger::At(at) => (at, false),
        Trigger::When { after, .. } => (after, true),
    });
    planned.sort_by_key(|fault| matches!(fault.trigger, Trigger::When { .. }));
    planned
}

/// Evenly within ± jitter, inside the run.
fn jittered(scenario: &Scenario, entry: &TimelineEntry, occurrence: u32, moment: Duration, seed: u64) -> Duration {
    let jitter = entry.jitter.unwrap_or_default().nanos();
    if jitter == 0 {
        return moment;
    }
    let width = 2 * (jitter as u128) + 1;
    let drawn = (u128::from(random::jitter_for(seed, entry.name.as_str(), occurrence).next_u64()) * width) >> 64;
    let nanos = (moment.nanos() - jitter).saturating_add(drawn as i64).clamp(0, scenario.duration.nanos() - 1);
    Duration::from(std::time::Duration::from_nanos(nanos.unsigned_abs()))
}

/// SQL goes through a gateway, which a cluster that somebody else runs may not have.
fn no_gateway(checked: &Checked, cluster: &Loaded<ClusterSpec>) -> Option<Problem> {
    let JobSpec::Sql(_) = checked.scenario().job else { return None };
    cluster.value.kind.lacks_gateway().then(|| {
        Problem::error(format!("the cluster `{}` has no SQL gateway", cluster.value.name))
            .at(checked.loaded.at_key(way!["job", "sql"], "a gateway would have to run it"))
            .related(cluster.at_key(way!["kind", "external"], "no `gateway:` in here"))
            .help("add `gateway: { addresses: [ \"http://host:8083\" ] }` to the cluster file, run the job as a jar, or attach to one that runs")
    })
}

/// Queries are asked of the cluster's Prometheus.
fn no_prometheus(checked: &Checked, cluster: &Loaded<ClusterSpec>) -> Option<Problem> {
    let first = checked.scenario().queries.keys().next()?;
    cluster.value.prometheus.is_none().then(|| {
        Problem::error(format!("nobody can answer the query `{first}`"))
            .at(checked.loaded.at_key(way!["queries"], "Prometheus would have to"))
            .related(cluster.at_key(way!["name"], "no `prometheus:` in this file"))
            .help("add `prometheus: { addresses: [ \"http://prometheus:9090\" ] }` to the cluster file")
    })
}

fn impossible(checked: &Checked, offer: &Offer) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, entry) in checked.scenario().timeline.iter().enumerate() {
        let kind = entry.inject.kind();
        let at = |label: &str| checked.loaded.at_key(way!["timeline", index, "inject", kind], label);
        let needs = entry.inject.needs();
        if let Reach::Link(link) = entry.inject.reach()
            && !offer.links.contains(link.name())
        {
            let help = match (&offer.link_advice, offer.links.is_empty()) {
                (Some(advice), _) => advice.clone(),
                (None, true) => "no link of it does".to_owned(),
                (None, false) => format!("these pass through one: {}", listed(offer.links.iter().map(String::as_str))),
            };
            problems.push(
                Problem::error(format!("no proxy carries the link `{}` of this cluster", link.name()))
                    .at(at("it would never act"))
                    .help(help),
            );
        } else if !needs.iter().all(|ability| offer.abilities.contains(ability)) {
            let able = offer.elsewhere.iter().filter(|(_, abilities)| needs.iter().all(|ability| abilities.contains(ability)));
            let able: Vec<&str> = able.map(|(kind, _)| kind.as_str()).collect();
            let missing: Vec<&Ability> = needs.iter().filter(|ability| !offer.abilities.contains(ability)).collect();
            let with: Option<Vec<&str>> = missing.iter().map(|ability| offer.with.get(ability).map(String::as_str)).collect();
            let (whose, help) = match (with, able.is_empty()) {
                (Some(with), _) => (
                    "this",
                    format!("it could with {}", with.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" and ")),
                ),
                (None, true) => ("a", "no kind of cluster can do it yet".to_owned()),
                (None, false) => ("a", format!("clusters of kind {} can", listed(able))),
            };
            let title = format!("{whose} cluster of kind `{}` cannot do `{kind}`", offer.kind);
            problems.push(Problem::error(title).at(at("it would never act")).help(help));
        } else if entry.inject.reach() == Reach::Job && matches!(checked.scenario().job, JobSpec::Attach(_)) {
            problems.push(
                Problem::error("squall does not stop a job that is not its own")
                    .at(at(""))
                    .related(checked.loaded.at_key(way!["job", "attach"], "attached to here")),
            );
        }
    }
    problems
}
