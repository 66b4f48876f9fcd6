//! The undisturbed time of a soak in stretches that each give one value of a series.

use std::collections::BTreeSet;

use super::Analysis;
use super::restarts::Restarted;
use super::series::{Point, spacing};
use super::windows::Span;
use crate::journal::Of;
use crate::metric::Metric;

const SECOND: i64 = 1_000_000_000;
/// Stretches between two restarts of the job, of what each restart begins anew.
const EPOCH_STRETCHES: i64 = 12;
/// A process's threads and files grow by themselves for so long, or a quarter of the time where that is shorter.
const YOUNG: i64 = 600 * SECOND;
/// The memory of a JVM that leaks nothing grows for so long: its heap is touched page by page (0.4 MiB/min after ten minutes, measured).
const YOUNG_MEMORY: i64 = 1800 * SECOND;

/// The nodes of a stretch of time, and its points.
type Stretch<'a> = (BTreeSet<&'a Of>, Vec<(f64, f64)>);

/// A soak's undisturbed time, cut into stretches.
pub(super) struct Look<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) from: i64,
    pub(super) end: i64,
    /// Ascending, none over another.
    pub(super) quiet: Vec<Span>,
    pub(super) restarts: &'a [Restarted],
    /// Length of a stretch that gives one value.
    pub(super) width: i64,
}

impl Look<'_> {
    /// The sum over nodes per stretch of time, by `value` of each node's samples. With `epochs` a new stretch of the series begins
    /// when nodes come or go, and when the job restarted: what its classes held is gone then. The first quarter of such a stretch warms up.
    /// Without, it is about the processes: one stretch for each set of them, and young ones do not count.
    pub(super) fn together(
        &self,
        metric: Metric,
        nodes: &BTreeSet<Of>,
        epochs: bool,
        value: fn(&[f64]) -> Option<f64>,
    ) -> Vec<Vec<(f64, f64)>> {
        let samples = &self.analysis.samples;
        let usual = nodes.iter().filter_map(|of| spacing(samples.get(metric, of)?.all())).max().unwrap_or(SECOND);
        let width = if epochs { self.width.min(self.epoch() / EPOCH_STRETCHES) } else { self.width }.max(usual + usual / 2);
        let young = if metric == Metric::ResidentMemory { YOUNG_MEMORY } else { YOUNG.min((self.end - self.from) / 4) };
        let mut stretches: Vec<Stretch<'_>> = Vec::new();
        let mut at = self.from;
        let mut broken = true;
        while at + width <= self.end {
            let (from, to) = (at, at + width);
            // Between two restarts there is little time: windows overlap, so that each sample counts once at least.
            at += if epochs { width * 2 / 3 } else { width };
            if epochs && self.restarted_within(from - width, to) {
                broken = true;
                continue;
            }
            if !self.is_quiet(from, to) {
                continue;
            }
            let values: Vec<(&Of, f64)> = nodes
                .iter()
                .filter_map(|of| {
                    let all = samples.get(metric, of)?;
                    if !epochs && all.all().first().is_some_and(|(born, _)| from < born + young) {
                        return None;
                    }
                    let within: Vec<f64> = all.within(from, to).iter().map(|(_, value)| *value).collect();
                    Some((of, value(&within)?))
                })
                .collect();
            if values.is_empty() {
                continue;
            }
            let set: BTreeSet<&Of> = values.iter().map(|(of, _)| *of).collect();
            let point = (self.analysis.seconds(from + width / 2), values.iter().map(|(_, value)| value).sum());
            // Processes that live on can be compared over what lies between; a job that restarted cannot.
            let known = if epochs {
                stretches.last_mut().filter(|(before, _)| !broken && *before == set)
            } else {
                stretches.iter_mut().find(|(before, _)| *before == set)
            };
            match known {
                Some((_, points)) => points.push(point),
                None => stretches.push((set, vec![point])),
            }
            broken = false;
        }
        let warm = |(index, (_, mut points)): (usize, Stretch<'_>)| {
            if index > 0 && epochs {
                points.drain(..points.len() / 4);
            }
            points
        };
        let mut stretches: Vec<Vec<(f64, f64)>> = stretches.into_iter().enumerate().map(warm).filter(|points| points.len() >= 4).collect();
        let end = |points: &[(f64, f64)]| points.last().map_or(f64::NEG_INFINITY, |(at, _)| *at);
        stretches.sort_by(|a, b| end(a).total_cmp(&end(b)));
        stretches
    }

    pub(super) fn restarted_within(&self, from: i64, to: i64) -> bool {
        let next = self.restarts.partition_point(|restart| restart.at < from);
        self.restarts.get(next).is_some_and(|restart| restart.at < to)
    }

    /// How long the job runs between two restarts, half of the time: a failure can be several restarts, a second apart.
    pub(super) fn epoch(&self) -> i64 {
        let mut edges: Vec<i64> = self.restarts.iter().map(|restart| restart.at).filter(|at| (self.from..self.end).contains(at)).collect();
        edges.extend([self.from, self.end]);
        edges.sort_unstable();
        let mut lengths: Vec<i64> = edges.windows(2).map(|pair| pair[1] - pair[0]).collect();
        lengths.sort_unstable();
        let mut rest = (self.end - self.from) / 2;
        for length in lengths {
            rest -= length;
            if rest <= 0 {
                return length;
            }
        }
        self.end - self.from
    }

    /// One value for each stretch of time.
    pub(super) fn per_stretch(&self, points: &[Point], value: fn(&[f64]) -> Option<f64>, quiet: bool) -> Vec<(f64, f64)> {
        let width = self.width.max(2 * self.analysis.interval());
        let mut found = Vec::new();
        let mut at = self.from;
        while at + width <= self.end {
            let (from, to) = (at, at + width);
            at = to;
            if quiet && !self.is_quiet(from, to) {
                continue;
            }
            let within: Vec<f64> = super::series::within(points, from, to).iter().map(|(_, value)| *value).collect();
            found.extend(value(&within).map(|value| (self.analysis.seconds(from + width / 2), value)));
        }
        found
    }

    pub(super) fn quiet_points(&self, points: &[Point]) -> Vec<(f64, f64)> {
        points.iter().filter(|(at, _)| self.is_quiet(*at, *at)).map(|(at, value)| (self.analysis.seconds(*at), *value)).collect()
    }

    /// A metric of the whole pipeline; of checkpoints from their records.
    pub(super) fn points(&self, metric: Metric) -> Vec<Point> {
        let records = self.analysis.checkpoints.values(metric, &self.analysis.clocks).filter(|points| !points.is_empty());
        records.unwrap_or_else(|| self.analysis.samples.whole(metric).into_owned())
    }

    pub(super) fn stretches(&self) -> impl Iterator<Item = Span> {
        let (from, end, width) = (self.from, self.end, self.width.max(5 * SECOND));
        (0..).map(move |index| (from + index * width, from + (index + 1) * width)).take_while(move |(_, to)| *to <= end)
    }

    pub(super) fn is_quiet(&self, from: i64, to: i64) -> bool {
        let next = self.quiet.partition_point(|(start, _)| *start <= from);
        next.checked_sub(1).is_some_and(|last| to <= self.quiet[last].1)
    }
}
