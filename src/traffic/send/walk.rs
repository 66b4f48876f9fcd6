use std::sync::Arc;

use super::course::{Course, Leg};
use crate::traffic::{Buffers, Cursor, Pick, SHARDS};

/// Where a thread is in the schedule.
pub struct Walk {
    pub leg: Arc<Leg>,
    version: u64,
    cursor: Cursor,
    /// Next record to be looked at.
    pub next: u64,
    /// Records before it are done with, whatever changes: sent, or other threads' under a course that can change no more.
    done: u64,
    /// The own record at `next`, once found, and when it is due.
    pub found: Option<Found>,
    /// Number of the next own record, by shard.
    pub sequences: [u64; SHARDS as usize],
    pub buffers: Buffers,
}

/// An own record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    pub pick: Pick,
    /// When it is due, nanoseconds since the start.
    pub due: i64,
}

/// What a thread does next.
pub enum Next {
    /// The own record that was found is due.
    Send,
    /// Nothing before this moment (nanoseconds since the start), unless the course changes.
    Wait(i64),
    /// Nothing until outcomes arrive.
    WaitForOutcomes,
}

/// Records walked past between looks at the time.
const STRIDE: u64 = 1024;
/// A thread does not walk further ahead of the time than this.
const AHEAD: i64 = 10_000_000;
/// Records walked past at a time; a closed loop, which has no time, would else look for ever where it owns no key.
const LONGEST_WALK: u32 = 1 << 20;

impl Walk {
    pub fn new(course: &Course) -> Self {
        Self::behind(course, 0, [0; SHARDS as usize])
    }

    /// Behind the first records, whose shards have used the numbers below these.
    pub fn behind(course: &Course, first: u64, sequences: [u64; SHARDS as usize]) -> Self {
        Self {
            version: course.version(),
            leg: course.leg(),
            cursor: Cursor::default(),
            next: first,
            done: first,
            found: None,
            sequences,
            buffers: Buffers::default(),
        }
    }

    /// Takes a new course up, if there is one. What was walked past ahead of time may be its own now.
    pub fn follow(&mut self, course: &Course) {
        let version = course.version();
        if version != self.version {
            (self.version, self.leg) = (version, course.leg());
            (self.cursor, self.found, self.next) = (Cursor::default(), None, self.done);
        }
    }

    /// Looks for the next own record, up to a little beyond `now`, and says when it is due.
    pub fn look(&mut self, now: i64, owned: &[bool; SHARDS as usize]) -> Next {
        for _ in 0..LONGEST_WALK {
            if let Some(found) = &self.found {
                return if found.due <= now { Next::Send } else { Next::Wait(found.due) };
            }
            if self.next.is_multiple_of(STRIDE)
                && let Some(schedule) = &self.leg.schedule
            {
                match schedule.due_after(self.next, &mut self.cursor) {
                    // A change comes into force later than this, see `LEAD`.
                    Some(due) if due <= now + AHEAD => self.done = self.next,
                    Some(due) => return Next::Wait(due - AHEAD / 2),
                    None => return Next::Wait(i64::MAX),
                }
            }
            let Some(recipe) = self.leg.recipe(self.next) else { return Next::Wait(i64::MAX) };
            let pick = recipe.pick(self.next);
            if !owned[usize::from(pick.shard)] {
                self.next += 1;
                continue;
            }
            let due = match &self.leg.schedule {
                Some(schedule) => schedule.due_after(self.next, &mut self.cursor),
                None => Some(now),
            };
            let Some(due) = due else { return Next::Wait(i64::MAX) };
            self.found = Some(Found { pick, due });
        }
        Next::Wait(now)
    }

    /// Goes on behind the record that was found.
    pub fn pass(&mut self, shard: u16) {
        self.sequences[usize::from(shard)] += 1;
        self.found = None;
        self.next += 1;
        self.done = self.next;
    }

    /// Own records from here to the end of the schedule.
    pub fn rest(&self, owned: &[bool; SHARDS as usize]) -> u64 {
        let Some(schedule) = &self.leg.schedule else { return 0 };
        let own = |n: &u64| self.leg.recipe(*n).is_some_and(|recipe| owned[usize::from(recipe.pick(*n).shard)]);
        (self.done..schedule.count_until(self.leg.end)).filter(own).count() as u64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use super::*;
    use crate::action::TrafficChange;
    use crate::traffic::send::Slice;
    use crate::traffic::{Active, Placement, Recipe, Schedule, Stream};
    use crate::units::{Count, Ratio};

    const SECOND: i64 = 1_000_000_000;

    fn leg(stream: &str) -> Leg {
        let stream: Stream = serde_json::from_str(stream).unwrap();
        let mut schedule = Schedule::new(&stream.rate, 5).unwrap();
        schedule.scale_from(5 * SECOND, 0.0);
        let recipe = Recipe::new(&stream, 0, 4, &Placement::Header, "run", 5).unwrap();
        Leg { schedule: Some(schedule), end: 5 * SECOND, recipes: vec![(0, Arc::new(recipe))] }
    }

    /// Record number → where it went, its number in its shard, when it was due.
    type Sent = BTreeMap<u64, (Pick, u64, i64)>;

    /// Walks with a clock that goes forward by `tick`, and a course that changes at `at`.
    fn walked(before: &Leg, after: Option<(i64, &Leg)>, slice: Slice, threads: u16, tick: i64) -> (Sent, u64) {
        let mut sent = Sent::new();
        let mut rest = 0;
        for thread in 0..threads {
            let owned = slice.owned(thread, threads);
            let course = Course::new(before.clone());
            let mut walk = Walk::new(&course);
            let mut changed = false;
            for now in (0..before.end + tick).step_by(tick as usize) {
                if let Some((at, leg)) = after
                    && now + 20_000_000 >= at
                    && !changed
                {
                    course.set(leg.clone());
                    changed = true;
                }
                walk.follow(&course);
                while let Next::Send = walk.look(now.min(before.end - 1), &owned) {
                    let Found { pick, due } = walk.found.unwrap();
                    assert!(due <= now);
                    let sequence = walk.sequences[usize::from(pick.shard)];
                    assert_eq!(sent.insert(walk.next, (pick, sequence, due)), None, "record {} twice", walk.next);
                    walk.pass(pick.shard);
                }
            }
            rest += walk.rest(&owned);
        }
        (sent, rest)
    }

    const SKEWED: &str = r#"{"rate":{"ramp":{"from":"100/s","to":"3k/s","over":"5s"}},"keys":{"zipf":{"distinct":"50","exponent":1}}}"#;

    #[test]
    fn slices_together_are_the_whole_whatever_their_number_and_pace() {
        let leg = leg(SKEWED);
        let (whole, rest) = walked(&leg, None, Slice::WHOLE, 1, 1_000_000);
        assert_eq!((whole.len() as u64, rest), (leg.schedule.as_ref().unwrap().count_until(5 * SECOND), 0));
        assert!(whole.keys().copied().eq(0..whole.len() as u64));
        for (of, threads, tick) in [(1, 3, 700_000), (2, 1, 13_000_000), (3, 2, SECOND)] {
            let mut union = Sent::new();
            for index in 0..of {
                let (part, rest) = walked(&leg, None, Slice::new(index, of).unwrap(), threads, tick);
                assert_eq!(rest, 0);
                union.extend(part);
            }
            assert_eq!(union, whole, "{of} slices of {threads}");
        }
    }

    #[test]
    fn a_change_in_mid_run_takes_each_record_once() {
        let before = leg(SKEWED);
        let mut after = before.clone();
        let change = Active { id: 1, slot: 0, change: TrafficChange::SkewKeys { share: Ratio(0.5), keys: Count(1) } };
        let schedule = after.schedule.as_mut().unwrap();
        schedule.scale_from(2 * SECOND, 2.0);
        schedule.scale_from(5 * SECOND, 0.0);
        let from = schedule.count_until(2 * SECOND);
        let skewed = before.recipes[0].1.under(&[change]).unwrap();
        after.recipes.push((from, Arc::new(skewed)));
        let at = Some((2 * SECOND, &after));
        let (whole, _) = walked(&before, at, Slice::WHOLE, 1, 1_000_000);
        assert!(whole.values().take(from as usize).all(|(pick, ..)| pick.by.is_none()));
        assert!(whole.values().skip(from as usize).any(|(pick, ..)| pick.by.is_some()));
        for (threads, tick) in [(2, 1_000_000), (5, 333_333)] {
            assert_eq!(walked(&before, at, Slice::WHOLE, threads, tick).0, whole);
        }
    }

    #[test]
    fn what_a_stopped_thread_leaves_is_counted() {
        let leg = leg(SKEWED);
        let owned = Slice::WHOLE.owned(0, 1);
        let course = Course::new(leg.clone());
        let mut walk = Walk::new(&course);
        for _ in 0..100 {
            assert!(matches!(walk.look(2 * SECOND, &owned), Next::Send));
            walk.pass(walk.found.unwrap().pick.shard);
        }
        assert_eq!(walk.rest(&owned), leg.schedule.unwrap().count_until(5 * SECOND) - 100);
    }
}
