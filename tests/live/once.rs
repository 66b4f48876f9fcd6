//! Each fault once: it fires, its witness sees it, it is taken back, and the cluster is as before.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use squall::journal::{EventKind, RunFolder};

use super::matrix::{FAULTS, Row, fault, is_possible};
use super::shared::{Shared, assert_healed, events, json, run, scenario, shared, text};

const DRILLS: [(&str, u64); 5] =
    [("savepoint", 2), ("delete-records", 3), ("add-partitions", 4), ("stop-and-restore", 8), ("cancel-and-resubmit", 20)];
/// A job that cannot write its checkpoints restarts, which a drill would have to wait for.
const STORAGE: [(&str, u64); 2] = [("checkpoint-storage-full", 2), ("checkpoint-storage-read-only", 5)];

fn ends_with_role(row: &Row) -> bool {
    ["taskmanager", "jobmanager", "broker"].iter().any(|role| row.fault.ends_with(role))
}

#[test]
fn each_fault_on_links_traffic_topics_and_the_job() {
    let apart: Vec<&str> = DRILLS.iter().chain(&STORAGE).map(|(name, _)| *name).collect();
    let quick = FAULTS.iter().filter(|row| !ends_with_role(row) && !apart.contains(&row.fault));
    let mut timeline: Vec<(&Row, u64)> = quick.zip((1..).step_by(2)).collect();
    timeline.extend(DRILLS.map(|(name, at)| (fault(name), at)));
    fires(shared(), "once", &timeline);
}

/// The rows of these verbs, a TaskManager's, a broker's, a TaskManager's, …: each is back before its like is hit.
fn on_nodes(shared: &Shared, verbs: &[&str]) -> Vec<&'static Row> {
    let named = |verb: &str, role: &str| FAULTS.iter().find(|row| row.fault == format!("{verb}-{role}") && is_possible(shared, row));
    verbs.iter().flat_map(|verb| ["taskmanager", "broker"].map(|role| named(verb, role))).flatten().collect()
}

#[test]
fn each_fault_on_nodes_and_checkpoint_storage() {
    let shared = shared();
    let mut rows = on_nodes(shared, &["kill", "freeze", "terminate", "slow", "squeeze"]);
    // The job does not outlive the JobManager.
    rows.extend(["slow-jobmanager", "freeze-jobmanager", "kill-jobmanager"].map(fault).into_iter().filter(|row| is_possible(shared, row)));
    let mut timeline: Vec<(&Row, u64)> = rows.into_iter().zip((9..).step_by(5)).collect();
    timeline.extend(STORAGE.map(|(name, at)| (fault(name), at)));
    fires(shared, "once-nodes", &timeline);
}

#[test]
#[ignore = "two minutes; ./dev qualify safety"]
fn each_fault_that_takes_long() {
    let shared = shared();
    let mut timeline: Vec<(&Row, u64)> = on_nodes(shared, &["crash-loop"]).into_iter().zip((2..).step_by(30)).collect();
    let jobmanager = ["terminate-jobmanager", "squeeze-jobmanager", "crash-loop-jobmanager"].map(fault);
    timeline.extend(jobmanager.into_iter().filter(|row| is_possible(shared, row)).zip((62..).step_by(20)));
    fires(shared, "once-long", &timeline);
}

fn entry(row: &Row, at: u64) -> String {
    let settings = match row.fault {
        // Nobody connects to the sink or hangs up there by himself; on the generator's link the test does.
        "refuse-link" | "slow-close-link" => row.settings.replace("link: sink", "link: generator"),
        _ => row.settings.to_owned(),
    };
    format!("{{ at: {at}s, name: {}, inject: {{ {}: {settings} }} }}", row.fault, row.fault)
}

/// Runs these faults at these seconds.
fn fires(shared: &Shared, name: &str, timeline: &[(&Row, u64)]) {
    let lines: Vec<String> = timeline.iter().map(|(row, at)| entry(row, *at)).collect();
    let lasts = |row: &Row| if row.fault.starts_with("crash-loop") { 25 } else { 6 };
    let end = timeline.iter().map(|(row, at)| at + lasts(row)).max().unwrap();
    let file = scenario(&shared.home, name, &lines.join(", "), &format!("duration: {end}s\ndrain: {{ within: 5s }}\n"));
    let knocking = Knocking::at(shared, "generator");
    let output = run(&file).output().unwrap();
    drop(knocking);
    let folder = RunFolder::open(&shared.home.join("reports").join(name)).unwrap();
    let report = json(&folder.path().join("report.json"));
    // A machine that is too busy for a verdict is no failure of squall's.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{:?} {}", output.status, text(&output));
    assert_eq!(
        (report["ending"].as_str(), report["open_undos"].as_array().map(Vec::len)),
        (Some("completed"), Some(0)),
        "{}",
        text(&output)
    );

    let (mut acted, mut removed) = (BTreeSet::new(), BTreeSet::new());
    let (mut recorded, mut restored) = (0, 0);
    for event in events(&folder) {
        match event.event {
            EventKind::Witnessed { fault, testimony, .. } if testimony.acted => drop(acted.insert(fault.name)),
            EventKind::FaultRemoved { fault } => drop(removed.insert(fault.name)),
            EventKind::UndoRecorded { .. } => recorded += 1,
            EventKind::UndoPerformed { restored: true, .. } => restored += 1,
            _ => {}
        }
    }
    let all: BTreeSet<String> = timeline.iter().map(|(row, _)| row.fault.to_owned()).collect();
    assert_eq!((&acted, &removed), (&all, &all), "{}", text(&output));
    assert_eq!(recorded, restored);
    assert_healed(shared);
}

/// Connects to a link and hangs up again, over and over.
struct Knocking {
    on: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Knocking {
    fn at(shared: &Shared, link: &str) -> Self {
        let address = shared.cluster.addresses().link(link).unwrap().address.clone();
        let on = Arc::new(AtomicBool::new(true));
        let going = on.clone();
        let thread = std::thread::spawn(move || {
            while going.load(Ordering::Relaxed) {
                // Refused at times: that is the point.
                drop(TcpStream::connect(&address));
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Self { on, thread: Some(thread) }
    }
}

impl Drop for Knocking {
    fn drop(&mut self) {
        self.on.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
