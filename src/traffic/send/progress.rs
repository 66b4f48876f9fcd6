use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::tally::{Counts, Second, Tally};
use crate::clock::Timestamp;

/// How far the traffic has come.
#[derive(Debug)]
pub struct Progress {
    /// When it was looked at; threads publish their counts five times a second.
    pub at: Timestamp,
    /// In the order in which they were given.
    pub streams: Vec<StreamProgress>,
}

/// How far one stream has come.
#[derive(Debug)]
pub struct StreamProgress {
    /// Its name in the scenario.
    pub stream: String,
    /// Its books.
    pub accounts: Accounts,
    /// By partition.
    pub partitions: Vec<PartitionProgress>,
    /// The most frequent keys among the acknowledged records, at most ten, of those that are counted: the first 1024.
    pub top_keys: Vec<(String, u64)>,
    /// The acknowledged records that these are of: this process's own.
    pub own: u64,
    /// What each change of the traffic that holds, or held, has reached.
    pub changes: Vec<ChangeShare>,
    /// Slip and latency since the last look, by second of the intended time.
    pub windows: Vec<Window>,
    /// Why records failed or stay unresolved, the last reason that was seen.
    pub complaint: Option<String>,
}

/// The books of a stream or of all; scheduled = sent + unsent, sent = acknowledged + failed + unresolved + in flight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Records that the schedule has asked for; for a slice of it an estimate until the end.
    pub scheduled: u64,
    /// Handed to the producer.
    pub sent: u64,
    /// Due and not handed over.
    pub unsent: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Certainly not written.
    pub failed: u64,
    /// Outcome unknown.
    pub unresolved: u64,
    /// Outcome still to come; none at the end.
    pub in_flight: u64,
    /// What limited the generator, where it was behind for longer than a hundredth of its time or did not send everything.
    pub limited_by: Option<String>,
}

impl Accounts {
    /// Adds another stream's.
    pub fn add(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.sent += other.sent;
        self.unsent += other.unsent;
        self.acknowledged += other.acknowledged;
        self.failed += other.failed;
        self.unresolved += other.unresolved;
        self.in_flight += other.in_flight;
        self.limited_by = self.limited_by.take().or_else(|| other.limited_by.clone());
    }

    /// Whether everything is accounted for.
    pub fn add_up(&self) -> bool {
        self.scheduled == self.sent + self.unsent && self.sent == self.acknowledged + self.failed + self.unresolved + self.in_flight
    }
}

/// What of one partition is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionProgress {
    /// Records.
    pub acknowledged: u64,
    /// Furthest intended time among them.
    pub furthest: Option<Timestamp>,
}

/// What a change of the traffic has reached, measured on acknowledged records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeShare {
    /// Its undo.
    pub id: u64,
    /// Records that it took hold of.
    pub hits: u64,
    /// Records made while it held.
    pub of: u64,
    /// For a change of the rate, which takes hold of no single record.
    pub surge: Option<SurgeShare>,
}

/// What a change of the rate has reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurgeShare {
    /// The factor that was asked for.
    pub asked: f64,
    /// Records that the schedule would have asked for without it.
    pub without: u64,
}

impl ChangeShare {
    /// The share that it reached; none before the first record.
    pub fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// The factor that a change of the rate reached; none for other changes, and before a record was due.
    pub fn factor(&self) -> Option<f64> {
        let without = self.surge?.without;
        (without > 0).then(|| self.of as f64 / without as f64)
    }

    /// Whether the records show it: one was taken hold of, or the rate has gone at least half the way.
    pub fn acted(&self) -> bool {
        match self.surge {
            None => self.hits > 0,
            Some(SurgeShare { asked, .. }) => self.factor().is_some_and(|factor| (factor - 1.0) / (asked - 1.0) >= 0.5),
        }
    }
}

/// Latencies of the records that were intended within one second, as far as they became known since the last look.
#[derive(Debug)]
pub struct Window {
    /// Start of the window.
    pub from: Timestamp,
    /// End of the window.
    pub to: Timestamp,
    /// Actual enqueue − intended, in microseconds.
    pub slip: Histogram<u64>,
    /// Acknowledgement − intended, in microseconds.
    pub latency: Histogram<u64>,
    /// Values below zero, which the histograms cannot hold.
    pub negative: u64,
}

/// What a thread shows of itself: written by it now and then, read by the engine.
#[derive(Debug)]
pub struct Published {
    shown: Mutex<Shown>,
    finished: AtomicBool,
    closing_within: AtomicU64,
}

#[derive(Debug)]
struct Shown {
    counts: Counts,
    seconds: Vec<Second>,
    complaint: Option<String>,
}

impl Published {
    pub fn new(partitions: u32) -> Self {
        /// Somewhat more than the producer's own limit for a record, 30 s.
        const CLOSING: Duration = Duration::from_secs(35);
        Self {
            shown: Mutex::new(Shown { counts: Counts::new(partitions), seconds: Vec::new(), complaint: None }),
            finished: AtomicBool::new(false),
            closing_within: AtomicU64::new(CLOSING.as_nanos() as u64),
        }
    }

    /// Shows the counts, and hands over the histograms where asked.
    pub fn put(&self, tally: &mut Tally, histograms: bool, complaint: Option<String>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.counts.clone_from(&tally.counts);
        if histograms {
            shown.seconds.extend(tally.take_seconds());
        }
        shown.complaint = complaint;
    }

    /// Adds what is shown to `counts`; says why records fail, if they do.
    pub fn add_to(&self, counts: &mut Counts) -> Option<String> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        counts.add(&shown.counts);
        shown.complaint.clone()
    }

    /// Moves the histograms to `seconds`.
    pub fn take_seconds(&self, seconds: &mut Vec<Second>) {
        let taken = std::mem::take(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner).seconds);
        for second in taken {
            match seconds.iter_mut().find(|known| known.second == second.second) {
                Some(known) => known.add(&second),
                None => seconds.push(second),
            }
        }
    }

    /// How long the thread may take to close its producer.
    pub fn close_within(&self, within: Duration) {
        self.closing_within.store(u64::try_from(within.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub fn closing_within(&self) -> Duration {
        Duration::from_nanos(self.closing_within.load(Ordering::Relaxed))
    }

    /// The thread is done: its books are closed.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }

    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
}
