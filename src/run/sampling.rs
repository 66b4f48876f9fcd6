//! Sampling of what squall itself knows: traffic sent and acknowledged, records seen, and the lag between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::clock::{self, Timestamp};
use crate::delivery::{Observation, Verifier};
use crate::journal::{EventKind, Furthest, Of, OutputBatch, Record, UndoId};
use crate::metric::Metric;
use crate::traffic::{Progress, Window};

use super::traffic_control::{TrafficControl, accounts};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(200);

/// Furthest intended time that came out of the sink, by stream and input partition.
type Reached = BTreeMap<(usize, usize), Timestamp>;

/// What is known of traffic and sink.
#[derive(Debug)]
pub struct Sampling {
    record: Arc<dyn RecordDebug>,
    /// Stream and topic, in the order of the scenario's inputs.
    topics: Vec<(String, String)>,
    reached: Mutex<Reached>,
    newest: Mutex<(u64, Vec<Vec<Option<Timestamp>>>)>,
}

/// Where events go.
pub trait RecordDebug: Record + std::fmt::Debug {}
impl<T: Record + std::fmt::Debug> RecordDebug for T {}

impl Sampling {
    /// For these streams and their topics.
    pub fn new(record: Arc<dyn RecordDebug>, topics: Vec<(String, String)>) -> Self {
        for probe in ["traffic", "sink"] {
            record.record(EventKind::Resolution { probe: probe.to_owned(), interval: EVERY.into(), cache: Duration::ZERO.into() });
        }
        Self { record, topics, reached: Mutex::default(), newest: Mutex::default() }
    }

    /// What the verifier's thread saw.
    pub fn observe(&self, observation: Observation) {
        match observation {
            Observation::Visible(visible) => {
                let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
                for (stream, partition, intended) in &visible.furthest {
                    let furthest = reached.entry((usize::from(*stream), usize::from(*partition))).or_insert(*intended);
                    *furthest = (*furthest).max(*intended);
                }
                drop(reached);
                let furthest = |(stream, partition, intended)| Furthest { stream, partition, intended };
                self.record.record(EventKind::Output(OutputBatch {
                    topic: visible.topic,
                    partition: visible.partition,
                    records: visible.records,
                    fresh: visible.fresh,
                    first_seen: visible.first_seen,
                    last_seen: visible.last_seen,
                    poll_gap: visible.poll_gap.into(),
                    furthest: visible.furthest.into_iter().map(furthest).collect(),
                }));
            }
            Observation::Latencies(windows) => {
                for window in windows {
                    let of = |metric, histogram: &Histogram<u64>, negative| {
                        histogram_event(metric, Of::Run, window.from, window.to, histogram, negative).map(|event| self.record.record(event))
                    };
                    of(Metric::EndToEndLatency, &window.end_to_end, window.negative);
                    of(Metric::VisibleLatency, &window.visible, 0);
                }
            }
            Observation::BrokerClock(offset) => self.record.record(EventKind::Clock { of: "broker".to_owned(), offset }),
            Observation::Trouble(error) => self.record.record(EventKind::ProbeFailed { probe: "sink".to_owned(), error }),
        }
    }

    /// Looks at traffic and sink until it is dropped.
    pub async fn watch(&self, traffic: &TrafficControl, verifier: &Verifier) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            self.look(traffic.progress().as_ref(), verifier);
        }
    }

    /// Records the state of traffic and sink now; without `progress` traffic has ended.
    pub fn look(&self, progress: Option<&Progress>, verifier: &Verifier) {
        if let Some(progress) = progress {
            self.traffic(progress);
        }
        // What was acknowledged was asked for before what was seen, so a lag is never too large by the race.
        let (_, fresh) = verifier.counts();
        self.sample(Metric::Seen, Of::Run, fresh as f64);
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.topics.is_empty() {
            self.sample(Metric::OutputLag, Of::Run, newest.0.saturating_sub(fresh) as f64);
            self.time_lag(&newest.1);
        }
    }

    fn sample(&self, metric: Metric, of: Of, value: f64) {
        self.record.record(EventKind::Sample { metric, of, value });
    }

    fn traffic(&self, progress: &Progress) {
        for stream in &progress.streams {
            let of = || Of::Stream(stream.stream.clone());
            for (metric, value) in [
                (Metric::Scheduled, stream.accounts.scheduled),
                (Metric::Sent, stream.accounts.sent),
                (Metric::Acknowledged, stream.accounts.acknowledged),
                (Metric::SendFailed, stream.accounts.failed),
            ] {
                self.sample(metric, of(), value as f64);
            }
            if let Some((_, topic)) = self.topics.iter().find(|(name, _)| *name == stream.stream) {
                for (partition, count) in (0u32..).zip(&stream.partitions) {
                    self.sample(Metric::Acknowledged, Of::Partition { topic: topic.clone(), partition }, count.acknowledged as f64);
                }
            }
            for change in &stream.changes {
                if let Some(share) = change.share() {
                    self.sample(Metric::AchievedShare, Of::Change(UndoId(change.id)), share);
                }
            }
            for window in &stream.windows {
                self.window(window, &of());
            }
        }
        let acknowledged = accounts(progress).acknowledged;
        self.sample(Metric::Acknowledged, Of::Run, acknowledged as f64);
        let furthest =
            progress.streams.iter().map(|stream| stream.partitions.iter().map(|partition| partition.furthest).collect()).collect();
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = (acknowledged, furthest);
    }

    fn window(&self, window: &Window, of: &Of) {
        for (metric, histogram, negative) in [(Metric::Slip, &window.slip, 0), (Metric::ProduceLatency, &window.latency, window.negative)] {
            if let Some(event) = histogram_event(metric, of.clone(), window.from, window.to, histogram, negative) {
                self.record.record(event);
            }
        }
    }

    /// How long ago the furthest record that came out was due, where more of its partition is acknowledged.
    fn time_lag(&self, acknowledged: &[Vec<Option<Timestamp>>]) {
        let now = clock::now();
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let mut worst: f64 = 0.0;
        for (stream, partitions) in acknowledged.iter().enumerate() {
            for (partition, sent) in partitions.iter().enumerate() {
                let Some(sent) = sent else { continue };
                let lag = match reached.get(&(stream, partition)) {
                    Some(out) if out >= sent => 0.0,
                    Some(out) => now.seconds_since(*out).max(0.0),
                    // Nothing has come out yet: nobody knows of which record.
                    None => continue,
                };
                worst = worst.max(lag);
                if let Some((_, topic)) = self.topics.get(stream) {
                    self.sample(Metric::TimeLag, Of::Partition { topic: topic.clone(), partition: partition as u32 }, lag);
                }
            }
        }
        self.sample(Metric::TimeLag, Of::Run, worst);
    }
}

/// A histogram as the journal keeps it; none for an empty one.
fn histogram_event(metric: Metric, of: Of, from: Timestamp, to: Timestamp, histogram: &Histogram<u64>, negative: u64) -> Option<EventKind> {
    if histogram.is_empty() && negative == 0 {
        return None;
    }
    let mut bytes = Vec::new();
    match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => Some(EventKind::Histogram { metric, of, from, to, negative, histogram: STANDARD.encode(bytes) }),
        Err(error) => {
            tracing::error!("a histogram of {metric} could not be serialised: {error}");
            None
        }
    }
}
