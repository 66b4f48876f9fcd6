//! What became visible in the sink, and when: the gaps between outputs, and how far they had come.

use std::collections::BTreeMap;

use crate::journal::OutputBatch;

/// Batches closer together than this are one, as long as it spans less than [`LONGEST`]: commits of one checkpoint arrive within
/// it, and a reader that polls all the time sees a steady flow.
const TOGETHER: i64 = 250_000_000;
const LONGEST: i64 = 1_000_000_000;

/// Records that became visible together in one sink partition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batch {
    /// When the first of them was seen.
    pub first: i64,
    /// When the last of them was seen.
    pub last: i64,
    /// Records seen for the first time.
    pub fresh: u64,
    /// How long nobody had looked before.
    pub poll_gap: i64,
}

/// A stretch without visible output in a sink partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// `topic-3`.
    pub partition: String,
    /// Last record before it.
    pub from: i64,
    /// First record after it; none: there was none by the end.
    pub to: Option<i64>,
    /// How long nobody had looked before the first record after it.
    pub error: i64,
}

impl Gap {
    /// Its length, up to `end` where it was not over by then.
    pub fn length(&self, end: i64) -> i64 {
        self.to.unwrap_or(end) - self.from
    }
}

/// All output of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutputLog {
    partitions: BTreeMap<(String, u32), Vec<Batch>>,
    /// Stream and input partition → (seen, furthest intended time), both ascending.
    furthest: BTreeMap<(u8, u16), Vec<(i64, i64)>>,
}

impl OutputLog {
    /// Takes in a batch.
    pub fn push(&mut self, batch: &OutputBatch) {
        let (first, last) = (batch.first_seen.0, batch.last_seen.0.max(batch.first_seen.0));
        let key = (batch.topic.clone(), batch.partition);
        let batches = self.partitions.entry(key).or_default();
        match batches.last_mut() {
            Some(before) if first - before.last < TOGETHER && last - before.first < LONGEST => {
                before.last = before.last.max(last);
                before.fresh += batch.fresh;
            }
            _ => batches.push(Batch { first, last, fresh: batch.fresh, poll_gap: batch.poll_gap.nanos() }),
        }
        for reached in &batch.furthest {
            let steps = self.furthest.entry((reached.stream, reached.partition)).or_default();
            if steps.last().is_none_or(|(_, intended)| reached.intended.0 > *intended) {
                steps.push((first, reached.intended.0));
            }
        }
    }

    /// Lets go of everything before a moment but the last of each.
    pub fn forget_before(&mut self, moment: i64) {
        for batches in self.partitions.values_mut() {
            let kept = batches.partition_point(|batch| batch.last < moment).saturating_sub(1);
            batches.drain(..kept);
        }
        for steps in self.furthest.values_mut() {
            let kept = steps.partition_point(|(at, _)| *at < moment).saturating_sub(1);
            steps.drain(..kept);
        }
    }

    /// Whether anything was ever seen.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Records seen for the first time within `from..to`, all partitions.
    pub fn fresh(&self, from: i64, to: i64) -> u64 {
        self.partitions.values().flat_map(|batches| within(batches, from, to)).map(|batch| batch.fresh).sum()
    }

    /// Gaps that begin before `to` and end after `from`, of partitions that had output before `from`. `end` is where nothing was
    /// looked at any more.
    pub fn gaps(&self, from: i64, to: i64, end: i64) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for ((topic, partition), batches) in &self.partitions {
            let name = || format!("{topic}-{partition}");
            // The batch during or before `from` begins the first gap.
            let Some(start) = batches.partition_point(|batch| batch.first <= from).checked_sub(1) else { continue };
            for (index, batch) in batches.iter().enumerate().skip(start) {
                if batch.last >= to {
                    break;
                }
                match batches.get(index + 1).filter(|next| next.first <= end) {
                    Some(next) if next.first > from => {
                        gaps.push(Gap { partition: name(), from: batch.last, to: Some(next.first), error: next.poll_gap });
                    }
                    Some(_) => {}
                    None => {
                        gaps.push(Gap { partition: name(), from: batch.last, to: None, error: 0 });
                        break;
                    }
                }
            }
        }
        gaps
    }

    /// The first output after `after` that had come further than the output up to `known`, in the input partition where that took
    /// longest, and the longest that nobody had looked. The error names an input partition that did not come further by `end`.
    pub fn further(&self, known: i64, after: i64, end: i64) -> Result<(i64, String), String> {
        let mut worst: Option<(i64, String)> = None;
        for ((stream, partition), steps) in &self.furthest {
            let later = steps.partition_point(|(at, _)| *at <= known);
            let Some((_, reached)) = later.checked_sub(1).and_then(|index| steps.get(index)) else { continue };
            let name = format!("input partition {partition} of stream {stream}");
            match steps.iter().skip(later).find(|(at, intended)| *at > after && *at <= end && intended > reached) {
                Some((at, _)) if worst.as_ref().is_none_or(|(latest, _)| at > latest) => worst = Some((*at, name)),
                Some(_) => {}
                None => return Err(format!("{name} had not come further")),
            }
        }
        worst.ok_or_else(|| "no output was seen before the fault".to_owned())
    }
}

fn within(batches: &[Batch], from: i64, to: i64) -> &[Batch] {
    let first = batches.partition_point(|batch| batch.first < from);
    let last = batches.partition_point(|batch| batch.first < to);
    batches.get(first..last).unwrap_or_default()
}
