//! Evidence beside the ledger. Each of these occurs harmlessly too, so that none is ever a verdict.

use super::Analysis;
use super::series::spacing;
use crate::metric::Metric;
use crate::units::display;

/// A last stable offset that has not moved for so many checkpoint intervals stands still.
const STANDS_STILL: i64 = 5;
/// And at least for this long.
const STANDS_STILL_AT_LEAST: i64 = 10_000_000_000;

/// Words of exceptions that tell of transactions.
const OF_TRANSACTIONS: &[&str] =
    &["ProducerFenced", "InvalidProducerEpoch", "InvalidTxnState", "TransactionAborted", "TransactionTimedOut", "InvalidPidMapping"];

/// More checkpoints than this are never under way together.
const TOGETHER: usize = 32;

impl Analysis {
    /// Lines of logs, and what metrics, exceptions, checkpoints and offsets hint at.
    pub(super) fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        hints.extend(self.older_restores());
        hints.extend(self.given_up());
        hints.extend(self.still_offsets());
        let told = self
            .job
            .exceptions
            .iter()
            .filter(|thrown| OF_TRANSACTIONS.iter().any(|word| thrown.cause.contains(word) || thrown.name.contains(word)));
        hints.extend(told.map(|thrown| {
            let at = self.clocks.ours(thrown.thrown);
            format!("transaction: at {} the job failed with {}", display::clock(self.seconds(at)), thrown.cause)
        }));
        hints.extend(self.run.hints.iter().cloned());
        hints
    }

    /// Restores from a checkpoint although a newer one had completed: what was committed with the newer one comes again.
    fn older_restores(&self) -> Vec<String> {
        let restored = self.job.restored.iter().filter(|(_, savepoint, _)| !savepoint);
        restored
            .filter_map(|(checkpoint, _, at)| {
                let at = self.clocks.jobmanager(*at, "");
                // A job that was submitted anew counts from 1 again.
                let submitted = self.job.submitted.iter().map(|(submitted, _)| *submitted).filter(|submitted| *submitted <= at.at).max();
                let before = (submitted.map_or(i64::MIN, |submitted| submitted + 1), at.at - at.error);
                // Ids ascend as checkpoints do, but for a few that are under way together.
                let ended = self.checkpoints.ended("completed", before, &self.clocks).rev().take(TOGETHER);
                let newest = ended.map(|(_, record)| record.id).max()?;
                (newest > *checkpoint).then(|| {
                    let moment = display::clock(self.seconds(at.at));
                    format!("restore: at {moment} the job was restored from checkpoint {checkpoint}, though {newest} had completed")
                })
            })
            .collect()
    }

    fn given_up(&self) -> Option<String> {
        let (from, to) = self.whole_run();
        let grown: f64 = self.samples.subjects(Metric::FailedCommittables).filter_map(|(_, samples)| samples.growth(from, to)).sum();
        (grown > 0.0).then(|| format!("transaction: Flink's sink gave up {} committables (failedCommittables)", display::count(grown)))
    }

    /// Sink partitions whose last stable offset stood still below the high watermark: a transaction that nobody ends.
    fn still_offsets(&self) -> Vec<String> {
        let least = (STANDS_STILL * self.interval()).max(STANDS_STILL_AT_LEAST);
        let mut hints = Vec::new();
        for (of, samples) in self.samples.subjects(Metric::HiddenByTransactions) {
            let points = samples.all();
            let apart = spacing(points).map_or(i64::MAX, |usual| 4 * usual);
            let (mut longest, mut start) = ((0, 0), 0);
            for (index, pair) in points.windows(2).enumerate() {
                // Each step of the last stable offset makes less hidden, unless as much came in since the last look.
                let moved = pair[1].1 < pair[0].1 || pair[0].1 == 0.0 || pair[1].0 - pair[0].0 > apart;
                if moved {
                    start = index + 1;
                }
                let length = pair[1].0 - points[start].0;
                if points[start].1 > 0.0 && length > longest.0 {
                    longest = (length, points[start].0);
                }
            }
            if longest.0 >= least
                && let crate::journal::Of::Partition { topic, partition } = of
            {
                hints.push(format!(
                    "transaction: from {} on the last stable offset of {topic}-{partition} stood still for {}: an open transaction",
                    display::clock(self.seconds(longest.1)),
                    display::seconds(longest.0 as f64 / 1e9)
                ));
            }
        }
        hints
    }
}
