//! Distributions over time, kept as the histograms that they came in. Percentiles come from merged histograms; they are never
//! averaged.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::series::Point;
use crate::metric::Metric;

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

/// All histograms of a run, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LatencyLog {
    metrics: BTreeMap<Metric, Vec<Stretch>>,
}

impl LatencyLog {
    /// Takes in a histogram, and gives the stretch that it became. The error says why it cannot be read.
    pub fn push(&mut self, metric: Metric, from: i64, to: i64, negative: u64, encoded: &str) -> Result<&Stretch, String> {
        let encoded = STANDARD.decode(encoded).map_err(|error| error.to_string())?.into_boxed_slice();
        let histogram = decode(&encoded)?;
        let stretch = Stretch {
            from,
            to,
            count: histogram.len() + negative,
            negative,
            p50: seconds(histogram.value_at_quantile(0.5)),
            p99: seconds(histogram.value_at_quantile(0.99)),
            max: seconds(histogram.max()),
            encoded,
        };
        let stretches = self.metrics.entry(metric).or_default();
        stretches.push(stretch);
        stretches.last().ok_or_else(|| "not kept".to_owned())
    }

    /// Lets go of everything before a moment.
    pub fn forget_before(&mut self, moment: i64) {
        self.metrics.values_mut().for_each(|stretches| stretches.retain(|stretch| stretch.to >= moment));
    }

    /// Those of a metric, in the order in which they came.
    pub fn stretches(&self, metric: Metric) -> &[Stretch] {
        self.metrics.get(&metric).map(Vec::as_slice).unwrap_or_default()
    }

    /// Metrics that have any.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> {
        self.metrics.keys().copied()
    }

    /// The distribution over `from..to` of intended times; a stretch belongs to where its middle lies. None without a value.
    pub fn merged(&self, metric: Metric, spans: &[(i64, i64)]) -> Option<Merged> {
        let mut merged: Option<Merged> = None;
        for stretch in self.stretches(metric) {
            let middle = stretch.from + (stretch.to - stretch.from) / 2;
            if stretch.count == 0 || !spans.iter().any(|(from, to)| (*from..*to).contains(&middle)) {
                continue;
            }
            // It was read once when it came in.
            let Ok(histogram) = decode(&stretch.encoded) else { continue };
            match &mut merged {
                None => merged = Some(Merged { histogram, negative: stretch.negative }),
                Some(merged) => {
                    merged.histogram.auto(true);
                    merged.negative += stretch.negative;
                    // An auto-resizing histogram takes any value of another one.
                    let _ = merged.histogram.add(histogram);
                }
            }
        }
        merged
    }

    /// `(start, p99 in seconds)` of the stretches of a metric that begin within `from..to`, ascending.
    pub fn p99(&self, metric: Metric, from: i64, to: i64) -> Vec<Point> {
        let mut points: Vec<Point> = self
            .stretches(metric)
            .iter()
            .filter(|stretch| (from..to).contains(&stretch.from) && stretch.count > stretch.negative)
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

fn decode(encoded: &[u8]) -> Result<Histogram<u64>, String> {
    Deserializer::new().deserialize(&mut std::io::Cursor::new(encoded)).map_err(|error| error.to_string())
}

fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

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
        log.push(Metric::VisibleLatency, 0, 10, 0, &encode(&[1000; 99])).unwrap();
        log.push(Metric::VisibleLatency, 10, 20, 2, &encode(&[5_000_000])).unwrap();
        let merged = log.merged(Metric::VisibleLatency, &[(0, 20)]).unwrap();
        assert_eq!((merged.count(), merged.negative), (102, 2));
        assert!((merged.percentile(50.0) - 0.001).abs() < 1e-5);
        assert!((merged.max() - 5.0).abs() < 0.01);
        assert!(log.merged(Metric::VisibleLatency, &[(20, 30)]).is_none());
        assert!(log.push(Metric::Slip, 0, 1, 0, "no histogram").is_err());
        assert_eq!(log.p99(Metric::VisibleLatency, 0, 20).len(), 2);
    }
}
