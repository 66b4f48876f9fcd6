#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::analysis::capacity::{CapacityAsked, KeyChoice, Probe, Purpose, RecoveryProbe};
use crate::analysis::{Hold, Sustained};
use crate::report::html::tests::drawn;
use crate::report::sheet;
use crate::report::terminal::Look;

fn probe(purpose: Purpose, rate: f64, sustained: Sustained) -> Probe {
    let hold = Hold {
        seconds: 60.0,
        offered: rate,
        input: Some(rate),
        served: Some(rate.min(990.0)),
        slope: Some((0.2, -0.8, 1.1)),
        lag: Some(rate * 1.4),
        latency: Some((1.2, 2.3 + rate / 1000.0)),
        checkpoints: 30,
        failed_checkpoints: 0,
        longest_checkpoint: Some(0.31),
        restarts: 0,
        slip: Some(0.001),
        busiest: Some(("defect".to_owned(), (rate / 990.0).min(1.0))),
        subtask_skew: Some(1.02),
    };
    Probe { at: 60.0, purpose, rate, hold, sustained, recovery: None }
}

fn fault(rate: f64) -> Probe {
    let load = rate / 990.0;
    let time = 6.0 + 7.2 * load / (1.0 - load) + 0.8;
    let recovery = RecoveryProbe {
        time: Some((time, 0.4)),
        watched: None,
        met: Some(time < 30.0),
        how: format!("recovered in {}", display::seconds(time)),
        resumed: Some(6.0),
        checkpoint_age: Some(1.2),
        catch_up: Some(990.0 - rate),
        detection: Some(2.1),
    };
    Probe { recovery: Some(recovery), ..probe(Purpose::Recover, rate, Sustained::Yes) }
}

/// Two parallelisms, with a fault at the larger one.
pub(in crate::report) fn sample() -> Capacity {
    let no = |why: &str| Sustained::No(vec![why.to_owned()]);
    let mut two = Leg::new(Some(2), KeyChoice::Scenario);
    two.runs = vec!["20261121-171500-a1b2".to_owned()];
    two.saturated = Some(991.0);
    two.probes = vec![
        probe(Purpose::Grow, 500.0, Sustained::Yes),
        probe(Purpose::Grow, 1300.0, no("output lag rose to 9.1 k records within 12 s")),
        probe(Purpose::Narrow, 961.0, Sustained::Yes),
        probe(Purpose::Narrow, 1009.0, no("output lag grew by 18.9 records/s (at least 17.0); defect is 100 % busy")),
        probe(Purpose::Confirm, 961.0, Sustained::Yes),
        fault(480.0),
        fault(720.0),
        fault(760.0),
        fault(650.0),
    ];
    two.done = true;
    let mut one = Leg::new(Some(1), KeyChoice::Scenario);
    one.probes = vec![probe(Purpose::Narrow, 484.0, Sustained::Yes), probe(Purpose::Narrow, 505.0, no("output lag grew by 6.0 records/s"))];
    one.done = true;
    Capacity {
        schema: 1,
        id: "capacity-20261121-171459-x9y8".to_owned(),
        asked: CapacityAsked {
            scenario: "orders".to_owned(),
            about: "How much does it carry, and how much of that comes back within half a minute?".to_owned(),
            cluster: "laptop: 1 broker, 2 TaskManagers".to_owned(),
            objective: Some(30.0),
            objective_text: Some("recovery-time < 30s".to_owned()),
            fault: Some("lose-one".to_owned()),
            fault_kind: Some("kill-taskmanager".to_owned()),
            latency: None,
            resolution: 0.05,
            target: Some(5000.0),
            offered: 500.0,
            interval: 2.0,
            slots: Some(2),
            taskmanagers: Some(2),
            cores: Some(2),
            partitions: Some(4),
            hottest_key: Some(0.001),
            seed: 42,
        },
        legs: vec![two, one],
        took: 840.0,
        config: BTreeMap::new(),
        ended: None,
    }
}

#[test]
fn the_first_screen_says_it_in_two_numbers() {
    let sheet = sheet(&sample(), Verdict::Met);
    assert_eq!(
        sheet.sentence,
        "This job carries 961 records/s at parallelism 2 without falling behind. Up to 720 records/s it is also back to normal within 30.0 s after losing a \
         TaskManager. The 500 records/s of the scenario leave 44.0 % of headroom."
    );
    assert_eq!(sheet.detail, "sustained 961 /s to 1.01 k/s; with recovery-time < 30s 720 /s to 760 /s");
    assert_eq!(sheet.key[3], ("for 5.00 k/s".to_owned(), "parallelism 14, 7 TaskManagers".to_owned(), "extrapolated".to_owned()));
}

/// With `SQUALL_REPORT_SAMPLE=folder` the page is left there to be looked at.
#[test]
fn every_format_is_whole() {
    let capacity = sample();
    let sheet = sheet(&capacity, Verdict::Met);
    let html = sheet::html(&sheet).unwrap();
    assert!(!drawn(&html).contains("NaN") && !drawn(&html).contains("inf") && html.contains("How long it takes to be back after lose-one"));
    if let Some(folder) = std::env::var_os("SQUALL_REPORT_SAMPLE") {
        std::fs::write(std::path::Path::new(&folder).join("capacity.html"), &html).unwrap();
    }
    for columns in [60, 100] {
        let text = anstream::adapter::strip_str(&sheet::terminal(&sheet, None, &Look { columns, ascii: true })).to_string();
        for line in text.lines().filter(|line| !line.starts_with("found: ")) {
            assert!(line.len() <= columns, "{line}");
        }
    }
    assert!(sheet::markdown(&sheet).contains("λ&#42;"));
    assert!(sheet::junit(&sheet).unwrap().contains("capacity as a whole"));
    let json: serde_json::Value = serde_json::from_str(&json(&capacity, Verdict::Met).unwrap()).unwrap();
    assert_eq!(json["legs"][0]["sustainable"]["pass_records_per_second"], 961.0);
    assert_eq!(json["legs"][0]["probes"].as_array().unwrap().len(), 9);
    let residual = json["legs"][0]["model"]["predictions"][0]["residual_ratio"].as_f64().unwrap();
    assert!(residual.abs() < 0.05, "{residual}");
}

#[test]
fn what_was_not_found_is_said() {
    let mut capacity = sample();
    capacity.legs[0].probes.truncate(2);
    capacity.legs[0].done = false;
    capacity.legs[0].ended = Some("the time was used up".to_owned());
    let sheet = sheet(&capacity, Verdict::Met);
    assert_eq!((sheet.word.as_str(), sheet.status), ("not found", Status::NoData));
    assert_eq!(sheet.sentence, "It could not be found how much this job carries.");
}
