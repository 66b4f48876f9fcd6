//! Sampling of what squall itself knows: traffic sent and acknowledged, records seen, and the lag between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::delivery::{LatencyWindow, Observation, Verifier};
use crate::journal::{EventKind, Furthest, Of, OutputBatch, Record, UndoId};
use crate::metric::Metric;
use crate::traffic::{Progress, Window};

use super::pooled::{Distribution, Pooled};
use super::traffic_control::{TrafficControl, accounts};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(200);

/// A long run looks at streams and partitions each of by itself with every so many looks only,
const LOOKS: u32 = 5;
/// and keeps distributions that nothing is judged by for so long each.
const POOL: Duration = Duration::from_secs(10);

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
    /// Whether the run is long.
    long: bool,
    pooled: Mutex<Pooled>,
    sums: Mutex<Pooled>,
}

/// Where events go.
pub trait RecordDebug: Record + std::fmt::Debug {}
impl<T: Record + std::fmt::Debug> RecordDebug for T {}

impl Sampling {
    /// For these streams and their topics. A `long` run is looked at less closely where it is not judged.
    pub fn new(record: Arc<dyn RecordDebug>, topics: Vec<(String, String)>, long: bool) -> Self {
        for probe in ["traffic", "sink"] {
            record.record(EventKind::Resolution { probe: probe.to_owned(), interval: EVERY.into(), cache: Duration::ZERO.into() });
        }
        let (pooled, sums) = (Pooled::to(POOL).into(), Pooled::sums().into());
        Self { record, topics, reached: Mutex::default(), newest: Mutex::default(), long, pooled, sums }
    }

    /// So many records were acknowledged by now, and nobody sends more.
    pub fn stopped_at(&self, acknowledged: u64) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).0 = acknowledged;
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
                for LatencyWindow { from, to, end_to_end, visible, negative } in windows {
                    // Recoveries are judged by what is visible, where there is any.
                    let judged = visible.is_empty();
                    self.distribution(Metric::EndToEndLatency, Of::Run, Distribution { from, to, histogram: end_to_end, negative }, judged);
                    self.distribution(Metric::VisibleLatency, Of::Run, Distribution { from, to, histogram: visible, negative: 0 }, true);
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
        for look in 0u32.. {
            ticks.tick().await;
            self.look(traffic.progress().as_ref(), verifier, !self.long || look.is_multiple_of(LOOKS));
        }
    }

    /// Records the state of traffic and sink when traffic has ended.
    pub fn last_look(&self, progress: Option<&Progress>, verifier: &Verifier) {
        self.look(progress, verifier, true);
        self.close();
    }

    /// Records what was held back.
    pub fn close(&self) {
        for pooled in [&self.pooled, &self.sums] {
            let held_back = pooled.lock().unwrap_or_else(PoisonError::into_inner).close();
            held_back.into_iter().for_each(|event| self.record.record(event));
        }
    }

    /// `parts`: streams and partitions each by itself, too.
    fn look(&self, progress: Option<&Progress>, verifier: &Verifier, parts: bool) {
        let at = clock::now();
        if let Some(progress) = progress {
            self.traffic(at, progress, parts);
        }
        // What was acknowledged was asked for before what was seen, so a lag is never too large by the race.
        let (_, fresh) = verifier.counts();
        self.record.sample_at(at, Metric::Seen, Of::Run, fresh as f64);
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.topics.is_empty() {
            self.record.sample_at(at, Metric::OutputLag, Of::Run, newest.0.saturating_sub(fresh) as f64);
            self.time_lag(at, &newest.1, parts);
        }
    }

    fn traffic(&self, at: Timestamp, progress: &Progress, parts: bool) {
        for stream in &progress.streams {
            let of = || Of::Stream(stream.stream.clone());
            for window in &stream.windows {
                let Window { from, to, .. } = *window;
                for (metric, histogram, negative) in
                    [(Metric::Slip, &window.slip, 0), (Metric::ProduceLatency, &window.latency, window.negative)]
                {
                    self.distribution(metric, of(), Distribution { from, to, histogram: histogram.clone(), negative }, false);
                }
            }
        }
        for stream in progress.streams.iter().filter(|_| parts) {
            let of = || Of::Stream(stream.stream.clone());
            for (metric, value) in [
                (Metric::Scheduled, stream.accounts.scheduled),
                (Metric::Sent, stream.accounts.sent),
                (Metric::Acknowledged, stream.accounts.acknowledged),
                (Metric::SendFailed, stream.accounts.failed),
            ] {
                self.record.sample_at(at, metric, of(), value as f64);
            }
            if let Some((_, topic)) = self.topics.iter().find(|(name, _)| *name == stream.stream) {
                for (partition, count) in (0u32..).zip(&stream.partitions) {
                    let of = Of::Partition { topic: topic.clone(), partition };
                    self.record.sample_at(at, Metric::Acknowledged, of, count.acknowledged as f64);
                }
            }
            for change in &stream.changes {
                if let Some(share) = change.share() {
                    self.record.sample_at(at, Metric::AchievedShare, Of::Change(UndoId(change.id)), share);
                }
            }
        }
        let acknowledged = accounts(progress).acknowledged;
        self.record.sample_at(at, Metric::Acknowledged, Of::Run, acknowledged as f64);
        let furthest =
            progress.streams.iter().map(|stream| stream.partitions.iter().map(|partition| partition.furthest).collect()).collect();
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = (acknowledged, furthest);
    }

    /// Records a distribution over a second. A long run puts those together that nothing is `judged` by, and sums up all of them.
    fn distribution(&self, metric: Metric, of: Of, distribution: Distribution, judged: bool) {
        let add = |pooled: &Mutex<Pooled>, added| pooled.lock().unwrap_or_else(PoisonError::into_inner).add(metric, of.clone(), added);
        let (event, sum) = if !self.long {
            (distribution.event(metric, of.clone(), false), None)
        } else if judged {
            (distribution.event(metric, of.clone(), false), add(&self.sums, distribution))
        } else {
            (add(&self.pooled, distribution.clone()), add(&self.sums, distribution))
        };
        [event, sum].into_iter().flatten().for_each(|event| self.record.record(event));
    }

    /// How long ago the furthest record that came out was due, where more of its partition is acknowledged.
    fn time_lag(&self, now: Timestamp, acknowledged: &[Vec<Option<Timestamp>>], parts: bool) {
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
                if let Some((_, topic)) = self.topics.get(stream).filter(|_| parts) {
                    let of = Of::Partition { topic: topic.clone(), partition: partition as u32 };
                    self.record.sample_at(now, Metric::TimeLag, of, lag);
                }
            }
        }
        self.record.sample_at(now, Metric::TimeLag, Of::Run, worst);
    }
}
