//! Restarts in simulated runs, and what explains them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::synthetic::{Pipeline, ms, stamp};
use super::tests::{agrees, exception, expectation, fold, insert, metric, outcome_of};
use super::*;
use crate::journal::{EventKind, SubtaskTimes};
use crate::metric::Metric;
use crate::scenario::{Bound, Comparison, Subject};

#[test]
fn one_kill_may_be_many_restarts() {
    let outcome = outcome_of(&Pipeline { failures: 3, down: 8000, ..Pipeline::default() }, vec![]);
    assert_eq!((outcome.faults[0].restarts, outcome.restarts.len()), (3, 3));
    agrees(&outcome.faults[0].timeline.t2_departed_running, 47_100);
    agrees(&outcome.faults[0].timeline.t4_all_running, 53_000);
    let finding = outcome.findings.iter().find(|finding| finding.title.contains("3 restarts")).unwrap();
    assert!(finding.evidence.contains("heartbeat.interval"));
}

#[test]
fn a_failover_without_exceptions_is_a_restart() {
    let pipeline = Pipeline { kills: Vec::new(), ..Pipeline::default() };
    let mut events = pipeline.journal();
    for (at, index) in [(-2000, 0), (-1900, 1), (70_000, 0), (70_050, 1)] {
        let entered = [("DEPLOYING".to_owned(), stamp(at)), ("RUNNING".to_owned(), stamp(at + 400))].into();
        let times = SubtaskTimes { vertex: "v".into(), index, attempt: 0, state: "RUNNING".into(), taskmanager: None, entered };
        insert(&mut events, at + 900, EventKind::SubtaskTimes(times));
    }
    let outcome = fold(&pipeline, vec![], &events).outcome();
    assert_eq!(outcome.restarts.len(), 1, "{:?}", outcome.restarts);
    assert!(outcome.restarts[0].explained_by.is_none());
}

#[test]
fn restarts_of_the_jobs_own_are_unexplained() {
    let pipeline = Pipeline { kills: Vec::new(), ..Pipeline::default() };
    let mut events = pipeline.journal();
    insert(&mut events, 70_200, exception(70_000, "RuntimeException: planted", None));
    let unexplained = expectation(metric(Metric::UnexplainedRestarts, None), Comparison::Equal, Bound::Value(0.0));
    let outcome = fold(&pipeline, vec![unexplained], &events).outcome();
    assert_eq!(outcome.expectations[0].status, Status::Failed);
    assert!(outcome.findings.iter().any(|finding| finding.title.contains("no fault of squall's explains")));
}

#[test]
fn what_the_jobs_own_code_throws_is_unexplained_even_while_a_fault_is_recovered_from() {
    let pipeline = Pipeline::default();
    let mut events = pipeline.journal();
    insert(&mut events, 48_000, exception(47_900, "IllegalStateException: planted", Some("dev.acme.Enrich.flatMap")));
    insert(&mut events, 48_100, exception(48_000, "JobMasterException: gone", Some("org.apache.flink.runtime.A.b")));
    let restarts = fold(&pipeline, vec![], &events).outcome().restarts;
    let foreign: Vec<&str> =
        restarts.iter().filter(|restart| restart.explained_by.is_none()).map(|restart| restart.cause.as_str()).collect();
    assert_eq!(foreign, ["x.Y, caused by IllegalStateException: planted"], "{restarts:?}");
    assert_eq!(restarts.len(), 3);
}

#[test]
fn a_job_that_ended_is_said_to_have() {
    let pipeline = Pipeline { down: 80_000, ..Pipeline::default() };
    let mut events = pipeline.journal();
    insert(&mut events, 50_000, EventKind::JobState { state: "FAILED".into(), since: Some(stamp(49_900)), poll_gap: ms(200) });
    let outcome = fold(&pipeline, vec![expectation(Subject::Job, Comparison::Equal, Bound::Word("RUNNING".into()))], &events).outcome();
    assert_eq!(outcome.expectations[0].status, Status::Failed);
    assert!(matches!(outcome.faults[0].recovery, Recovery::NotRecovered { .. }), "{:?}", outcome.faults[0].recovery);
    assert!(outcome.sentence.contains("the job ended FAILED"), "{}", outcome.sentence);
    assert_eq!(outcome.findings[0].title, "the job ended FAILED");
}
