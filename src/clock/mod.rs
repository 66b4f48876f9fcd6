//! Time: one anchor that ties the monotonic clock to the wall clock, once per process, and the offsets of other
//! machines' clocks with their uncertainty.
//!
//! Everything that is recorded carries a [`Timestamp`]; a step of the wall clock during a run does not move it.

mod offset;

pub use offset::{ClockOffset, OffsetEstimator};

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch, on this process's anchored clock. As JSON a plain integer; one that is read lies within
/// ± [`FURTHEST`], so that the difference of two is never too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "i64", try_from = "i64")]
pub struct Timestamp(pub i64);

/// In the year 2096.
pub const FURTHEST: i64 = 4_000_000_000_000_000_000;

impl From<Timestamp> for i64 {
    fn from(moment: Timestamp) -> Self {
        moment.0
    }
}

impl TryFrom<i64> for Timestamp {
    type Error = String;

    fn try_from(nanos: i64) -> Result<Self, String> {
        if (-FURTHEST..=FURTHEST).contains(&nanos) { Ok(Self(nanos)) } else { Err(format!("{nanos} ns is no moment of our time")) }
    }
}

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
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_moment_that_cannot_be_reckoned_with_is_not_read() {
        assert_eq!(serde_json::from_str::<Timestamp>("1795271993546050772").unwrap(), Timestamp(1_795_271_993_546_050_772));
        assert!(serde_json::from_str::<Timestamp>("-9223372036854775808").is_err());
    }

    #[test]
    fn time_goes_forward_and_converts() {
        let first = now();
        assert!(now() >= first);
        assert_eq!(Timestamp::from_millis(1500).millis(), 1500);
        assert_eq!(Timestamp(2_500_000_000).seconds_since(Timestamp(500_000_000)), 2.0);
        assert_eq!(Timestamp(-1).millis(), -1);
    }
}
