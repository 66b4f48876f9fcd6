//! The fold over simulated runs with known answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::synthetic::{Pipeline, lose_one, ms, restored, stamp};
use super::*;
use crate::journal::{Event, EventKind, UndoId};
use crate::metric::Metric;
use crate::scenario::{Aggregate, Bound, Comparison, Expectation, Subject, Window};

pub(super) fn expectation(subject: Subject, comparison: Comparison, bound: Bound) -> Expectation {
    Expectation { text: format!("{subject:?}"), line: 1, subject, comparison, bound }
}

pub(super) fn metric(metric: Metric, window: Option<Window>) -> Subject {
    Subject::Metric { metric, aggregate: None, window, over: None }
}

pub(super) fn recovery_below(seconds: f64) -> Expectation {
    expectation(metric(Metric::RecoveryTime, Some(Window::Of("lose-one".into()))), Comparison::Less, Bound::Value(seconds))
}

pub(super) fn fold(pipeline: &Pipeline, expectations: Vec<Expectation>, events: &[Event]) -> Analysis {
    let mut analysis = Analysis::of(pipeline.asked(expectations));
    for event in events {
        analysis.push(event);
    }
    analysis
}

pub(super) fn outcome_of(pipeline: &Pipeline, expectations: Vec<Expectation>) -> Outcome {
    fold(pipeline, expectations, &pipeline.journal()).outcome()
}

pub(super) fn seen(moment: &Moment) -> (f64, f64) {
    match moment {
        Moment::Seen { at, error, .. } => (*at, *error),
        Moment::NotSeen { reason } => panic!("not seen: {reason}"),
    }
}

#[track_caller]
pub(super) fn agrees(moment: &Moment, truth_ms: i64) {
    let (at, error) = seen(moment);
    assert!((at - truth_ms as f64 / 1e3).abs() <= error + 0.011, "{at} ± {error} s, in truth {truth_ms} ms");
}

#[test]
fn the_demo_has_a_baseline_and_every_moment() {
    let pipeline = Pipeline::default();
    let truth = pipeline.truth();
    let outcome = outcome_of(&pipeline, vec![recovery_below(60.0), recovery_below(5.0)]);
    let fault = &outcome.faults[0];
    let timeline = &fault.timeline;
    agrees(&timeline.t0_effective, 45_000);
    agrees(&timeline.t1_last_output, 44_020);
    agrees(&timeline.t2_departed_running, 47_100);
    agrees(&timeline.t3_slots_back, 50_300);
    agrees(&timeline.t4_all_running, 50_600);
    let first = truth.commits.iter().find(|(at, _)| *at > 45_000).unwrap().0;
    agrees(&timeline.t5_first_output, first);
    agrees(&timeline.t6_first_new_output, first);
    agrees(&timeline.t7_first_checkpoint, first - 10);
    // Samples every 250 ms see tips of 3500 instead of 4000.
    let band = 1.1 * 3500.0 + 500.0;
    agrees(&timeline.t8_lag_back, truth.back(47_000, band, 5000).unwrap());
    seen(&timeline.t9_latency_back);

    let Recovery::Recovered { time } = fault.recovery else { panic!("{:?}", fault.recovery) };
    let tiled: f64 = fault.phases.iter().map(|phase| phase.to - phase.from).sum();
    assert!((tiled - time.value).abs() < 1e-6, "{tiled} {time:?}");
    assert_eq!(fault.phases.first().map(|phase| phase.name.as_str()), Some("detection"));
    assert!(fault.phases.windows(2).all(|pair| pair[0].to == pair[1].from));

    let outage = fault.outage.unwrap();
    let gap = (first - 44_020) as f64 / 1e3 - 1.98;
    assert!((outage.value - gap).abs() <= outage.error.unwrap() + 0.03, "{outage:?} {gap}");
    assert_eq!(fault.restarts, 1);
    assert!(outcome.restarts.iter().all(|restart| restart.explained_by == Some(lose_one(0))));
    assert!((fault.checkpoint_age.unwrap() - 1.1).abs() < 0.01, "{:?}", fault.checkpoint_age);
    assert_eq!([outcome.expectations[0].status, outcome.expectations[1].status], [Status::Met, Status::Failed]);
    assert_eq!((outcome.verdict, outcome.verdict.exit_code()), (Verdict::Failed, 99));
    let names: Vec<&str> = outcome.windows.iter().map(|window| window.name.as_str()).collect();
    assert_eq!(names, ["baseline", "lose-one", "recovery of lose-one", "after lose-one"]);
    assert!((outcome.windows[0].output_per_second.unwrap() - 2000.0).abs() < 120.0);
    assert!(outcome.windows[1].output_per_second.unwrap() < 1.0);
    assert!(outcome.sentence.starts_with("Lost a TaskManager at 2,000 records/s; output stopped for "), "{}", outcome.sentence);
    assert!(outcome.sentence.ends_with("no record lost or written twice."), "{}", outcome.sentence);
}

#[test]
fn the_live_answers_agree_with_the_outcome() {
    let pipeline = Pipeline::default();
    let analysis = fold(&pipeline, vec![], &pipeline.journal());
    let outcome = analysis.outcome();
    let Recovery::Recovered { time } = outcome.faults[0].recovery else { panic!() };
    let live = analysis.seconds(analysis.recovered("lose-one").unwrap().0);
    assert!((live - 45.0 - time.value).abs() < 1e-6);
    assert_eq!(analysis.recovered("other"), None);
    let happenings = analysis.happenings_since(0);
    let words: Vec<&str> = happenings.iter().map(|(_, word, _)| word.as_str()).collect();
    for word in ["baseline", "fault", "acted", "job", "exception", "undo", "recovered", "delivery"] {
        assert!(words.contains(&word), "{word} is not in {words:?}");
    }
    assert_eq!(analysis.latest(Metric::OutputLag, Comparison::Greater).unwrap().1, stamp(120_000));
    assert!(analysis.active_undos().is_empty());
}

pub(super) fn insert(events: &mut Vec<Event>, at: i64, event: EventKind) {
    let index = events.iter().position(|event| event.at > stamp(at)).unwrap();
    events.insert(index, Event { seq: 0, at: stamp(at), event });
}

pub(super) fn exception(at: i64, cause: &str, thrown_in: Option<&str>) -> EventKind {
    EventKind::Exception {
        thrown: stamp(at),
        name: "x.Y".into(),
        task: None,
        taskmanager: None,
        cause: cause.into(),
        thrown_in: thrown_in.map(str::to_owned),
    }
}

#[test]
fn each_occurrence_is_judged_until_the_next() {
    let pipeline = Pipeline { kills: vec![45_000, 53_000, 90_000], down: 4000, ..Pipeline::default() };
    let outcome = outcome_of(&pipeline, vec![recovery_below(60.0), recovery_below(5.0)]);
    let recoveries: Vec<&Recovery> = outcome.faults.iter().map(|fault| &fault.recovery).collect();
    assert!(matches!(recoveries[0], Recovery::Censored { watched, .. } if (*watched - 8.0).abs() < 0.01), "{recoveries:?}");
    assert!(matches!(recoveries[1], Recovery::Recovered { .. }), "{recoveries:?}");
    assert!(matches!(recoveries[2], Recovery::Recovered { .. }), "{recoveries:?}");
    let statuses: Vec<Status> = outcome.expectations.iter().map(|judged| judged.status).collect();
    assert_eq!(statuses, [Status::NoData, Status::Failed]);
    assert_eq!(outcome.restarts.iter().map(|restart| restart.explained_by.as_ref().unwrap().occurrence).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_fault_that_disturbs_nothing_is_ridden_through() {
    let pipeline = Pipeline { down: 0, ..Pipeline::default() };
    let outcome = outcome_of(&pipeline, vec![recovery_below(60.0)]);
    assert_eq!(outcome.faults[0].recovery, Recovery::RodeThrough, "{:?}", outcome.faults[0].disturbed);
    assert_eq!((outcome.expectations[0].status, outcome.expectations[0].observed.as_str()), (Status::Met, "rode through"));
    assert_eq!(outcome.verdict, Verdict::Met);
}

#[test]
fn a_victim_without_work_is_inconclusive() {
    let outcome = outcome_of(&Pipeline { carried_work: false, down: 0, ..Pipeline::default() }, vec![recovery_below(60.0)]);
    assert!(matches!(&outcome.faults[0].recovery, Recovery::Inconclusive { reason } if reason.contains("no work")));
    assert_eq!((outcome.expectations[0].status, outcome.verdict), (Status::NoData, Verdict::Inconclusive));
}

#[test]
fn never_back_by_the_end_is_failed_with_how_far() {
    let pipeline = Pipeline { capacity: 2001.0, ..Pipeline::default() };
    let outcome = outcome_of(&pipeline, vec![recovery_below(200.0)]);
    assert!(
        matches!(&outcome.faults[0].recovery, Recovery::NotRecovered { how_far, .. } if how_far.contains("output lag")),
        "{:?}",
        outcome.faults[0].recovery
    );
    assert_eq!(outcome.expectations[0].status, Status::Failed);
    assert!(outcome.faults[0].phases.is_empty());
}

#[test]
fn a_held_fault_recovers_from_its_removal() {
    let pipeline = Pipeline { kills: Vec::new(), delay: Some((45_000, 75_000, 1500)), ..Pipeline::default() };
    let outcome = outcome_of(&pipeline, vec![recovery_below(30.0)]);
    let fault = &outcome.faults[0];
    let Recovery::Recovered { time } = fault.recovery else { panic!("{:?} {:?}", fault.recovery, fault.disturbed) };
    assert!(time.value < 5.0, "{time:?}");
    assert!((fault.removed.unwrap() - 75.0).abs() < 0.01);
    assert_eq!(fault.phases[0].name, "under the fault");
    assert!(matches!(&fault.timeline.t2_departed_running, Moment::NotSeen { reason } if reason == "no task left RUNNING"));
}

#[test]
fn without_samples_nothing_is_claimed() {
    let pipeline = Pipeline { blind: vec![(45_100, 120_001)], ..Pipeline::default() };
    let outcome = outcome_of(&pipeline, vec![recovery_below(60.0)]);
    assert_ne!(outcome.expectations[0].status, Status::Met);
    let pipeline = Pipeline { blind: vec![(0, 40_000)], ..Pipeline::default() };
    let blind = outcome_of(&pipeline, vec![recovery_below(60.0)]);
    assert!(
        matches!(&blind.faults[0].recovery, Recovery::Inconclusive { reason } if reason.contains("no baseline")),
        "{:?}",
        blind.faults[0].recovery
    );
    assert_eq!(blind.verdict, Verdict::Inconclusive);
}

#[test]
fn output_alone_shows_the_outage() {
    let pipeline = Pipeline { flink_seen: false, ..Pipeline::default() };
    let outcome = outcome_of(&pipeline, vec![recovery_below(60.0)]);
    let fault = &outcome.faults[0];
    assert!(matches!(&fault.timeline.t4_all_running, Moment::NotSeen { reason } if reason == "the job was not looked at"));
    assert!(fault.outage.unwrap().value > 3.0);
    assert_eq!(outcome.expectations[0].status, Status::Met);
}

#[test]
fn a_journal_that_breaks_off_is_interrupted() {
    let pipeline = Pipeline::default();
    let mut events = pipeline.journal();
    events.truncate(events.iter().position(|event| event.at > stamp(46_000)).unwrap());
    let outcome = fold(&pipeline, vec![], &events).outcome();
    assert_eq!(outcome.verdict, Verdict::CleanupIncomplete, "the replacement was not started");
    assert!(outcome.reasons.iter().any(|reason| reason.contains("breaks off")));
    events.push(Event { seq: 99_999, at: stamp(47_000), event: restored(UndoId(0), "tm-c started by the guard") });
    assert_eq!(fold(&pipeline, vec![], &events).outcome().verdict, Verdict::Interrupted);
}

#[test]
fn a_jobmanager_that_is_away_is_unknown() {
    let pipeline = Pipeline { down: 0, ..Pipeline::default() };
    let mut events = pipeline.journal();
    insert(&mut events, 46_000, EventKind::JobState { state: "UNKNOWN".into(), since: None, poll_gap: ms(500) });
    let outcome = fold(&pipeline, vec![recovery_below(60.0)], &events).outcome();
    assert!(matches!(&outcome.faults[0].recovery, Recovery::Inconclusive { .. }), "{:?}", outcome.faults[0].recovery);
}

#[test]
fn percentiles_and_lags_of_windows() {
    let pipeline = Pipeline::default();
    let latency = |window| Subject::Metric {
        metric: Metric::VisibleLatency,
        aggregate: Some(Aggregate::Percentile(99.0)),
        window: Some(window),
        over: None,
    };
    let outcome = outcome_of(
        &pipeline,
        vec![
            expectation(latency(Window::Baseline), Comparison::Less, Bound::Value(2.5)),
            expectation(latency(Window::During("lose-one".into())), Comparison::Less, Bound::Value(2.5)),
            expectation(metric(Metric::OutputLag, Some(Window::Under("lose-one".into()))), Comparison::Less, Bound::Value(100_000.0)),
            expectation(metric(Metric::OutputLag, Some(Window::During("absent".into()))), Comparison::Less, Bound::Value(100_000.0)),
            expectation(metric(Metric::Heap, None), Comparison::Less, Bound::Value(0.9)),
            expectation(Subject::Delivery, Comparison::Equal, Bound::Word("exactly-once".into())),
            expectation(Subject::Job, Comparison::Equal, Bound::Word("RUNNING".into())),
            expectation(metric(Metric::CompletedCheckpoints, None), Comparison::Greater, Bound::Value(40.0)),
        ],
    );
    let statuses: Vec<Status> = outcome.expectations.iter().map(|judged| judged.status).collect();
    use Status::{Failed, Met, NoData};
    assert_eq!(statuses, [Met, Failed, Met, NoData, NoData, Met, Met, Met], "{:#?}", outcome.expectations);
    assert!(outcome.expectations[5].observed.ends_with("0 lost, 0 twice, 0 corrupt"));
}

#[test]
fn three_values() {
    let figure = |value, error| Figure { value, error };
    assert_eq!(compare(figure(10.0, Some(0.5)), Comparison::Less, 11.0), Status::Met);
    assert_eq!(compare(figure(10.0, Some(0.5)), Comparison::Less, 10.2), Status::NoData);
    assert_eq!(compare(figure(10.0, Some(0.5)), Comparison::Less, 9.0), Status::Failed);
    assert_eq!(compare(figure(f64::NAN, None), Comparison::Less, 9.0), Status::NoData);
    assert_eq!(compare(figure(1.0, None), Comparison::Equal, 1.0), Status::Met);
    assert_eq!(compare(figure(1.0, Some(0.1)), Comparison::Equal, 1.0), Status::NoData);
    assert_eq!(in_words(figure(0.2, Some(0.5)), crate::metric::Unit::Seconds), "≤ 700 ms");
}

fn position(topic: &str, metric: Metric, value: f64) -> EventKind {
    EventKind::Sample { metric, of: crate::journal::Of::Partition { topic: topic.into(), partition: 0 }, value }
}

#[test]
fn a_position_that_stands_still_is_no_data_unless_there_is_nothing_to_read() {
    for (end, frozen) in [(500.0, true), (100.0, false)] {
        let pipeline = Pipeline { kills: Vec::new(), ..Pipeline::default() };
        let mut events = pipeline.journal();
        for at in (60_000..100_000).step_by(1000) {
            insert(&mut events, at, position("orders", Metric::LogEnd, if at < 62_000 { 100.0 } else { end }));
            insert(&mut events, at + 10, position("orders", Metric::SourcePosition, 100.0));
        }
        let of = crate::journal::Of::Partition { topic: "orders".into(), partition: 0 };
        insert(&mut events, 81_000, EventKind::Frozen { metric: Metric::SourcePosition, of, since: stamp(60_010) });
        let analysis = fold(&pipeline, vec![], &events);
        assert_eq!(analysis.latest(Metric::SourcePosition, Comparison::Greater).is_none(), frozen, "log end {end}");
        let told = analysis.happenings_since(0).iter().any(|(_, word, _)| word == "frozen");
        assert_eq!(told, frozen);
    }
}

#[test]
fn hints_are_told_and_no_verdict_rests_on_them() {
    let pipeline = Pipeline { kills: Vec::new(), ..Pipeline::default() };
    let mut events = pipeline.journal();
    assert_eq!(fold(&pipeline, vec![], &events).outcome().hints, Vec::<String>::new());
    let hidden = |value| position("enriched", Metric::HiddenByTransactions, value);
    for at in (60_000..80_000).step_by(500) {
        // A transaction that nobody ends: ever more is hidden; before and after, commits come each 2 s.
        let value = if (64_000..76_000).contains(&at) { (at - 60_000) as f64 } else { (at % 2000) as f64 };
        insert(&mut events, at, hidden(value));
    }
    insert(&mut events, 70_000, EventKind::Restored { checkpoint: 3, savepoint: false, at: stamp(69_900) });
    insert(&mut events, 71_000, exception(70_900, "ProducerFencedException: newer producer", None));
    for (at, value) in [(60_000, 0.0), (80_000, 2.0)] {
        insert(&mut events, at, EventKind::Sample { metric: Metric::FailedCommittables, of: crate::journal::Of::Run, value });
    }
    insert(&mut events, 90_000, EventKind::Hint { topic: "transaction".into(), line: "tm-1: Unable to commit transaction".into() });
    let delivery = expectation(Subject::Delivery, Comparison::Equal, Bound::Word("exactly-once".into()));
    let outcome = fold(&pipeline, vec![delivery], &events).outcome();
    let starts = ["restore: at ", "transaction: Flink's sink gave up 2 ", "transaction: from ", "transaction: at ", "transaction: tm-1: "];
    assert_eq!(outcome.hints.len(), starts.len(), "{:#?}", outcome.hints);
    assert!(outcome.hints.iter().zip(starts).all(|(hint, start)| hint.starts_with(start)), "{:#?}", outcome.hints);
    assert_eq!((outcome.expectations[0].status, outcome.verdict), (Status::Met, Verdict::Met));
}

#[test]
fn losses_of_a_window_are_those_that_were_due_in_it() {
    let pipeline = Pipeline::default();
    let mut events = pipeline.journal();
    let tally =
        |second: i64, lost| crate::delivery::SecondTally { second: stamp(second * 1000).0 / 1_000_000_000, lost, ..Default::default() };
    for event in &mut events {
        if let EventKind::Delivery(verdict) = &mut event.event {
            (verdict.lost, verdict.seconds) = (5, vec![tally(20, 2), tally(46, 3)]);
        }
    }
    let lost = |window, bound| expectation(metric(Metric::Lost, window), Comparison::Equal, Bound::Value(bound));
    let during = || Some(Window::During("lose-one".into()));
    let outcome = fold(&pipeline, vec![lost(None, 5.0), lost(during(), 3.0), lost(Some(Window::Baseline), 2.0)], &events).outcome();
    assert!(outcome.expectations.iter().all(|judged| judged.status == Status::Met), "{:#?}", outcome.expectations);
}

#[test]
fn a_fault_before_the_first_checkpoint_says_that_the_job_began_anew() {
    let pipeline = Pipeline::default();
    let mut events = pipeline.journal();
    let early = |event: &Event| matches!(&event.event, EventKind::Checkpoint(record) if record.triggered <= stamp(45_000));
    events.retain(|event| !early(event));
    let outcome = fold(&pipeline, vec![], &events).outcome();
    assert!(outcome.faults[0].notes.iter().any(|note| note.contains("start offsets")), "{:?}", outcome.faults[0].notes);
    let usual = outcome_of(&pipeline, vec![]);
    assert!(!usual.faults[0].notes.iter().any(|note| note.contains("start offsets")), "{:?}", usual.faults[0].notes);
}

#[test]
fn a_counter_that_starts_again_with_its_process_loses_nothing() {
    let pipeline = Pipeline::default();
    let mut events = pipeline.journal();
    // A JobManager that took over counts from 0 again.
    for (at, value) in [(10_000, 40.0), (20_000, 50.0), (30_000, 3.0), (40_000, 9.0)] {
        insert(&mut events, at, EventKind::Sample { metric: Metric::SendFailed, of: crate::journal::Of::Run, value });
    }
    let failed = expectation(metric(Metric::SendFailed, None), Comparison::Equal, Bound::Value(19.0));
    let outcome = fold(&pipeline, vec![failed], &events).outcome();
    assert_eq!(outcome.expectations[0].status, Status::Met, "{:?}", outcome.expectations[0]);
}
