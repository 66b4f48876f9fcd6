//! The generator against a real broker: slices, seeds, and books that add up whatever the broker does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use squall::clock;
use squall::kafka::{Connection, Isolation, Reader, ReaderSettings, Start};
use squall::traffic::{AckSink, Identity, Input, Outcome, Placement, Progress, Settings, Settled, Slice, Traffic};

use super::kafka::{Scratch, broker};

const WITHIN: Duration = Duration::from_secs(30);

/// All that a consumer can know of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    header: Option<Vec<u8>>,
    timestamp: i64,
}

impl Record {
    fn identity(&self) -> Identity {
        Identity::decode(self.header.as_ref().unwrap()).unwrap()
    }
}

/// Each partition's records in their order.
fn read(connection: &Connection, topic: &str, partitions: u32) -> Vec<Vec<Record>> {
    let mut reader = Reader::new(connection, &ReaderSettings::new(Isolation::ReadCommitted)).unwrap();
    let index = reader.open(topic).unwrap();
    (0..partitions).for_each(|partition| reader.start(index, partition, Start::Earliest).unwrap());
    let mut records = vec![Vec::new(); partitions as usize];
    let mut ended = vec![false; partitions as usize];
    let deadline = clock::now().plus(WITHIN);
    while !ended.iter().all(|ended| *ended) {
        let step = reader.poll(Duration::from_millis(100), |record| {
            records[record.partition as usize].push(Record {
                key: record.key().map(<[u8]>::to_vec),
                value: record.value().map(<[u8]>::to_vec),
                header: record.header(c"squall").map(<[u8]>::to_vec),
                timestamp: record.timestamp().unwrap().0.millis(),
            });
        });
        step.ended.iter().for_each(|(_, partition)| ended[*partition as usize] = true);
        assert!(!deadline.remaining().is_zero());
    }
    records
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Settled>>>);

impl AckSink for Kept {
    fn settled(&mut self, records: &[Settled]) {
        self.0.lock().unwrap().extend_from_slice(records);
    }
}

fn input(name: &str, topic: &str, stream: &str) -> Input {
    Input { name: name.into(), topic: topic.into(), partitions: 4, stream: serde_json::from_str(stream).unwrap() }
}

/// Sends until every record is settled, of all streams.
fn send(connection: &Connection, seed: u64, inputs: &[Input], duration: Duration) -> (Progress, BTreeMap<u8, Kept>) {
    let settings = Settings {
        run: "traffic-test".into(),
        seed,
        connection: connection.clone(),
        start: clock::now().plus(Duration::from_millis(1000)),
        duration,
        slice: Slice::WHOLE,
        placement: Placement::Header,
    };
    let mut kept = BTreeMap::<u8, Kept>::new();
    let traffic = Traffic::start(&settings, inputs, |stream, _| Box::new(kept.entry(stream).or_default().clone())).unwrap();
    (traffic.join(), kept)
}

/// Everything that can differ from record to record: sizes, keys, event times, no value, no meaning. Nothing is due at the end, so
/// that a slow machine sends all of it, too.
const EVERYTHING: &str = r#"{"rate":{"sequence":[{"shape":{"poisson":"3k/s"},"for":"2s"},{"shape":{"constant":"0/s"},"for":"2s"}]},"keys":{"zipf":{"distinct":"1k","exponent":1.1}},
    "value":{"json":{"id":"counter","who":"key","at":{"time":"iso"},"uid":"uuid","kind":{"choice":["a","b"]},
        "amount":{"number":{"from":1,"to":500,"decimals":2}}}},
    "event-time":{"delay":"1s","out-of-order":"500ms","late":{"share":"1%","by":"30s"},"idle-partitions":[3]},
    "tombstones":"2%","poison":"1%"}"#;

#[test]
fn the_same_seed_sends_the_same_records_to_each_partition() {
    let Some(connection) = broker("the_same_seed_sends_the_same_records") else { return };
    let sent = |seed: u64| {
        let topic = Scratch::new(&connection, "same-seed", 4, &[]);
        let (progress, _) = send(&connection, seed, &[input("orders", &topic.name, EVERYTHING)], Duration::from_secs(4));
        let accounts = &progress.streams[0].accounts;
        assert!(accounts.add_up() && accounts.in_flight == 0 && accounts.failed + accounts.unresolved == 0, "{accounts:?}");
        (accounts.clone(), read(&connection, &topic.name, 4))
    };
    // A run's records carry its start; what lies between them must be the same.
    let content = |records: &[Record]| -> Vec<_> {
        let first = records.iter().map(|record| record.identity().intended.0).min().unwrap_or(0);
        let rest = |record: &Record| {
            let identity = record.identity();
            let text = String::from_utf8_lossy(record.value.as_deref().unwrap_or(b"none")).into_owned();
            // The time of day within the value, too.
            let text = text.split(r#""at":""#).map(|part| part.split_once('Z').map_or(part, |(_, rest)| rest)).collect::<String>();
            (record.key.clone(), text, identity.shard, identity.sequence, identity.intended.0 - first)
        };
        records.iter().map(rest).collect()
    };
    let ((accounts, one), (_, two), (_, other)) = (sent(7), sent(7), sent(8));
    assert_eq!(one.iter().map(|records| records.len() as u64).sum::<u64>(), accounts.acknowledged);
    assert!(accounts.unsent == 0 && accounts.acknowledged > 5000, "{accounts:?}");
    assert_eq!(one[3].len(), 0, "idle");
    for partition in 0..3 {
        assert!(one[partition].len() > 500);
        assert_eq!(content(&one[partition]), content(&two[partition]), "partition {partition}");
        assert_ne!(content(&one[partition]), content(&other[partition]), "partition {partition}");
    }
}

/// `squall traffic` of one slice of a scenario that sends to `topic`.
fn slice(folder: &Path, topic: &str, shard: &str, start: &str) -> Command {
    let scenario = folder.join(format!("{topic}.yaml"));
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/jobs/passthrough.sql");
    let text = format!(
        "name: slices
job: {{ sql: {{ file: {}, parallelism: 1, checkpoint: {{ interval: 2s, mode: exactly-once }} }} }}
source: {{ topics: {{ orders: {{ name: {topic} }} }}, group: slices }}
sink: {{ topics: {{ enriched: {{ partitions: 1 }} }}, identity: header }}
traffic:
  orders:
    rate: {{ backlog: {{ records: 5k, over: 3s }} }}
    keys: {{ hot: {{ share: 30%, keys: 2, distinct: 500 }} }}
    value: {{ size-between: {{ from: 20B, to: 200B }} }}
    threads: 2
duration: 8s
",
        job.display()
    );
    std::fs::write(&scenario, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env("SQUALL_STATE", std::env::var_os("SQUALL_TEST_STATE").unwrap());
    command.arg("traffic").arg(scenario).arg("--on").arg(std::env::var_os("SQUALL_TEST_CLUSTER").unwrap());
    command.args(["--shard", shard, "--run", "slices", "--seed", "3", "--start", start, "--format", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The one stream's books, as they were printed.
fn books(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["streams"][0].clone()
}

#[test]
fn slices_in_processes_side_by_side_send_what_one_process_sends() {
    let Some(connection) = broker("slices_in_processes_side_by_side") else { return };
    for variable in ["SQUALL_TEST_CLUSTER", "SQUALL_TEST_STATE"] {
        if std::env::var_os(variable).is_none() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{variable} must name the shared cluster's file, or its state folder");
            eprintln!("skipped: {variable} is not set");
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (whole, sliced) = (Scratch::new(&connection, "whole", 4, &[]), Scratch::new(&connection, "sliced", 4, &[]));
    // The same start for all three: then the records are the same to the last byte, intended times included.
    let start = jiff::Timestamp::from_nanosecond(i128::from(clock::now().plus(Duration::from_secs(8)).0)).unwrap().to_string();
    let processes: Vec<_> = [(&whole, "0/1"), (&sliced, "0/2"), (&sliced, "1/2")]
        .map(|(topic, shard)| slice(folder.path(), &topic.name, shard, &start).spawn().unwrap())
        .into_iter()
        .map(|process| books(&process.wait_with_output().unwrap()))
        .collect();
    let count = |of: usize, what: &str| processes[of][what].as_u64().unwrap();
    assert_eq!((count(0, "scheduled"), count(0, "acknowledged")), (5000, 5000));
    assert_eq!(count(1, "acknowledged") + count(2, "acknowledged"), 5000);
    assert!(count(1, "sent").min(count(2, "sent")) > 1000, "{processes:?}");

    let multiset = |topic: &Scratch| {
        read(&connection, &topic.name, 4)
            .into_iter()
            .map(|mut records| {
                records.sort();
                records
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(multiset(&whole), multiset(&sliced));

    let error = slice(folder.path(), &whole.name, "2/2", &start).output().unwrap();
    assert_eq!(error.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&error.stderr).contains("of 2 slices the last is 1/2"));
}

/// A cluster of this test's own, ended with it.
struct Own {
    home: tempfile::TempDir,
}

impl Own {
    fn squall(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_squall")).env("SQUALL_STATE", self.home.path()).args(arguments).output().unwrap()
    }

    fn broker(&self) -> Pid {
        let status = self.squall(&["cluster", "status", "--format", "json"]);
        let label = format!("SQUALL_CLUSTER={NAME}:");
        let of_the_broker = |pid: &i32| {
            let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            read("environ").is_ok_and(|environ| environ.contains(&label)) && read("cmdline").is_ok_and(|line| line.contains("kafka.Kafka"))
        };
        let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
        Pid::from_raw(pids.into_iter().find(of_the_broker).unwrap_or_else(|| panic!("no broker: {status:?}")))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let output = self.squall(&["cluster", "down", NAME]);
        assert!(output.status.success() || std::thread::panicking(), "{output:?}");
    }
}

const NAME: &str = "it-frozen";

/// Wakes a frozen process whatever happens.
struct Frozen(Pid);

impl Frozen {
    fn new(pid: Pid) -> Self {
        kill(pid, Signal::SIGSTOP).unwrap();
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// The broker stands still for ten seconds in the middle. One stream has patience, one gives records up after three seconds.
/// Whatever becomes of a record is said, once, and the topic agrees.
#[test]
#[ignore = "forty seconds with a cluster of its own: run with --ignored and SQUALL_TEST_KAFKA"]
fn live_books_add_up_when_the_broker_freezes_for_ten_seconds() {
    if broker("live_books_add_up").is_none() {
        return;
    }
    let cluster = Own { home: tempfile::tempdir().unwrap() };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios/frozen.yaml");
    let up = cluster.squall(&["cluster", "up", file.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&up.stdout).into_owned();
    let address = text.lines().find_map(|line| line.trim().strip_prefix("kafka")).unwrap_or_else(|| panic!("{up:?}"));
    let connection = Connection::plain(address.trim());
    let pid = cluster.broker();

    let (patient, hasty) = (Scratch::new(&connection, "patient", 4, &[]), Scratch::new(&connection, "hasty", 4, &[]));
    let freezer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(4));
        let _frozen = Frozen::new(pid);
        std::thread::sleep(Duration::from_secs(10));
    });
    let stream = |more: &str| format!(r#"{{"rate":{{"constant":"2k/s"}},"keys":{{"uniform":{{"distinct":"100"}}}}{more}}}"#);
    let inputs = [
        input("patient", &patient.name, &stream(r#","producer":{"message.timeout.ms":"120000"}"#)),
        input("hasty", &hasty.name, &stream(r#","producer":{"message.timeout.ms":"3000"}"#)),
    ];
    let (progress, kept) = send(&connection, 1, &inputs, Duration::from_secs(17));
    freezer.join().unwrap();

    for (index, (stream, topic)) in progress.streams.iter().zip([&patient, &hasty]).enumerate() {
        let accounts = &stream.accounts;
        assert!(accounts.add_up() && accounts.in_flight == 0, "{accounts:?}");
        assert_eq!(accounts.scheduled, 34_000, "{accounts:?}");
        // The books against what the ledger was told, record by record, and both against the topic.
        let settled = kept[&(index as u8)].0.lock().unwrap();
        let mut found = BTreeMap::<(u16, u64), u32>::new();
        for record in read(&connection, &topic.name, 4).iter().flatten() {
            let identity = record.identity();
            *found.entry((identity.shard, identity.sequence)).or_default() += 1;
        }
        let (mut acknowledged, mut failed, mut unresolved) = (0, 0, 0);
        for record in settled.iter() {
            let copies = found.remove(&(record.shard, record.sequence)).unwrap_or(0);
            match record.outcome {
                Outcome::Acknowledged { .. } => {
                    acknowledged += 1;
                    assert_eq!(copies, 1, "acknowledged, so it is in the topic, once: {record:?}");
                }
                Outcome::Failed => {
                    failed += 1;
                    assert_eq!(copies, 0, "failed, so it is not in the topic: {record:?}");
                }
                Outcome::Unresolved => {
                    unresolved += 1;
                    assert!(copies <= 1, "{record:?}");
                }
            }
        }
        assert_eq!((acknowledged, failed, unresolved), (accounts.acknowledged, accounts.failed, accounts.unresolved));
        assert_eq!(settled.len() as u64, accounts.sent);
        assert!(found.is_empty(), "in the topic, and never said to be sent: {found:?}");
    }
    // How many depends on how soon the broker is itself again; those of the first seconds are given up in any case.
    let given_up = |index: usize| progress.streams[index].accounts.failed + progress.streams[index].accounts.unresolved;
    assert!(given_up(1) > 1000, "{:?}", progress.streams[1].accounts);
    assert!(progress.streams[1].complaint.is_some());
}
