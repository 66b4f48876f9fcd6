use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::Sleep;

use super::alarm::Alarm;
use super::held::Held;
use super::kafka_frames::Frames;
use super::link::{Connection, Link};
use super::pace::{Grant, Pace};
use super::rule::{RuleSet, Way};
use super::shape::Shape;
use crate::clock::{self, Timestamp};

/// Bytes of one read where they go straight through.
const READ: usize = 128 * 1024;
/// Bytes that wait for a slow receiver, a throttle or a slice before no more are read: beyond it the sender feels it, as it
/// would without a proxy.
const AHEAD: usize = 64 * 1024;
/// Memory for what delays, black holes and held requests keep, for each direction of a connection. Beyond it no more is read.
const KEPT: usize = 64 * 1024 * 1024;
/// The same for the whole process: a proxy that is killed for its memory would cut the path that it must never cut.
const KEPT_BY_ALL: usize = 1024 * 1024 * 1024;
/// What each direction may keep even when the process has reached its limit.
const KEPT_ANYWAY: usize = 256 * 1024;
/// How soon a direction that was stopped by the process's limit looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

thread_local! {
    /// One buffer for all connections of a thread: a connection without bytes on their way needs none.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// How a direction came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The source was closed; so is the destination now, in this direction.
    Closed,
    /// The source was reset: so must the destination be.
    Reset,
    /// The destination takes no more.
    Broken,
}

/// The end of the source, on its way behind the bytes.
struct Ending {
    end: End,
    seen: Timestamp,
    due: Timestamp,
}

enum Leave {
    /// All that was there has left.
    Drained,
    /// Something must happen first; it will wake the task.
    Waiting,
    Broken,
}

/// One direction of one connection.
pub(super) struct Pump<'a> {
    way: Way,
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    link: &'a Link,
    connection: &'a Connection,
    shape: Shape,
    held: Held,
    /// Weight of `held` as last told to the link.
    told: usize,
    alarm: Alarm,
    look_again: Option<Pin<Box<Sleep>>>,
    ending: Option<Ending>,
    pace: Pace,
    frames: Option<Frames>,
    /// Serial numbers of the rules that have counted the request at the front as held.
    front_counted: Vec<u64>,
    broken: bool,
}

impl<'a> Pump<'a> {
    pub(super) fn new(way: Way, from: ReadHalf<'a>, to: WriteHalf<'a>, link: &'a Link, connection: &'a Connection) -> Self {
        Self {
            way,
            from,
            to,
            link,
            connection,
            shape: Shape::default(),
            held: Held::default(),
            told: 0,
            alarm: Alarm::default(),
            look_again: None,
            ending: None,
            pace: Pace::new(),
            frames: (way == Way::Up && connection.requests.is_some()).then(Frames::default),
            front_counted: Vec::new(),
            broken: false,
        }
    }

    /// Takes on other rules, also for what is on its way.
    pub(super) fn refresh(&mut self, rules: &RuleSet) {
        let (delays, known) = (self.shape.delay_serials(), self.shape.serials());
        let is_new = |serial: u64| !known.contains(&serial);
        self.shape = Shape::new(rules, self.way, self.connection.id, &mut self.shape);
        self.pace.refresh(&self.shape);
        if self.shape.delay_serials() != delays {
            let (shape, connection) = (&mut self.shape, self.connection);
            self.held.reschedule(|arrived, bytes| shape.due(arrived, bytes, connection, is_new));
        }
        let (bytes, chunks) = (self.held.len(), self.held.chunks());
        for hole in self.shape.black_holes.iter_mut().filter(|hole| bytes > 0 && is_new(hole.rule().serial)) {
            hole.count(self.connection, bytes, chunks);
        }
        if let Some(Ending { end, seen, .. }) = self.ending.take() {
            self.finish(end, seen, is_new);
        }
        if self.shape.passes() {
            self.alarm.release();
        }
    }

    /// Moves bytes until nothing can move.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let polled = self.poll_bytes(cx);
        let weight = self.held.weight();
        if weight != self.told {
            self.tell(weight);
        }
        polled
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            match self.leave(cx) {
                Leave::Broken => {
                    self.held = Held::default();
                    return Poll::Ready(End::Broken);
                }
                Leave::Drained => {
                    if let Some(Ending { end, .. }) = self.ending {
                        return self.close(cx, end);
                    }
                }
                Leave::Waiting if self.ending.is_some() => return Poll::Pending,
                Leave::Waiting => {}
            }
            if !self.may_take(cx) {
                return Poll::Pending;
            }
            ready!(self.take(cx));
        }
    }

    /// Hands on what may leave.
    fn leave(&mut self, cx: &mut Context<'_>) -> Leave {
        loop {
            if self.broken {
                return Leave::Broken;
            }
            let Some(due) = self.held.first_due().or(self.ending.as_ref().map(|ending| ending.due)) else { return Leave::Drained };
            if !self.shape.black_holes.is_empty() || self.alarm.poll_at(cx, due.max(self.pace.not_before())).is_pending() {
                return Leave::Waiting;
            }
            if self.held.is_empty() {
                return Leave::Drained;
            }
            let now = clock::now();
            let Grant { bytes, at } = self.pace.grant(&mut self.shape, &self.held, self.way, self.connection, now);
            if self.alarm.poll_at(cx, at).is_pending() {
                return Leave::Waiting;
            }
            let mut front = self.held.ready(now, bytes);
            if let Some(frames) = self.frames.filter(|_| !self.shape.holds.is_empty()) {
                let (holds, mut stopped) = (&self.shape.holds, None);
                front = &front[..frames.before(front, |key| {
                    stopped = holds.iter().any(|hold| hold.effect == key).then_some(key);
                    stopped.is_some()
                })];
                if let (true, Some(key)) = (front.is_empty(), stopped) {
                    self.count_held_request(key);
                    return Leave::Waiting;
                }
            }
            match Pin::new(&mut self.to).poll_write(cx, front) {
                Poll::Pending => return Leave::Waiting,
                Poll::Ready(Err(_)) => return Leave::Broken,
                Poll::Ready(Ok(count)) => {
                    note_passed(self.way, &front[..count], self.link, self.connection, self.frames.as_mut());
                    self.held.consume(count);
                    self.front_counted.clear();
                    self.pace.passed(&mut self.shape, self.connection, count);
                }
            }
        }
    }

    /// The request at the front waits for the rules that hold its key.
    fn count_held_request(&mut self, key: i16) {
        let bytes = self.held.len();
        for hold in self.shape.holds.iter_mut().filter(|hold| hold.effect == key) {
            let serial = hold.rule().serial;
            if !self.front_counted.contains(&serial) {
                self.front_counted.push(serial);
                hold.count(self.connection, bytes, 1);
            }
        }
    }

    /// Whether there is room for more.
    fn may_take(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.shape.keeps() {
            return self.held.len() < AHEAD;
        }
        let weight = self.held.weight();
        if weight >= KEPT {
            return false;
        }
        while weight >= KEPT_ANYWAY && self.link.held.load(Ordering::Relaxed) >= KEPT_BY_ALL {
            let sleep = self.look_again.get_or_insert_with(|| Box::pin(tokio::time::sleep(LOOK_AGAIN)));
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.look_again = None;
        }
        true
    }

    /// Reads what has come.
    fn take(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.held.is_empty() && self.shape.passes() {
            SCRATCH.with_borrow_mut(|scratch| self.hand_through(cx, scratch))
        } else {
            self.take_in(cx)
        }
    }

    /// Without a rule: from socket to socket; only what the receiver does not take is kept.
    fn hand_through(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<()> {
        let mut buffer = ReadBuf::new(scratch);
        let Poll::Ready(read) = Pin::new(&mut self.from).poll_read(cx, &mut buffer) else {
            self.held.release();
            return Poll::Pending;
        };
        let bytes = buffer.filled();
        if let Some(end) = ended(&read, bytes.len()) {
            self.finish(end, clock::now(), |_| true);
            return Poll::Ready(());
        }
        let count = match Pin::new(&mut self.to).poll_write(cx, bytes) {
            Poll::Ready(Ok(count)) => count,
            Poll::Pending => 0,
            Poll::Ready(Err(_)) => {
                self.broken = true;
                0
            }
        };
        let (left, rest) = bytes.split_at(count);
        note_passed(self.way, left, self.link, self.connection, self.frames.as_mut());
        if !rest.is_empty() {
            self.held.push(rest, clock::now());
        }
        Poll::Ready(())
    }

    /// Into the queue, with the moment from which it may leave.
    fn take_in(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // No block is taken from the heap before there is something to put into it.
        if self.from.as_ref().poll_read_ready(cx).is_pending() {
            self.held.release();
            return Poll::Pending;
        }
        let mut buffer = ReadBuf::new(self.held.room());
        let read = ready!(Pin::new(&mut self.from).poll_read(cx, &mut buffer));
        let count = buffer.filled().len();
        let now = clock::now();
        if let Some(end) = ended(&read, count) {
            self.finish(end, now, |_| true);
            return Poll::Ready(());
        }
        let due = self.shape.due(now, count, self.connection, |_| true);
        self.held.commit(count, now, due);
        for hole in &mut self.shape.black_holes {
            hole.count(self.connection, count, 1);
        }
        Poll::Ready(())
    }

    /// Puts the end of the source behind its bytes; `counted` says which rules have not met it yet.
    fn finish(&mut self, end: End, seen: Timestamp, counted: impl Fn(u64) -> bool) {
        let mut due = self.shape.due(seen, 0, self.connection, &counted).max(self.held.last_due());
        for slow in &mut self.shape.slow_closes {
            due = due.plus(slow.effect);
            if counted(slow.rule().serial) {
                slow.count(self.connection, 0, 1);
            }
        }
        self.ending = Some(Ending { end, seen, due });
    }

    fn close(&mut self, cx: &mut Context<'_>, end: End) -> Poll<End> {
        if end == End::Closed && ready!(Pin::new(&mut self.to).poll_shutdown(cx)).is_err() {
            return Poll::Ready(End::Broken);
        }
        Poll::Ready(end)
    }

    /// Tells link and connection how much is kept.
    fn tell(&mut self, weight: usize) {
        for total in [&*self.link.held, &self.connection.held] {
            if weight >= self.told {
                total.fetch_add(weight - self.told, Ordering::Relaxed);
            } else {
                total.fetch_sub(self.told - weight, Ordering::Relaxed);
            }
        }
        self.told = weight;
    }
}

impl Drop for Pump<'_> {
    fn drop(&mut self) {
        self.tell(0);
    }
}

/// What a read says of the source's end.
fn ended(read: &io::Result<()>, bytes: usize) -> Option<End> {
    match read {
        Err(_) => Some(End::Reset),
        Ok(()) if bytes == 0 => Some(End::Closed),
        Ok(()) => None,
    }
}

/// Counts bytes that were handed on.
fn note_passed(way: Way, bytes: &[u8], link: &Link, connection: &Connection, frames: Option<&mut Frames>) {
    let (of_link, of_connection) = match way {
        Way::Up => (&link.bytes_up, &connection.bytes_up),
        Way::Down => (&link.bytes_down, &connection.bytes_down),
    };
    of_link.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    of_connection.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    let (Some(frames), Some(requests)) = (frames, &connection.requests) else { return };
    frames.pass(bytes, |key| {
        link.requests.count(key);
        requests.count(key);
    });
    if *frames == Frames::Foreign {
        requests.give_up();
    }
}
