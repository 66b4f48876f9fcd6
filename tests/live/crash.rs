//! `kill -9` at a moment of a fault's life: the guard heals, and so does `squall undo` with the guard killed too.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use squall::action::Inverse;
use squall::clock::{self, Timestamp};
use squall::journal::{Ending, EventKind, Reader, RunFolder};

use super::canary;
use super::matrix::{Healer, Row, SHORT, fault, is_possible};
use super::shared::{
    Going, Shared, assert_healed, attached, events, json, processes, run, scenario, shared, squall_in, succeeded, text, wait,
};

#[test]
fn kill_9_heals_for_each_kind_of_inverse() {
    for (name, point, healer) in SHORT {
        if is_possible(shared(), fault(name)) {
            println!("{name} {point} {healer:?}: {:?}", crash(fault(name), point, *healer));
        }
    }
}

/// What a crash was followed by.
#[derive(Debug)]
pub struct Healed {
    /// Seconds from the death to the first line of whoever heals.
    pub began_s: f64,
    /// Seconds from there to the last line.
    pub took_s: f64,
}

/// Crashes a run at a point of a fault's life, and asserts that it heals.
pub fn crash(row: &Row, point: &str, healer: Healer) -> Healed {
    let shared = shared();
    let (file, folder, died) = crashed(row, point, healer);
    if healer == Healer::Undo {
        undone(shared, &file, &folder);
    }
    let healed = by_its_journal(&folder, healer, died);
    assert_healed(shared);
    reported(shared, &folder, "interrupted", 130);
    healed
}

/// Starts a run that dies at a point of a fault's life, and waits for its guard to end, or kills that before: the scenario, the run, and
/// when it died.
fn crashed(row: &Row, point: &str, healer: Healer) -> (PathBuf, RunFolder, Timestamp) {
    let shared = shared();
    let name = format!("crash-{}", row.fault);
    let timeline = format!("{{ at: 1s, name: it, inject: {{ {}: {} }} }}", row.fault, row.settings);
    let file = if row.own {
        scenario(&shared.home, &name, &timeline, "")
    } else {
        canary::ensure(shared);
        attached(&shared.home, &name, &timeline, "")
    };
    let mut command = run(&file);
    command.env("FAILPOINTS", format!("{point}=return"));
    let mut going = Going::start(command, &shared.home, &name);
    let path = going.folder.path().display().to_string();
    if healer == Healer::Undo {
        // A guard that dies before it watches is an error of the run's start.
        wait("the run beyond its guard's start", || (lines(&going.folder) > 2).then_some(()));
        let guard = wait("the guard", || processes(&["guard", "--run", &path]).first().copied());
        kill(Pid::from_raw(guard), Signal::SIGKILL).unwrap();
    }
    let status = wait("the crash", || going.child.try_wait().unwrap());
    let died = clock::now();
    assert_eq!(status.signal(), Some(9), "{status:?}: {}", std::fs::read_to_string(shared.home.join(format!("{name}.log"))).unwrap());
    wait("the guard's end", || processes(&["guard", "--run", &path]).is_empty().then_some(()));
    (file, going.folder.clone(), died)
}

/// Events in a journal that may not be there yet, or end in the middle of a line.
fn lines(folder: &RunFolder) -> usize {
    Reader::open_journal(folder).map_or(0, |events| events.filter(Result::is_ok).count())
}

#[test]
fn a_new_run_may_undo_first() {
    let shared = shared();
    let (_, left, _) = crashed(fault("freeze-taskmanager"), "while-held", Healer::Undo);
    let file = attached(&shared.home, "undo-first", "", "duration: 2s\n");
    let output = run(&file).arg("--undo-first").output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", text(&output));
    assert!(text(&output).contains(&format!("undoing what run {} left behind", left.run())), "{}", text(&output));
    assert!(matches!(events(&left).last().unwrap().event, EventKind::RunEnded { clean: true, .. }));
    assert_healed(shared);
}

/// While the run owes something, no new one is begun and it is not said to be clean; then it is undone by hand.
fn undone(shared: &Shared, scenario: &Path, folder: &RunFolder) {
    let mut undos = BTreeMap::new();
    let mut things = 0;
    for event in events(folder) {
        match event.event {
            EventKind::UndoRecorded { undo, inverse, .. } => drop(undos.insert(undo, inverse)),
            EventKind::UndoPerformed { undo, restored: true, .. } => drop(undos.remove(&undo)),
            EventKind::Made { .. } => things += 1,
            _ => {}
        }
    }
    // Rules are leases, and traffic ends with squall.
    let stays = undos.values().any(|inverse| !matches!(inverse, Inverse::RemoveRule { .. } | Inverse::RestoreTraffic { .. }));
    if stays {
        reported(shared, folder, "cleanup_incomplete", 5)
    } else {
        reported(shared, folder, "interrupted", 130)
    }
    if undos.is_empty() && things == 0 {
        let undone = succeeded(squall_in(&shared.home).arg("undo"));
        assert!(text(&undone).contains("nothing is left to undo"), "{}", text(&undone));
    } else {
        let refused = run(scenario).output().unwrap();
        assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
        assert!(text(&refused).contains(&folder.run()), "{}", text(&refused));
        let undone = succeeded(squall_in(&shared.home).arg("undo"));
        assert!(text(&undone).contains("all undone"), "{}", text(&undone));
    }
    // Once more does no harm.
    succeeded(squall_in(&shared.home).arg("undo").arg(folder.path()));
}

/// `squall report` shows the run for what it is.
fn reported(shared: &Shared, folder: &RunFolder, verdict: &str, code: i32) {
    let report = squall_in(&shared.home).arg("report").arg(folder.path()).output().unwrap();
    assert_eq!(report.status.code(), Some(code), "{}", text(&report));
    assert_eq!(json(&folder.path().join("report.json"))["verdict"], verdict);
    assert!(std::fs::read_to_string(folder.path().join("report.html")).unwrap().contains("</html>"));
}

/// The journal says who healed, what, and that nothing is left.
fn by_its_journal(folder: &RunFolder, healer: Healer, died: Timestamp) -> Healed {
    let events = events(folder);
    let log = std::fs::read_to_string(folder.path().join("logs/guard.log")).unwrap_or_default();
    let Some(EventKind::RunEnded { ending, clean }) = events.last().map(|event| &event.event) else { panic!("no end: {log}") };
    assert_eq!((ending, clean), (&Ending::Interrupted("SIGKILL".into()), &true), "{log}");
    let by = if healer == Healer::Guard { "guard" } else { "undo command" };
    let mut owed = BTreeMap::new();
    for event in &events {
        match &event.event {
            EventKind::UndoRecorded { undo, .. } => drop(owed.insert(*undo, None)),
            EventKind::UndoStarted { undo, by } => drop(owed.insert(*undo, Some(by.clone()))),
            _ => {}
        }
    }
    assert!(owed.values().all(|who| who.as_deref() == Some(by)), "{owed:?}");
    let healing = events.iter().position(|event| event.event == EventKind::Phase(squall::journal::Phase::CleaningUp)).unwrap();
    let began_s = events[healing].at.seconds_since(died);
    if healer == Healer::Guard {
        assert!(began_s < 2.0, "the guard began {began_s:.2} s after its parent's death");
    }
    Healed { began_s, took_s: events.last().unwrap().at.seconds_since(events[healing].at) }
}
