//! `kill -9` at every moment of a fault's life: the guard heals, and so does `squall undo` with the guard killed too.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use squall::clock::{self, Timestamp};
use squall::journal::{Ending, EventKind, RunFolder};
use squall::kafka::{Admin, NewTopic};
use squall::run::crash::POINTS;

use super::matrix::{FAULTS, Healer, Row, SHORT, fault};
use super::shared::{Going, Shared, assert_healed, events, processes, run, scenario, shared, squall_in, succeeded, text, wait};

#[test]
fn kill_9_heals_for_each_kind_of_inverse() {
    for (name, point, healer) in SHORT {
        crash(fault(name), point, *healer);
    }
}

/// What a crash was followed by.
struct Healed {
    /// From the death to the first line of whoever heals.
    began_s: f64,
    /// From there to the last line.
    took_s: f64,
}

fn crash(row: &Row, point: &'static str, healer: Healer) -> Healed {
    println!("{} {point} {healer:?}", row.fault);
    let shared = shared();
    let kept = row.inverse == Some("restore-topic-config");
    if kept {
        keep_topics(shared);
    }
    let name = format!("crash-{}", row.fault);
    let timeline = format!("{{ at: 2s, name: it, inject: {{ {}: {} }} }}", row.fault, row.settings);
    let file = scenario(&shared.home, &name, &timeline, if kept { "kept" } else { "" });
    let mut command = run(&file);
    command.env("FAILPOINTS", format!("{point}=return"));
    let mut going = Going::start(command, &shared.home, &name);
    let path = going.folder.path().display().to_string();
    if healer == Healer::Undo {
        let guard = wait("the guard", || processes(&["guard", "--run", &path]).first().copied());
        kill(Pid::from_raw(guard), Signal::SIGKILL).unwrap();
    }
    let status = wait("the crash", || going.child.try_wait().unwrap());
    let died = clock::now();
    assert_eq!(status.signal(), Some(9), "{status:?}: {}", std::fs::read_to_string(shared.home.join(format!("{name}.log"))).unwrap());

    match healer {
        Healer::Guard => {
            wait("the guard's end", || processes(&["guard", "--run", &path]).is_empty().then_some(()));
        }
        Healer::Undo => {
            wait("the guard's death", || processes(&["guard", "--run", &path]).is_empty().then_some(()));
            let refused = run(&file).output().unwrap();
            assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
            assert!(text(&refused).contains(&going.folder.run()), "{}", text(&refused));
            let undone = succeeded(squall_in(&shared.home).arg("undo"));
            assert!(text(&undone).contains("all undone"), "{}", text(&undone));
            // Once more does no harm.
            succeeded(squall_in(&shared.home).arg("undo").arg(going.folder.path()));
        }
    }
    let healed = by_its_journal(&going.folder, healer, died);
    assert_healed(shared);
    healed
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
    Healed { began_s: events[healing].at.seconds_since(died), took_s: events.last().unwrap().at.seconds_since(events[healing].at) }
}

/// Topics that are not squall's: their configuration has to be back, for they stay.
fn keep_topics(shared: &Shared) {
    let kafka = Admin::new(&shared.cluster.addresses().kafka.harness).unwrap();
    let topics = kafka.metadata(Duration::from_secs(30)).unwrap();
    for name in ["kept-orders", "kept-enriched"] {
        if topics.topic(name).is_none() {
            let topic = NewTopic { name: name.into(), partitions: 2, replicas: 1, config: BTreeMap::new() };
            kafka.create_topic(&topic, Duration::from_secs(30)).unwrap();
        }
    }
}

/// The whole matrix, written to `docs/safety.md`. `SQUALL_FAULTS` names some faults instead of all.
#[test]
#[ignore = "hours; ./dev qualify safety"]
fn qualify_safety() {
    let wanted = std::env::var("SQUALL_FAULTS").unwrap_or_default();
    let rows = || FAULTS.iter().filter(|row| wanted.is_empty() || wanted.split(',').any(|name| name == row.fault));
    let mut table = String::new();
    let (mut crashes, mut slowest, mut longest) = (0, 0.0f64, 0.0f64);
    for row in rows() {
        write!(table, "| `{}` | {} |", row.fault, row.inverse.map_or("–".to_owned(), |inverse| format!("`{inverse}`"))).unwrap();
        for point in POINTS {
            // What leaves nothing to undo never gets to its undo.
            if row.inverse.is_none() && point.ends_with("-undo") {
                write!(table, " – |").unwrap();
                continue;
            }
            let [guard, undo] = [Healer::Guard, Healer::Undo].map(|healer| crash(row, point, healer));
            crashes += 2;
            slowest = slowest.max(guard.began_s);
            longest = longest.max(guard.took_s).max(undo.took_s);
            write!(table, " {:.1} s, {:.1} s |", guard.took_s, undo.took_s).unwrap();
        }
        table.push('\n');
    }
    assert!(slowest < 2.0, "a guard began {slowest:.2} s after its parent's death");
    let heading: String = POINTS.iter().map(|point| format!(" {point} |")).collect();
    let rule = "---|".repeat(POINTS.len() + 2);
    let text = format!(
        "# After `kill -9`\n\n\
         Written by `./dev qualify safety`. squall is killed by SIGKILL at each moment of each fault's life, on a local cluster of one broker \
         and two TaskManagers. *Healed* means: every node is alive and not frozen, no rule is on a link, the topic's configuration is as \
         before, no topic, group or job of the run is left, `squall status` names nothing, **and** records sent afterwards through the same \
         links arrive in the sink of another job.\n\n\
         {crashes} crashes, {crashes} healed. The guard began at most {slowest:.2} s after the death; the longest healing took {longest:.1} s.\n\n\
         Each cell: healed by the guard in …, healed by `squall undo` with the guard killed too in ….\n\n\
         | fault | inverse |{heading}\n|{rule}\n{table}"
    );
    std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/safety.md"), text).unwrap();
}
