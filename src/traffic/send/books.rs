use super::tally::{COUNTED_KEYS, PartitionCount, Tally, record};
use crate::clock::Timestamp;
use crate::kafka::{Delivery, ErrorCode};
use crate::traffic::{Key, Mark};

/// Where a thread reports what became of its records: the ledger's side. Called by that thread alone.
pub trait AckSink: Send {
    /// The outcomes of some records, each exactly once.
    fn settled(&mut self, records: &[Settled]);

    /// Called at least once a second, and once after the last outcome: a moment for handing over what was gathered.
    fn flush(&mut self) {}
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Shard of its stream's schedule.
    pub shard: u16,
    /// Partition that it was sent to.
    pub partition: u16,
    /// Number within its shard.
    pub sequence: u64,
    /// When it was due.
    pub intended: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}

/// What can become of a record that was handed to the producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Written at this offset; −1 where the producer was told not to wait for brokers.
    Acknowledged {
        /// Offset in its partition.
        offset: i64,
    },
    /// Certainly not written.
    Failed,
    /// It may be in the log.
    Unresolved,
}

/// A record whose outcome is not known yet.
#[derive(Debug, Clone, Copy)]
pub struct Flight {
    pub shard: u16,
    pub partition: u16,
    /// Place among the counted keys; none of them at the end of the table or beyond.
    pub key: u32,
    pub sequence: u64,
    /// Nanoseconds since the epoch.
    pub intended: i64,
    pub hits: Mark,
    pub under: Mark,
}

/// The place of a key among the counted ones.
pub fn counted(key: Key) -> u32 {
    match key {
        Key::None => u32::MAX,
        Key::Listed(index) => index,
        Key::Numbered(number) => u32::try_from(number).unwrap_or(u32::MAX),
    }
}

/// What a thread knows of the records that it has sent.
pub struct Books {
    /// The schedule's start, nanoseconds since the epoch.
    start: i64,
    flights: Vec<Flight>,
    free: Vec<u32>,
    settled: Vec<Settled>,
    sink: Box<dyn AckSink>,
    /// Outcomes of an open transaction are kept until its end.
    held: Option<Vec<(Flight, Delivery)>>,
    pub tally: Tally,
    /// The last reason why a record failed or stayed unresolved.
    pub complaint: Option<ErrorCode>,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// Committed, as was known at this time.
    Committed(Timestamp),
    /// Aborted: nobody who reads committed records will see its records.
    Aborted,
    /// The coordinator did not say.
    Unknown,
}

/// Outcomes that are handed to the sink at once.
const BATCH: usize = 4096;

impl Books {
    pub fn new(start: Timestamp, partitions: u32, sink: Box<dyn AckSink>, transactional: bool) -> Self {
        Self {
            start: start.0,
            flights: Vec::with_capacity(BATCH),
            free: Vec::with_capacity(BATCH),
            settled: Vec::with_capacity(BATCH),
            sink,
            held: transactional.then(Vec::new),
            tally: Tally::new(partitions),
            complaint: None,
        }
    }

    /// Records without an outcome.
    pub fn in_flight(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    /// Enters a record that is about to be sent; the number comes back with its outcome.
    pub fn depart(&mut self, flight: Flight) -> u64 {
        match self.free.pop() {
            Some(slot) => {
                self.flights[slot as usize] = flight;
                u64::from(slot)
            }
            None => {
                self.flights.push(flight);
                self.flights.len() as u64 - 1
            }
        }
    }

    /// Takes back a record that was not sent after all.
    pub fn cancel(&mut self, id: u64) {
        self.free.push(id as u32);
    }

    /// A record was handed over at `at`.
    pub fn sent(&mut self, intended: i64, at: i64) {
        self.tally.counts.sent += 1;
        let second = self.tally.second(intended - self.start);
        record(&mut second.slip, &mut second.negative, at - intended);
    }

    /// Enters an outcome.
    pub fn arrive(&mut self, id: u64, delivery: Delivery) {
        let flight = self.flights[id as usize];
        self.free.push(id as u32);
        match &mut self.held {
            Some(held) => held.push((flight, delivery)),
            None => self.settle(flight, delivery),
        }
    }

    /// Settles the records of a transaction that has ended.
    pub fn end_transaction(&mut self, fate: Fate) {
        let Some(mut held) = self.held.take() else { return };
        for (flight, delivery) in held.drain(..) {
            match (delivery, fate) {
                (Delivery::Acknowledged { partition, offset, .. }, Fate::Committed(at)) => {
                    self.settle(flight, Delivery::Acknowledged { partition, offset, at });
                }
                (Delivery::Acknowledged { .. }, Fate::Aborted) => {
                    self.tally.counts.failed += 1;
                    self.report(flight, Outcome::Failed);
                }
                (Delivery::Acknowledged { .. }, Fate::Unknown) => {
                    self.tally.counts.unresolved += 1;
                    self.report(flight, Outcome::Unresolved);
                }
                (other, _) => self.settle(flight, other),
            }
        }
        self.held = Some(held);
    }

    fn settle(&mut self, flight: Flight, delivery: Delivery) {
        let counts = &mut self.tally.counts;
        let outcome = match delivery {
            Delivery::Acknowledged { offset, at, .. } => {
                counts.acknowledged += 1;
                if let Some(PartitionCount { acknowledged, furthest }) = counts.partitions.get_mut(usize::from(flight.partition)) {
                    *acknowledged += 1;
                    *furthest = (*furthest).max(flight.intended);
                }
                if (flight.key as usize) < COUNTED_KEYS {
                    counts.keys[flight.key as usize] += 1;
                }
                if flight.under != 0 {
                    count_bits(flight.under, &mut counts.under);
                    count_bits(flight.hits, &mut counts.hits);
                }
                let second = self.tally.second(flight.intended - self.start);
                record(&mut second.latency, &mut second.negative, at.0 - flight.intended);
                Outcome::Acknowledged { offset }
            }
            Delivery::Failed(code) => {
                counts.failed += 1;
                self.complaint = Some(code);
                Outcome::Failed
            }
            Delivery::Unresolved(code) => {
                counts.unresolved += 1;
                self.complaint = Some(code);
                Outcome::Unresolved
            }
        };
        self.report(flight, outcome);
    }

    fn report(&mut self, flight: Flight, outcome: Outcome) {
        let Flight { shard, partition, sequence, intended, .. } = flight;
        self.settled.push(Settled { shard, partition, sequence, intended: Timestamp(intended), outcome });
        if self.settled.len() >= BATCH {
            self.hand_over();
        }
    }

    /// Hands the outcomes to the sink.
    pub fn hand_over(&mut self) {
        if !self.settled.is_empty() {
            self.sink.settled(&self.settled);
            self.settled.clear();
        }
    }

    /// Hands everything to the sink, and lets it pass it on.
    pub fn flush(&mut self) {
        self.hand_over();
        self.sink.flush();
    }
}

fn count_bits(mut mark: Mark, counts: &mut [u64]) {
    while mark != 0 {
        counts[mark.trailing_zeros() as usize] += 1;
        mark &= mark - 1;
    }
}
