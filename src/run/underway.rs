//! What flows in a run: the job, the probes, the records that are sent and the reader of the sink; begun, or gone on with.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::delivery::{DeliveryError, Expected, Ledger, Observation, Sent, TopicStart, Verifier, VerifierSettings};
use crate::journal::{Accounting, EventKind, Phase, Record};
use crate::plan::Plan;
use crate::probe::{self, Collections, FlinkProbes, Offsets, Processes, watch_links, watch_own};
use crate::traffic::identity::run_hash;
use crate::traffic::{self, Slice, Traffic};

use super::drive::{Drive, Interrupted};
use super::error::Broken;
use super::keep::keep;
use super::perform::World;
use super::prepare::{self, Topics};
use super::sampling::Sampling;
use super::{lost, told::Told};

/// Producers connect within this time, so that the first record leaves when it is due.
const LEAD: Duration = Duration::from_millis(1500);
/// A job starts within this time, planner class loading on a loaded machine included.
const JOB_WITHIN: Duration = Duration::from_secs(120);
/// Clocks of other machines may differ by so much; what Flink remembers is taken in once, however often it is told.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// A run that goes on.
pub(super) struct Underway {
    /// The schedule's zero.
    pub start: Timestamp,
    /// The producers' books.
    pub ledger: Arc<Ledger>,
    /// Where this run's records begin in the topics that are sent to.
    pub inputs: Vec<TopicStart>,
    /// What squall itself knows.
    pub sampling: Arc<Sampling>,
    /// Reads the sink.
    pub verifier: Arc<Verifier>,
    /// The generator's books, where traffic had stopped before the run was gone on with.
    pub books: Option<Accounting>,
}

/// What an earlier squall left, read and ready to be gone on with.
pub(super) struct Carried {
    /// What its journal says.
    pub told: Told,
    /// The last line before its death.
    pub since: Timestamp,
    /// What it had sent.
    pub sent: Sent,
    /// A reader of the sink that has come to its end.
    pub verifier: Verifier,
    /// Where that reader's observations go.
    pub ears: Arc<Ears>,
}

/// Who hears what a reader sees; nobody, before there is somebody. What is read again was told before.
#[derive(Debug, Default)]
pub(super) struct Ears(OnceLock<(Timestamp, Arc<Sampling>)>);

impl Ears {
    /// Passes an observation on.
    pub fn hear(&self, observation: Observation) {
        if let Some((from, sampling)) = self.0.get()
            && clock::now() >= *from
        {
            sampling.observe(observation);
        }
    }

    /// From a moment on `sampling` hears.
    fn open(&self, from: Timestamp, sampling: Arc<Sampling>) {
        // There is one run, which goes on once.
        let _ = self.0.set((from, sampling));
    }
}

/// What is read of a run's sink topics, and how.
pub(super) fn verifier_settings(
    plan: &Plan,
    run: &str,
    connection: crate::kafka::Connection,
    streams: &[String],
    sinks: &[TopicStart],
    latencies_from: Timestamp,
) -> VerifierSettings {
    let sink = &plan.scenario.sink;
    VerifierSettings {
        connection,
        sinks: sinks.to_vec(),
        expected: Expected { run: run_hash(run), streams: streams.to_vec(), placement: sink.identity.clone(), copies: sink.check.factor() },
        check: sink.check.clone(),
        latencies_from,
    }
}

impl Drive<'_> {
    /// Starts the job, the probes, the reader of the sink and the traffic.
    pub(super) async fn begin(&mut self, topics: &Topics, world: &World) -> Result<Underway, Interrupted> {
        self.watcher.step("starting the job");
        self.stop.unless(world.job.start(JOB_WITHIN.into())).await??;
        prepare::record_job(&world.job, &self.recorder).await;
        prepare::facts(&self.cluster, &world.job, &self.recorder).await;
        prepare::sink_clocks(topics, &self.kafka, &self.recorder).await;
        self.start_probes(topics, world, None).await;

        let ledger = Arc::new(Ledger::new(topics.inputs.len()));
        let (inputs, sinks) = self.starts(topics).await?;
        let streams: Vec<String> = self.streams(topics).into_iter().map(|(name, _)| name).collect();
        let reading = EventKind::Reading { streams: streams.clone(), inputs: inputs.clone(), sinks: sinks.clone() };
        self.recorder.durably(reading).map_err(Broken::from)?;
        let sampling = Arc::new(Sampling::new(self.recorder.clone(), self.streams(topics), self.request.plan.lasts_long()));
        let settings = verifier_settings(&self.request.plan, &self.request.run, self.harness(), &streams, &sinks, Timestamp(i64::MIN));
        let observer = sampling.clone();
        let verifier = Arc::new(Verifier::start(settings, move |observation| observer.observe(observation))?);

        let start = clock::now().plus(LEAD);
        let (settings, streams) = self.traffic(topics, start);
        if !streams.is_empty() {
            world.traffic.set(Traffic::start(&settings, &streams, |stream, _| Box::new(ledger.page(stream)))?);
        }
        let all = topics.inputs.iter().map(|(name, topic, partitions)| (name.clone(), topic.clone(), *partitions)).collect();
        self.recorder.record_at(start, EventKind::TrafficStarted { start, streams: all });
        if self.request.resumable {
            let base = std::path::absolute(&self.request.base).unwrap_or_else(|_| self.request.base.clone());
            self.recorder.durably(EventKind::Resumable { base: base.display().to_string() }).map_err(Broken::from)?;
        }
        self.keep(&ledger);
        self.recorder.record(EventKind::Phase(Phase::Running));
        Ok(Underway { start, ledger, inputs, sampling, verifier, books: None })
    }

    /// Goes on with what an earlier squall left: the probes, the reader of the sink and, unless it had stopped, the traffic.
    pub(super) async fn go_on(&mut self, topics: &Topics, world: &World, carried: Carried) -> Result<Underway, Interrupted> {
        let Carried { told, since, sent, verifier, ears } = carried;
        self.start_probes(topics, world, Some(since.minus(CLOCKS_DIFFER))).await;
        let sampling = Arc::new(Sampling::new(self.recorder.clone(), self.streams(topics), self.request.plan.lasts_long()));
        let ledger = Arc::new(sent.ledger);
        let from = clock::now().plus(LEAD);
        ears.open(from, sampling.clone());
        if let Some(books) = &told.books {
            sampling.stopped_at(books.acknowledged);
        } else {
            let (settings, streams) = self.traffic(topics, told.start);
            let mut unsent = 0;
            if !streams.is_empty() {
                let traffic = Traffic::go_on(&settings, &streams, from, &sent.before, |stream, _| Box::new(ledger.page(stream)))?;
                unsent = traffic.due_between(since, from).saturating_sub(sent.late);
                world.traffic.set(traffic);
            }
            self.recorder.record_at(from, EventKind::TrafficResumed { start: from, unsent });
        }
        self.keep(&ledger);
        self.recorder.record(EventKind::Phase(Phase::Running));
        Ok(Underway { start: told.start, ledger, inputs: told.inputs, sampling, verifier: Arc::new(verifier), books: told.books })
    }

    /// Keeps on disk what a resume needs, where there may be one.
    fn keep(&mut self, ledger: &Arc<Ledger>) {
        if self.request.resumable {
            self.probes.spawn(keep(self.recorder.clone(), ledger.clone()));
        }
    }

    /// Where this run's records begin in its topics: inputs that are sent to, and sinks.
    async fn starts(&self, topics: &Topics) -> Result<(Vec<TopicStart>, Vec<TopicStart>), Broken> {
        let inputs: Vec<String> = self.streams(topics).into_iter().map(|(_, topic)| topic).collect();
        let sinks: Vec<String> = topics.sinks.iter().map(|(_, topic, _)| topic.clone()).collect();
        let kafka = self.kafka.clone();
        tokio::task::spawn_blocking(move || {
            let here = |topics: Vec<String>| -> Result<Vec<TopicStart>, DeliveryError> {
                topics.iter().map(|topic| TopicStart::here(&kafka, topic, Duration::from_secs(10))).collect()
            };
            Ok((here(inputs)?, here(sinks)?))
        })
        .await?
    }

    /// Streams that are sent and their topics, in the order of the scenario's inputs.
    fn streams(&self, topics: &Topics) -> Vec<(String, String)> {
        let traffic = &self.request.plan.scenario.traffic;
        topics.inputs.iter().filter(|(name, ..)| traffic.contains_key(name)).map(|(name, topic, _)| (name.clone(), topic.clone())).collect()
    }

    /// What is sent: nothing, where the scenario observes only.
    fn traffic(&self, topics: &Topics, start: Timestamp) -> (traffic::Settings, Vec<traffic::Input>) {
        let scenario = &self.request.plan.scenario;
        let mut inputs = Vec::new();
        for (name, topic, partitions) in &topics.inputs {
            if let Some(stream) = scenario.traffic.get(name) {
                let mut stream = stream.clone();
                stream.resolve(&self.request.base);
                inputs.push(traffic::Input { name: name.clone(), topic: topic.clone(), partitions: *partitions, stream });
            }
        }
        let settings = traffic::Settings {
            run: self.request.run.clone(),
            seed: self.request.plan.seed,
            connection: self.cluster.addresses().kafka.generator.clone(),
            start,
            duration: scenario.duration.0,
            slice: Slice::WHOLE,
            placement: scenario.sink.identity.clone(),
        };
        (settings, inputs)
    }

    async fn start_probes(&mut self, topics: &Topics, world: &World, exceptions_since: Option<Timestamp>) {
        let (detail_cache, metric_cache) = prepare::caches(&world.job).await;
        let record: Arc<dyn Record> = self.recorder.clone();
        let (rest, job) = (world.job.rest().clone(), world.job.watched());
        FlinkProbes { rest, job, record: record.clone(), detail_cache, metric_cache, exceptions_since }.start(&mut self.probes);
        Offsets {
            admin: self.kafka.clone(),
            inputs: topics.inputs.iter().map(|(_, topic, _)| topic.clone()).collect(),
            sinks: topics.sinks.iter().map(|(_, topic, _)| topic.clone()).collect(),
            group: Some(topics.group.clone()),
        }
        .start(record.clone(), &mut self.probes);
        Processes { cluster: self.cluster.clone(), checkpoints: self.cluster.checkpoint_folder() }.start(record.clone(), &mut self.probes);
        if let Some(every) = self.request.plan.soak.and_then(|soak| soak.collect_every) {
            Collections { cluster: self.cluster.clone(), every: every.0 }.start(record.clone(), &mut self.probes);
        }
        probe::Logs { cluster: self.cluster.clone() }.start(record.clone(), &mut self.probes);
        watch_links(self.cluster.clone(), record.clone(), &mut self.probes);
        if let Some(queries) = self.queries.take() {
            let facts = queries.queries.iter().map(|query| (query.name.clone(), query.promql.clone())).collect();
            self.recorder.record(EventKind::Facts { section: "queries".to_owned(), facts });
            queries.start(record.clone(), &mut self.probes);
        }
        watch_own(record, &mut self.probes);
        let vitals = lost::Vitals { cluster: self.cluster.clone(), kafka: self.kafka.clone(), rest: world.job.rest().clone() };
        self.probes.spawn(lost::watch(vitals, self.recorder.clone(), self.stop.clone()));
    }
}
