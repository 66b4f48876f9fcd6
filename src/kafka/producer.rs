//! Sending, from one plain thread that also takes in the outcomes.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::time::Duration;

use rdkafka_sys::rd_kafka_resp_err_t as Code;

use super::connection::Connection;
use super::error::{ErrorCode, KafkaError};
use super::raw_producer::{RawProducer, Transaction};
use super::statistics::ProducerStatistics;
use crate::clock::{self, Timestamp};

/// What squall sets where the user does not: nothing may be lost or written twice by squall itself, a full queue is
/// seen soon, and no outcome stays open for longer than 30 s.
const DEFAULTS: [(&str, &str); 8] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("message.timeout.ms", "30000"),
    ("linger.ms", "5"),
    ("queue.buffering.max.messages", "500000"),
    ("queue.buffering.max.kbytes", "262144"),
    ("socket.nagle.disable", "true"),
    ("statistics.interval.ms", "1000"),
];

/// A topic that a [`Producer`] has opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicHandle(pub(super) usize);

/// A record to send. Everything is borrowed: librdkafka copies it.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Where to.
    pub topic: TopicHandle,
    /// Its partition.
    pub partition: u32,
    /// Key, if any.
    pub key: Option<&'a [u8]>,
    /// Value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// One header, if any.
    pub header: Option<(&'a CStr, &'a [u8])>,
    /// `CreateTime`; Kafka keeps milliseconds.
    pub timestamp: Timestamp,
    /// Comes back with the outcome.
    pub id: u64,
}

/// What became of handing a record over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// Taken; its outcome comes through [`Producer::poll`].
    Queued,
    /// The queue is full: not taken, try again after polling.
    QueueFull,
    /// This record is not taken, and certainly not written: too large, no such partition, …
    Refused(ErrorCode),
    /// The producer is broken for good; [`Producer::fatal`] says why.
    Fatal,
}

/// What became of a record that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Written, as the broker says.
    Acknowledged {
        /// Partition.
        partition: u32,
        /// Offset; −1 with `acks=0`.
        offset: i64,
        /// When the acknowledgement was taken in: late by at most the time since the last [`Producer::poll`].
        at: Timestamp,
    },
    /// Certainly not written.
    Failed(ErrorCode),
    /// Sent, and its outcome is unknown: it may be in the log.
    Unresolved(ErrorCode),
}

/// Sends records. For one thread, which also polls; no lock and no allocation of ours per record.
///
/// Dropping it gives up what is outstanding without an outcome: call [`Producer::close`] before.
pub struct Producer {
    raw: RawProducer,
    statistics: Option<ProducerStatistics>,
}

impl Producer {
    /// Makes a producer. `settings` are properties of librdkafka and win over squall's defaults. Does not wait for a broker.
    ///
    /// # Errors
    /// When a property is unknown, wrong, or contradicts another.
    pub fn new(connection: &Connection, settings: &BTreeMap<String, String>) -> Result<Self, KafkaError> {
        let durable =
            ["acks", "request.required.acks"].iter().all(|name| settings.get(*name).is_none_or(|acks| acks == "all" || acks == "-1"));
        let defaults: Vec<_> = DEFAULTS.into_iter().filter(|(name, _)| durable || *name != "enable.idempotence").collect();
        let raw = RawProducer::new(connection.configuration(&defaults, settings)?)?;
        Ok(Self { raw, statistics: None })
    }

    /// Opens a topic, once for each. Does not ask the broker.
    ///
    /// # Errors
    /// When the name is not valid.
    pub fn open(&mut self, topic: &str) -> Result<TopicHandle, KafkaError> {
        self.raw.open(topic)
    }

    /// Hands a record over.
    pub fn send(&mut self, record: &Outgoing<'_>) -> Sending {
        match self.raw.enqueue(record) {
            Ok(()) => Sending::Queued,
            Err(code) => match code.native() {
                Code::RD_KAFKA_RESP_ERR__QUEUE_FULL => Sending::QueueFull,
                Code::RD_KAFKA_RESP_ERR__FATAL | Code::RD_KAFKA_RESP_ERR__FENCED => Sending::Fatal,
                _ => Sending::Refused(code),
            },
        }
    }

    /// Takes in outcomes: `outcome(id, delivery)` for each. Waits up to `wait` for the first; zero does not wait.
    /// Returns how many there were.
    pub fn poll(&mut self, wait: Duration, outcome: impl FnMut(u64, Delivery)) -> usize {
        let statistics = &mut self.statistics;
        self.raw.poll(wait, outcome, |json| *statistics = ProducerStatistics::parse(json).or(statistics.take()))
    }

    /// Records taken whose outcome has not been taken in.
    pub fn outstanding(&self) -> usize {
        self.raw.outstanding()
    }

    /// What librdkafka last said of itself, each second.
    pub fn statistics(&self) -> Option<&ProducerStatistics> {
        self.statistics.as_ref()
    }

    /// Why it can send no more, if so.
    pub fn fatal(&self) -> Option<KafkaError> {
        self.raw.native().fatal()
    }

    /// What brokers and connections complained of lately, each reason once.
    pub fn complaints(&self) -> Vec<String> {
        self.raw.native().complaints().reasons()
    }

    /// Sends the rest and takes in all outcomes within `within`; then gives the rest up, whose outcomes come at once:
    /// failed when never sent, else unresolved. After it nothing is outstanding.
    pub fn close(&mut self, within: Duration, mut outcome: impl FnMut(u64, Delivery)) {
        const PIECE: Duration = Duration::from_millis(20);
        let deadline = clock::now().plus(within);
        while self.outstanding() > 0 && !deadline.remaining().is_zero() {
            self.raw.push(Duration::ZERO);
            self.poll(PIECE.min(deadline.remaining()), &mut outcome);
        }
        if self.outstanding() > 0 {
            self.raw.purge(true);
            while self.outstanding() > 0 {
                self.poll(PIECE, &mut outcome);
            }
        }
    }

    /// Makes ready for transactions; `transactional.id` must be set.
    ///
    /// # Errors
    /// When the coordinator does not answer within `within`, or refuses.
    pub fn init_transactions(&mut self, within: Duration) -> Result<(), KafkaError> {
        self.raw.transaction(Transaction::Init, within)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When one is open, or the producer was fenced.
    pub fn begin_transaction(&mut self) -> Result<(), KafkaError> {
        self.raw.transaction(Transaction::Begin, Duration::ZERO)
    }

    /// Commits the open transaction; all its outcomes are taken in first.
    ///
    /// # Errors
    /// When it must be aborted instead, is not done within `within`, or the producer was fenced.
    pub fn commit_transaction(&mut self, within: Duration, mut outcome: impl FnMut(u64, Delivery)) -> Result<(), KafkaError> {
        let deadline = clock::now().plus(within);
        while self.outstanding() > 0 && !deadline.remaining().is_zero() {
            self.raw.push(Duration::ZERO);
            self.poll(Duration::from_millis(5), &mut outcome);
        }
        self.raw.transaction(Transaction::Commit, deadline.remaining())
    }

    /// Aborts the open transaction.
    ///
    /// # Errors
    /// When it is not done within `within`, or the producer was fenced.
    pub fn abort_transaction(&mut self, within: Duration, mut outcome: impl FnMut(u64, Delivery)) -> Result<(), KafkaError> {
        self.raw.purge(true);
        let deadline = clock::now().plus(within);
        while self.outstanding() > 0 && !deadline.remaining().is_zero() {
            self.poll(Duration::from_millis(5), &mut outcome);
        }
        self.raw.transaction(Transaction::Abort, deadline.remaining())
    }
}
