//! Reading partitions from given offsets, on one plain thread, without a consumer group: nothing is committed, no
//! coordinator is asked, and nobody else's group is touched.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use super::connection::Connection;
use super::error::{ErrorCode, KafkaError};
use super::raw_reader::{RawMessage, RawReader};
use crate::clock::Timestamp;

/// For a reader that must see records soon and keep up with the fastest writer. `fetch.queue.backoff.ms`: the default
/// of 1 s would make gaps of a second whenever the reader falls behind. `auto.offset.reset=error`: a gap in the log is
/// said, never jumped over.
const DEFAULTS: [(&str, &str); 9] = [
    ("enable.auto.commit", "false"),
    ("enable.partition.eof", "true"),
    ("auto.offset.reset", "error"),
    ("fetch.wait.max.ms", "100"),
    ("fetch.error.backoff.ms", "50"),
    ("fetch.queue.backoff.ms", "5"),
    ("queued.min.messages", "200000"),
    ("queued.max.messages.kbytes", "32768"),
    ("topic.metadata.refresh.interval.ms", "5000"),
];

/// Which records of transactions are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Those of committed transactions, up to the first open one.
    ReadCommitted,
    /// All.
    ReadUncommitted,
}

impl Isolation {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// How a [`Reader`] reads.
#[derive(Debug, Clone)]
pub struct ReaderSettings {
    /// Which records of transactions it sees.
    pub isolation: Isolation,
    /// Properties of librdkafka; they win over squall's defaults.
    pub properties: BTreeMap<String, String>,
}

impl ReaderSettings {
    /// With squall's defaults.
    pub fn new(isolation: Isolation) -> Self {
        Self { isolation, properties: BTreeMap::new() }
    }
}

/// Where reading a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record that is there.
    Earliest,
    /// Behind the newest.
    Latest,
    /// At this offset.
    At(i64),
}

/// Who stamped a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampKind {
    /// Its producer, or the application.
    Create,
    /// The broker, when it appended it (`message.timestamp.type=LogAppendTime`).
    LogAppend,
}

/// A record that was read. Everything is borrowed until the next poll.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    message: RawMessage<'a>,
    /// Index of the topic, as [`Reader::open`] gave it.
    pub topic: usize,
    /// Partition.
    pub partition: u32,
    /// Offset.
    pub offset: i64,
}

impl<'a> Received<'a> {
    /// Key, if any.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.message.key()
    }

    /// Value; none is a tombstone.
    pub fn value(&self) -> Option<&'a [u8]> {
        self.message.value()
    }

    /// The last header of this name.
    pub fn header(&self, name: &CStr) -> Option<&'a [u8]> {
        self.message.header(name)
    }

    /// When it was stamped, in whole milliseconds, and by whom.
    pub fn timestamp(&self) -> Option<(Timestamp, TimestampKind)> {
        use sys::rd_kafka_timestamp_type_t as Kind;
        match self.message.timestamp() {
            (_, Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) => None,
            (time, Kind::RD_KAFKA_TIMESTAMP_CREATE_TIME) => Some((Timestamp::from_millis(time), TimestampKind::Create)),
            (time, Kind::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME) => Some((Timestamp::from_millis(time), TimestampKind::LogAppend)),
        }
    }
}

/// What went wrong while reading. Reading goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Records at the position are gone (retention, deletion); reading went on with the oldest that is there.
    #[error("topic {topic} partition {partition}: offset {expected} is gone; reading went on at the oldest record")]
    Gone {
        /// Index of the topic.
        topic: usize,
        /// Partition.
        partition: u32,
        /// Offset that was to be read next.
        expected: i64,
    },
    /// A partition cannot be read for now, or at all.
    #[error("topic {topic} partition {partition}: {code}")]
    Partition {
        /// Index of the topic.
        topic: usize,
        /// Partition.
        partition: u32,
        /// What the broker or the library said.
        code: ErrorCode,
    },
}

/// What one poll gave.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Records handed over.
    pub records: usize,
    /// Partitions that were found read to their present end: index of the topic, partition.
    pub ended: Vec<(usize, u32)>,
    /// What went wrong.
    pub errors: Vec<ReadError>,
}

struct OpenTopic {
    name: CString,
    /// Offset to be read next, per partition that was started; −1 until known.
    positions: Vec<Option<i64>>,
}

/// Reads partitions. For one thread.
pub struct Reader {
    raw: RawReader,
    topics: Vec<OpenTopic>,
}

impl Reader {
    /// Makes a reader. Does not wait for a broker.
    ///
    /// # Errors
    /// When a property is unknown or wrong.
    pub fn new(connection: &Connection, settings: &ReaderSettings) -> Result<Self, KafkaError> {
        let mut defaults = DEFAULTS.to_vec();
        defaults.push(("isolation.level", settings.isolation.name()));
        let raw = RawReader::new(connection.configuration(&defaults, &settings.properties)?)?;
        Ok(Self { raw, topics: Vec::new() })
    }

    /// Opens a topic, once for each, and gives its index. Does not ask the broker.
    ///
    /// # Errors
    /// When the name is not valid.
    pub fn open(&mut self, topic: &str) -> Result<usize, KafkaError> {
        let name = CString::new(topic).map_err(|_| KafkaError::NoTopic(topic.to_owned()))?;
        self.topics.push(OpenTopic { name, positions: Vec::new() });
        self.raw.open(topic)
    }

    /// Begins to read a partition; also of one that does not exist yet: it is read when it comes.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn start(&mut self, topic: usize, partition: u32, from: Start) -> Result<(), KafkaError> {
        let offset = match from {
            Start::Earliest => i64::from(sys::RD_KAFKA_OFFSET_BEGINNING),
            Start::Latest => i64::from(sys::RD_KAFKA_OFFSET_END),
            Start::At(offset) => offset,
        };
        let failed = |code| KafkaError::request(format!("read partition {partition}"), code);
        self.raw.start(topic, partition, offset).map_err(failed)?;
        let positions = &mut self.topics[topic].positions;
        let index = partition as usize;
        if positions.len() <= index {
            positions.resize(index + 1, None);
        }
        positions[index] = Some(if let Start::At(offset) = from { offset } else { -1 });
        Ok(())
    }

    /// Partitions of a topic that are being read are those below this number.
    pub fn partitions(&self, topic: usize) -> u32 {
        self.topics[topic].positions.len() as u32
    }

    /// Hands over what is there, `record` by record; waits up to `wait` for the first.
    pub fn poll(&mut self, wait: Duration, mut record: impl FnMut(&Received<'_>)) -> Step {
        let mut step = Step::default();
        let batch = self.raw.next(wait);
        for message in batch.messages() {
            let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
            let position =
                self.topics.get_mut(topic).and_then(|topic| topic.positions.get_mut(partition as usize)).and_then(Option::as_mut);
            match message.error() {
                None => {
                    if let Some(position) = position {
                        *position = offset + 1;
                    }
                    step.records += 1;
                    record(&Received { message, topic, partition, offset });
                }
                Some(code) => match code.native() {
                    // Its offset is the next one to read: behind aborted records and the markers of transactions, too.
                    Code::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                        if let Some(position) = position {
                            *position = offset.max(*position);
                        }
                        step.ended.push((topic, partition));
                    }
                    Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET | Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE => {
                        step.errors.push(ReadError::Gone { topic, partition, expected: position.map_or(-1, |position| *position) });
                    }
                    // The desired partition is not there yet, or its leader is not: librdkafka goes on trying.
                    Code::RD_KAFKA_RESP_ERR__TRANSPORT | Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN => {}
                    _ => step.errors.push(ReadError::Partition { topic, partition, code }),
                },
            }
        }
        drop(batch);
        for error in &step.errors {
            if let ReadError::Gone { topic, partition, .. } = error {
                self.raw.stop(*topic, *partition);
                // The next poll says so when it fails again.
                let _: Result<(), KafkaError> = self.start(*topic, *partition, Start::Earliest);
            }
        }
        step
    }

    /// The offset to be read next. Behind everything that was read, and, at the end of a partition, behind aborted
    /// records and transaction markers. Nothing before the first record or end was seen.
    pub fn position(&self, topic: usize, partition: u32) -> Option<i64> {
        self.topics[topic].positions.get(partition as usize).copied().flatten().filter(|position| *position >= 0)
    }

    /// The high watermark as of the last fetch of a partition; asks nobody.
    pub fn high_watermark(&self, topic: usize, partition: u32) -> Option<i64> {
        self.raw.watermarks(&self.topics[topic].name, partition).map(|(_, high)| high)
    }

    /// What brokers and connections complained of lately, each reason once.
    pub fn complaints(&self) -> Vec<String> {
        self.raw.native().complaints().reasons()
    }
}
