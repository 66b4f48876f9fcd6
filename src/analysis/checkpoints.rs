//! Checkpoints, kept by id over everything that the JobManager forgets.

use std::collections::{BTreeMap, BTreeSet};

use super::job_log::Clocks;
use super::series::Point;
use crate::clock::Timestamp;
use crate::journal::CheckpointRecord;
use crate::metric::Metric;

/// All checkpoints of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckpointLog {
    /// Which submission of the job, and Flink's id: a job that starts without state counts from 1 again.
    records: BTreeMap<Key, CheckpointRecord>,
    /// Status → those that ended so, savepoints left out, by when they did on the JobManager's clock.
    ended: BTreeMap<String, BTreeSet<(Timestamp, Key)>>,
}

type Key = (usize, u64);

/// So many are always kept.
const NEWEST: usize = 20;

/// More are never under way at once.
const AT_ONCE: usize = 64;

/// All of time.
pub const EVER: (i64, i64) = (i64::MIN, i64::MAX);

/// The status of a checkpoint that has not ended.
const IN_PROGRESS: &str = "in-progress";

/// When a checkpoint ended: where nobody said, it was no longer than a moment.
fn end(record: &CheckpointRecord) -> Timestamp {
    record.ended.unwrap_or(record.triggered)
}

impl CheckpointLog {
    /// Takes in a checkpoint, new or changed, of the given submission of the job. Gives whether its status is new.
    pub fn push(&mut self, submission: usize, record: &CheckpointRecord) -> bool {
        let key = (submission, record.id);
        let before = self.records.insert(key, record.clone());
        if let Some(before) = &before
            && let Some(ended) = self.ended.get_mut(&before.status)
        {
            ended.remove(&(end(before), key));
        }
        if !record.savepoint {
            self.ended.entry(record.status.clone()).or_default().insert((end(record), key));
        }
        before.is_none_or(|before| before.status != record.status)
    }

    /// Lets go of those that ended before a moment of our clock, but the newest.
    pub fn forget_before(&mut self, moment: i64, clocks: &Clocks) {
        let moment = clocks.theirs(moment);
        let first = self.records.keys().rev().nth(NEWEST).copied();
        self.records.retain(|key, record| first.is_none_or(|first| *key > first) || end(record) >= moment);
        let kept = &self.records;
        self.ended.values_mut().for_each(|ended| ended.retain(|(_, key)| kept.contains_key(key)));
    }

    /// By submission and id.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &CheckpointRecord> {
        self.records.values()
    }

    /// Whether none was ever seen.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the newest of the job is under way.
    pub fn in_progress(&self) -> bool {
        self.all().next_back().is_some_and(|record| record.status == IN_PROGRESS)
    }

    /// When the next one after a moment is likely to be triggered, on our clock, and how long they usually take: Flink triggers them at
    /// a fixed distance, unless they take longer than that.
    pub fn next(&self, after: i64, clocks: &Clocks) -> Option<(i64, i64)> {
        let interval = self.interval().filter(|interval| *interval > 0)?;
        let newest = clocks.ours(self.all().filter(|record| !record.savepoint).map(|record| record.triggered).max()?);
        let mut took: Vec<i64> =
            self.ended("completed", EVER, clocks).filter_map(|(_, record)| Some(record.ended?.0 - record.triggered.0)).collect();
        took.sort_unstable();
        let usual = *took.get(took.len() / 2)?;
        let intervals = (after - newest).max(0) / interval + 1;
        Some((newest + intervals * interval, usual))
    }

    /// The one that was under way at a moment of our clock, within its error; and how long since its trigger, in nanoseconds.
    pub fn under_way<'a>(&'a self, moment: i64, error: i64, clocks: &'a Clocks) -> Option<(&'a CheckpointRecord, i64)> {
        let over = self.ended.keys().filter(|status| *status != IN_PROGRESS);
        let over = over.flat_map(|status| self.ended(status, (moment.saturating_sub(error), i64::MAX), clocks).take(AT_ONCE));
        let open = self.ended(IN_PROGRESS, (i64::MIN, moment.saturating_add(error + 1)), clocks).rev().take(AT_ONCE);
        let known = over.chain(open).map(|(_, record)| (record, clocks.ours(record.triggered)));
        let oldest = known.filter(|(_, triggered)| *triggered <= moment.saturating_add(error)).min_by_key(|(_, triggered)| *triggered)?;
        Some((oldest.0, (moment - oldest.1).max(0)))
    }

    /// How many ended with a status within the spans, on our clock.
    pub fn count(&self, status: &str, spans: &[(i64, i64)], clocks: &Clocks) -> u32 {
        let of = |span: &(i64, i64)| self.ended(status, *span, clocks).count();
        u32::try_from(spans.iter().map(of).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// Those that ended with a status within `from..to` of our clock: when, ascending, and they.
    pub fn ended<'a>(
        &'a self,
        status: &str,
        (from, to): (i64, i64),
        clocks: &'a Clocks,
    ) -> impl DoubleEndedIterator<Item = (i64, &'a CheckpointRecord)> {
        let (from, to) = (clocks.theirs(from), clocks.theirs(to.max(from)));
        let ended = self.ended.get(status).into_iter().flat_map(move |ended| ended.range((from, (0, 0))..(to, (0, 0))));
        ended.filter_map(|(at, key)| Some((clocks.ours(*at), self.records.get(key)?)))
    }

    /// Values of a metric of checkpoints at their ends, ascending; none where the metric is not one of theirs.
    pub fn values(&self, metric: Metric, clocks: &Clocks) -> Option<Vec<Point>> {
        let value: fn(&CheckpointRecord) -> Option<f64> = match metric {
            Metric::CheckpointDuration => |record| record.duration_s,
            Metric::CheckpointSize => |record| Some(record.checkpointed_bytes as f64),
            Metric::StateSize => |record| Some(record.state_bytes as f64),
            _ => return None,
        };
        Some(self.ended("completed", EVER, clocks).filter_map(|(at, record)| value(record).map(|value| (at, value))).collect())
    }

    /// Age in seconds of the newest checkpoint that had completed by a moment of our clock: since its trigger.
    pub fn age(&self, moment: i64, clocks: &Clocks) -> Option<f64> {
        let ended = self.ended("completed", (i64::MIN, moment.saturating_add(1)), clocks);
        let newest = ended.rev().take(AT_ONCE).map(|(_, record)| clocks.ours(record.triggered)).max()?;
        Some((moment - newest) as f64 / 1e9)
    }

    /// The usual time from trigger to trigger, in nanoseconds.
    pub fn interval(&self) -> Option<i64> {
        let triggered: Vec<Point> = self.all().filter(|record| !record.savepoint).map(|record| (record.triggered.0, 0.0)).collect();
        if triggered.len() < 3 { None } else { super::series::spacing(&triggered) }
    }
}
