//! Reads the sink while the run goes: two plain threads, one that reads and one that looks for new partitions.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::DeliveryError;
use super::check::Check;
use super::conservation::Sums;
use super::latency::{Latencies, LatencyWindow};
use super::offender::Place;
use super::reference::TopicStart;
use super::samples::Samples;
use super::seen::{Arrival, Expected, Found, HEADER, Seen};
use super::visible::{Output, Visible};
use crate::clock::{self, ClockOffset, Timestamp};
use crate::kafka::{Admin, Connection, Isolation, OffsetQuery, Reader, ReaderSettings, Received, Start, TimestampKind};

/// What a verifier reads.
#[derive(Debug, Clone)]
pub struct VerifierSettings {
    /// The cluster.
    pub connection: Connection,
    /// Sink topics, and where this run's records begin in them.
    pub sinks: Vec<TopicStart>,
    /// What the records look like.
    pub expected: Expected,
    /// How the job is judged.
    pub check: Check,
    /// Latencies are taken of records that were due from this moment on. Those of older ones were told before, or nobody asks for them; and hours
    /// that are read within a second would be thousands of histograms at once.
    pub latencies_from: Timestamp,
}

/// What a verifier reports while it reads.
#[derive(Debug)]
pub enum Observation {
    /// Records became visible; each partition at most every 100 ms.
    Visible(Visible),
    /// Latencies, each second.
    Latencies(Vec<LatencyWindow>),
    /// How far the clocks of the sink's brokers are from ours: one interval that covers them all. A record is appended after
    /// it was due and before it is seen; where the topic has `LogAppendTime` each one narrows it. Only what is news.
    BrokerClock(ClockOffset),
    /// Something went wrong; reading goes on.
    Trouble(String),
}

/// Where the reader is in a sink partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkPosition {
    /// Sink topic.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Next offset to be read.
    pub position: i64,
    /// Where reading must come to.
    pub end: i64,
    /// How far committed records go; below `end` while a transaction is open.
    pub last_stable: i64,
}

/// How draining ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drained {
    /// Partitions that were not read to their end.
    pub behind: Vec<SinkPosition>,
}

impl Drained {
    /// Whether everything was read.
    pub fn is_complete(&self) -> bool {
        self.behind.is_empty()
    }

    /// Whether what is missing is hidden by open transactions, and not by a slow reader or a dead broker.
    pub fn is_hidden(&self) -> bool {
        self.behind.iter().all(|behind| behind.position >= behind.last_stable)
    }
}

/// All that a verifier has seen.
#[derive(Debug)]
pub struct SinkContent {
    /// Records of this run.
    pub seen: Seen,
    /// Some records without an identity.
    pub samples: Samples,
    /// Sums, where conservation is asked for.
    pub sums: Option<Sums>,
}

/// What the threads and the engine share.
struct Shared {
    stop: AtomicBool,
    total: AtomicU64,
    fresh: AtomicU64,
    /// Partitions by topic, as the second thread found.
    partitions: Vec<AtomicU32>,
    /// Next offset to be read, by topic and partition; renewed every tick.
    positions: Mutex<Vec<Vec<Option<i64>>>>,
}

/// Reads the sink.
pub struct Verifier {
    settings: VerifierSettings,
    shared: Arc<Shared>,
    admin: Admin,
    reading: JoinHandle<SinkContent>,
    /// Dropping it ends the second thread.
    _looking: mpsc::Sender<()>,
}

const TICK: i64 = 100_000_000;
const SECOND: i64 = 1_000_000_000;
/// Grain of Kafka's time stamps in nanoseconds.
const STAMP: i64 = 1_000_000;
/// How often somebody looks for new partitions.
const LOOK: Duration = Duration::from_secs(2);

impl Verifier {
    /// Starts to read. `observe` is called by the reading thread: it should be quick.
    ///
    /// # Errors
    /// When the client cannot be made from its properties, or no thread can be started.
    pub fn start(settings: VerifierSettings, observe: impl FnMut(Observation) + Send + 'static) -> Result<Self, DeliveryError> {
        let mut reader = Reader::new(&settings.connection, &ReaderSettings::new(Isolation::ReadCommitted))?;
        for (index, sink) in settings.sinks.iter().enumerate() {
            reader.open(&sink.topic)?;
            for partition in 0..sink.offsets.len() as u32 {
                reader.start(index, partition, sink.offset(partition))?;
            }
        }
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            total: AtomicU64::new(0),
            fresh: AtomicU64::new(0),
            partitions: settings.sinks.iter().map(|sink| AtomicU32::new(sink.offsets.len() as u32)).collect(),
            positions: Mutex::default(),
        });
        let reading = Reading::new(reader, &settings, Arc::clone(&shared), observe);
        let reading = thread::Builder::new().name("verifier".to_owned()).spawn(move || reading.run()).map_err(DeliveryError::Thread)?;
        let (looking, ended) = mpsc::channel();
        let looker = Looker {
            admin: Admin::new(&settings.connection)?,
            topics: settings.sinks.iter().map(|sink| sink.topic.clone()).collect(),
            shared: Arc::clone(&shared),
        };
        thread::Builder::new().name("sink-partitions".to_owned()).spawn(move || looker.run(&ended)).map_err(DeliveryError::Thread)?;
        Ok(Self { admin: Admin::new(&settings.connection)?, settings, shared, reading, _looking: looking })
    }

    /// Records of this run seen so far: all, and each once.
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.total.load(Ordering::Relaxed), self.shared.fresh.load(Ordering::Relaxed))
    }

    /// What it reads.
    pub fn settings(&self) -> &VerifierSettings {
        &self.settings
    }

    /// Reads every sink partition to its high watermark of now, or until `deadline`. To be called when a checkpoint that
    /// began after the last record has completed: everything is in the sink then, and committed. Blocks.
    ///
    /// # Errors
    /// When no broker says where the partitions end.
    pub fn drain(&self, deadline: Timestamp) -> Result<Drained, DeliveryError> {
        self.read_to(OffsetQuery::HighWatermark, deadline)
    }

    /// Reads every sink partition as far as its records are committed now, or until `deadline`. Blocks.
    ///
    /// # Errors
    /// When no broker says where that is.
    pub fn catch_up(&self, deadline: Timestamp) -> Result<Drained, DeliveryError> {
        self.read_to(OffsetQuery::LastStable, deadline)
    }

    fn read_to(&self, end: OffsetQuery, deadline: Timestamp) -> Result<Drained, DeliveryError> {
        let ends = self.offsets(end, deadline)?;
        loop {
            let behind = self.behind(&ends);
            if behind.is_empty() || deadline.remaining().is_zero() {
                let stable = if behind.is_empty() { Vec::new() } else { self.offsets(OffsetQuery::LastStable, clock::now().plus(LOOK))? };
                let position = |(topic, partition, position): (usize, usize, i64)| SinkPosition {
                    topic: self.settings.sinks[topic].topic.clone(),
                    partition: partition as u32,
                    position,
                    end: ends[topic][partition],
                    last_stable: stable[topic].get(partition).copied().unwrap_or(-1),
                };
                return Ok(Drained { behind: behind.into_iter().map(position).collect() });
            }
            thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn offsets(&self, query: OffsetQuery, deadline: Timestamp) -> Result<Vec<Vec<i64>>, DeliveryError> {
        const LEAST: Duration = Duration::from_secs(2);
        let of = |sink: &TopicStart| self.admin.topic_offsets(&sink.topic, query, deadline.remaining().max(LEAST));
        Ok(self.settings.sinks.iter().map(of).collect::<Result<_, _>>()?)
    }

    /// Partitions whose position lies before `ends`: topic, partition, position.
    fn behind(&self, ends: &[Vec<i64>]) -> Vec<(usize, usize, i64)> {
        let positions = self.shared.positions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut behind = Vec::new();
        for (topic, ends) in ends.iter().enumerate() {
            for (partition, end) in ends.iter().enumerate() {
                let start = self.settings.sinks[topic].offsets.get(partition).copied().unwrap_or(0);
                let position = positions.get(topic).and_then(|topic| topic.get(partition)).copied().flatten().unwrap_or(start);
                if position < *end {
                    behind.push((topic, partition, position));
                }
            }
        }
        behind
    }

    /// Ends reading, and gives what was seen.
    ///
    /// # Errors
    /// When the reading thread has died.
    pub fn finish(self) -> Result<SinkContent, DeliveryError> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.reading.join().map_err(|_| DeliveryError::Died)
    }
}

/// Looks for new partitions of the sink. Not on the reading thread, which would stand still meanwhile.
struct Looker {
    admin: Admin,
    topics: Vec<String>,
    shared: Arc<Shared>,
}

impl Looker {
    fn run(self, ended: &mpsc::Receiver<()>) {
        while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            for (topic, known) in self.topics.iter().zip(&self.shared.partitions) {
                // While brokers are away nothing is known; the next look tells.
                if let Ok(partitions) = self.admin.partitions(topic, Duration::from_secs(1)) {
                    known.fetch_max(partitions, Ordering::Relaxed);
                }
            }
        }
    }
}

/// The reading thread.
struct Reading<F> {
    reader: Reader,
    topics: Vec<String>,
    shared: Arc<Shared>,
    observe: F,
    taking: Taking,
    /// What was last said of the brokers' clocks.
    clock: Option<ClockOffset>,
}

/// What the reading thread knows; apart from the reader, whose records borrow from that.
struct Taking {
    seen: Seen,
    samples: Samples,
    sums: Option<Sums>,
    latencies: Latencies,
    latencies_from: Timestamp,
    outputs: Vec<Vec<Output>>,
}

impl<F: FnMut(Observation)> Reading<F> {
    fn new(reader: Reader, settings: &VerifierSettings, shared: Arc<Shared>, observe: F) -> Self {
        let topics: Vec<_> = settings.sinks.iter().map(|sink| sink.topic.clone()).collect();
        let outputs = topics.iter().map(|_| Vec::new()).collect();
        let seen = Seen::new(settings.expected.clone());
        let taking = Taking {
            seen,
            samples: Samples::default(),
            sums: Sums::of_sink(&settings.check),
            latencies: Latencies::default(),
            latencies_from: settings.latencies_from,
            outputs,
        };
        Self { reader, topics, shared, observe, taking, clock: None }
    }

    fn run(mut self) -> SinkContent {
        let mut tick = clock::now();
        let mut second = tick;
        let mut looked = tick;
        while !self.shared.stop.load(Ordering::Relaxed) {
            let wait = Duration::from_nanos(u64::try_from(tick.0 + TICK - looked.0).unwrap_or(0));
            let before = clock::now();
            let poll_gap = Duration::from_nanos(u64::try_from(before.0 - looked.0).unwrap_or(0));
            let mut at = None;
            let (taking, topics) = (&mut self.taking, &self.topics);
            // One look at the clock for a batch: its records became visible to us at once.
            let step = self.reader.poll(wait, |record| taking.take(record, topics, *at.get_or_insert_with(clock::now), poll_gap));
            looked = at.unwrap_or_else(clock::now);
            for error in step.errors {
                (self.observe)(Observation::Trouble(error.to_string()));
            }
            let now = clock::now();
            if now.0 - tick.0 >= TICK {
                tick = now;
                self.tick();
                if now.0 - second.0 >= SECOND {
                    second = now;
                    self.hand_over_latencies();
                }
            }
        }
        self.tick();
        self.hand_over_latencies();
        let Taking { seen, samples, sums, .. } = self.taking;
        SinkContent { seen, samples, sums }
    }

    fn hand_over_latencies(&mut self) {
        let windows = self.taking.latencies.take();
        if !windows.is_empty() {
            (self.observe)(Observation::Latencies(windows));
        }
        let clocks = self.taking.outputs.iter().flatten().filter_map(|output| output.clock.estimate());
        if let Some(clock) = clocks.reduce(ClockOffset::covering)
            && clock.is_news_after(self.clock)
        {
            self.clock = Some(clock);
            (self.observe)(Observation::BrokerClock(clock));
        }
    }

    fn tick(&mut self) {
        for (topic, outputs) in self.taking.outputs.iter_mut().enumerate() {
            for (partition, output) in outputs.iter_mut().enumerate().filter(|(_, output)| output.records > 0) {
                (self.observe)(Observation::Visible(output.take(&self.topics[topic], partition as u32)));
            }
        }
        self.shared.total.store(self.taking.seen.total, Ordering::Relaxed);
        self.shared.fresh.store(self.taking.seen.fresh, Ordering::Relaxed);
        for topic in 0..self.topics.len() {
            for partition in self.reader.partitions(topic)..self.shared.partitions[topic].load(Ordering::Relaxed) {
                // What is new has no old data: it is this run's from its beginning.
                if let Err(error) = self.reader.start(topic, partition, Start::Earliest) {
                    (self.observe)(Observation::Trouble(error.to_string()));
                }
            }
        }
        let position = |topic| (0..self.reader.partitions(topic)).map(|partition| self.reader.position(topic, partition)).collect();
        let positions = (0..self.topics.len()).map(position).collect();
        *self.shared.positions.lock().unwrap_or_else(PoisonError::into_inner) = positions;
    }
}

impl Taking {
    fn take(&mut self, record: &Received<'_>, topics: &[String], at: Timestamp, poll_gap: Duration) {
        if let Some(sums) = &mut self.sums {
            sums.take(record.value());
        }
        let place = Place { topic: &topics[record.topic], partition: record.partition, offset: record.offset, key: record.key() };
        let sink = (record.topic as u32) << 20 | record.partition;
        let arrival = Arrival { place, sink, value: record.value(), header: record.header(HEADER) };
        let (identity, fresh) = match self.seen.take(&arrival) {
            Found::Fresh(identity) => (identity, true),
            Found::Again(identity) => (identity, false),
            Found::Foreign => return self.samples.take(record.key(), record.value()),
        };
        let outputs = &mut self.outputs[record.topic];
        let partition = record.partition as usize;
        if outputs.len() <= partition {
            outputs.resize_with(partition + 1, Output::default);
        }
        outputs[partition].take_in(&identity, fresh, at, poll_gap);
        if fresh {
            // A topic with `CreateTime` has no broker's clock: the reader's own stands in.
            let appended = record.timestamp().filter(|(_, kind)| *kind == TimestampKind::LogAppend).map(|(time, _)| time);
            if let Some(appended) = appended {
                outputs[partition].clock.observe(identity.intended, appended, STAMP, at);
            }
            if identity.intended >= self.latencies_from {
                // Kafka stamps whole milliseconds: the middle is taken.
                let appended = appended.map_or(at, |time| Timestamp(time.0 + 500_000));
                self.latencies.record(identity.intended, appended, at);
            }
        }
    }
}
