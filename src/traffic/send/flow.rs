//! One stream that flows: its threads, the changes in force, its books.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::books::{AckSink, Books};
use super::course::{Course, Leg};
use super::progress::{Accounts, ChangeShare, PartitionProgress, Published, StreamProgress, SurgeShare, Window};
use super::sender::Sender;
use super::slice::Slice;
use super::tally::{COUNTED_KEYS, Counts, Second};
use super::traffic::{Before, Input, Settings, TrafficError};
use super::transactions::Transactor;
use super::walk::Walk;
use crate::action::TrafficChange;
use crate::clock::{self, Timestamp};
use crate::kafka::Producer;
use crate::traffic::{Active, Dice, Mark, Recipe, SHARDS, Schedule};

/// One stream that flows.
pub struct Flow {
    pub name: String,
    /// What an earlier process had counted; nothing, where there was none.
    before: Counts,
    /// Nanoseconds since the schedule's start from which on this process sends, and records due before.
    from: (i64, u64),
    /// The recipe without changes.
    plain: Recipe,
    leg: Leg,
    course: Arc<Course>,
    changes: Vec<Active>,
    slots: Slots,
    threads: Vec<JoinHandle<()>>,
    published: Vec<Arc<Published>>,
}

/// Which change has which bit, and what had been counted for the bit before.
#[derive(Default)]
struct Slots {
    next: u32,
    taken: Vec<Taken>,
}

struct Taken {
    id: u64,
    slot: u32,
    hits_before: u64,
    under_before: u64,
    surge: Option<Surge>,
}

/// A change of the rate, and the schedule without it.
struct Surge {
    factor: f64,
    without: Schedule,
    from: i64,
    to: i64,
}

/// How far ahead a change comes into force, so that every thread has seen it before the first record that it concerns
/// is due. More than what a thread walks ahead.
const LEAD: Duration = Duration::from_millis(20);

impl Flow {
    /// A stream that is ready to flow, and who will send it; one that goes on, from when on and behind what.
    ///
    /// # Errors
    /// [`TrafficError`]; then nothing was sent.
    pub fn prepare(
        settings: &Settings,
        input: &Input,
        index: u8,
        gone: Option<(Timestamp, &Before)>,
        sink: &mut impl FnMut(u8, u16) -> Box<dyn AckSink>,
    ) -> Result<(Self, Vec<Sender>), TrafficError> {
        let Input { name, topic, partitions, stream } = input;
        let kafka = |source| TrafficError::Kafka { stream: name.clone(), source };
        let seed = Dice::new(settings.seed, name).at(0);
        let end = i64::try_from(settings.duration.as_nanos()).unwrap_or(i64::MAX);
        let schedule = match stream.rate.in_flight() {
            Some(_) => None,
            None => {
                let mut schedule =
                    Schedule::new(&stream.rate, seed).map_err(|source| TrafficError::Shape { stream: name.clone(), source })?;
                schedule.scale_from(end, 0.0);
                Some(schedule)
            }
        };
        let plain = Recipe::new(stream, index, *partitions, &settings.placement, &settings.run, seed)
            .map_err(|source| TrafficError::Recipe { stream: name.clone(), source })?;
        let leg = Leg { schedule, end, recipes: vec![(0, Arc::new(plain.clone()))] };
        let before = gone.map_or_else(|| Counts::new(*partitions), |(_, before)| Counts::of(before, *partitions));
        let from = gone.map_or(0, |(from, _)| from.0 - settings.start.0);
        // A closed loop has no schedule to find its place in: its keys go on behind as many as were sent.
        let first = leg.schedule.as_ref().map_or(before.sent, |schedule| schedule.count_until(from));
        let course = Arc::new(Course::new(leg.clone()));
        let threads = stream.threads.max(1);
        let workers = settings.slice.workers(threads);
        if workers > u32::from(SHARDS) {
            return Err(TrafficError::Threads { stream: name.clone(), workers });
        }
        let mut senders = Vec::new();
        for thread in 0..threads {
            let mut properties = stream.producer.clone();
            if !["message.timeout.ms", "delivery.timeout.ms"].iter().any(|name| properties.contains_key(*name)) {
                properties.insert("message.timeout.ms".to_owned(), patience(settings.duration).as_millis().to_string());
            }
            if stream.transactions.is_some() {
                let id = format!("squall-{}-{name}-{}-{thread}", settings.run, settings.slice).replace('/', "of");
                properties.entry("transactional.id".to_owned()).or_insert(id);
            }
            let mut producer = Producer::new(&settings.connection, &properties).map_err(kafka)?;
            let in_flight = stream.rate.in_flight().map_or(usize::MAX, |all| (all as usize / usize::from(threads)).max(1));
            senders.push(Sender {
                topic: producer.open(topic).map_err(kafka)?,
                producer,
                books: Books::new(settings.start, *partitions, sink(index, thread), stream.transactions.is_some()),
                walk: match gone {
                    Some((_, before)) => Walk::behind(&course, first, before.sequences),
                    None => Walk::new(&course),
                },
                course: Arc::clone(&course),
                published: Arc::new(Published::new(*partitions)),
                owned: settings.slice.owned(thread, threads),
                start: settings.start,
                in_flight,
                transactor: stream.transactions.map(Transactor::new),
                late: 0,
            });
        }
        let flow = Self {
            name: name.clone(),
            before,
            from: (from, first),
            plain,
            leg,
            course,
            changes: Vec::new(),
            slots: Slots::default(),
            threads: Vec::new(),
            published: Vec::new(),
        };
        Ok((flow, senders))
    }

    /// Starts its threads.
    ///
    /// # Errors
    /// When the system refuses one.
    pub fn spawn(&mut self, senders: Vec<Sender>) -> std::io::Result<()> {
        for (index, sender) in senders.into_iter().enumerate() {
            self.published.push(Arc::clone(&sender.published));
            let thread = thread::Builder::new().name(format!("traffic-{}-{index}", self.name)).spawn(move || sender.run());
            self.threads.push(thread?);
        }
        Ok(())
    }

    /// [`Traffic::change`](super::Traffic::change) of this stream; `start` is when the schedule began.
    ///
    /// # Errors
    /// A change that its keys or values do not allow.
    pub fn change(&mut self, id: u64, change: &TrafficChange, start: Timestamp) -> Result<Timestamp, TrafficError> {
        if let TrafficChange::Surge { factor } = change
            && !(factor.is_finite() && *factor >= 0.0)
        {
            return Err(TrafficError::Factor(*factor));
        }
        if self.changes.iter().any(|active| active.id == id) {
            return Ok(clock::now());
        }
        let slot = self.slots.next % Mark::BITS;
        let mut changes = self.changes.clone();
        changes.push(Active { id, slot, change: change.clone() });
        let without = self.leg.schedule.clone();
        let effective = self.apply(changes, start)?;
        let surge = match (change, without) {
            (TrafficChange::Surge { factor }, Some(without)) => {
                Some(Surge { factor: *factor, without, from: effective.0 - start.0, to: i64::MAX })
            }
            _ => None,
        };
        let (counts, _) = self.counts();
        let before = |counts: &[u64]| counts[slot as usize];
        let (hits_before, under_before) = (before(&counts.hits), before(&counts.under));
        self.slots.next += 1;
        self.slots.taken.retain(|taken| taken.slot != slot);
        self.slots.taken.push(Taken { id, slot, hits_before, under_before, surge });
        Ok(effective)
    }

    /// Takes a change back; one that does not hold is no error.
    ///
    /// # Errors
    /// What [`Flow::change`] has.
    pub fn restore(&mut self, id: u64, start: Timestamp) -> Result<Timestamp, TrafficError> {
        let mut changes = self.changes.clone();
        changes.retain(|active| active.id != id);
        if changes.len() == self.changes.len() {
            return Ok(clock::now());
        }
        let effective = self.apply(changes, start)?;
        let surges = self.slots.taken.iter_mut().filter(|taken| taken.id == id).filter_map(|taken| taken.surge.as_mut());
        surges.for_each(|surge| surge.to = effective.0 - start.0);
        Ok(effective)
    }

    /// Ends its schedule `now`, in nanoseconds since its start, if it has not ended before; outcomes may come in for `within`.
    pub fn stop(&mut self, now: i64, within: Duration) {
        for published in &self.published {
            published.close_within(within);
        }
        if now < self.leg.end {
            self.leg.end = now.max(0);
            if let Some(schedule) = &mut self.leg.schedule {
                schedule.scale_from(self.leg.end, 0.0);
            }
            self.course.set(self.leg.clone());
        }
        self.wake();
    }

    /// Waits for its threads.
    pub fn join(&mut self) {
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a traffic thread of `{}` panicked: its books are incomplete", self.name);
            }
        }
    }

    /// Brings these changes, and no others, into force.
    fn apply(&mut self, changes: Vec<Active>, start: Timestamp) -> Result<Timestamp, TrafficError> {
        let recipe = self.plain.under(&changes).map_err(|source| TrafficError::Recipe { stream: self.name.clone(), source })?;
        let factor = |changes: &[Active]| -> f64 {
            let factors = changes.iter().filter_map(|active| match active.change {
                TrafficChange::Surge { factor } => Some(factor),
                _ => None,
            });
            factors.product()
        };
        let effective = clock::now().plus(LEAD).max(start);
        let at = effective.0 - start.0;
        if at < self.leg.end {
            match &mut self.leg.schedule {
                Some(schedule) => {
                    if factor(&changes) != factor(&self.changes) {
                        schedule.scale_from(at, factor(&changes));
                        schedule.scale_from(self.leg.end, 0.0);
                    }
                    let from = schedule.count_until(at);
                    self.leg.recipes.retain(|(known, _)| *known < from);
                    self.leg.recipes.push((from, Arc::new(recipe)));
                }
                // A closed loop has no time that all threads share: each changes with its next record.
                None => self.leg.recipes = vec![(0, Arc::new(recipe))],
            }
            self.course.set(self.leg.clone());
            self.wake();
        }
        self.changes = changes;
        Ok(effective)
    }

    fn wake(&self) {
        for thread in &self.threads {
            thread.thread().unpark();
        }
    }

    /// Whether its threads are done.
    pub fn is_finished(&self) -> bool {
        self.published.iter().all(|published| published.is_finished())
    }

    fn counts(&self) -> (Counts, Option<String>) {
        let mut counts = self.before.clone();
        let complaints: Vec<String> = self.published.iter().filter_map(|published| published.add_to(&mut counts)).collect();
        (counts, complaints.into_iter().next())
    }

    /// Records that the schedule asks for within `from..to`, in nanoseconds since its start; none of a closed loop.
    pub fn due_between(&self, from: i64, to: i64) -> u64 {
        self.leg.schedule.as_ref().map_or(0, |schedule| schedule.count_until(to).saturating_sub(schedule.count_until(from)))
    }

    /// How far it has come. Histograms are handed over once.
    pub fn progress(&mut self, start: Timestamp, slice: Slice, at: Timestamp) -> StreamProgress {
        let mut seconds = Vec::new();
        let finished = self.is_finished();
        let (counts, complaint) = self.counts();
        self.published.iter().for_each(|published| published.take_seconds(&mut seconds));
        seconds.sort_by_key(|second| second.second);
        let part = if slice.is_whole() || counts.walked == 0 { 1.0 } else { counts.sent as f64 / counts.walked as f64 };
        let surge = |surge: &Surge| {
            let to = surge.to.min(at.0 - start.0).min(self.leg.end).max(surge.from);
            let without = surge.without.count_until(to) - surge.without.count_until(surge.from);
            SurgeShare { asked: surge.factor, without: (without as f64 * part) as u64 }
        };
        let share = |taken: &Taken| ChangeShare {
            id: taken.id,
            hits: counts.hits[taken.slot as usize] - taken.hits_before,
            of: counts.under[taken.slot as usize] - taken.under_before,
            surge: taken.surge.as_ref().map(surge),
        };
        let window = |second: Second| Window {
            from: start.plus(Duration::from_secs(second.second.unsigned_abs())),
            to: start.plus(Duration::from_secs(second.second.unsigned_abs() + 1)),
            slip: second.slip,
            latency: second.latency,
            negative: second.negative,
        };
        StreamProgress {
            stream: self.name.clone(),
            accounts: self.accounts(&counts, slice, at.0 - start.0, finished),
            partitions: counts
                .partitions
                .iter()
                .map(|partition| PartitionProgress {
                    acknowledged: partition.acknowledged,
                    furthest: (partition.furthest != i64::MIN).then_some(Timestamp(partition.furthest)),
                })
                .collect(),
            top_keys: self.top_keys(&counts),
            own: counts.acknowledged - self.before.acknowledged,
            changes: self.slots.taken.iter().map(share).collect(),
            windows: seconds.into_iter().map(window).collect(),
            complaint,
        }
    }

    fn accounts(&self, counts: &Counts, slice: Slice, now: i64, finished: bool) -> Accounts {
        let Counts { sent, acknowledged, failed, unresolved, unsent, walked, .. } = *counts;
        let unsent = match &self.leg.schedule {
            Some(_) if finished => unsent,
            None => 0,
            // Counts are a moment old, and a thread may by now have sent more than was due then.
            Some(schedule) => {
                let due = schedule.count_until(now.min(self.leg.end));
                let part = if slice.is_whole() || walked == 0 { 1.0 } else { sent as f64 / walked as f64 };
                if slice.is_whole() {
                    due.saturating_sub(self.from.1).saturating_sub(sent - self.before.sent)
                } else {
                    (due.saturating_sub(walked) as f64 * part) as u64
                }
            }
        };
        Accounts {
            scheduled: sent + unsent,
            sent,
            unsent,
            acknowledged,
            failed,
            unresolved,
            in_flight: sent - acknowledged - failed - unresolved,
            limited_by: self.limited_by(counts, if finished { unsent } else { 0 }, now),
        }
    }

    fn limited_by(&self, counts: &Counts, unsent: u64, now: i64) -> Option<String> {
        let behind = counts.behind_ns as f64;
        let working = (now.min(self.leg.end) - self.from.0).max(1) as f64 * self.published.len().max(1) as f64;
        if unsent == 0 && behind < 0.01 * working {
            return None;
        }
        Some(if counts.throttle_ms > 0.0 {
            format!("the broker's quota: requests were held back for up to {:.0} ms", counts.throttle_ms)
        } else if counts.queue_full_ns as f64 > behind / 2.0 {
            "the broker: the producer's queue was full".to_owned()
        } else if counts.committing_ns as f64 > behind / 2.0 {
            "transactions: nothing can be sent while one is committed".to_owned()
        } else {
            "CPU: the sending threads could not keep up".to_owned()
        })
    }

    fn top_keys(&self, counts: &Counts) -> Vec<(String, u64)> {
        const SHOWN: usize = 10;
        let mut places: Vec<usize> = (0..COUNTED_KEYS).filter(|&place| counts.keys[place] > 0).collect();
        places.sort_by_key(|&place| (std::cmp::Reverse(counts.keys[place]), place));
        let text = |place: usize| self.plain.key_text(place as u32).map(|key| (key, counts.keys[place]));
        places.into_iter().take(SHOWN).filter_map(text).collect()
    }
}

/// How long the producer tries to get a record written: shorter than the run, so that outcomes are known when it ends, but long
/// enough for a broker that comes back.
fn patience(run: Duration) -> Duration {
    const LEAST: Duration = Duration::from_secs(5);
    const MOST: Duration = Duration::from_secs(30);
    (run * 9 / 10).clamp(LEAST, MOST)
}
