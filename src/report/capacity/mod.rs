//! How much a job carries. The first screen is for whoever buys the hardware: two numbers, the headroom, what a target needs, one picture.

mod charts;
mod tables;
mod v1;

pub use v1::{CapacityV1, LegV1, ProbeV1};

use super::html::parts::Section;
use super::sheet::Sheet;
use super::wording;
use crate::analysis::capacity::{Advice, Capacity, Edge, Leg, advise};
use crate::analysis::{Status, Verdict};
use crate::metric::Unit;
use crate::units::display;

/// The report of a search.
pub fn sheet(capacity: &Capacity, verdict: Verdict) -> Sheet {
    let asked = &capacity.asked;
    let demand = advise(capacity);
    let main = capacity.main();
    let sustainable = main.map(Leg::sustainable).unwrap_or_default();
    let recoverable = main.map(Leg::recoverable).unwrap_or_default();
    let complete = capacity.ended.is_none() && capacity.legs.iter().all(|leg| leg.done);
    let mut sheet = Sheet::new("capacity", &asked.scenario, verdict);
    if verdict == Verdict::Met {
        let known = sustainable.pass.is_some() && (asked.objective.is_none() || recoverable.pass.is_some());
        (sheet.status, sheet.word) = match (known, complete) {
            (true, true) => (Status::Met, "found".to_owned()),
            (true, false) => (Status::NoData, "found in part".to_owned()),
            (false, _) => (Status::NoData, "not found".to_owned()),
        };
    }
    sheet.about.clone_from(&asked.about);
    sheet.meta = vec![
        asked.cluster.clone(),
        format!("took {}", display::seconds(capacity.took)),
        format!("{} rates tried", capacity.legs.iter().map(|leg| leg.probes.len()).sum::<usize>()),
        format!("seed {}", asked.seed),
    ];
    sheet.detail = detail(capacity, &sustainable, &recoverable);
    sheet.sentence = sentence(capacity, main, &sustainable, &recoverable);
    sheet.reasons = capacity
        .ended
        .iter()
        .cloned()
        .chain(capacity.legs.iter().filter_map(|leg| leg.ended.as_ref().map(|why| format!("{}: {why}", leg.label()))))
        .collect();
    sheet.key = key(capacity, &sustainable, &recoverable, &demand.needs);
    sheet.pictures = main.map(|leg| charts::first(capacity, leg)).into_iter().flatten().collect();
    sheet.tables = vec![
        tables::legs(capacity),
        tables::advice(&demand.needs, needs_caption(capacity)),
        tables::advice(&demand.settings, "Settings and what they cost".to_owned()),
    ];
    sheet.sections = sections(capacity, main);
    sheet.id.clone_from(&capacity.id);
    env!("CARGO_PKG_VERSION").clone_into(&mut sheet.squall);
    sheet
}

fn needs_caption(capacity: &Capacity) -> String {
    capacity.asked.target.map_or_else(String::new, |target| format!("What {} needs", display::rate(target)))
}

/// `485 /s to 500 /s`.
pub(super) fn edge(edge: &Edge) -> String {
    match (&edge.pass, &edge.fail) {
        (Some((pass, _)), Some((fail, _))) => format!("{} to {}", display::rate(*pass), display::rate(*fail)),
        (Some((pass, _)), None) => format!("at least {}", display::rate(*pass)),
        (None, Some((fail, _))) => format!("below {}", display::rate(*fail)),
        (None, None) => "no data".to_owned(),
    }
}

fn detail(capacity: &Capacity, sustainable: &Edge, recoverable: &Edge) -> String {
    let mut text = format!("sustained {}", edge(sustainable));
    if let Some(objective) = &capacity.asked.objective_text {
        text.push_str(&format!("; with {objective} {}", edge(recoverable)));
    }
    text
}

fn plain(rate: f64) -> String {
    format!("{} records/s", display::grouped(rate.round().max(0.0) as u64))
}

/// A fault to somebody who does not know its name.
fn deed(kind: &str) -> String {
    match kind {
        "kill-taskmanager" | "terminate-taskmanager" => "losing a TaskManager".to_owned(),
        "kill-jobmanager" => "losing the JobManager".to_owned(),
        "kill-broker" | "terminate-broker" => "losing a broker".to_owned(),
        "freeze-taskmanager" => "a TaskManager that hangs".to_owned(),
        "freeze-broker" => "a broker that hangs".to_owned(),
        other => format!("the fault {other}"),
    }
}

/// For somebody who reads nothing else.
fn sentence(capacity: &Capacity, main: Option<&Leg>, sustainable: &Edge, recoverable: &Edge) -> String {
    let asked = &capacity.asked;
    let Some((carried, _)) = sustainable.pass else {
        return "It could not be found how much this job carries.".to_owned();
    };
    let with = main.and_then(|leg| leg.parallelism).map_or(String::new(), |parallelism| format!(" at parallelism {parallelism}"));
    let mut text = format!("This job carries {}{with} without falling behind.", plain(carried));
    if let (Some(bound), Some(kind)) = (asked.objective, &asked.fault_kind) {
        let after = deed(kind);
        match (&recoverable.pass, &recoverable.fail) {
            (Some((rate, _)), _) => text.push_str(&format!(
                " Up to {} it is also back to normal within {} after {after}.",
                plain(*rate),
                display::seconds(bound)
            )),
            (None, Some((rate, _))) => {
                text.push_str(&format!(" After {after} it is not back within {} even at {}.", display::seconds(bound), plain(*rate)));
            }
            (None, None) => text.push_str(&format!(" How long it takes to recover from {after} could not be found.")),
        }
    }
    let limit = recoverable.pass.map_or(carried, |(rate, _)| rate);
    if asked.offered <= limit {
        text.push_str(&format!(
            " The {} of the scenario leave {} of headroom.",
            plain(asked.offered),
            display::percent(limit / asked.offered - 1.0)
        ));
    } else {
        text.push_str(&format!(
            " The {} of the scenario are {} more than that.",
            plain(asked.offered),
            display::percent(asked.offered / limit - 1.0)
        ));
    }
    text
}

fn key(capacity: &Capacity, sustainable: &Edge, recoverable: &Edge, needs: &[Advice]) -> Vec<(String, String, String)> {
    let asked = &capacity.asked;
    let first = |edge: &Edge| edge.pass.map_or("no data".to_owned(), |(pass, _)| display::rate(pass));
    let why = |edge: &Edge| match &edge.fail {
        Some((fail, why)) => format!("not {}: {why}", display::rate(*fail)),
        None => "no higher rate failed".to_owned(),
    };
    let mut key = vec![("sustained (λ*)".to_owned(), first(sustainable), why(sustainable))];
    if let Some(objective) = &asked.objective_text {
        let fault = asked.fault.as_deref().unwrap_or("the fault");
        key.push((format!("sustained, and {objective} after {fault} (λ*_R)"), first(recoverable), why(recoverable)));
    }
    let limit = recoverable.pass.or(sustainable.pass).map(|(rate, _)| rate);
    if let Some(limit) = limit {
        let headroom = limit / asked.offered - 1.0;
        let value = if headroom >= 0.0 { display::percent(headroom) } else { format!("−{}", display::percent(-headroom)) };
        key.push(("headroom now".to_owned(), value, format!("over the {} of the scenario", display::rate(asked.offered))));
    }
    let of = |what: &str| needs.iter().find(|line| line.what == what);
    if let (Some(target), Some(parallelism)) = (asked.target, of("parallelism")) {
        let managers = of("TaskManagers").map_or(String::new(), |line| format!(", {} TaskManagers", line.value));
        let note = of("but").map_or_else(
            || if parallelism.extrapolated { "extrapolated".to_owned() } else { "measured".to_owned() },
            |but| format!("but {}", but.value),
        );
        key.push((format!("for {}", display::rate(target)), format!("parallelism {}{managers}", parallelism.value), note));
    }
    key
}

fn sections(capacity: &Capacity, main: Option<&Leg>) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(leg) = main {
        let figures = charts::more(capacity, leg);
        let mut tables = tables::model(leg);
        tables.push(tables::scaling(capacity));
        sections.push(Section {
            id: "curves",
            title: "Load, recovery, latency",
            intro: vec![
                "Recovery time is modelled as R = D + (D + a)·ρ ÷ (1 − ρ) + w: D until processing resumes, a the age of the last checkpoint, ρ the load as a \
                 share of what the job serves while it catches up, w the wait for the commit. Each prediction has μ and w as the other loads have them, and D and a of that fault."
                    .to_owned(),
            ],
            figures,
            tables,
            wide: true,
        });
    }
    sections.push(Section {
        id: "tried",
        title: "Everything that was tried",
        intro: vec![
            "A look is short and says only what is too much. A hold lasts 60 s or ten checkpoints and passes when output lag has no slope (at most 0.5 % of the \
             rate, at 95 %), no checkpoint fails or outgrows its interval, nothing restarts, and latency is within its limit."
                .to_owned(),
        ],
        tables: capacity.legs.iter().map(tables::probes).collect(),
        ..Section::default()
    });
    sections
}

/// The search as `report.json`.
///
/// # Errors
/// None in practice.
pub fn json(capacity: &Capacity, verdict: Verdict) -> Result<String, serde_json::Error> {
    super::json::write(&CapacityV1::of(capacity, verdict))
}

/// The JSON Schema (draft-07) of a search's `report.json`.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<CapacityV1>()
}

/// A value that may be missing.
fn maybe(value: Option<f64>, unit: Unit) -> String {
    wording::maybe(value, unit)
}

#[cfg(test)]
pub(super) mod tests;
