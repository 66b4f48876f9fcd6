//! Whole runs on a real Kafka and a real Flink, through the command line.
//!
//! What is asserted holds on a slow machine too: what was sent, seen, done and put back. Whether the pipeline was quick enough is the
//! scenario's question, and a machine that is too busy to say makes the run inconclusive, which is no failure of squall's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios").join(name)
}

/// `squall` with state and reports of its own.
fn squall(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env("SQUALL_STATE", home.join("state")).env("SQUALL_REPORTS", home.join("reports"));
    command
}

fn run(home: &Path) -> Command {
    let mut command = squall(home);
    command.arg("run").arg(fixture("loss.yaml")).arg("--on").arg(fixture("cluster.yaml"));
    command
}

/// Processes that carry the label of the test's cluster.
fn labelled() -> Vec<String> {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| {
            std::fs::read(entry.path().join("environ"))
                .is_ok_and(|environ| String::from_utf8_lossy(&environ).contains("SQUALL_CLUSTER=it-run:"))
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn live_run_tells_the_truth_of_a_real_outage_and_of_an_interrupted_run() {
    let home = tempfile::tempdir().unwrap();
    a_real_outage(home.path());
    an_interrupted_run(home.path());
}

fn a_real_outage(home: &Path) {
    let output = run(home).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().unwrap();
    assert!(code == 0 || code == 4, "exit {code}\n{stderr}\n{stdout}");
    let latest = home.join("reports/short-loss/latest");
    let report = json(&latest.join("report.json"));

    // The books: everything that was due was sent, and is told apart.
    let delivery = &report["delivery"];
    assert_eq!(delivery["acknowledged"], 37_500, "{stderr}");
    for count in ["lost", "duplicates", "corrupt", "reordered", "pending", "lost_by_kafka", "unexpected"] {
        assert_eq!(delivery[count], 0, "{count}: {delivery}");
    }
    // The fault: done to a TaskManager that worked, noticed, put back.
    let fault = &report["faults"][0];
    assert_eq!(fault["acted"], true, "{fault}");
    assert_eq!(fault["witness"], "strong");
    for moment in ["t0_effective", "t2_departed_running", "t4_all_running", "t6_first_new_output", "t7_first_checkpoint"] {
        assert!(fault["timeline"][moment]["at_s"].is_number(), "{moment}: {}", fault["timeline"][moment]);
    }
    assert_eq!(report["open_undos"].as_array().unwrap().len(), 0);
    // Phases tile from T0 on.
    let phases = fault["phases"].as_array().unwrap();
    for pair in phases.windows(2) {
        assert_eq!(pair[0]["to_s"], pair[1]["from_s"], "{phases:?}");
    }
    for name in ["report.html", "summary.md", "junit.xml", "journal.ndjson", "plan.json", "scenario.yaml"] {
        assert!(latest.join(name).is_file(), "{name}");
    }
    assert_eq!(labelled(), Vec::<String>::new());

    // The same verdict again from the journal alone.
    let before = report;
    let again = squall(home).arg("report").arg(&latest).output().unwrap();
    assert_eq!(again.status.code(), Some(code), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(json(&latest.join("report.json")), before);
}

fn an_interrupted_run(home: &Path) {
    let mut child = run(home).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = home.join("reports/short-loss/latest/journal.ndjson");
    let first = journal.canonicalize().unwrap();
    // Until traffic flows in the new run.
    let flows = || {
        journal
            .canonicalize()
            .is_ok_and(|path| path != first && std::fs::read_to_string(path).is_ok_and(|text| text.contains("traffic-started")))
    };
    let mut waited = 0;
    while !flows() {
        assert!(waited < 600 && child.try_wait().unwrap().is_none(), "traffic never flowed");
        std::thread::sleep(Duration::from_millis(200));
        waited += 1;
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(labelled(), Vec::<String>::new());
    let report = json(&home.join("reports/short-loss/latest/report.json"));
    assert_eq!(report["verdict"], "interrupted");
    assert_eq!(report["open_undos"].as_array().unwrap().len(), 0);
}
