//! The reference: what of this run is in the input topics. Read when traffic has ended, and again after a crash.

use std::collections::HashMap;
use std::time::Duration;

use super::DeliveryError;
use super::offender::{Fault, Offenders, Place};
use super::seen::Expected;
use super::seen::HEADER;
use super::sequences::{Counted, Sequences};
use super::shards::Shards;
use super::timeline::Timeline;
use crate::clock::{self, Timestamp};
use crate::kafka::{Admin, Connection, Isolation, OffsetQuery, ReadError, Reader, ReaderSettings, Received, Start};
use crate::traffic::Identity;

/// A topic, and where this run's records begin in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TopicStart {
    /// Its name.
    pub topic: String,
    /// First offset of each partition that existed then; partitions that come later begin at 0.
    pub offsets: Vec<i64>,
}

impl TopicStart {
    /// The present ends of a topic's partitions.
    ///
    /// # Errors
    /// When the topic does not exist, or no broker answers within `within`.
    pub fn here(admin: &Admin, topic: &str, within: Duration) -> Result<Self, DeliveryError> {
        Ok(Self { topic: topic.to_owned(), offsets: admin.topic_offsets(topic, OffsetQuery::HighWatermark, within)? })
    }

    pub(super) fn offset(&self, partition: u32) -> Start {
        self.offsets.get(partition as usize).map_or(Start::Earliest, |offset| Start::At(*offset))
    }
}

/// What is in the input topics.
#[derive(Debug, Default)]
pub struct Reference {
    /// How often each record is there.
    pub records: Shards<Counted>,
    /// Of them, those that the job drops on purpose.
    pub dropped: Shards<Sequences>,
    /// When they were intended.
    pub timelines: Shards<Timeline>,
    /// Of other runs or producers.
    pub foreign: u64,
    /// First offset of each intended second, by topic and partition: to find records again.
    index: HashMap<(usize, u32), Vec<(i64, i64)>>,
    /// Why it is not the whole truth, where it is not.
    pub incomplete: Option<String>,
}

/// Reads topics between two moments.
struct Scan<'a> {
    reader: Reader,
    topics: &'a [TopicStart],
    ends: Vec<Vec<i64>>,
}

impl<'a> Scan<'a> {
    /// From `from(topic, partition)` to the present end.
    fn new(
        connection: &Connection,
        topics: &'a [TopicStart],
        within: Duration,
        from: impl Fn(usize, u32) -> Start,
    ) -> Result<Self, DeliveryError> {
        let admin = Admin::new(connection)?;
        let mut reader = Reader::new(connection, &ReaderSettings::new(Isolation::ReadCommitted))?;
        let mut ends = Vec::new();
        for (index, topic) in topics.iter().enumerate() {
            // What an open transaction hides is nobody's yet.
            let of_topic = admin.topic_offsets(&topic.topic, OffsetQuery::LastStable, within)?;
            reader.open(&topic.topic)?;
            for partition in 0..of_topic.len() as u32 {
                reader.start(index, partition, from(index, partition))?;
            }
            ends.push(of_topic);
        }
        Ok(Self { reader, topics, ends })
    }

    /// Hands over every record, until all is read or `record` answers that it has enough.
    fn run(&mut self, deadline: Timestamp, mut record: impl FnMut(&Received<'_>) -> bool) -> Result<Vec<ReadError>, DeliveryError> {
        let mut errors = Vec::new();
        let mut enough = false;
        loop {
            let step = self.reader.poll(Duration::from_millis(200), |received| {
                let end = self.ends[received.topic].get(received.partition as usize).copied().unwrap_or(i64::MAX);
                if !enough && received.offset < end {
                    enough = record(received);
                }
            });
            errors.extend(step.errors);
            let Some((topic, partition)) = self.unfinished().filter(|_| !enough) else { return Ok(errors) };
            if deadline.remaining().is_zero() {
                let position = self.reader.position(topic, partition).unwrap_or(0);
                return Err(DeliveryError::NotRead {
                    topic: self.topics[topic].topic.clone(),
                    partition,
                    position,
                    end: self.ends[topic][partition as usize],
                });
            }
        }
    }

    fn unfinished(&self) -> Option<(usize, u32)> {
        let all = self
            .ends
            .iter()
            .enumerate()
            .flat_map(|(topic, ends)| (0_u32..).zip(ends).map(move |(partition, end)| (topic, partition, *end)));
        // An empty partition has no position, and none to reach.
        all.filter(|(topic, partition, end)| *end > self.begin(*topic, *partition) && self.reader.position(*topic, *partition) < Some(*end))
            .map(|(topic, partition, _)| (topic, partition))
            .next()
    }

    fn begin(&self, topic: usize, partition: u32) -> i64 {
        self.topics[topic].offsets.get(partition as usize).copied().unwrap_or(0)
    }
}

impl Reference {
    /// Empty, for so many streams.
    pub fn new(streams: usize) -> Self {
        Self { records: Shards::new(streams), dropped: Shards::new(streams), timelines: Shards::new(streams), ..Self::default() }
    }

    /// Reads the input topics to their present end. `each` sees every record of this run, as often as it
    /// is there, and says whether the sink must have it.
    ///
    /// # Errors
    /// When a topic is gone, a broker does not answer, or the end is not reached before `deadline`.
    pub fn read(
        connection: &Connection,
        topics: &[TopicStart],
        expected: &Expected,
        deadline: Timestamp,
        mut each: impl FnMut(&Identity, &Received<'_>) -> bool,
    ) -> Result<Self, DeliveryError> {
        let streams = expected.streams.len();
        let mut reference = Self::new(streams);
        let from = |topic: usize, partition| topics[topic].offset(partition);
        let mut scan = Scan::new(connection, topics, deadline.remaining(), from)?;
        let errors = scan.run(deadline, |received| {
            let identity = expected.placement.extract(received.key(), received.value(), received.header(HEADER));
            let Some(identity) = identity.ok().filter(|identity| identity.run == expected.run) else {
                reference.foreign += 1;
                return false;
            };
            let must_come_out = each(&identity, received);
            reference.take(&identity, received, must_come_out);
            false
        })?;
        reference.incomplete = errors.first().map(|error| match error {
            ReadError::Gone { topic, partition, expected } => format!(
                "the input topic {} has lost its records of partition {partition} from offset {expected} on (retention?)",
                topics[*topic].topic
            ),
            error => error.to_string(),
        });
        Ok(reference)
    }

    /// Enters a record of this run, once for each time that it is there.
    pub(super) fn enter(&mut self, identity: &Identity, must_come_out: bool) {
        let Some(records) = self.records.of(identity) else {
            self.foreign += 1;
            return;
        };
        records.insert(identity.sequence);
        if !must_come_out && let Some(dropped) = self.dropped.of(identity) {
            dropped.insert(identity.sequence);
        }
        if let Some(timeline) = self.timelines.of(identity) {
            timeline.observe(identity.sequence, identity.intended.0);
        }
    }

    fn take(&mut self, identity: &Identity, received: &Received<'_>, must_come_out: bool) {
        self.enter(identity, must_come_out);
        let second = identity.intended.0.div_euclid(1_000_000_000);
        let index = self.index.entry((received.topic, received.partition)).or_default();
        if index.last().is_none_or(|(last, _)| *last < second) {
            index.push((second, received.offset));
        }
    }

    /// Looks up records that went wrong in the input topics, and keeps them with their place and key. Reads only from the
    /// second of the first one on, and stops when it has them all.
    ///
    /// # Errors
    /// As [`Reference::read`].
    pub(super) fn locate(
        &self,
        connection: &Connection,
        topics: &[TopicStart],
        expected: &Expected,
        deadline: Timestamp,
        mut wanted: HashMap<(usize, u16, u64), Fault>,
        offenders: &mut Offenders,
    ) -> Result<(), DeliveryError> {
        let second = |(stream, shard, sequence): &(usize, u16, u64)| self.timelines.get(*stream, *shard)?.second(*sequence);
        let Some(first) = wanted.keys().filter_map(second).min() else { return Ok(()) };
        let from = |topic: usize, partition: u32| {
            let index = self.index.get(&(topic, partition)).map(Vec::as_slice).unwrap_or_default();
            // The second before, too: partitions are not exactly in step with the schedule.
            let place = index.partition_point(|(second, _)| *second < first - 1);
            index.get(place).map_or_else(|| topics[topic].offset(partition), |(_, offset)| Start::At(*offset))
        };
        let mut scan = Scan::new(connection, topics, deadline.remaining(), from)?;
        scan.run(deadline, |received| {
            let identity = expected.placement.extract(received.key(), received.value(), received.header(HEADER));
            if let Some(identity) = identity.ok().filter(|identity| identity.run == expected.run)
                && let Some(fault) = wanted.remove(&(usize::from(identity.stream), identity.shard, identity.sequence))
            {
                let (partition, offset) = (received.partition, received.offset);
                offenders.add(
                    fault,
                    &identity,
                    Some(Place { topic: &topics[received.topic].topic, partition, offset, key: received.key() }),
                );
            }
            wanted.is_empty()
        })?;
        Ok(())
    }
}

/// Time for reading the input topics, at least.
pub fn reading_time(records: u64) -> Timestamp {
    // A slow machine reads 50,000 records a second.
    clock::now().plus(Duration::from_secs(30 + records / 50_000))
}
