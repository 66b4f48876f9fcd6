use super::held::Held;
use super::link::Connection;
use super::rule::Way;
use super::shape::Shape;
use crate::clock::{self, Timestamp};

/// Leave to send so many bytes from a moment on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    pub(super) bytes: usize,
    pub(super) at: Timestamp,
}

/// How fast one direction of a connection may send: the gaps of slices, and its share of throttles.
#[derive(Debug)]
pub(super) struct Pace {
    /// Before it no further segment leaves.
    segment_at: Timestamp,
    /// What the throttles let go, and is not used up.
    throttled: Option<Grant>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { segment_at: Timestamp(i64::MIN), throttled: None }
    }

    /// When the next byte may leave; that of a throttle comes on top.
    pub(super) fn not_before(&self) -> Timestamp {
        self.segment_at
    }

    /// After a change of rules: nothing waits for one that is gone.
    pub(super) fn refresh(&mut self, shape: &Shape) {
        self.throttled = None;
        if shape.slices.is_empty() {
            self.segment_at = Timestamp(i64::MIN);
        }
    }

    /// How much of what is due `now` may leave, and when.
    pub(super) fn grant(&mut self, shape: &mut Shape, held: &Held, way: Way, connection: &Connection, now: Timestamp) -> Grant {
        let segment = shape.slices.iter().map(|slice| slice.effect.size).min().unwrap_or(usize::MAX);
        if shape.throttles.is_empty() {
            return Grant { bytes: segment, at: now };
        }
        let Grant { bytes, at } = *self.throttled.get_or_insert_with(|| {
            let throttles = shape.throttles.iter().filter_map(|active| active.rule().throttle(way));
            let piece = throttles.map(|throttle| throttle.piece()).min().unwrap_or(usize::MAX);
            let bytes = held.ready(now, piece).len();
            let mut at = now;
            for active in &mut shape.throttles {
                let start = active.rule().throttle(way).map_or(now, |throttle| throttle.reserve(bytes, now));
                active.count(connection, 0, usize::from(start > now));
                at = at.max(start);
            }
            Grant { bytes, at }
        });
        Grant { bytes: bytes.min(segment), at }
    }

    /// After `bytes` have left.
    pub(super) fn passed(&mut self, shape: &mut Shape, connection: &Connection, bytes: usize) {
        for throttle in &mut shape.throttles {
            throttle.count(connection, bytes, 0);
        }
        self.throttled = self.throttled.and_then(|Grant { bytes: granted, at }| {
            let left = granted.saturating_sub(bytes);
            (left > 0).then_some(Grant { bytes: left, at })
        });
        if shape.slices.is_empty() {
            return;
        }
        self.segment_at = clock::now().plus(shape.slices.iter().map(|slice| slice.effect.gap).sum());
        for slice in &mut shape.slices {
            slice.count(connection, bytes, 1);
        }
    }
}
