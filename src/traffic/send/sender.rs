use std::ffi::CStr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::books::{Books, Fate, Flight, counted};
use super::course::Course;
use super::progress::Published;
use super::transactions::Transactor;
use super::walk::{Found, Next, Walk};
use crate::clock::{self, Timestamp};
use crate::kafka::{Delivery, KafkaError, Outgoing, Producer, Sending, TopicHandle};
use crate::traffic::SHARDS;

/// A thread of a stream: walks through the schedule, waits until its next record is due, sends it, takes outcomes in.
pub struct Sender {
    pub producer: Producer,
    pub topic: TopicHandle,
    pub books: Books,
    pub course: Arc<Course>,
    pub published: Arc<Published>,
    pub owned: [bool; SHARDS as usize],
    pub start: Timestamp,
    /// Own records in flight at most, for a closed loop.
    pub in_flight: usize,
    pub transactor: Option<Transactor>,
    pub walk: Walk,
    /// How late the first record was that was last tried, in nanoseconds.
    pub late: i64,
}

/// A generator that is a little late at the end still sends what was due; what is later than this is unsent.
const GRACE: i64 = 250_000_000;
/// Records sent before outcomes are taken in.
const BURST: usize = 256;
/// Records sent between looks at the clock: what a look costs is more than a record's slip can be wrong by it.
const LOOK: usize = 16;
/// Shortest sleep: records that are due within it go together, at most so much late.
const NAP: i64 = 300_000;
/// Longest wait, so that a change or a stop is seen.
const LONGEST_WAIT: i64 = 10_000_000;
/// How often counts are published.
const PUBLISH: i64 = 200_000_000;
/// Every so many times histograms go with them, and the sink passes on what it gathered.
const HISTOGRAMS: u64 = 5;
/// A record that is overdue by more means that the thread is behind.
const BEHIND: i64 = 2_000_000;

impl Sender {
    /// Sends until the course ends, closes the producer, and leaves exact books behind.
    pub fn run(mut self) {
        let mut error = self.transactor.as_mut().and_then(|transactor| transactor.open(&mut self.producer).err());
        let mut published = (i64::MIN / 2, 0);
        let mut before = clock::now().0 - self.start.0;
        loop {
            let now = look_at_clock(self.start, &mut self.walk, &self.course);
            let over = now - self.walk.leg.end;
            let closed = self.walk.leg.schedule.is_none();
            if over >= GRACE || (closed && over >= 0) {
                break;
            }
            let next = if error.is_some() { Next::Wait(i64::MAX) } else { self.send_what_is_due(now, &mut error) };
            if self.late > BEHIND {
                // Since the last look, and no longer than the record has been due.
                self.books.tally.counts.behind_ns += self.late.min(now - before).unsigned_abs();
            }
            before = now;
            if over >= 0 && matches!(next, Next::Wait(_)) {
                break;
            }
            if let Some(transactor) = &mut self.transactor
                && error.is_none()
            {
                let ends = clock::now();
                error = transactor.end_if_due(&mut self.producer, &mut self.books).err();
                self.books.tally.counts.committing_ns += (clock::now().0 - ends.0).unsigned_abs();
            }
            if now - published.0 >= PUBLISH {
                published = (now, published.1 + 1);
                self.publish(published.1 % HISTOGRAMS == 0, error.as_ref().map(ToString::to_string));
            }
            self.wait(next, now);
        }
        self.finish(error.map(|error| error.to_string()));
    }

    /// Sends own records that are due, up to a number of them.
    fn send_what_is_due(&mut self, mut now: i64, error: &mut Option<KafkaError>) -> Next {
        let Self { producer, topic, books, course, owned, start, walk, in_flight, transactor, late, .. } = self;
        *late = 0;
        let mut sent_since_look = 0;
        for tried in 0..BURST {
            if sent_since_look == LOOK {
                now = look_at_clock(*start, walk, course);
                sent_since_look = 0;
            }
            if books.in_flight() >= *in_flight {
                return Next::WaitForOutcomes;
            }
            // Nothing is due at the end and behind it.
            let next = walk.look(now.min(walk.leg.end - 1), owned);
            let (Next::Send, Some(Found { pick, due }), Some(recipe)) = (&next, walk.found, walk.leg.recipe(walk.next)) else {
                if sent_since_look == 0 {
                    return next;
                }
                sent_since_look = LOOK;
                continue;
            };
            let closed = walk.leg.schedule.is_none();
            let at = start.0 + now;
            let intended = Timestamp(if closed { at } else { start.0 + due });
            if tried == 0 {
                *late = at - intended.0;
            }
            let sequence = walk.sequences[usize::from(pick.shard)];
            let made = recipe.make(walk.next, &pick, sequence, intended, &mut walk.buffers);
            let id = books.depart(Flight {
                shard: pick.shard,
                partition: pick.partition,
                key: counted(pick.key),
                sequence,
                intended: intended.0,
                hits: made.hits,
                under: recipe.under_changes(),
            });
            let sending = producer.send(&Outgoing {
                topic: *topic,
                partition: u32::from(pick.partition),
                key: made.key,
                value: made.value,
                header: made.header.map(|header| (HEADER, header)),
                timestamp: made.event_time,
                id,
            });
            match sending {
                Sending::Queued => books.sent(intended.0, at),
                // The same record again, when there is room.
                Sending::QueueFull => {
                    books.cancel(id);
                    return Next::WaitForOutcomes;
                }
                Sending::Refused(code) => {
                    books.sent(intended.0, at);
                    books.arrive(id, Delivery::Failed(code));
                }
                Sending::Fatal => {
                    books.cancel(id);
                    *error = producer.fatal().or_else(|| Some(KafkaError::Fatal("without a reason".to_owned())));
                    return Next::Wait(i64::MAX);
                }
            }
            walk.pass(pick.shard);
            sent_since_look += 1;
            if let Some(transactor) = transactor
                && transactor.sent_one()
            {
                return Next::Send;
            }
        }
        Next::Send
    }

    /// Takes outcomes in until `next` has come, or something else is to be done.
    fn wait(&mut self, next: Next, now: i64) {
        const AT_ONCE: Duration = Duration::ZERO;
        let Self { producer, books, .. } = self;
        let mut take = |wait: Duration| producer.poll(wait, |id, delivery| books.arrive(id, delivery));
        match next {
            Next::Send => {
                take(AT_ONCE);
            }
            Next::WaitForOutcomes => {
                take(Duration::from_millis(1));
                let waited = (clock::now().0 - self.start.0 - now).unsigned_abs();
                if self.walk.leg.schedule.is_some() {
                    self.books.tally.counts.queue_full_ns += waited;
                }
            }
            Next::Wait(until) => {
                let left = until.saturating_sub(now).clamp(NAP, LONGEST_WAIT);
                // librdkafka waits in milliseconds, and wakes up for outcomes; the rest is slept through.
                if left >= 2_000_000 {
                    take(Duration::from_millis((left / 1_000_000).unsigned_abs() - 1));
                } else {
                    take(AT_ONCE);
                    let left = left - (clock::now().0 - self.start.0 - now);
                    if left > 0 {
                        thread::park_timeout(Duration::from_nanos(left.unsigned_abs()));
                    }
                }
            }
        }
        self.books.hand_over();
    }

    fn publish(&mut self, histograms: bool, error: Option<String>) {
        self.books.tally.counts.walked = self.walk.next;
        if let Some(statistics) = self.producer.statistics() {
            let counts = &mut self.books.tally.counts;
            counts.throttle_ms = counts.throttle_ms.max(statistics.throttle_ms);
        }
        if histograms {
            self.books.flush();
        }
        let complaint = error.or_else(|| self.books.complaint.map(|code| code.to_string()));
        self.published.put(&mut self.books.tally, histograms, complaint);
    }

    /// Takes all outcomes in, and counts what was not sent.
    fn finish(mut self, error: Option<String>) {
        self.walk.follow(&self.course);
        self.books.tally.counts.unsent = self.walk.rest(&self.owned);
        let within = self.published.closing_within();
        let Self { producer, books, transactor, .. } = &mut self;
        let aborted = match transactor {
            Some(transactor) => transactor.close(producer, books, within).err().map(|error| error.to_string()),
            None => None,
        };
        producer.close(within, |id, delivery| books.arrive(id, delivery));
        books.end_transaction(Fate::Unknown);
        self.publish(true, error.or(aborted));
        self.published.finish();
    }
}

/// The time first, then the course: what became due under the old course before a change was made is sent by it.
fn look_at_clock(start: Timestamp, walk: &mut Walk, course: &Course) -> i64 {
    let now = clock::now().0 - start.0;
    walk.follow(course);
    now
}

/// Name of the header that carries the identity.
const HEADER: &CStr = c"squall";
