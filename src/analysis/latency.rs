//! Distributions over time, kept as the histograms that they came in. Percentiles come from merged histograms; they are never
//! averaged.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;

use super::histograms::{Sum, decode};
use super::series::Point;
use crate::metric::Metric;

/// Width of the sums that a long run writes beside its histograms, in nanoseconds.
pub const SUMMED: i64 = 60_000_000_000;

/// A histogram and the stretch of intended times that it covers.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Start, in nanoseconds since the epoch.
    pub from: i64,
    /// End.
    pub to: i64,
    /// Values in it.
    pub count: u64,
    /// Values below zero, which it cannot hold.
    pub negative: u64,
    /// Median in seconds.
    pub p50: f64,
    /// 99th percentile in seconds.
    pub p99: f64,
    /// Maximum in seconds.
    pub max: f64,
    /// HdrHistogram V2, compressed.
    encoded: Box<[u8]>,
}

/// Distributions of several stretches, merged.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Values in microseconds.
    histogram: Histogram<u64>,
    /// Values below zero.
    pub negative: u64,
}

/// All histograms of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LatencyLog {
    metrics: BTreeMap<Metric, Stretches>,
}

/// Of one metric.
#[derive(Debug, Clone, Default, PartialEq)]
struct Stretches {
    /// By their start; of the same start in the order in which they came.
    by_start: Vec<Stretch>,
    /// Which came last.
    newest: usize,
    /// Length of the longest.
    longest: i64,
    /// Sums of those that begin in the same minute, by that minute: of each subject, and of stragglers, one.
    sums: BTreeMap<i64, Vec<Stretch>>,
}

impl Stretches {
    /// The sums of these, which begin in the same minute, where they hold the same values. Minutes that a span cuts, that a crash cut, or of
    /// which one could not be written have none.
    fn sums_of(&self, minute: &[(usize, &Stretch)]) -> Option<&[Stretch]> {
        let (_, first) = minute.first()?;
        let sums = self.sums.get(&first.from.div_euclid(SUMMED))?;
        let extent = |stretches: &mut dyn Iterator<Item = &Stretch>| {
            stretches.fold((i64::MAX, i64::MIN, 0, 0), |(from, to, count, negative), stretch| {
                (from.min(stretch.from), to.max(stretch.to), count + stretch.count, negative + stretch.negative)
            })
        };
        (extent(&mut sums.iter()) == extent(&mut minute.iter().map(|(_, stretch)| *stretch))).then_some(sums)
    }
}

impl Stretch {
    fn of((from, to): (i64, i64), negative: u64, encoded: &str, summary: Option<[u64; 4]>) -> Result<Self, String> {
        let encoded = STANDARD.decode(encoded).map_err(|error| error.to_string())?.into_boxed_slice();
        let [count, p50, p99, max] = match summary {
            Some(summary) => summary,
            None => summarised(&decode(&encoded)?),
        };
        let (p50, p99, max) = (seconds(p50), seconds(p99), seconds(max));
        Ok(Self { from, to, count: count + negative, negative, p50, p99, max, encoded })
    }
}

impl LatencyLog {
    /// Takes in a histogram. `summary` is what it comes to (values, median, 99th percentile and maximum, in microseconds), where the journal
    /// says it. The error says why it cannot be read.
    pub fn push(
        &mut self,
        metric: Metric,
        (from, to): (i64, i64),
        negative: u64,
        encoded: &str,
        summary: Option<[u64; 4]>,
    ) -> Result<(), String> {
        let stretch = Stretch::of((from, to), negative, encoded, summary)?;
        let stretches = self.metrics.entry(metric).or_default();
        stretches.newest = stretches.by_start.partition_point(|before| before.from <= from);
        stretches.longest = stretches.longest.max(to - from);
        stretches.by_start.insert(stretches.newest, stretch);
        Ok(())
    }

    /// Takes in a sum of histograms that begin in the same minute, which come by themselves, too. Otherwise as [`LatencyLog::push`].
    pub fn push_sum(
        &mut self,
        metric: Metric,
        span: (i64, i64),
        negative: u64,
        encoded: &str,
        summary: Option<[u64; 4]>,
    ) -> Result<(), String> {
        let sum = Stretch::of(span, negative, encoded, summary)?;
        self.metrics.entry(metric).or_default().sums.entry(span.0.div_euclid(SUMMED)).or_default().push(sum);
        Ok(())
    }

    /// Lets go of everything before a moment.
    pub fn forget_before(&mut self, moment: i64) {
        for stretches in self.metrics.values_mut() {
            let gone = stretches.by_start.partition_point(|stretch| stretch.to < moment).min(stretches.newest);
            stretches.by_start.drain(..gone);
            stretches.newest -= gone;
        }
    }

    /// Those of a metric, by their start.
    pub fn stretches(&self, metric: Metric) -> &[Stretch] {
        self.metrics.get(&metric).map(|stretches| stretches.by_start.as_slice()).unwrap_or_default()
    }

    /// The one that came last.
    pub fn newest(&self, metric: Metric) -> Option<&Stretch> {
        self.metrics.get(&metric).and_then(|stretches| stretches.by_start.get(stretches.newest))
    }

    /// Length of the longest of a metric, in nanoseconds.
    pub fn longest(&self, metric: Metric) -> i64 {
        self.metrics.get(&metric).map_or(0, |stretches| stretches.longest)
    }

    /// Metrics that have any.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> {
        self.metrics.keys().copied()
    }

    /// The distribution over spans of intended times, `from <= at < to`; a stretch belongs to where its middle lies. None without a value.
    pub fn merged(&self, metric: Metric, spans: &[(i64, i64)]) -> Option<Merged> {
        let stretches = self.metrics.get(&metric)?;
        let (longest, all) = (stretches.longest, stretches.by_start.as_slice());
        let mut sum = Sum::default();
        let mut negative = 0;
        let mut any = false;
        let mut after = 0;
        let mut spans = spans.to_vec();
        spans.sort_unstable();
        for (from, to) in spans {
            let first = all.partition_point(|stretch| stretch.from < from.saturating_sub(longest)).max(after);
            let inside = |stretch: &Stretch| stretch.count > 0 && (from..to).contains(&(stretch.from + (stretch.to - stretch.from) / 2));
            let near = all.iter().enumerate().skip(first).take_while(|(_, stretch)| stretch.from < to);
            let taken: Vec<(usize, &Stretch)> = near.filter(|(_, stretch)| inside(stretch)).collect();
            // What one of the spans has taken no other one takes.
            after = taken.last().map_or(after, |(index, _)| index + 1);
            let mut add = |stretch: &Stretch| {
                if sum.add(&stretch.encoded).is_ok() {
                    negative += stretch.negative;
                    any = true;
                }
            };
            for minute in taken.chunk_by(|(_, one), (_, next)| one.from.div_euclid(SUMMED) == next.from.div_euclid(SUMMED)) {
                match stretches.sums_of(minute) {
                    Some(sums) => sums.iter().for_each(&mut add),
                    None => minute.iter().for_each(|(_, stretch)| add(stretch)),
                }
            }
        }
        any.then(|| Merged { histogram: sum.histogram(), negative })
    }

    /// `(start, p99 in seconds)` of the stretches of a metric that begin within `from..to`, ascending.
    pub fn p99(&self, metric: Metric, from: i64, to: i64) -> Vec<Point> {
        let all = self.stretches(metric);
        let first = all.partition_point(|stretch| stretch.from < from);
        let mut points: Vec<Point> = all[first..]
            .iter()
            .take_while(|stretch| stretch.from < to)
            .filter(|stretch| stretch.count > stretch.negative)
            .map(|stretch| (stretch.from, stretch.p99))
            .collect();
        points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        points
    }

    /// The latency that recovery is judged by: visible, else end-to-end.
    pub fn judged_by(&self) -> Option<Metric> {
        [Metric::VisibleLatency, Metric::EndToEndLatency].into_iter().find(|metric| !self.stretches(*metric).is_empty())
    }
}

impl Merged {
    /// Percentile (0 to 100) in seconds.
    pub fn percentile(&self, percentile: f64) -> f64 {
        seconds(self.histogram.value_at_quantile(percentile / 100.0))
    }

    /// Mean over the values, in seconds.
    pub fn mean(&self) -> f64 {
        self.histogram.mean() / 1e6
    }

    /// Largest value in seconds.
    pub fn max(&self) -> f64 {
        seconds(self.histogram.max())
    }

    /// Smallest value in seconds.
    pub fn min(&self) -> f64 {
        seconds(self.histogram.min())
    }

    /// How many values, those below zero included.
    pub fn count(&self) -> u64 {
        self.histogram.len() + self.negative
    }
}

/// What a histogram comes to: values, median, 99th percentile and maximum, in microseconds.
pub fn summarised(histogram: &Histogram<u64>) -> [u64; 4] {
    [histogram.len(), histogram.value_at_quantile(0.5), histogram.value_at_quantile(0.99), histogram.max()]
}

fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
    use proptest::prelude::*;

    use super::*;

    fn encode(values: &[u64]) -> String {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        for value in values {
            histogram.record(*value).unwrap();
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
        STANDARD.encode(bytes)
    }

    #[test]
    fn percentiles_come_from_merged_histograms() {
        let mut log = LatencyLog::default();
        log.push(Metric::VisibleLatency, (10, 20), 2, &encode(&[5_000_000]), None).unwrap();
        log.push(Metric::VisibleLatency, (0, 10), 0, &encode(&[1000; 99]), None).unwrap();
        assert_eq!((log.newest(Metric::VisibleLatency).unwrap().to, log.stretches(Metric::VisibleLatency)[1].to), (10, 20));
        let merged = log.merged(Metric::VisibleLatency, &[(0, 20)]).unwrap();
        assert_eq!((merged.count(), merged.negative), (102, 2));
        assert!((merged.percentile(50.0) - 0.001).abs() < 1e-5);
        assert!((merged.max() - 5.0).abs() < 0.01);
        assert!(log.merged(Metric::VisibleLatency, &[(20, 30)]).is_none());
        assert!(log.push(Metric::Slip, (0, 1), 0, "no histogram", None).is_err());
        assert_eq!(log.p99(Metric::VisibleLatency, 0, 20).len(), 2);
    }

    /// A value in each of these seconds, `(second, value)`.
    fn seconds_of(values: &[(i64, u64)]) -> LatencyLog {
        let mut log = LatencyLog::default();
        for (second, value) in values {
            let (from, to) = (second * 1_000_000_000, (second + 1) * 1_000_000_000);
            log.push(Metric::VisibleLatency, (from, to), u64::from(value % 7 == 0), &encode(&[*value]), None).unwrap();
        }
        log
    }

    proptest! {
        #[test]
        fn sums_change_nothing(
            values in prop::collection::vec((0i64..300, 1u64..9_000_000), 1..200),
            summed in prop::collection::vec(any::<bool>(), 200),
            edges in prop::collection::vec(0i64..300, 2..6),
        ) {
            let plain = seconds_of(&values);
            let mut with = plain.clone();
            let mut minutes: BTreeMap<i64, Vec<(i64, u64)>> = BTreeMap::new();
            // Where squall died, a sum misses some.
            for (value, _) in values.iter().zip(&summed).filter(|(_, summed)| **summed) {
                minutes.entry(value.0 / 60).or_default().push(*value);
            }
            for values in minutes.values() {
                let (first, last) = (values.iter().map(|value| value.0).min().unwrap(), values.iter().map(|value| value.0).max().unwrap());
                let all: Vec<u64> = values.iter().map(|value| value.1).collect();
                let negative = all.iter().filter(|value| **value % 7 == 0).count() as u64;
                let span = (first * 1_000_000_000, (last + 1) * 1_000_000_000);
                with.push_sum(Metric::VisibleLatency, span, negative, &encode(&all), None).unwrap();
            }
            let spans: Vec<(i64, i64)> = edges.windows(2).map(|pair| (pair[0] * 1_000_000_000, pair[1] * 1_000_000_000)).collect();
            let found = |log: &LatencyLog| log.merged(Metric::VisibleLatency, &spans).map(|merged| (merged.histogram, merged.negative));
            prop_assert_eq!(found(&plain), found(&with));
        }
    }

    #[test]
    fn a_minute_is_read_from_its_sum() {
        let mut log = seconds_of(&[(59, 10), (60, 20), (119, 30), (120, 40)]);
        let span = (60_000_000_000, 120_000_000_000);
        // Another value tells which one was read.
        log.push_sum(Metric::VisibleLatency, span, 0, &encode(&[77, 77]), None).unwrap();
        let found = |from: i64, to: i64| log.merged(Metric::VisibleLatency, &[(from * 1_000_000_000, to * 1_000_000_000)]).unwrap();
        assert_eq!((found(59, 121).max() * 1e6).round() as u64, 77);
        // The span cuts the minute, or the sum is not of all that came.
        assert_eq!((found(59, 100).max() * 1e6).round() as u64, 20);
        log.push(Metric::VisibleLatency, (80_000_000_000, 81_000_000_000), 0, &encode(&[50]), None).unwrap();
        let found = log.merged(Metric::VisibleLatency, &[span]).unwrap();
        assert_eq!((found.count(), (found.max() * 1e6).round() as u64), (3, 50));
    }
}
