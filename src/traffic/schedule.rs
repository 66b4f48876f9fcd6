use std::sync::Arc;

use super::dice::Dice;
use super::shape::{Arrivals, Block, Curve, Laid, Shape, ShapeError};

/// When each record of a stream is due: the n-th record's time is a pure function of n.
///
/// A schedule is a row of stretches, each a curve multiplied by a factor. A stretch that begins at time b with the
/// position p (records and their fraction so far) holds, at t, position p + f·(C(l + t − b) − C(l)), where C is the
/// curve's integral and l the curve's own time at b. Record n is due when the position passes that of n. So a factor
/// changed at some moment moves no record before it, and everything stays exact.
///
/// Times are nanoseconds since the schedule's start. Record n lies before t if it is due earlier than t.
#[derive(Debug, Clone)]
pub struct Schedule {
    stretches: Vec<Scheduled>,
}

#[derive(Debug, Clone)]
struct Scheduled {
    from: f64,
    curve: Arc<dyn Curve>,
    local: f64,
    factor: f64,
    arrivals: Arrivals,
    /// The curve's integral at `local`.
    integral: f64,
    /// Position among the arrivals at the start of the stretch.
    position: f64,
    /// Records before the arrivals that this stretch shares with its neighbours.
    base: u64,
    /// Records due before the stretch.
    first: u64,
}

impl Scheduled {
    fn position_at(&self, t: f64) -> f64 {
        self.position + self.factor * (self.curve.integral(self.local + t - self.from) - self.integral)
    }
}

/// What one walk through a schedule remembers, so that the next record costs less than any record.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    block: Block,
    stretch: usize,
}

impl Schedule {
    /// The schedule of a shape.
    ///
    /// # Errors
    /// A trace that cannot be read; a closed loop, which has no schedule.
    pub fn new(shape: &Shape, seed: u64) -> Result<Self, ShapeError> {
        Ok(Self::of(shape.lay(Dice::new(seed, "arrivals"))?))
    }

    /// The schedule of curves one after another.
    pub(super) fn of(curves: Vec<Laid>) -> Self {
        let mut from = 0.0;
        let mut stretches = Vec::new();
        for laid in curves {
            stretches.push(Scheduled {
                from,
                integral: laid.curve.integral(0.0),
                curve: laid.curve,
                local: 0.0,
                factor: 1.0,
                arrivals: laid.arrivals,
                position: 0.0,
                base: 0,
                first: 0,
            });
            from += laid.lasts.unwrap_or(f64::INFINITY);
        }
        let mut schedule = Self { stretches };
        schedule.number();
        schedule
    }

    /// Numbers the records of each stretch from what lies before it.
    fn number(&mut self) {
        for index in 1..self.stretches.len() {
            let (before, after) = self.stretches.split_at_mut(index);
            let (before, stretch) = (&before[index - 1], &mut after[0]);
            let position = before.position_at(stretch.from);
            stretch.first = before.base + before.arrivals.count(position);
            let shared = match (&before.arrivals, &stretch.arrivals) {
                (Arrivals::Even, Arrivals::Even) => true,
                // The two parts of one stretch that was split, or two Poisson stretches with dice of their own.
                (Arrivals::Poisson(_), Arrivals::Poisson(_)) => stretch.local > 0.0,
                _ => false,
            };
            (stretch.base, stretch.position) = if shared { (before.base, position) } else { (stretch.first, 0.0) };
        }
    }

    /// From `at` on the rate is the shape's times `factor`; a factor set before for that time is replaced. 0 stops it.
    pub fn scale_from(&mut self, at: i64, factor: f64) {
        let at = (at as f64 / 1e9).max(0.0);
        let index = self.stretches.partition_point(|stretch| stretch.from < at);
        if self.stretches.get(index).is_none_or(|next| next.from > at) && index > 0 {
            let mut rest = self.stretches[index - 1].clone();
            rest.local += at - rest.from;
            rest.integral = rest.curve.integral(rest.local);
            rest.from = at;
            self.stretches.insert(index, rest);
        }
        for stretch in &mut self.stretches[index..] {
            stretch.factor = factor;
        }
        self.number();
    }

    /// When record `n` is due; none if the schedule never comes to it.
    pub fn due(&self, n: u64) -> Option<i64> {
        self.due_after(n, &mut Cursor::default())
    }

    /// [`Schedule::due`] for records that are asked for in about their order.
    pub fn due_after(&self, n: u64, cursor: &mut Cursor) -> Option<i64> {
        let is_in = |index: usize| {
            self.stretches.get(index).is_some_and(|stretch| stretch.first <= n)
                && self.stretches.get(index + 1).is_none_or(|next| next.first > n)
        };
        if !is_in(cursor.stretch) {
            cursor.stretch = self.stretches.partition_point(|stretch| stretch.first <= n).saturating_sub(1);
            cursor.block = Block::default();
        }
        let stretch = self.stretches.get(cursor.stretch)?;
        if stretch.factor <= 0.0 {
            return None;
        }
        let position = stretch.arrivals.position(n - stretch.base, &mut cursor.block);
        let passed = ((position - stretch.position) / stretch.factor).max(0.0) + stretch.integral;
        let at = (stretch.from + stretch.curve.inverse(passed)? - stretch.local).max(stretch.from);
        let end = self.stretches.get(cursor.stretch + 1).map_or(f64::INFINITY, |next| next.from);
        // 292 years of nanoseconds fit an i64; what lies beyond never comes.
        let nanos = (at.min(end) * 1e9).round();
        (nanos < i64::MAX as f64).then_some(nanos as i64)
    }

    /// How many records are due before `t`.
    pub fn count_until(&self, t: i64) -> u64 {
        if t <= 0 {
            return 0;
        }
        let seconds = t as f64 / 1e9;
        let index = self.stretches.partition_point(|stretch| stretch.from <= seconds).saturating_sub(1);
        let Some(stretch) = self.stretches.get(index) else { return 0 };
        let mut count = stretch.base + stretch.arrivals.count(stretch.position_at(seconds));
        // The integral and its inverse differ by rounding: what `due` says, counts.
        while count > 0 && self.due(count - 1).is_none_or(|due| due >= t) {
            count -= 1;
        }
        while self.due(count).is_some_and(|due| due < t) {
            count += 1;
        }
        count
    }

    /// Records per second that are asked for at `t`.
    pub fn rate(&self, t: i64) -> f64 {
        let t = (t as f64 / 1e9).max(0.0);
        let index = self.stretches.partition_point(|stretch| stretch.from <= t).saturating_sub(1);
        self.stretches.get(index).map_or(0.0, |stretch| stretch.factor * stretch.curve.rate(stretch.local + t - stretch.from))
    }

    /// Moments before `until` at which the rate changes by itself, with the rate from then on: its jumps and corners, and
    /// between them every change by a tenth, looked for each second.
    pub fn changes(&self, until: i64) -> Vec<(i64, f64)> {
        let end = until as f64 / 1e9;
        let mut moments: Vec<i64> = Vec::new();
        for (index, stretch) in self.stretches.iter().enumerate() {
            let to = self.stretches.get(index + 1).map_or(end, |next| next.from.min(end));
            if stretch.from > 0.0 && stretch.from < end {
                moments.push((stretch.from * 1e9).round() as i64);
            }
            let bends = stretch.curve.bends(stretch.local + (to - stretch.from).max(0.0));
            let bends = bends.into_iter().filter(|&bend| bend > stretch.local);
            moments.extend(bends.map(|bend| ((stretch.from + bend - stretch.local) * 1e9).round() as i64));
        }
        let corners = moments.len();
        moments.extend((1..=end.floor() as i64).map(|second| second * 1_000_000_000).filter(|&second| second < until));
        let (corners, seconds) = moments.split_at(corners);
        let mut all: Vec<(i64, bool)> = corners.iter().map(|&t| (t, true)).chain(seconds.iter().map(|&t| (t, false))).collect();
        all.sort_unstable();
        let mut last = self.rate(0);
        let mut changes = Vec::new();
        for (t, corner) in all {
            let rate = self.rate(t);
            let moved = (rate - last).abs();
            if (corner && moved > 1e-9 * last.abs()) || moved > 0.1 * last.abs() {
                changes.push((t, rate));
                last = rate;
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::units::Rate;

    const SECOND: i64 = 1_000_000_000;

    fn schedule(text: &str) -> Schedule {
        Schedule::new(&serde_json::from_str(text).unwrap(), 1).unwrap()
    }

    #[test]
    fn a_surge_moves_no_record_before_it_and_ends_exactly() {
        let plain = schedule(r#"{"constant":"1k/s"}"#);
        let mut surged = plain.clone();
        surged.scale_from(10 * SECOND, 3.0);
        surged.scale_from(20 * SECOND, 1.0);
        assert!((0..10_000).all(|n| surged.due(n) == plain.due(n)));
        assert_eq!(surged.count_until(20 * SECOND), 40_000);
        assert_eq!(surged.count_until(21 * SECOND), 41_000);
        assert_eq!(surged.due(40_500), Some(20 * SECOND + SECOND / 2));
        assert_eq!((surged.rate(15 * SECOND), surged.rate(20 * SECOND)), (3000.0, 1000.0));
    }

    #[test]
    fn stops_and_goes_on() {
        let mut stopped = schedule(r#"{"constant":"10/s"}"#);
        stopped.scale_from(SECOND, 0.0);
        assert_eq!((stopped.due(9), stopped.due(10)), (Some(SECOND / 10 * 9), None));
        assert_eq!(stopped.count_until(100 * SECOND), 10);
        stopped.scale_from(5 * SECOND, 1.0);
        assert_eq!(stopped.due(10), Some(5 * SECOND));
        assert_eq!(stopped.count_until(6 * SECOND), 20);
    }

    #[test]
    fn a_sequence_begins_each_shape_anew() {
        let sequence = schedule(
            r#"{"sequence":[{"shape":{"constant":"100/s"},"for":"10s"},
                {"shape":{"ramp":{"from":"100/s","to":"300/s","over":"10s"}},"for":"10s"},
                {"shape":{"poisson":"100/s"},"for":"10s"},
                {"shape":{"constant":"50/s"},"for":"10s"}]}"#,
        );
        assert_eq!(sequence.count_until(10 * SECOND), 1000);
        assert_eq!(sequence.count_until(20 * SECOND), 3000);
        let after = sequence.count_until(30 * SECOND);
        assert!((3870..4130).contains(&after), "{after}");
        assert_eq!(sequence.due(after), Some(30 * SECOND));
        assert_eq!(sequence.count_until(40 * SECOND), after + 500);
    }

    #[test]
    fn a_surge_on_independent_arrivals_keeps_those_before_it() {
        let plain = schedule(r#"{"poisson":"1k/s"}"#);
        let mut surged = plain.clone();
        surged.scale_from(10 * SECOND, 2.0);
        let before = plain.count_until(10 * SECOND);
        assert_eq!(surged.count_until(10 * SECOND), before);
        assert!((0..before).step_by(97).all(|n| surged.due(n) == plain.due(n)));
        let during = surged.count_until(20 * SECOND) - before;
        assert!((19_300..20_700).contains(&during), "{during}");
    }

    #[test]
    fn changes_are_told_at_corners_and_on_slopes() {
        let steps = schedule(r#"{"steps":[{"rate":"100/s","for":"10s"},{"rate":"200/s","for":"10s"}]}"#);
        assert_eq!(steps.changes(60 * SECOND), vec![(10 * SECOND, 200.0)]);
        assert_eq!(schedule(r#"{"constant":"5/s"}"#).changes(60 * SECOND), vec![]);
        let ramp = schedule(r#"{"ramp":{"from":"100/s","to":"200/s","over":"10s"}}"#).changes(60 * SECOND);
        assert!(ramp.len() > 3 && ramp.last() == Some(&(10 * SECOND, 200.0)), "{ramp:?}");
        let shape = Shape::Constant(Rate(100.0));
        let mut surged = Schedule::new(&shape, 1).unwrap();
        surged.scale_from(3 * SECOND, 2.0);
        assert_eq!(surged.changes(60 * SECOND), vec![(3 * SECOND, 200.0)]);
    }
}
