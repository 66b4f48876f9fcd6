//! Checkpoints, kept by id over everything that the JobManager forgets.

use std::collections::BTreeMap;

use super::job_log::Clocks;
use super::series::Point;
use crate::journal::CheckpointRecord;
use crate::metric::Metric;

/// All checkpoints of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckpointLog {
    /// Which submission of the job, and Flink's id: a job that starts without state counts from 1 again.
    records: BTreeMap<(usize, u64), CheckpointRecord>,
}

impl CheckpointLog {
    /// Takes in a checkpoint, new or changed, of the given submission of the job. Gives whether its status is new.
    pub fn push(&mut self, submission: usize, record: &CheckpointRecord) -> bool {
        let before = self.records.insert((submission, record.id), record.clone());
        before.is_none_or(|before| before.status != record.status)
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
        self.all().next_back().is_some_and(|record| record.status == "in-progress")
    }

    /// When the next one after a moment is likely to be triggered, on our clock, and how long they usually take: Flink triggers them at
    /// a fixed distance, unless they take longer than that.
    pub fn next(&self, after: i64, clocks: &Clocks) -> Option<(i64, i64)> {
        let interval = self.interval().filter(|interval| *interval > 0)?;
        let newest = clocks.jobmanager(self.all().filter(|record| !record.savepoint).map(|record| record.triggered).max()?, "").at;
        let mut took: Vec<i64> =
            self.ended("completed", clocks).filter_map(|(_, record)| Some(record.ended?.0 - record.triggered.0)).collect();
        took.sort_unstable();
        let usual = *took.get(took.len() / 2)?;
        let intervals = (after - newest).max(0) / interval + 1;
        Some((newest + intervals * interval, usual))
    }

    /// The one that was under way at a moment of our clock, within its error; and how long since its trigger, in nanoseconds.
    pub fn under_way(&self, moment: i64, error: i64, clocks: &Clocks) -> Option<(&CheckpointRecord, i64)> {
        self.all().filter(|record| !record.savepoint).find_map(|record| {
            let triggered = clocks.jobmanager(record.triggered, "").at;
            let over = record.ended.map_or(i64::MAX, |ended| clocks.jobmanager(ended, "").at);
            (triggered <= moment + error && moment <= over.saturating_add(error)).then_some((record, (moment - triggered).max(0)))
        })
    }

    /// How many ended with a status within the spans, on our clock.
    pub fn count(&self, status: &str, spans: &[(i64, i64)], clocks: &Clocks) -> u32 {
        let matching = self.ended(status, clocks).filter(|(at, _)| spans.iter().any(|(from, to)| (*from..*to).contains(at)));
        u32::try_from(matching.count()).unwrap_or(u32::MAX)
    }

    /// When they ended on our clock, and they.
    pub fn ended<'a>(&'a self, status: &'a str, clocks: &'a Clocks) -> impl Iterator<Item = (i64, &'a CheckpointRecord)> {
        self.all()
            .filter(move |record| record.status == status && !record.savepoint)
            .filter_map(|record| Some((clocks.jobmanager(record.ended.or(Some(record.triggered))?, "").at, record)))
    }

    /// Values of a metric of checkpoints at their ends, ascending; none where the metric is not one of theirs.
    pub fn values(&self, metric: Metric, clocks: &Clocks) -> Option<Vec<Point>> {
        let value: fn(&CheckpointRecord) -> Option<f64> = match metric {
            Metric::CheckpointDuration => |record| record.duration_s,
            Metric::CheckpointSize => |record| Some(record.checkpointed_bytes as f64),
            Metric::StateSize => |record| Some(record.state_bytes as f64),
            _ => return None,
        };
        let mut points: Vec<Point> =
            self.ended("completed", clocks).filter_map(|(at, record)| value(record).map(|value| (at, value))).collect();
        points.sort_by_key(|(at, _)| *at);
        Some(points)
    }

    /// Age in seconds of the newest checkpoint that had completed by a moment of our clock: since its trigger.
    pub fn age(&self, moment: i64, clocks: &Clocks) -> Option<f64> {
        let newest = self
            .ended("completed", clocks)
            .filter(|(at, _)| *at <= moment)
            .map(|(_, record)| clocks.jobmanager(record.triggered, "").at)
            .max()?;
        Some((moment - newest) as f64 / 1e9)
    }

    /// The usual time from trigger to trigger, in nanoseconds.
    pub fn interval(&self) -> Option<i64> {
        let triggered: Vec<Point> = self.all().filter(|record| !record.savepoint).map(|record| (record.triggered.0, 0.0)).collect();
        if triggered.len() < 3 { None } else { super::series::spacing(&triggered) }
    }
}
