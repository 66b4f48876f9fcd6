//! Everything that squall reads from others, read from any bytes: each [`Target`] must return, whatever it is given. Run as property
//! tests (`tests/it/fuzz.rs`) and for longer by `./dev qualify fuzz`; any fuzzer can call [`Target::read`].

mod flink;
mod mutate;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::action::Ability;
use crate::analysis::Analysis;
use crate::cluster::ClusterSpec;
use crate::diagnostic::Source;
use crate::guard::Owed;
use crate::journal::Reader;
use crate::plan::{self, Offer};
use crate::report::terminal::{self, Look};
use crate::report::{self, html, junit, markdown};
use crate::scenario::yaml::load;
use crate::scenario::{self, parse_condition, parse_expectation};

pub use mutate::Mutator;

/// Something that squall reads.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// `scenario`, `cluster`, `expectation`, `journal`, `flink`.
    pub name: &'static str,
    /// Reads the bytes as that, and asks of the value what squall asks of it. Never panics, and returns within a moment.
    pub read: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "scenario", read: scenario },
    Target { name: "cluster", read: cluster },
    Target { name: "expectation", read: expectation },
    Target { name: "journal", read: journal },
    Target { name: "flink", read: flink::answers },
];

fn source(bytes: &[u8]) -> Arc<Source> {
    Source::new("fuzzed.yaml", String::from_utf8_lossy(bytes))
}

/// A scenario, its mistakes, and its plan on a cluster that can do everything.
fn scenario(bytes: &[u8]) {
    let source = source(bytes);
    let (checked, report) = scenario::check(&source, Path::new("scenarios"));
    let _ = report.render(true);
    let Some(checked) = checked.filter(|_| report.errors() == 0) else { return };
    let (Some(cluster), _) = load::<ClusterSpec>(&Source::new("cluster.yaml", CLUSTER)) else { return };
    let offer = Offer {
        kind: "local".to_owned(),
        abilities: cluster
            .value
            .kind
            .abilities()
            .into_iter()
            .chain([Ability::ChangeTraffic, Ability::ChangeTopics, Ability::ChangeJob])
            .collect(),
        links: cluster.value.kind.proxied_links(),
        with: BTreeMap::new(),
        elsewhere: Vec::new(),
        link_advice: None,
    };
    match plan::plan(&checked, Path::new("scenarios"), &cluster, &offer, 1) {
        Ok(plan) => drop((plan::describe(&plan), serde_json::to_string(&plan))),
        Err(refusal) => drop(refusal.report.render(false)),
    }
}

const CLUSTER: &str = "name: fuzzed\nenvironment: test\nkind: { local: {} }\nallow: [ everything ]\n";

/// A cluster file and its mistakes.
fn cluster(bytes: &[u8]) {
    let (loaded, report) = load::<ClusterSpec>(&source(bytes));
    let _ = report.render(true);
    if let Some(loaded) = loaded {
        drop((loaded.value.mistakes(), loaded.value.line(), serde_json::to_string(&loaded.value)));
    }
}

/// Lines of `expect:` and `abort-when:`; what parses is printed, and parses again to the same.
fn expectation(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(queries) = serde_json::from_str(r#"{ "up": { "promql": "sum(up)", "unit": "count" } }"#) else { return };
    let _ = parse_condition(&text, &queries);
    let _ = parse_expectation(&text, &queries);
}

/// A journal: what it owes, its outcome, and every report of that.
fn journal(bytes: &[u8]) {
    let Some(plan) = sample_plan() else { return };
    let Ok(mut reader) = Reader::of_text(bytes.to_vec()) else { return };
    let mut owed = Owed::default();
    let mut analysis = Analysis::new(&plan);
    for event in reader.by_ref() {
        let Ok(event) = event else { return };
        owed.push(&event);
        analysis.push(&event);
    }
    drop((owed.since(), owed.undos.last_first()));
    let outcome = analysis.outcome();
    let extras = report::Extras::default();
    drop((report::json::render(&outcome), html::render(&outcome, &extras), junit::render(&outcome, None), markdown::render(&outcome)));
    let _ = terminal::summary(&outcome, None, &Look::default());
}

/// The plan of the sample run.
fn sample_plan() -> Option<plan::Plan> {
    serde_json::from_str(include_str!("../../reports/sample/plan.json")).ok()
}
