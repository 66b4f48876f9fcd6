//! `kill -9` of a run that can be resumed: the guard undoes the fault and leaves the rest, another squall goes on, and the verdict is on all
//! records, the gaps shown.

use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use squall::journal::{EventKind, RunFolder};

use super::shared::{Going, assert_healed, events, json, processes, run, scenario, shared, squall_in, succeeded, text, wait};

const HELD: &str = "{ at: 5s, name: held, inject: { freeze-taskmanager: { count: 1, for: 60s } } }";

fn resumable(name: &str, timeline: &str, more: &str) -> Going {
    let shared = shared();
    let mut command = run(&scenario(&shared.home, name, timeline, more));
    command.arg("--resumable");
    Going::start(command, &shared.home, name)
}

/// Kills it, and waits for the end of its guard.
fn killed(going: &mut Going, name: &str) {
    going.signal(Signal::SIGKILL);
    going.child.wait().unwrap();
    wait("the guard's end", || processes(&["guard", "--run", &format!("{name}/")]).is_empty().then_some(()));
}

fn status() -> Value {
    let status = succeeded(squall_in(&shared().home).args(["status", "--format", "json"]));
    serde_json::from_slice(&status.stdout).unwrap()
}

fn resume() -> Command {
    let mut command = squall_in(&shared().home);
    command.arg("resume");
    command
}

fn count(folder: &RunFolder, wanted: fn(&EventKind) -> bool) -> usize {
    events(folder).iter().filter(|event| wanted(&event.event)).count()
}

#[test]
fn a_run_that_is_killed_twice_goes_on_and_judges_all_records() {
    let shared = shared();
    let name = "resumed";
    let timeline = format!("{HELD}, {{ at: 12s, name: missed, inject: {{ delay-sink: {{ add: 50ms, for: 2s }} }} }}");
    let mut going = resumable(name, &timeline, "duration: 50s\nexpect: [ delivery == exactly-once ]\n");
    going.until("\"action-performed\"");
    killed(&mut going, name);

    // The fault is undone; job, group and topics stay, and say whose they are.
    let folder = going.folder.clone();
    assert_eq!(count(&folder, |event| matches!(event, EventKind::UndoPerformed { restored: true, .. })), 1);
    assert_eq!(count(&folder, |event| matches!(event, EventKind::Removed { .. } | EventKind::RunEnded { .. })), 0);
    let nodes = shared.runtime.block_on(shared.cluster.view()).unwrap();
    assert!(nodes.iter().all(|node| node.alive && !node.frozen), "{nodes:?}");
    let left = &status()["runs"][0];
    assert!(left["resumable_since_ms"].is_i64() && left["undos"] == Value::Array(Vec::new()), "{left}");
    let kinds: Vec<&str> = left["made"].as_array().unwrap().iter().map(|thing| thing["kind"].as_str().unwrap()).collect();
    assert!(["job", "group", "topic"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    let refused = run(&scenario(&shared.home, "another", "", "")).output().unwrap();
    assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
    assert!(text(&refused).contains("squall resume"), "{}", text(&refused));

    // Until the other fault's moment has passed.
    let started = events(&folder).iter().find_map(|event| match event.event {
        EventKind::TrafficStarted { start, .. } => Some(start),
        _ => None,
    });
    std::thread::sleep(started.unwrap().plus(std::time::Duration::from_secs(13)).remaining());
    let log = std::fs::File::create(shared.home.join("resumed-again.log")).unwrap();
    going.child = resume().stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    going.until("\"traffic-resumed\"");
    std::thread::sleep(std::time::Duration::from_secs(5));
    killed(&mut going, name);

    let output = resume().arg(folder.path()).output().unwrap();
    let report = going.report();
    // The fault that was missed has no other occurrence.
    assert_eq!((output.status.code(), report["verdict"].as_str()), (Some(4), Some("inconclusive")), "{}", text(&output));
    assert!(report["reasons"].to_string().contains("missed: it did not act: skipped"), "{report}");
    assert_eq!(report["expectations"][0]["status"], "met", "{}", text(&output));
    let delivery = &report["delivery"];
    assert_eq!(
        (&delivery["lost"], &delivery["duplicates"], &delivery["input_duplicates"]),
        (&0.into(), &0.into(), &0.into()),
        "{delivery}"
    );
    assert_eq!(delivery["in_input"], delivery["seen"], "{delivery}");
    let gaps = report["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert_eq!(gaps[0]["skipped"], serde_json::json!(["missed"]), "{gaps:?}");
    // 200 records a second: what is not in the gaps was sent.
    let unsent: u64 = gaps.iter().map(|gap| gap["unsent_records"].as_u64().unwrap()).sum();
    let sent = report["generator"]["sent"].as_u64().unwrap();
    assert!(unsent > 500 && (9_900..=10_100).contains(&(sent + unsent)), "{sent} sent, {unsent} in the gaps");
    assert!(text(&output).contains("squall was dead"), "{}", text(&output));
    assert_eq!(count(&folder, |event| matches!(event, EventKind::Resumed { .. })), 2);
    assert!(matches!(events(&folder).last().unwrap().event, EventKind::RunEnded { clean: true, .. }));
    assert_healed(shared);

    let over = resume().arg(folder.path()).output().unwrap();
    assert_eq!(over.status.code(), Some(6), "{}", text(&over));
}

#[test]
fn a_run_that_broke_off_is_put_back_by_undo_and_interrupted_like_any_other() {
    let shared = shared();
    let mut going = resumable("undone", HELD, "");
    going.until("\"action-performed\"");
    killed(&mut going, "undone");
    let undone = succeeded(squall_in(&shared.home).arg("undo").arg(going.folder.path()));
    assert!(text(&undone).contains("all undone"), "{}", text(&undone));
    assert_healed(shared);

    let mut going = resumable("interrupted", "", "");
    going.until("\"resumable\"");
    going.signal(Signal::SIGTERM);
    going.ends_with(130);
    assert_eq!(json(&going.folder.path().join("report.json"))["gaps"], serde_json::json!([]));
    assert_healed(shared);
}
