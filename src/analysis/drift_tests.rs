//! Drifts of simulated soaks with known answers.

#![allow(clippy::unwrap_used)]
use super::Analysis;
use super::drift::{Drift, Trend};
use super::drift_series::NO_DRIFT;
use super::outcome::{Outcome, Status, Verdict};
use super::synthetic::Pipeline;
use crate::clock::Timestamp;
use crate::journal::{CheckpointRecord, Event, EventKind, Of};
use crate::metric::Metric;

const SECOND: i64 = 1_000_000_000;
const MIB: f64 = 1_048_576.0;

/// Minutes since the last start of the job.
fn since(minute: f64) -> f64 {
    if minute < 10.0 { minute } else { minute - 10.0 }
}

/// Twenty minutes with a kill at minute ten; `heap` gives each TaskManager's at a minute.
fn soak(heap: fn(&str, f64) -> f64, state_per_minute: f64, frozen_from: f64) -> Outcome {
    let minutes = 20;
    let pipeline = Pipeline { end: minutes * 60_000, kills: vec![600_000], sample_every: 1000, ..Pipeline::default() };
    let mut asked = pipeline.asked(Vec::new());
    asked.soak = true;
    let mut events = pipeline.journal();
    let zero = events
        .iter()
        .find_map(|event| if let EventKind::TrafficStarted { start, .. } = &event.event { Some(start.0) } else { None })
        .unwrap();
    for second in (5..minutes * 60).step_by(5) {
        let at = Timestamp(zero + second * SECOND);
        let minute = second as f64 / 60.0;
        let seen = if minute > frozen_from { frozen_from } else { minute };
        let noise = ((second as f64 * 0.618_033_988_75).fract() - 0.5) * if minute > frozen_from { 0.0 } else { MIB };
        let mut sample = |metric, of: &str, value| {
            let of = if of.is_empty() { Of::Run } else { Of::Node(of.to_owned()) };
            events.push(Event { seq: 0, at, event: EventKind::Sample { metric, of, value } });
        };
        for (node, other) in [("tm-1", "tm-1"), ("tm-2", "tm-3")] {
            let node = if minute < 10.0 { node } else { other };
            let used = heap(node, seen) + noise;
            sample(Metric::HeapAfterCollection, node, used);
            sample(Metric::HeapUsed, node, used + 20.0 * MIB);
            sample(Metric::Heap, node, (used + 20.0 * MIB) / (256.0 * MIB));
            sample(Metric::Threads, node, 60.0);
        }
    }
    for event in &mut events {
        if let EventKind::Checkpoint(CheckpointRecord { triggered, state_bytes, .. }) = &mut event.event {
            *state_bytes = (1e6 + state_per_minute * (triggered.0 - zero) as f64 / 60e9) as u64;
        }
    }
    events.sort_by_key(|event| event.at);
    let mut analysis = Analysis::of(asked);
    events.iter().for_each(|event| analysis.push(event));
    analysis.outcome()
}

fn of<'a>(outcome: &'a Outcome, what: &str) -> &'a Drift {
    outcome.drifts.iter().find(|drift| drift.what == what).unwrap()
}

const HEAP: &str = "heap of the TaskManagers";

#[test]
fn a_leak_is_found_though_a_restart_empties_the_heap() {
    let outcome = soak(|_, minute| MIB * (60.0 + 1.5 * since(minute)), 0.0, f64::INFINITY);
    let heap = of(&outcome, HEAP);
    assert!(heap.grows(), "{}", heap.sentence());
    let per_minute = heap.per_second.unwrap() * 60.0 / MIB;
    assert!((per_minute - 3.0).abs() < 0.3, "two that leak 1.5 MiB/min each: {}", heap.sentence());
    // Each has 256 MiB and 75 MiB in use at the end.
    let (full, soonest, latest) = heap.full_in.unwrap();
    assert!((full / 60.0 - 181.0 / 1.5).abs() < 12.0, "{}", heap.sentence());
    assert!(soonest <= full && latest.is_some_and(|latest| latest >= full));
    let line = outcome.expectations.last().unwrap();
    assert_eq!((line.text.as_str(), line.status), (NO_DRIFT, Status::Failed));
    assert!(line.observed.contains("heap full in"), "{}", line.observed);
    assert_eq!(of(&outcome, "threads of the TaskManagers").trend, Trend::Steady);
}

#[test]
fn a_heap_that_took_over_the_leak_has_at_least_its_share() {
    // What leaks 3 MiB/min moves from TaskManager to TaskManager, and came to the one with the fullest heap five minutes ago.
    let heap = |node: &str, minute: f64| {
        let leaked = match node {
            "tm-1" => (minute - 15.0).max(0.0),
            "tm-3" => since(minute).min(5.0),
            _ => minute,
        };
        MIB * (60.0 + 3.0 * leaked)
    };
    let outcome = soak(heap, 0.0, f64::INFINITY);
    let heap = of(&outcome, HEAP);
    // 256 MiB, 75 in use: at the whole slope an hour, at half of it two.
    let (full, ..) = heap.full_in.unwrap();
    assert!(full / 60.0 > 55.0 && full / 60.0 < 125.0, "{}", heap.sentence());
}

#[test]
fn state_that_grows_is_told_from_a_steady_heap() {
    let outcome = soak(|_, _| MIB * 60.0, 600_000.0, f64::INFINITY);
    assert_eq!(of(&outcome, HEAP).trend, Trend::Steady, "{}", of(&outcome, HEAP).sentence());
    let state = of(&outcome, "state");
    assert!((state.per_second.unwrap() * 60.0 - 600_000.0).abs() < 10_000.0, "{}", state.sentence());
    assert!(state.grows());
}

#[test]
fn a_clean_run_has_no_drift_and_says_what_would_have_shown() {
    let outcome = soak(|_, _| MIB * 60.0, 0.0, f64::INFINITY);
    for drift in &outcome.drifts {
        assert!(!drift.grows(), "{} {}", drift.what, drift.sentence());
    }
    assert_eq!(outcome.expectations.last().unwrap().status, Status::Met);
    let smallest = of(&outcome, HEAP).detectable.unwrap() * 60.0 / MIB;
    assert!(smallest > 0.0 && smallest < 1.0, "{smallest}");
    assert_ne!(outcome.verdict, Verdict::Failed);
}

#[test]
fn a_heap_that_stands_still_is_no_data() {
    let outcome = soak(|_, minute| MIB * (60.0 + 1.5 * since(minute)), 0.0, 14.0);
    let heap = of(&outcome, HEAP);
    assert!(matches!(&heap.trend, Trend::NoData(reason) if reason.contains("stands still")), "{}", heap.sentence());
}

#[test]
fn a_run_that_is_no_soak_has_no_drifts() {
    let pipeline = Pipeline::default();
    let mut analysis = Analysis::of(pipeline.asked(Vec::new()));
    pipeline.journal().iter().for_each(|event| analysis.push(event));
    let outcome = analysis.outcome();
    assert!(outcome.drifts.is_empty() && outcome.expectations.iter().all(|line| line.text != NO_DRIFT));
}
