//! Time: one anchor that ties the monotonic clock to the wall clock, once per process, and the offsets of other
//! machines' clocks with their uncertainty.
//!
//! Everything that is recorded carries a [`Timestamp`]; a step of the wall clock during a run does not move it.

mod offset;

pub use offset::{ClockOffset, OffsetEstimator};

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch, on this process's anchored clock. As JSON a plain integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

struct Anchor {
    instant: Instant,
    nanos: i64,
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
static ANCHOR: LazyLock<Anchor> = LazyLock::new(|| Anchor {
    instant: Instant::now(),
    nanos: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
});

/// Now, monotonic within this process. Costs one `clock_gettime`.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
pub fn now() -> Timestamp {
    let anchor = &*ANCHOR;
    Timestamp(anchor.nanos + i64::try_from(anchor.instant.elapsed().as_nanos()).unwrap_or(i64::MAX))
}

impl Timestamp {
    /// From milliseconds since the epoch, the resolution of Kafka and Flink.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// In milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds from `earlier` to this moment; negative when it lies after.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / 1e9
    }

    /// Later by `duration`.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `duration`.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// How long from now until this moment; zero when it has passed.
    pub fn remaining(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0 - now().0).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_forward_and_converts() {
        let first = now();
        assert!(now() >= first);
        assert_eq!(Timestamp::from_millis(1500).millis(), 1500);
        assert_eq!(Timestamp(2_500_000_000).seconds_since(Timestamp(500_000_000)), 2.0);
        assert_eq!(Timestamp(-1).millis(), -1);
    }
}
