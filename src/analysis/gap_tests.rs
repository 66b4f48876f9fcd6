//! Simulated runs whose squall died and was resumed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::synthetic::{Pipeline, lose_one, ms, stamp};
use super::*;
use crate::journal::{Event, EventKind};
use crate::metric::Metric;
use crate::scenario::{Bound, Comparison, Expectation, Subject, Window};

/// The journal of a pipeline, whose squall was dead from `from` to `to` milliseconds.
fn with_a_gap(pipeline: &Pipeline, from: i64, to: i64) -> Vec<Event> {
    let mut events = pipeline.journal();
    events.retain(|event| event.at <= stamp(from) || event.at > stamp(to));
    let place = events.partition_point(|event| event.at <= stamp(from));
    let at = |at: i64, event| Event { seq: 0, at: stamp(at), event };
    events.splice(
        place..place,
        [
            at(to - 2000, EventKind::Resumed { squall: "0".into(), engine: (2, 2), since: stamp(from) }),
            // Another squall, which asks Flink for the first time.
            at(to - 1900, EventKind::JobState { state: "RUNNING".into(), since: Some(stamp(-2500)), poll_gap: ms(200) }),
            at(to, EventKind::TrafficResumed { start: stamp(to), unsent: 7 }),
        ],
    );
    for (seq, event) in (0..).zip(&mut events) {
        event.seq = seq;
    }
    events
}

fn below(metric: Metric, window: Option<Window>, bound: f64) -> Expectation {
    let subject = Subject::Metric { metric, aggregate: None, window, over: None };
    Expectation { text: metric.to_string(), line: 1, subject, comparison: Comparison::Less, bound: Bound::Value(bound) }
}

fn outcome_of(pipeline: &Pipeline, expectations: Vec<Expectation>, events: &[Event]) -> Outcome {
    let mut analysis = Analysis::of(pipeline.asked(expectations));
    events.iter().for_each(|event| analysis.push(event));
    analysis.outcome()
}

fn under(name: &str) -> Option<Window> {
    Some(Window::Under(name.to_owned()))
}

#[test]
fn a_gap_beside_a_fault_changes_nothing_of_it_and_is_told() {
    let pipeline = Pipeline { end: 150_000, ..Pipeline::default() };
    let asked = || {
        vec![
            below(Metric::RecoveryTime, Some(Window::Of("lose-one".to_owned())), 60.0),
            below(Metric::OutputLag, None, 1e6),
            below(Metric::UnexplainedRestarts, None, 0.5),
        ]
    };
    let whole = outcome_of(&pipeline, asked(), &pipeline.journal());
    let gapped = outcome_of(&pipeline, asked(), &with_a_gap(&pipeline, 90_000, 101_000));
    assert_eq!(whole.faults[0].recovery, gapped.faults[0].recovery);
    assert_eq!(gapped.gaps, [Gap { from: 90.0, to: 101.0, unsent: 7, skipped: Vec::new() }]);
    let statuses: Vec<Status> = gapped.expectations.iter().map(|expectation| expectation.status).collect();
    assert_eq!(statuses, [Status::Met; 3], "{:?}", gapped.expectations);
    assert!(gapped.expectations[1].observed.ends_with("a gap of 11.0 s is left out"), "{}", gapped.expectations[1].observed);
    assert!(gapped.verdict == Verdict::Met && whole.gaps.is_empty(), "{:?}", gapped.reasons);
    // What Flink tells once more has happened once.
    assert_eq!((gapped.restarts.len(), gapped.states.len()), (whole.restarts.len(), whole.states.len()));
    assert!(gapped.sentence.contains("squall was dead for 11.0 s"), "{}", gapped.sentence);
    let after = gapped.windows.iter().find(|window| window.name == "after lose-one").unwrap();
    assert_eq!(after.to, 90.0);
    let output = gapped.series.iter().find(|series| series.metric == Metric::Output).unwrap();
    assert!(output.points.iter().all(|(at, value)| value.is_nan() || !(91.0..100.0).contains(at)), "nothing is known of a gap, not zero");
}

#[test]
fn a_fault_that_was_not_over_when_squall_died_is_no_data() {
    let pipeline = Pipeline::default();
    let asked = vec![
        below(Metric::RecoveryTime, None, 60.0),
        below(Metric::OutputLag, under("lose-one"), 1e6),
        below(Metric::OutputLag, under("lose-one"), 1.0),
        below(Metric::UnexplainedRestarts, None, 0.5),
    ];
    // Flink notices in the gap; its stamps tell afterwards.
    let mut events = with_a_gap(&pipeline, 46_000, 80_000);
    let thrown = pipeline.journal().into_iter().filter(|event| matches!(event.event, EventKind::Exception { .. }));
    let place = events.iter().position(|event| matches!(event.event, EventKind::TrafficResumed { .. })).unwrap();
    events.splice(place..place, thrown.map(|event| Event { at: stamp(79_000), ..event }));
    let outcome = outcome_of(&pipeline, asked, &events);
    let Recovery::Censored { by, .. } = &outcome.faults[0].recovery else { panic!("{:?}", outcome.faults[0].recovery) };
    assert_eq!(by, "the gap in which squall was dead");
    let found: Vec<(Status, &str)> =
        outcome.expectations.iter().map(|expectation| (expectation.status, expectation.observed.as_str())).collect();
    assert_eq!(found[0].0, Status::NoData);
    assert!(found[0].1.contains("then the gap in which squall was dead began"), "{found:?}");
    assert_eq!(found[1].0, Status::NoData);
    assert!(found[1].1.ends_with("the gap in which squall was dead began in this window"), "{found:?}");
    // What was seen before it is enough to fail, and what the fault caused in it is explained.
    assert_eq!((found[2].0, found[3].0), (Status::Failed, Status::Met), "{found:?} {:?}", outcome.restarts);
}

#[test]
fn a_fault_behind_a_gap_has_a_baseline() {
    for (to, from) in [(61_000, 61.0 + 4.0), (90_000, 4.0)] {
        let pipeline = Pipeline { kills: vec![110_000], end: 160_000, ..Pipeline::default() };
        let outcome = outcome_of(&pipeline, vec![], &with_a_gap(&pipeline, 50_000, to));
        assert!(matches!(outcome.faults[0].recovery, Recovery::Recovered { .. }), "{:?}", outcome.faults[0].recovery);
        // Behind the gap where that is long enough, else before it.
        let baseline = outcome.windows.iter().find(|window| window.name == "baseline").unwrap();
        assert!((baseline.from - from).abs() < 1e-6 && (baseline.to <= 50.0) == (from < 50.0), "{baseline:?}");
    }
}

#[test]
fn a_fault_whose_moment_lay_in_a_gap_is_spared_where_another_occurrence_acted() {
    let pipeline = Pipeline { end: 150_000, ..Pipeline::default() };
    let asked = || vec![below(Metric::RecoveryTime, Some(Window::Of("lose-one".to_owned())), 60.0)];
    let skipped = |occurrence| {
        let mut events = with_a_gap(&pipeline, 90_000, 101_000);
        let place = events.iter().position(|event| matches!(event.event, EventKind::TrafficResumed { .. })).unwrap() + 1;
        let fault = || lose_one(occurrence);
        let due = EventKind::FaultDue { fault: fault(), planned: stamp(95_000) };
        let missed = EventKind::FaultNotAimed { fault: fault(), reason: "skipped".into() };
        events.splice(place..place, [due, missed].map(|event| Event { seq: 0, at: stamp(101_000), event }));
        events
    };
    let spared = outcome_of(&pipeline, asked(), &skipped(1));
    assert_eq!((spared.verdict, spared.expectations[0].status), (Verdict::Met, Status::Met), "{:?}", spared.reasons);
    assert_eq!(spared.gaps[0].skipped, [lose_one(1)]);

    // Nothing else acted.
    let mut events = skipped(0);
    events.retain(|event| {
        !matches!(event.event, EventKind::FaultAimed { .. } | EventKind::ActionPerformed { .. } | EventKind::Witnessed { .. })
    });
    let alone = outcome_of(&pipeline, asked(), &events);
    assert_eq!((alone.verdict, alone.expectations[0].status), (Verdict::Inconclusive, Status::NoData), "{:?}", alone.reasons);
}

#[test]
fn a_squall_that_dies_before_traffic_flows_again_is_in_the_same_gap() {
    let pipeline = Pipeline { end: 150_000, ..Pipeline::default() };
    let mut events = with_a_gap(&pipeline, 90_000, 101_000);
    let place = events.iter().position(|event| matches!(event.event, EventKind::Resumed { .. })).unwrap();
    let first = EventKind::Resumed { squall: "0".into(), engine: (3, 3), since: stamp(90_000) };
    events.insert(place, Event { seq: 0, at: stamp(93_000), event: first });
    let outcome = outcome_of(&pipeline, vec![], &events);
    assert_eq!(outcome.gaps.len(), 1, "{:?}", outcome.gaps);
    let mut unfinished = with_a_gap(&pipeline, 90_000, 101_000);
    unfinished.truncate(place);
    unfinished.push(Event { seq: 0, at: stamp(90_001), event: EventKind::Resumable { base: "/s".into() } });
    let broken = outcome_of(&pipeline, vec![], &unfinished);
    assert!(broken.reasons[0].ends_with("`squall resume` carries the run on"), "{:?}", broken.reasons);
}

#[test]
fn counters_of_another_squall_never_fall() {
    let pipeline = Pipeline { end: 150_000, ..Pipeline::default() };
    let mut events = with_a_gap(&pipeline, 90_000, 101_000);
    let place = events.iter().position(|event| matches!(event.event, EventKind::TrafficResumed { .. })).unwrap();
    let fallen = EventKind::Sample { metric: Metric::Acknowledged, of: crate::journal::Of::Stream("orders".into()), value: 170_000.0 };
    events.insert(place, Event { seq: 0, at: stamp(101_000), event: fallen });
    let asked = vec![below(Metric::Acknowledged, None, 300_001.0)];
    let outcome = outcome_of(&pipeline, asked, &events);
    assert_eq!(outcome.expectations[0].status, Status::Met, "{}", outcome.expectations[0].observed);
}
