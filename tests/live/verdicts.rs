//! The exit codes of runs that come to their end, and of those that `abort-when` ends. The others: 1 and 130 in `ways_out`, 6 in
//! `refusals`, 2 and 5 in the command-line tests.

use squall::journal::{EventKind, RunFolder};

use super::canary;
use super::shared::{assert_healed, attached, cluster_file, events, json, run, shared, squall_in, text};

/// Runs on the canary's job for a few seconds; the code, what was said, and the report.
fn verdict(name: &str, timeline: &str, more: &str) -> (Option<i32>, String, serde_json::Value) {
    let shared = shared();
    canary::ensure(shared);
    let duration = if more.contains("duration:") { "" } else { "duration: 6s\n" };
    let output = run(&attached(&shared.home, name, timeline, &format!("{duration}{more}"))).output().unwrap();
    let report = json(&shared.home.join("reports").join(name).join("latest/report.json"));
    (output.status.code(), text(&output), report)
}

#[test]
fn met_failed_and_inconclusive() {
    // A machine that is too busy for its schedule gives no verdict; one of a few is met.
    let met = (0..3).map(|_| verdict("met", "", "expect: [ job == RUNNING, failed-checkpoints <= 1000 ]\n"));
    let codes: Vec<_> = met.map(|(code, ..)| code).take_while(|code| *code != Some(0)).collect();
    assert!(codes.len() < 3, "{codes:?}");

    let (code, said, report) = verdict("failed", "", "expect: [ mean(input) > 100k/s ]\n");
    assert_eq!((code, report["verdict"].as_str()), (Some(99), Some("failed")), "{said}");

    let nobody = "{ at: 1s, name: it, inject: { kill-taskmanager: { id: nobody } } }";
    let (code, said, report) = verdict("inconclusive", nobody, "");
    assert_eq!((code, report["verdict"].as_str()), (Some(4), Some("inconclusive")), "{said}");
    assert!(report["reasons"][0].as_str().unwrap().contains("it did not act"), "{report}");
    assert_healed(shared());
}

#[test]
fn a_cluster_that_is_not_the_one_described_is_not_ready() {
    let shared = shared();
    let other = shared.home.join("other-cluster.yaml");
    std::fs::write(&other, std::fs::read_to_string(cluster_file()).unwrap().replace("taskmanagers: 2", "taskmanagers: 3")).unwrap();
    let mut command = squall_in(&shared.home);
    let output = command.arg("run").arg(attached(&shared.home, "other", "", "")).arg("--on").arg(other).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(!shared.home.join("reports/other").exists());
}

#[test]
fn an_abort_condition_that_holds_for_its_time_ends_the_run() {
    let shared = shared();
    let held = "{ at: 2s, name: hole, inject: { black-hole-link: { link: sink, for: 50s } } }";
    let (code, said, report) = verdict("abort", held, "duration: 60s\nabort-when: [ \"output-lag > 500 for 2s\" ]\n");
    assert_eq!((code, report["verdict"].as_str()), (Some(98), Some("aborted")), "{said}");
    assert!(report["ending"].as_str().unwrap().starts_with("aborted: output-lag > 500 for 2s: "), "{report}");
    let folder = RunFolder::open(&shared.home.join("reports/abort")).unwrap();
    let events = events(&folder);
    let at = |wanted: fn(&EventKind) -> bool| events.iter().find(|event| wanted(&event.event)).map(|event| event.at);
    let set = at(|event| matches!(event, EventKind::ActionPerformed { .. })).unwrap();
    let aborted = at(|event| matches!(event, EventKind::Abort { .. })).unwrap();
    let restored = at(|event| matches!(event, EventKind::UndoPerformed { restored: true, .. })).unwrap();
    // Two seconds of hold, and long before the fault's own end.
    assert!(aborted.seconds_since(set) > 2.0 && restored > aborted && restored.seconds_since(set) < 45.0);
    assert!(matches!(events.last().unwrap().event, EventKind::RunEnded { clean: true, .. }));
    assert_healed(shared);
}

#[test]
#[ignore = "a minute and a half; ./dev qualify safety"]
fn an_abort_condition_without_data_aborts_unless_the_scenario_says_otherwise() {
    let condition = "abort-when: [ late-dropped > 5 ]\n";
    let (code, said, report) = verdict("blind", "", &format!("duration: 60s\n{condition}"));
    assert_eq!(code, Some(98), "{said}");
    assert!(report["ending"].as_str().unwrap().contains("no data for 30 s"), "{report}");
    let (code, said, report) = verdict("blind-allowed", "", &format!("duration: 34s\non-no-data: continue\n{condition}"));
    assert_eq!(report["ending"], "completed", "{code:?} {said}");
}
