use hdrhistogram::Histogram;

use super::traffic::Before;
use crate::traffic::Mark;
use crate::traffic::keys::COUNTED;

/// Keys whose records are counted one by one: the first of the table, where the hot ones are.
pub const COUNTED_KEYS: usize = COUNTED as usize;

/// Longest time that histograms tell apart: an hour, in microseconds, to three digits.
const LONGEST: u64 = 3_600_000_000;

/// What a thread has done so far.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Records of the schedule that it has walked past.
    pub walked: u64,
    pub sent: u64,
    pub acknowledged: u64,
    pub failed: u64,
    pub unresolved: u64,
    /// Own records that were due and never sent; known at the end.
    pub unsent: u64,
    pub partitions: Vec<PartitionCount>,
    /// Acknowledged records by key.
    pub keys: Vec<u64>,
    /// Acknowledged records that a change took hold of, by its slot.
    pub hits: Vec<u64>,
    /// Acknowledged records made while a change held, by its slot.
    pub under: Vec<u64>,
    /// Time during which the next record was overdue.
    pub behind_ns: u64,
    /// Time in which the producer's queue was full.
    pub queue_full_ns: u64,
    /// Time in which a transaction was being ended, and nothing could be sent.
    pub committing_ns: u64,
    /// Longest time by which a broker's quota held requests back, in milliseconds.
    pub throttle_ms: f64,
}

/// What of one partition is acknowledged.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartitionCount {
    pub acknowledged: u64,
    /// Furthest intended time among them.
    pub furthest: i64,
}

/// Latencies of the records that were intended within one second.
#[derive(Debug)]
pub struct Second {
    /// Seconds since the start.
    pub second: i64,
    /// Actual enqueue − intended, in microseconds.
    pub slip: Histogram<u64>,
    /// Acknowledgement − intended, in microseconds.
    pub latency: Histogram<u64>,
    /// Values below zero, which clocks that disagree would give.
    pub negative: u64,
}

/// A thread's own counts, added to without a lock.
#[derive(Debug)]
pub struct Tally {
    pub counts: Counts,
    seconds: Vec<Second>,
    last: usize,
}

impl Counts {
    pub fn new(partitions: u32) -> Self {
        Self {
            walked: 0,
            sent: 0,
            acknowledged: 0,
            failed: 0,
            unresolved: 0,
            unsent: 0,
            partitions: vec![PartitionCount { acknowledged: 0, furthest: i64::MIN }; partitions as usize],
            keys: vec![0; COUNTED_KEYS],
            hits: vec![0; Mark::BITS as usize],
            under: vec![0; Mark::BITS as usize],
            behind_ns: 0,
            queue_full_ns: 0,
            committing_ns: 0,
            throttle_ms: 0.0,
        }
    }

    /// As an earlier process left them: what was acknowledged. Of keys and changes nothing is known any more.
    pub fn of(before: &Before, partitions: u32) -> Self {
        let mut counts = Self::new(partitions);
        (counts.sent, counts.acknowledged) = (before.acknowledged, before.acknowledged);
        for (own, before) in counts.partitions.iter_mut().zip(&before.partitions) {
            own.acknowledged = before.acknowledged;
            own.furthest = before.furthest.map_or(i64::MIN, |furthest| furthest.0);
        }
        counts
    }

    /// Adds another thread's.
    pub fn add(&mut self, other: &Self) {
        self.walked = self.walked.max(other.walked);
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.failed += other.failed;
        self.unresolved += other.unresolved;
        self.unsent += other.unsent;
        for (own, other) in self.partitions.iter_mut().zip(&other.partitions) {
            own.acknowledged += other.acknowledged;
            own.furthest = own.furthest.max(other.furthest);
        }
        for (own, other) in [(&mut self.keys, &other.keys), (&mut self.hits, &other.hits), (&mut self.under, &other.under)] {
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        }
        self.behind_ns += other.behind_ns;
        self.queue_full_ns += other.queue_full_ns;
        self.committing_ns += other.committing_ns;
        self.throttle_ms = self.throttle_ms.max(other.throttle_ms);
    }
}

impl Second {
    fn new(second: i64) -> Self {
        let histogram = || Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| unreachable!("the bounds are constants"));
        Self { second, slip: histogram(), latency: histogram(), negative: 0 }
    }

    /// Adds another thread's of the same second.
    pub fn add(&mut self, other: &Self) {
        for (own, other) in [(&mut self.slip, &other.slip), (&mut self.latency, &other.latency)] {
            // Equal bounds: it cannot fail.
            let added = own.add(other);
            debug_assert!(added.is_ok());
        }
        self.negative += other.negative;
    }
}

impl Tally {
    pub fn new(partitions: u32) -> Self {
        Self { counts: Counts::new(partitions), seconds: Vec::with_capacity(8), last: 0 }
    }

    /// The second in which a record was intended, `intended` nanoseconds after the start.
    pub fn second(&mut self, intended: i64) -> &mut Second {
        let second = intended.div_euclid(1_000_000_000);
        if self.seconds.get(self.last).is_none_or(|last| last.second != second) {
            self.last = self.seconds.iter().position(|known| known.second == second).unwrap_or_else(|| {
                self.seconds.push(Second::new(second));
                self.seconds.len() - 1
            });
        }
        &mut self.seconds[self.last]
    }

    /// Hands over the histograms since the last time.
    pub fn take_seconds(&mut self) -> impl Iterator<Item = Second> + '_ {
        self.last = 0;
        self.seconds.drain(..)
    }
}

/// Records a time in a histogram of microseconds; one below zero counts as such.
pub fn record(histogram: &mut Histogram<u64>, negative: &mut u64, nanos: i64) {
    match u64::try_from(nanos) {
        Ok(nanos) => histogram.saturating_record(nanos / 1000),
        Err(_) => *negative += 1,
    }
}
