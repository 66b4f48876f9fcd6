//! Real traffic, and records copied from its topic to the sink, as a job would.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::time::Duration;

use squall::clock::{self, Timestamp};
use squall::delivery::{Case, Check, Drained, Expected, Judged, Ledger, Observation, TopicStart, Verifier, VerifierSettings};
use squall::kafka::{Connection, Delivery, Isolation, Outgoing, Producer, Reader, ReaderSettings, Sending, Start};
use squall::traffic::{Identity, Input, Placement, Settings, Slice, Traffic, identity};

use crate::kafka::{Scratch, broker};

pub(super) const WITHIN: Duration = Duration::from_secs(30);
const RUN: &str = "verifier-test";
const HEADER: &CStr = c"squall";

/// A record on its way through the job.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Vec<u8>,
    pub(super) header: Option<Vec<u8>>,
    pub(super) partition: u32,
}

impl Record {
    pub(super) fn identity(&self) -> Identity {
        Identity::decode(self.header.as_ref().unwrap()).unwrap()
    }

    pub(super) fn with_identity(&self, change: impl FnOnce(&mut Identity)) -> Self {
        let mut identity = self.identity();
        change(&mut identity);
        let mut header = [0; identity::LENGTH];
        identity.encode(&mut header);
        Self { header: Some(header.to_vec()), ..self.clone() }
    }
}

/// One run: real traffic into an input topic, then whatever `job` makes of the records into the sink.
pub(super) struct Run {
    pub(super) connection: Connection,
    pub(super) input: Scratch,
    pub(super) sink: Scratch,
    pub(super) ledger: Ledger,
    pub(super) verifier: Verifier,
    pub(super) observations: std::sync::mpsc::Receiver<Observation>,
    pub(super) starts: (TopicStart, TopicStart),
    pub(super) records: Vec<Record>,
    pub(super) check: Check,
}

impl Run {
    pub(super) fn new(about: &str, check: Check, value: &str) -> Option<Self> {
        let connection = broker(about)?;
        let input = Scratch::new(&connection, &format!("{about}-in"), 4, &[]);
        let sink = Scratch::new(&connection, &format!("{about}-out"), 3, &[("message.timestamp.type", "LogAppendTime")]);
        let here = |topic: &Scratch| TopicStart::here(&topic.admin, &topic.name, WITHIN).unwrap();
        let starts = (here(&input), here(&sink));
        let (sender, observations) = std::sync::mpsc::channel();
        let settings = VerifierSettings {
            connection: connection.clone(),
            sinks: vec![starts.1.clone()],
            expected: Expected {
                run: identity::run_hash(RUN),
                streams: vec!["orders".into()],
                placement: Placement::Header,
                copies: check.factor(),
            },
            check: check.clone(),
            latencies_from: Timestamp(i64::MIN),
        };
        let verifier = Verifier::start(settings, move |observation| drop(sender.send(observation))).unwrap();
        let ledger = Ledger::new(1);
        let stream =
            format!(r#"{{"rate":{{"backlog":{{"records":"10k","over":"2s"}}}},"keys":{{"uniform":{{"distinct":"50"}}}},"value":{value}}}"#);
        let mut traffic = Traffic::start(
            &Settings {
                run: RUN.into(),
                seed: 42,
                connection: connection.clone(),
                start: clock::now().plus(Duration::from_millis(500)),
                duration: Duration::from_secs(600),
                slice: Slice::new(0, 1).unwrap(),
                placement: Placement::Header,
            },
            &[Input { name: "orders".into(), topic: input.name.clone(), partitions: 4, stream: serde_json::from_str(&stream).unwrap() }],
            |stream, _| Box::new(ledger.page(stream)),
        )
        .unwrap();
        // However slow the machine is: all 10,000, and then no more.
        let deadline = clock::now().plus(10 * WITHIN);
        while traffic.progress().streams[0].accounts.acknowledged < 10_000 {
            assert!(!deadline.remaining().is_zero());
            std::thread::park_timeout(Duration::from_millis(20));
        }
        traffic.stop(WITHIN);
        let progress = traffic.join();
        assert_eq!(progress.streams[0].accounts.acknowledged, 10_000, "{progress:?}");
        let records = read(&connection, &input.name);
        Some(Self { connection, input, sink, ledger, verifier, observations, starts, records, check })
    }

    /// Writes records to the sink in transactions of a thousand; leaves the last one open when asked.
    pub(super) fn write(&self, records: &[Record], leave_open: bool) -> Producer {
        self.write_over(3, records, leave_open)
    }

    /// The same over so many partitions of the sink.
    pub(super) fn write_over(&self, partitions: u32, records: &[Record], leave_open: bool) -> Producer {
        let settings = BTreeMap::from([("transactional.id".to_owned(), self.sink.name.clone())]);
        let mut producer = Producer::new(&self.connection, &settings).unwrap();
        let topic = producer.open(&self.sink.name).unwrap();
        producer.init_transactions(WITHIN).unwrap();
        let chunks = records.chunks(1000).count();
        for (index, chunk) in records.chunks(1000).enumerate() {
            producer.begin_transaction().unwrap();
            for record in chunk {
                let outgoing = Outgoing {
                    topic,
                    partition: record.partition % partitions,
                    key: record.key.as_deref(),
                    value: Some(&record.value),
                    header: record.header.as_deref().map(|header| (HEADER, header)),
                    timestamp: Timestamp(0),
                    id: 0,
                };
                assert_eq!(producer.send(&outgoing), Sending::Queued);
            }
            if leave_open && index + 1 == chunks {
                while producer.outstanding() > 0 {
                    producer.poll(Duration::from_millis(10), |_, _| {});
                }
            } else {
                producer.commit_transaction(WITHIN, |_, _| {}).unwrap();
            }
        }
        producer
    }

    /// Writes a record into a topic, outside of any transaction.
    /// A broker may hear of a new partition a moment after whoever made it.
    pub(super) fn send(&self, topic: &str, record: &Record) {
        let deadline = clock::now().plus(WITHIN);
        while !self.try_to_send(topic, record) {
            assert!(!deadline.remaining().is_zero(), "the record was not taken");
        }
    }

    pub(super) fn try_to_send(&self, topic: &str, record: &Record) -> bool {
        let mut producer = Producer::new(&self.connection, &BTreeMap::new()).unwrap();
        let topic = producer.open(topic).unwrap();
        let header = record.header.as_deref().map(|header| (HEADER, header));
        let (key, value, partition) = (record.key.as_deref(), Some(&record.value[..]), record.partition);
        let outgoing = Outgoing { topic, partition, key, value, header, timestamp: clock::now(), id: 0 };
        let mut written = false;
        if producer.send(&outgoing) == Sending::Queued {
            producer.close(WITHIN, |_, delivery| written = matches!(delivery, Delivery::Acknowledged { .. }));
        }
        written
    }

    pub(super) fn judge(self, drain: Duration) -> (Judged, Drained, Vec<Observation>) {
        let drained = self.verifier.drain(clock::now().plus(drain)).unwrap();
        let sink = self.verifier.finish().unwrap();
        let case = Case {
            connection: &self.connection,
            inputs: &[self.starts.0],
            check: &self.check,
            sink_is_ours: true,
            ledger: Some(&self.ledger),
            sink,
            drained: &drained,
            late: 0,
        };
        let judged = case.judge();
        (judged, drained, self.observations.try_iter().collect())
    }
}

/// All records of a topic, partition by partition, each in order.
fn read(connection: &Connection, topic: &str) -> Vec<Record> {
    let mut reader = Reader::new(connection, &ReaderSettings::new(Isolation::ReadCommitted)).unwrap();
    let index = reader.open(topic).unwrap();
    (0..4).for_each(|partition| reader.start(index, partition, Start::Earliest).unwrap());
    let mut records = vec![Vec::new(); 4];
    let mut ended = [false; 4];
    let deadline = clock::now().plus(WITHIN);
    while !ended.iter().all(|ended| *ended) {
        let step = reader.poll(Duration::from_millis(100), |record| {
            records[record.partition as usize].push(Record {
                key: record.key().map(<[u8]>::to_vec),
                value: record.value().unwrap().to_vec(),
                header: record.header(HEADER).map(<[u8]>::to_vec),
                partition: record.partition,
            });
        });
        step.ended.iter().for_each(|(_, partition)| ended[*partition as usize] = true);
        assert!(!deadline.remaining().is_zero());
    }
    records.concat()
}
