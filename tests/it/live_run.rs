//! Whole runs on a real Kafka and a real Flink, through the command line.
//!
//! What is asserted holds on a slow machine too: what was sent, seen, done and put back. Whether the pipeline was quick enough is the
//! scenario's question, and a machine that is too busy to say makes the run inconclusive, which is no failure of squall's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use squall::journal::{EventKind, Reader, RunFolder};

use super::observers::{agree_on_lag, kafka_tools, outage_in_log};

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
fn labelled() -> Vec<i32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| {
            std::fs::read(entry.path().join("environ"))
                .is_ok_and(|environ| String::from_utf8_lossy(&environ).contains("SQUALL_CLUSTER=it-run:"))
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Scheduled = sent + unsent, sent = acknowledged + failed + unresolved, to the record.
fn assert_books(report: &Value) {
    let books = &report["generator"];
    let count = |name: &str| books[name].as_u64().unwrap_or_else(|| panic!("no {name}: {books}"));
    assert_eq!(count("scheduled"), count("sent") + count("unsent"), "{books}");
    assert_eq!(count("sent"), count("acknowledged") + count("failed") + count("unresolved"), "{books}");
}

#[test]
fn live_run_tells_the_truth_of_a_real_outage_and_of_an_interrupted_run() {
    let home = tempfile::tempdir().unwrap();
    let _down = Down(home.path());
    a_real_outage(home.path());
    an_interrupted_run(home.path());
}

/// Takes the cluster down, also when an assertion fails.
struct Down<'a>(&'a Path);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        let down = squall(self.0).args(["cluster", "down", "it-run"]).output().unwrap();
        println!("{}", String::from_utf8_lossy(&down.stderr));
        if !std::thread::panicking() {
            assert_eq!(labelled(), Vec::<i32>::new());
        }
    }
}

/// Waits for a text in the journal of a run that goes on.
fn until(child: &mut Child, journal: &Path, text: &str) {
    let mut waited = 0;
    while !std::fs::read_to_string(journal).is_ok_and(|written| written.contains(text)) {
        assert!(waited < 600 && child.try_wait().unwrap().is_none(), "`{text}` never came");
        std::thread::sleep(Duration::from_millis(200));
        waited += 1;
    }
}

fn broker() -> i32 {
    let is_broker =
        |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains("kafka.Kafka"));
    labelled().into_iter().find(is_broker).expect("a broker")
}

fn a_real_outage(home: &Path) {
    let mut child = run(home).arg("--keep-cluster").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let latest = home.join("reports/short-loss/latest");
    until(&mut child, &latest.join("journal.ndjson"), "traffic-started");
    // Checkpoints have committed offsets by then.
    std::thread::sleep(Duration::from_secs(12));
    let folder = RunFolder::open(&latest).unwrap();
    let (topic, group) = made(&folder);
    let status = squall(home).args(["cluster", "status", "--format", "json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let bootstrap = status[0]["addresses"]["kafka"]["harness"]["bootstrap"].as_str().expect("an address").to_owned();
    let tools = kafka_tools(broker(), &bootstrap, &group, &topic);
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().unwrap();
    assert!(code == 0 || code == 4, "exit {code}\n{stderr}\n{stdout}");
    let report = json(&latest.join("report.json"));

    // The books: everything that was due was sent, and is told apart.
    assert_books(&report);
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
    for name in ["report.html", "summary.md", "junit.xml", "journal.ndjson", "plan.json", "scenario.yaml", "logs/tm-1.log"] {
        assert!(latest.join(name).is_file(), "{name}");
    }

    // Others who looked say the same.
    agree_on_lag(&folder, &tools);
    agree_on_the_outage(&latest, fault, &folder);

    // The same verdict again from the journal alone.
    let before = report;
    let again = squall(home).arg("report").arg(&latest).output().unwrap();
    assert_eq!(again.status.code(), Some(code), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(json(&latest.join("report.json")), before);
}

/// The topic and the group that a run made.
fn made(folder: &RunFolder) -> (String, String) {
    let names: Vec<_> = Reader::open_journal(folder)
        .unwrap()
        .filter_map(|event| match event.unwrap().event {
            EventKind::Made { kind, name } => Some((kind, name)),
            _ => None,
        })
        .collect();
    let name = |wanted: &str, part: &str| names.iter().find(|(kind, name)| kind == wanted && name.contains(part)).unwrap().1.clone();
    (name("topic", "orders"), name("group", ""))
}

/// T2 and T4 beside the JobManager's log. It stamps a line when it is written, a little after what it tells.
fn agree_on_the_outage(latest: &Path, fault: &Value, folder: &RunFolder) {
    let start = Reader::open_journal(folder)
        .unwrap()
        .find_map(|event| match event.unwrap().event {
            EventKind::TrafficStarted { start, .. } => Some(start),
            _ => None,
        })
        .unwrap();
    let log = latest.join("logs/jm-1.log");
    let (left, ran) = outage_in_log(&log, start);
    for (moment, logged) in [("t2_departed_running", left), ("t4_all_running", ran)] {
        let seen = &fault["timeline"][moment];
        let (at, error) = (seen["at_s"].as_f64().unwrap(), seen["error_s"].as_f64().unwrap());
        let logged = logged.seconds_since(start);
        println!("{moment}: squall {at:.3} s ± {error:.3} s, JobManager's log {logged:.3} s, difference {:.3} s", logged - at);
        assert!((logged - at).abs() <= error + WRITING, "{moment}: {at} ± {error} s, the log says {logged} s");
    }
}

/// A line may be written this much later than what it tells, on a loaded machine: seconds.
const WRITING: f64 = 0.25;

/// What Prometheus would be told of a run that has begun and whose fault is still to come.
fn agree_on_metrics(address: SocketAddr) {
    let mut text = String::new();
    let acknowledged = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("squall_acknowledged_records_total{stream=\"orders\"} "));
        line.is_some_and(|count| count.parse::<f64>().unwrap() > 0.0)
    };
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        text.clear();
        stream.read_to_string(&mut text).unwrap();
        if acknowledged(&text) {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(acknowledged(&text), "{text}");
    assert!(text.starts_with("HTTP/1.0 200") && text.contains("openmetrics-text") && text.ends_with("# EOF\n"), "{text}");
    for line in ["# TYPE squall_acknowledged_records counter", "# TYPE squall_output_lag_records gauge", "kind=\"kill-taskmanager\"} 0.0"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

fn an_interrupted_run(home: &Path) {
    // It finds the cluster up, uses it, and leaves it up.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = run(home).args(["--metrics", &address.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = home.join("reports/short-loss/latest/journal.ndjson");
    let first = journal.canonicalize().unwrap();
    // Until traffic flows in the new run.
    while journal.canonicalize().is_ok_and(|path| path == first) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_millis(200));
    }
    until(&mut child, &journal, "traffic-started");
    agree_on_metrics(address);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report = json(&home.join("reports/short-loss/latest/report.json"));
    assert_eq!(report["verdict"], "interrupted");
    assert_books(&report);
    assert_eq!(report["open_undos"].as_array().unwrap().len(), 0);
}
