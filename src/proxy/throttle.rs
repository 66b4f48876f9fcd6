use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Timestamp;

/// Shares a rate out to all connections of a link, without a lock: whoever wants to send takes the next free stretch of time
/// on the wire (the generic cell rate algorithm, ITU-T I.371, without burst tolerance). Time that nobody took is gone, so no
/// second ever carries more than the rate and one piece.
#[derive(Debug)]
pub(super) struct Throttle {
    free_at: AtomicI64,
    per_second: u64,
}

impl Throttle {
    pub(super) fn new(per_second: u64) -> Self {
        Self { free_at: AtomicI64::new(i64::MIN), per_second: per_second.max(1) }
    }

    /// Bytes to take at a time: 10 ms of the rate, so that the flow is even and the connections get their turns, but not
    /// more than one read brings.
    pub(super) fn piece(&self) -> usize {
        usize::try_from((self.per_second / 100).clamp(1, 32 * 1024)).unwrap_or(1)
    }

    /// Takes the stretch for `bytes`; they may leave at the moment returned.
    pub(super) fn reserve(&self, bytes: usize, now: Timestamp) -> Timestamp {
        let nanos = (bytes as u128 * 1_000_000_000).div_ceil(u128::from(self.per_second));
        let takes = i64::try_from(nanos).unwrap_or(i64::MAX);
        let mut free_at = self.free_at.load(Ordering::Relaxed);
        loop {
            let start = free_at.max(now.0);
            match self.free_at.compare_exchange_weak(free_at, start.saturating_add(takes), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Timestamp(start),
                Err(other) => free_at = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_one_piece(
            per_second in 1u64..2_000_000_000,
            asks in prop::collection::vec((1usize..40_000, 0i64..20_000_000), 1..80),
        ) {
            let throttle = Throttle::new(per_second);
            let (mut now, mut passed, mut first) = (0i64, 0u128, None);
            for (bytes, pause) in asks {
                now += pause;
                let at = throttle.reserve(bytes, Timestamp(now));
                prop_assert!(at.0 >= now);
                let first = *first.get_or_insert(at.0);
                // What had passed before this piece fits into the time since the first.
                prop_assert!(passed * 1_000_000_000 <= u128::from(per_second) * (at.0 - first) as u128);
                passed += bytes as u128;
            }
        }

        #[test]
        fn no_time_is_wasted_while_there_is_something_to_send(per_second in 1_000u64..1_000_000_000) {
            let throttle = Throttle::new(per_second);
            let piece = throttle.piece();
            let last = (0..100).map(|_| throttle.reserve(piece, Timestamp(0)).0).last();
            let ideal = 99.0 * piece as f64 / per_second as f64 * 1e9;
            prop_assert!((last.unwrap_or(0) as f64 - ideal).abs() <= 100.0);
        }
    }
}
