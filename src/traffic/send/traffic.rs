use std::time::Duration;

use super::books::AckSink;
use super::flow::Flow;
use super::progress::{PartitionProgress, Progress};
use super::slice::Slice;
use crate::action::TrafficChange;
use crate::clock::{self, Timestamp};
use crate::kafka::{Connection, KafkaError};
use crate::traffic::{Placement, RecipeError, SHARDS, ShapeError, Stream};

/// What all streams of a run share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Run id.
    pub run: String,
    /// Seed of the plan.
    pub seed: u64,
    /// The cluster that is written to.
    pub connection: Connection,
    /// Intended time of the first record. A second ahead lets producers connect first.
    pub start: Timestamp,
    /// Nothing is due from then on.
    pub duration: Duration,
    /// The part of the schedule that this process sends.
    pub slice: Slice,
    /// Where records carry their identity.
    pub placement: Placement,
}

/// One stream.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name in the scenario.
    pub name: String,
    /// Its topic on the cluster.
    pub topic: String,
    /// Partitions of the topic.
    pub partitions: u32,
    /// Its settings, with files resolved.
    pub stream: Stream,
}

/// What of a stream was sent by an earlier process, which died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// By shard: numbers from here on were never used.
    pub sequences: [u64; SHARDS as usize],
    /// Records that were acknowledged.
    pub acknowledged: u64,
    /// The same by partition.
    pub partitions: Vec<PartitionProgress>,
}

/// Why traffic cannot start, or change.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// The shape of a stream.
    #[error("traffic `{stream}`: {source}")]
    Shape {
        /// The stream.
        stream: String,
        /// Why.
        source: ShapeError,
    },
    /// Keys or values of a stream.
    #[error("traffic `{stream}`: {source}")]
    Recipe {
        /// The stream.
        stream: String,
        /// Why.
        source: RecipeError,
    },
    /// A producer.
    #[error("traffic `{stream}`: {source}")]
    Kafka {
        /// The stream.
        stream: String,
        /// Why.
        source: KafkaError,
    },
    /// A thread.
    #[error("cannot start a thread for traffic")]
    Thread(#[source] std::io::Error),
    /// No such stream.
    #[error("no traffic `{0}` is sent by this run")]
    NoStream(String),
    /// More than 256 streams, or 65536 partitions: identities have no room for them.
    #[error("traffic `{0}`: identities have room for 256 streams and 65,536 partitions")]
    TooMany(String),
    /// Threads that would own no shard.
    #[error("traffic `{stream}`: {workers} threads in all, a schedule has {SHARDS} shards")]
    Threads {
        /// The stream.
        stream: String,
        /// Threads of all slices.
        workers: u32,
    },
    /// A factor that is no factor.
    #[error("a surge by {0} is not possible")]
    Factor(f64),
}

/// Traffic that flows. Dropping it stops the threads without waiting for outcomes.
pub struct Traffic {
    start: Timestamp,
    slice: Slice,
    streams: Vec<Flow>,
}

impl Traffic {
    /// Starts the threads of all streams. `sink(stream, thread)` makes the receiver of a thread's outcomes.
    ///
    /// # Errors
    /// [`TrafficError`]; then nothing was sent.
    pub fn start(settings: &Settings, inputs: &[Input], sink: impl FnMut(u8, u16) -> Box<dyn AckSink>) -> Result<Self, TrafficError> {
        Self::begin(settings, inputs, None, sink)
    }

    /// Goes on with schedules that an earlier process began at `settings.start`: what was due before `from` is not sent. `before` says of
    /// each input, in their order, what that process had done.
    ///
    /// # Errors
    /// [`TrafficError`]; then nothing was sent.
    pub fn go_on(
        settings: &Settings,
        inputs: &[Input],
        from: Timestamp,
        before: &[Before],
        sink: impl FnMut(u8, u16) -> Box<dyn AckSink>,
    ) -> Result<Self, TrafficError> {
        Self::begin(settings, inputs, Some((from, before)), sink)
    }

    fn begin(
        settings: &Settings,
        inputs: &[Input],
        gone: Option<(Timestamp, &[Before])>,
        mut sink: impl FnMut(u8, u16) -> Box<dyn AckSink>,
    ) -> Result<Self, TrafficError> {
        let mut prepared = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let before = gone.and_then(|(from, before)| Some((from, before.get(index)?)));
            let too_many = || TrafficError::TooMany(input.name.clone());
            let index = u8::try_from(index).map_err(|_| too_many())?;
            u16::try_from(input.partitions.saturating_sub(1)).map_err(|_| too_many())?;
            prepared.push(Flow::prepare(settings, input, index, before, &mut sink)?);
        }
        let mut traffic = Self { start: settings.start, slice: settings.slice, streams: Vec::new() };
        for (mut flow, senders) in prepared {
            flow.spawn(senders).map_err(TrafficError::Thread)?;
            traffic.streams.push(flow);
        }
        Ok(traffic)
    }

    fn flow(&mut self, stream: &str) -> Result<&mut Flow, TrafficError> {
        self.streams.iter_mut().find(|flow| flow.name == stream).ok_or_else(|| TrafficError::NoStream(stream.to_owned()))
    }

    /// Changes a stream from now on; returns the intended time from which on. `id` is what [`Traffic::restore`] takes it
    /// back by; a change that holds already stays as it is.
    ///
    /// # Errors
    /// An unknown stream, or a change that its keys or values do not allow.
    pub fn change(&mut self, stream: &str, id: u64, change: &TrafficChange) -> Result<Timestamp, TrafficError> {
        let start = self.start;
        self.flow(stream)?.change(id, change, start)
    }

    /// Takes a change back; returns the intended time from which on. One that does not hold is no error.
    ///
    /// # Errors
    /// An unknown stream.
    pub fn restore(&mut self, stream: &str, id: u64) -> Result<Timestamp, TrafficError> {
        let start = self.start;
        self.flow(stream)?.restore(id, start)
    }

    /// Records that the schedules, as they are now, ask for within `from..to`.
    pub fn due_between(&self, from: Timestamp, to: Timestamp) -> u64 {
        self.streams.iter().map(|flow| flow.due_between(from.0 - self.start.0, to.0 - self.start.0)).sum()
    }

    /// How far it has come. Histograms are handed over once.
    pub fn progress(&mut self) -> Progress {
        let at = clock::now();
        let (start, slice) = (self.start, self.slice);
        Progress { at, streams: self.streams.iter_mut().map(|flow| flow.progress(start, slice, at)).collect() }
    }

    /// Whether all threads are done: everything is sent or given up, and all outcomes are known.
    pub fn is_finished(&self) -> bool {
        self.streams.iter().all(Flow::is_finished)
    }

    /// Ends all schedules now, if they have not ended before: nothing more is due. Threads go on until outcomes are known,
    /// for at most `within`; then what is queued has failed and what is in flight stays unresolved.
    pub fn stop(&mut self, within: Duration) {
        let now = clock::now().0 - self.start.0;
        self.streams.iter_mut().for_each(|flow| flow.stop(now, within));
    }

    /// Waits for the threads, and gives the closed books of all streams. Blocks for as long as [`Traffic::stop`] allowed,
    /// or until the schedules end where nobody stopped them.
    pub fn join(mut self) -> Progress {
        self.streams.iter_mut().for_each(Flow::join);
        self.progress()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}
