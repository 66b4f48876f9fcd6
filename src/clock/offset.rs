//! How far another machine's clock is from ours.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The other clock minus ours, in nanoseconds, and how far that can be off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockOffset {
    /// Other clock − our clock.
    pub offset_ns: i64,
    /// The true offset lies within `offset_ns ± uncertainty_ns`.
    pub uncertainty_ns: i64,
}

impl ClockOffset {
    /// What holds for either of two clocks: the narrowest offset that covers both.
    #[must_use]
    pub fn covering(self, other: Self) -> Self {
        let low = (self.offset_ns - self.uncertainty_ns).min(other.offset_ns - other.uncertainty_ns);
        let high = (self.offset_ns + self.uncertainty_ns).max(other.offset_ns + other.uncertainty_ns);
        Self { offset_ns: (low + high) / 2, uncertainty_ns: (high - low + 1) / 2 }
    }

    /// Whether this says enough more, or less, than what was `known` to be written down again: a tenth narrower, or twice as wide.
    pub fn is_news_after(self, known: Option<Self>) -> bool {
        known.is_none_or(|known| self.uncertainty_ns * 10 < known.uncertainty_ns * 9 || self.uncertainty_ns > known.uncertainty_ns * 2)
    }

    /// A moment that the other clock stamped, on our clock.
    pub fn to_ours(self, theirs: Timestamp) -> Timestamp {
        Timestamp(theirs.0 - self.offset_ns)
    }
}

/// Narrows an offset from request–answer exchanges (Cristian's algorithm): an answer stamped `theirs` between our
/// `sent` and `received` bounds the offset to `[theirs − received, theirs − sent]`; bounds of several exchanges intersect.
#[derive(Debug, Clone, Copy, Default)]
pub struct OffsetEstimator {
    bounds: Option<(i64, i64)>,
}

impl OffsetEstimator {
    /// Takes in one exchange. `resolution_ns` is the grain of the other's stamp (1 ms for Kafka and Flink). Bounds that do
    /// not meet the earlier ones (a clock was stepped, or drifts) start afresh.
    pub fn observe(&mut self, sent: Timestamp, theirs: Timestamp, resolution_ns: i64, received: Timestamp) {
        let low = theirs.0 - received.0;
        let high = theirs.0 + resolution_ns - sent.0;
        self.bounds = Some(match self.bounds {
            Some((old_low, old_high)) if low.max(old_low) <= high.min(old_high) => (low.max(old_low), high.min(old_high)),
            _ => (low, high),
        });
    }

    /// The middle of the bounds; nothing before the first exchange.
    pub fn estimate(&self) -> Option<ClockOffset> {
        self.bounds.map(|(low, high)| ClockOffset { offset_ns: (low + high) / 2, uncertainty_ns: (high - low) / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_narrow_the_offset() {
        let mut estimator = OffsetEstimator::default();
        // The other clock is 5 ms ahead; round trips of 4 ms and 1 ms.
        estimator.observe(Timestamp(0), Timestamp(7_000_000), 0, Timestamp(4_000_000));
        estimator.observe(Timestamp(10_000_000), Timestamp(15_500_000), 0, Timestamp(11_000_000));
        let offset = estimator.estimate().unwrap();
        assert!((offset.offset_ns - 5_000_000).abs() <= offset.uncertainty_ns);
        assert!(offset.uncertainty_ns <= 500_000);
        let both = offset.covering(ClockOffset { offset_ns: 9_000_000, uncertainty_ns: 0 });
        assert!((both.offset_ns + both.uncertainty_ns - 9_000_000).abs() <= 1);
        assert!(both.is_news_after(Some(offset)) && !both.is_news_after(Some(both)));
        assert_eq!(ClockOffset { offset_ns: 5, uncertainty_ns: 0 }.to_ours(Timestamp(12)), Timestamp(7));
    }
}
