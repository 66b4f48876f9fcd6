//! Histograms of a second each, put together to longer ones: a run of days has no use for each second of what it is not judged by, and is
//! quicker to judge by the minute.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::analysis::{SUMMED, summarised};
use crate::clock::Timestamp;
use crate::journal::{EventKind, Of};
use crate::metric::Metric;

/// A distribution over a stretch of intended times.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// Start.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// Values in microseconds.
    pub histogram: Histogram<u64>,
    /// Values below zero, which the histogram cannot hold.
    pub negative: u64,
}

impl Distribution {
    /// Whether there is no value in it.
    fn is_empty(&self) -> bool {
        self.histogram.is_empty() && self.negative == 0
    }

    /// As the journal keeps it; none where it is empty. `sum`: whether the journal has its values already.
    pub fn event(&self, metric: Metric, of: Of, sum: bool) -> Option<EventKind> {
        if self.is_empty() {
            return None;
        }
        let Self { from, to, histogram, negative } = self;
        let mut bytes = Vec::new();
        match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
            Ok(_) => Some(EventKind::Histogram {
                metric,
                of,
                from: *from,
                to: *to,
                negative: *negative,
                histogram: STANDARD.encode(bytes),
                summary: Some(summarised(histogram)),
                sum,
            }),
            Err(error) => {
                tracing::error!("a histogram of {metric} could not be serialised: {error}");
                None
            }
        }
    }
}

/// Distributions that are still open.
#[derive(Debug)]
pub struct Pooled {
    width: i64,
    sums: bool,
    open: BTreeMap<(Metric, Of), Distribution>,
}

impl Pooled {
    /// Of this width, instead of the shorter ones.
    pub fn to(width: Duration) -> Self {
        Self { width: i64::try_from(width.as_nanos()).unwrap_or(i64::MAX).max(1), sums: false, open: BTreeMap::new() }
    }

    /// Of a minute, beside the shorter ones.
    pub fn sums() -> Self {
        Self { width: SUMMED, sums: true, open: BTreeMap::new() }
    }

    /// Puts a distribution to the others of the same stretch of intended times. Gives those of the time before, where that is over.
    pub fn add(&mut self, metric: Metric, of: Of, added: Distribution) -> Option<EventKind> {
        if added.is_empty() {
            return None;
        }
        let stretch = |at: Timestamp| at.0.div_euclid(self.width);
        match self.open.get_mut(&(metric, of.clone())) {
            Some(open) if stretch(open.from) == stretch(added.from) => {
                open.from = open.from.min(added.from);
                open.to = open.to.max(added.to);
                open.negative += added.negative;
                open.histogram.auto(true);
                // An auto-resizing histogram takes any value of another one.
                let _ = open.histogram.add(added.histogram);
                None
            }
            _ => self.open.insert((metric, of.clone()), added)?.event(metric, of, self.sums),
        }
    }

    /// What is still open.
    pub fn close(&mut self) -> Vec<EventKind> {
        std::mem::take(&mut self.open).into_iter().filter_map(|((metric, of), open)| open.event(metric, of, self.sums)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn second(at: i64, values: &[u64]) -> Distribution {
        let mut histogram = Histogram::new(3).unwrap();
        values.iter().for_each(|value| histogram.record(*value).unwrap());
        Distribution { from: Timestamp(at * 1_000_000_000), to: Timestamp((at + 1) * 1_000_000_000), histogram, negative: 1 }
    }

    #[test]
    fn seconds_become_one_distribution_and_none_is_lost() {
        let mut pooled = Pooled::to(Duration::from_secs(10));
        let mut given = Vec::new();
        for (at, values) in [(8, [10, 20]), (9, [30, 4_000_000]), (10, [50, 60]), (7, [70, 80])] {
            given.extend(pooled.add(Metric::Slip, Of::Run, second(at, &values)));
        }
        given.extend(pooled.close());
        let told: Vec<_> = given
            .iter()
            .map(|event| match event {
                EventKind::Histogram { from, to, negative, summary, .. } => {
                    (from.0 / 1_000_000_000, to.0 / 1_000_000_000, *negative, summary.unwrap()[0])
                }
                _ => unreachable!(),
            })
            .collect();
        // The straggler of the first ten seconds is by itself.
        assert_eq!(told, [(8, 10, 2, 4), (10, 11, 1, 2), (7, 8, 1, 2)]);
        assert!(pooled.close().is_empty());
    }
}
