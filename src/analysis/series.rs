//! Samples, kept compactly per metric and subject. Moments are nanoseconds since the epoch.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::journal::Of;
use crate::metric::{Behaviour, Metric};

/// A moment and its value.
pub type Point = (i64, f64);

/// A subject that was not heard of for so long is gone.
pub const GONE: i64 = 30_000_000_000;

/// The samples of one metric of one subject, ascending.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    points: Vec<Point>,
    /// The value that stands still, while it does: no data until it moves.
    frozen: Option<f64>,
}

impl Samples {
    fn push(&mut self, at: i64, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.frozen.is_some_and(|frozen| frozen == value) {
            return;
        }
        self.frozen = None;
        match self.points.last() {
            // Two probes of one subject, or a clock that was anchored anew: order is what the rest relies on.
            Some((last, _)) if *last > at => {
                let index = self.points.partition_point(|(earlier, _)| *earlier <= at);
                self.points.insert(index, (at, value));
            }
            _ => self.points.push((at, value)),
        }
    }

    /// Takes back what was sampled after `since`: it stood still though it must move.
    fn freeze(&mut self, since: i64) -> bool {
        let kept = self.points.partition_point(|(at, _)| *at <= since);
        self.frozen = self.points.last().map(|(_, value)| *value);
        self.points.truncate(kept);
        self.frozen.is_some()
    }

    fn forget_before(&mut self, moment: i64) {
        const SPARE: usize = 16;
        let kept = self.points.partition_point(|(at, _)| *at < moment);
        self.points.drain(..kept);
        // Of nodes that are gone, room would be left for what nobody sends any more.
        if self.points.capacity() > 2 * self.points.len() + SPARE {
            self.points.shrink_to(self.points.len() + SPARE);
        }
    }

    /// All of them.
    pub fn all(&self) -> &[Point] {
        &self.points
    }

    /// Those with `from <= at < to`.
    pub fn within(&self, from: i64, to: i64) -> &[Point] {
        within(&self.points, from, to)
    }

    /// The newest; none while the value stands still.
    pub fn newest(&self) -> Option<Point> {
        if self.frozen.is_some() { None } else { self.points.last().copied() }
    }

    /// The newest at or before a moment.
    pub fn at(&self, moment: i64) -> Option<Point> {
        let index = self.points.partition_point(|(at, _)| *at <= moment);
        index.checked_sub(1).and_then(|index| self.points.get(index)).copied()
    }

    /// The first after a moment.
    pub fn after(&self, moment: i64) -> Option<Point> {
        self.points.get(self.points.partition_point(|(at, _)| *at <= moment)).copied()
    }

    /// How much a counter grew over `from..to`; a fall is a new start from zero. None without a sample at both ends or within.
    pub fn growth(&self, from: i64, to: i64) -> Option<f64> {
        let first = self.points.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let last = self.points.partition_point(|(at, _)| *at <= to);
        let stretch = self.points.get(first..last)?;
        if stretch.len() < 2 {
            return None;
        }
        Some(stretch.windows(2).map(|pair| increase(pair[0].1, pair[1].1)).sum())
    }
}

/// From one reading of a counter to the next: it starts again from zero with its process.
fn increase(before: f64, after: f64) -> f64 {
    if after >= before { after - before } else { after }
}

/// Those with `from <= at < to` of ascending points.
pub fn within(points: &[Point], from: i64, to: i64) -> &[Point] {
    let first = points.partition_point(|(at, _)| *at < from);
    let last = points.partition_point(|(at, _)| *at < to);
    points.get(first..last).unwrap_or_default()
}

/// The usual distance between ascending points: its median. None with fewer than two.
pub fn spacing(points: &[Point]) -> Option<i64> {
    let mut distances: Vec<i64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let middle = distances.len() / 2;
    if distances.is_empty() {
        return None;
    }
    Some(*distances.select_nth_unstable(middle).1)
}

/// Where the samples of one metric of one subject are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(usize);

/// All samples of a run.
#[derive(Debug, Clone, Default)]
pub struct Store {
    metrics: BTreeMap<Metric, BTreeMap<Of, Slot>>,
    /// In the order in which they came up.
    series: Vec<Samples>,
}

/// In which order subjects came up says nothing.
impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Store {
    /// Takes in a value.
    pub fn push(&mut self, metric: Metric, of: &Of, at: i64, value: f64) {
        let slot = self.slot(metric, of);
        self.push_to(slot, at, value);
    }

    /// The slot of a subject, made where it is new.
    pub fn slot(&mut self, metric: Metric, of: &Of) -> Slot {
        let subjects = self.metrics.entry(metric).or_default();
        match subjects.get(of) {
            Some(slot) => *slot,
            None => {
                let slot = Slot(self.series.len());
                subjects.insert(of.clone(), slot);
                self.series.push(Samples::default());
                slot
            }
        }
    }

    /// Takes in a value of a subject whose slot is known.
    pub fn push_to(&mut self, slot: Slot, at: i64, value: f64) {
        self.series[slot.0].push(at, value);
    }

    /// A value that must move has stood still. Gives whether that is new.
    pub fn freeze(&mut self, metric: Metric, of: &Of, since: i64) -> bool {
        let slot = self.metrics.get(&metric).and_then(|subjects| subjects.get(of));
        slot.is_some_and(|slot| {
            let samples = &mut self.series[slot.0];
            samples.frozen.is_none() && samples.freeze(since)
        })
    }

    /// Lets go of everything before a moment.
    pub fn forget_before(&mut self, moment: i64) {
        self.series.iter_mut().for_each(|samples| samples.forget_before(moment));
    }

    /// The subjects of a metric and their samples, in a stable order.
    pub fn subjects(&self, metric: Metric) -> impl Iterator<Item = (&Of, &Samples)> {
        self.metrics.get(&metric).into_iter().flatten().map(|(of, slot)| (of, &self.series[slot.0]))
    }

    /// The samples of one subject.
    pub fn get(&self, metric: Metric, of: &Of) -> Option<&Samples> {
        Some(&self.series[self.metrics.get(&metric)?.get(of)?.0])
    }

    /// Everything, in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, &Of, &Samples)> {
        self.metrics.iter().flat_map(move |(metric, subjects)| subjects.iter().map(move |(of, slot)| (*metric, of, &self.series[slot.0])))
    }

    /// The whole pipeline's series of a metric: that of the run, else the sum over its streams, else over its partitions; each
    /// subject counts with its newest value. Empty where nothing was sampled.
    pub fn whole(&self, metric: Metric) -> Cow<'_, [Point]> {
        if let Some(run) = self.get(metric, &Of::Run) {
            return Cow::Borrowed(&run.points);
        }
        let kind = |wanted: fn(&Of) -> bool| {
            self.subjects(metric).filter(move |(of, _)| wanted(of)).map(|(_, samples)| samples).collect::<Vec<_>>()
        };
        let streams = kind(|of| matches!(of, Of::Stream(_)));
        let parts = if streams.is_empty() { kind(|of| matches!(of, Of::Partition { .. })) } else { streams };
        Cow::Owned(sum(&parts))
    }

    /// How much a counter grew over `from..to`: of the run, else over all of its streams, else of all its subjects.
    pub fn growth(&self, metric: Metric, from: i64, to: i64) -> Option<f64> {
        if let Some(run) = self.get(metric, &Of::Run) {
            return run.growth(from, to);
        }
        let streams = self.subjects(metric).any(|(of, _)| matches!(of, Of::Stream(_)));
        let grown: Vec<f64> = self
            .subjects(metric)
            .filter(|(of, _)| !streams || matches!(of, Of::Stream(_)))
            .filter_map(|(_, samples)| samples.growth(from, to))
            .collect();
        if grown.is_empty() { None } else { Some(grown.iter().sum()) }
    }

    /// The newest value that is worst over the subjects, and its moment. A subject that has not been heard of for 30 s while others
    /// were (a node that is gone) does not count.
    pub fn newest(&self, metric: Metric, larger_is_worse: bool) -> Option<Point> {
        let newest: Vec<Point> = self.subjects(metric).filter_map(|(_, samples)| samples.newest()).collect();
        let last = newest.iter().map(|(at, _)| *at).max()?;
        newest
            .into_iter()
            .filter(|(at, _)| last - at <= GONE)
            .max_by(|a, b| if larger_is_worse { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) })
    }

    /// Metrics that have samples and are levels.
    pub fn gauges(&self) -> impl Iterator<Item = (Metric, &Of, &Samples)> {
        self.iter().filter(|(metric, _, _)| metric.behaviour() == Behaviour::Gauge)
    }
}

/// The sum of series at each moment at which one of them moves, once all have begun.
fn sum(series: &[&Samples]) -> Vec<Point> {
    let mut moments: Vec<(i64, usize, f64)> =
        series.iter().enumerate().flat_map(|(index, samples)| samples.points.iter().map(move |(at, value)| (*at, index, *value))).collect();
    moments.sort_by_key(|(at, index, _)| (*at, *index));
    let mut held: Vec<Option<f64>> = vec![None; series.len()];
    let mut sums: Vec<Point> = Vec::new();
    for (at, index, value) in moments {
        if let Some(slot) = held.get_mut(index) {
            *slot = Some(value);
        }
        if let Some(total) = held.iter().copied().sum::<Option<f64>>() {
            match sums.last_mut() {
                Some(last) if last.0 == at => last.1 = total,
                _ => sums.push((at, total)),
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_counter_that_starts_anew_loses_nothing_but_the_unseen() {
        let mut samples = Samples::default();
        for (at, value) in [(0, 100.0), (10, 150.0), (20, 10.0), (30, 40.0)] {
            samples.push(at, value);
        }
        assert_eq!(samples.growth(0, 30), Some(90.0));
        assert_eq!(samples.growth(5, 20), Some(60.0));
        assert_eq!(samples.growth(30, 40), None);
        assert_eq!(samples.at(25), Some((20, 10.0)));
    }

    #[test]
    fn what_stands_still_is_taken_back_until_it_moves() {
        let mut store = Store::default();
        for at in 0..5 {
            store.push(Metric::PositionLag, &Of::Run, at, if at < 2 { at as f64 } else { 7.0 });
        }
        store.freeze(Metric::PositionLag, &Of::Run, 2);
        store.push(Metric::PositionLag, &Of::Run, 5, 7.0);
        assert_eq!(store.newest(Metric::PositionLag, true), None);
        assert_eq!(store.get(Metric::PositionLag, &Of::Run).unwrap().all().len(), 3);
        store.push(Metric::PositionLag, &Of::Run, 6, 8.0);
        assert_eq!(store.newest(Metric::PositionLag, true), Some((6, 8.0)));
    }

    #[test]
    fn the_whole_is_the_sum_of_its_parts() {
        let mut store = Store::default();
        let of = |partition| Of::Partition { topic: "orders".to_owned(), partition };
        store.push(Metric::CommittedLag, &of(0), 0, 5.0);
        store.push(Metric::CommittedLag, &of(1), 0, 6.0);
        store.push(Metric::CommittedLag, &of(0), 10, 1.0);
        assert_eq!(store.whole(Metric::CommittedLag).as_ref(), [(0, 11.0), (10, 7.0)]);
        assert_eq!(store.newest(Metric::CommittedLag, true), Some((0, 6.0)));
        assert_eq!(store.newest(Metric::CommittedLag, false), Some((10, 1.0)));
    }
}
