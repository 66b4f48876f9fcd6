//! A run from its first line to its last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::analysis::{Analysis, Outcome};
use crate::clock::{self, Timestamp};
use crate::cluster::{self, Cluster, ClusterSpec, Places};
use crate::delivery::{self, DeliveryError, Expected, Ledger, TopicStart, Verifier, VerifierSettings};
use crate::guard::{self, ClusterLock, LockError};
use crate::journal::{self, Ending, EventKind, Phase, Record, RunFolder, SCHEMA, Writer};
use crate::kafka::{Admin, KafkaError};
use crate::metric::Metric;
use crate::plan::{Plan, Trigger};
use crate::probe::{FlinkProbes, Offsets, Processes, watch_own};
use crate::scenario::Comparison;
use crate::traffic::identity::run_hash;
use crate::traffic::{self, Slice, Traffic, TrafficError};

use super::fire::Firing;
use super::perform::World;
use super::prepare::{self, Topics};
use super::recorder::Recorder;
use super::sampling::Sampling;
use super::stop::Stop;
use super::traffic_control::{TrafficControl, accounting, accounts};
use super::watcher::{Glance, Watcher};
use super::{abort, clean_start, cleanup, drain, timeline};

/// Producers connect within this time, so that the first record leaves when it is due.
const LEAD: Duration = Duration::from_millis(1500);
/// A job starts within this time, planner class loading on a loaded machine included.
const JOB_WITHIN: Duration = Duration::from_secs(120);
/// What is in flight when traffic stops is settled within this time.
const CLOSE_WITHIN: Duration = Duration::from_secs(35);

/// What to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The plan.
    pub plan: Plan,
    /// Where.
    pub cluster: ClusterSpec,
    /// The scenario's text, for the record.
    pub scenario_text: String,
    /// The cluster file's text, for the record.
    pub cluster_text: String,
    /// The scenario's folder: relative files count from it.
    pub base: PathBuf,
    /// Folder for journals and reports.
    pub reports: PathBuf,
    /// Leave a cluster up that this run started.
    pub keep_cluster: bool,
    /// Undo what earlier runs have left on the cluster, instead of refusing.
    pub undo_first: bool,
    /// Run id; see [`new_run_id`].
    pub run: String,
}

/// What a run left.
#[derive(Debug)]
pub struct Finished {
    /// Its folder.
    pub folder: RunFolder,
    /// Its outcome.
    pub outcome: Outcome,
    /// What could not be removed: topics, groups, processes.
    pub left_behind: Vec<String>,
}

/// Why a run did not begin. Once it has begun, everything is in the outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run is on the cluster.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Earlier runs have left something behind.
    #[error(transparent)]
    CleanStart(#[from] clean_start::Error),
    /// The cluster is not there.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Stopped before it began.
    #[error("stopped before it began")]
    Interrupted,
    /// Kafka cannot be asked.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The job is wrong, or a client cannot be made.
    #[error(transparent)]
    Prepare(#[from] prepare::Error),
    /// The plan cannot be kept.
    #[error("the plan cannot be written as JSON")]
    Plan(#[source] serde_json::Error),
    /// The guard did not start.
    #[error("cannot start the guard")]
    Guard(#[source] std::io::Error),
}

/// Why a run that had begun broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Prepare(#[from] prepare::Error),
    #[error(transparent)]
    Job(#[from] crate::job::Error),
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error("a task broke off: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Runs a plan. From the first action on, everything is put back on every way out, and said in the outcome.
///
/// # Errors
/// Only before anything was touched.
pub async fn run(request: Request, places: &Places, stop: &Stop, watcher: Arc<dyn Watcher>) -> Result<Finished, Error> {
    let name = request.cluster.name.as_str();
    let lock = ClusterLock::take(&places.state.join("locks").join(name), &format!("run {}", request.run))?;
    clean_start::ensure(name, (places, &request.reports), request.undo_first, &lock, &*watcher).await?;
    let steps = watcher.clone();
    let progress = move |line: &str| steps.step(line);
    let (cluster, own_cluster) = match stop.unless(open(&request, places, &progress)).await {
        Ok(opened) => opened?,
        Err(_) => return Err(Error::Interrupted),
    };
    let result = on_cluster(&request, Arc::new(cluster), stop, watcher.clone()).await;
    if own_cluster && !request.keep_cluster {
        watcher.step("taking the cluster down");
        if let Err(error) = cluster::down(&request.cluster, places, &progress).await {
            match result {
                Ok(mut finished) => {
                    finished.left_behind.push(format!("cluster {}: {error}", request.cluster.name));
                    return Ok(finished);
                }
                Err(first) => {
                    tracing::error!("cluster {} could not be taken down: {error}", request.cluster.name);
                    return Err(first);
                }
            }
        }
    }
    result
}

async fn open(request: &Request, places: &Places, progress: &(dyn Fn(&str) + Send + Sync)) -> Result<(Cluster, bool), cluster::Error> {
    match Cluster::attach(&request.cluster, places).await {
        Ok(cluster) => Ok((cluster, false)),
        Err(error) if error.is_not_up() => Ok((Cluster::up(&request.cluster, places, progress).await?, true)),
        Err(error) => Err(error),
    }
}

async fn on_cluster(request: &Request, cluster: Arc<Cluster>, stop: &Stop, watcher: Arc<dyn Watcher>) -> Result<Finished, Error> {
    let plan = &request.plan;
    let folder = RunFolder::create(&request.reports, plan.scenario.name.as_str(), &request.run)?;
    folder.write("scenario.yaml", request.scenario_text.as_bytes())?;
    folder.write("cluster.yaml", request.cluster_text.as_bytes())?;
    folder.write("plan.json", plan_json(plan)?.as_bytes())?;
    let recorder = Arc::new(Recorder::new(Writer::create(folder.clone())?, Analysis::new(plan), stop.clone()));
    let engine = guard::own_identity();
    recorder.durably(EventKind::RunStarted {
        schema: SCHEMA,
        run: request.run.clone(),
        squall: env!("CARGO_PKG_VERSION").to_owned(),
        engine,
    })?;
    recorder.record(EventKind::Phase(Phase::Preparing));
    let live = tokio::spawn(show(recorder.clone(), watcher.clone(), plan.clone()));

    let kafka = Arc::new(Admin::new(&cluster.addresses().kafka.harness)?);
    let mut run = Run { request, cluster, kafka, recorder: recorder.clone(), stop, watcher: &*watcher, probes: JoinSet::new() };
    let (ending, left_behind) = run.whole().await;
    run.probes.shutdown().await;
    let clean = recorder.undos().is_empty() && left_behind.is_empty();
    recorder.record(EventKind::RunEnded { ending, clean });
    recorder.flush();
    // The last happenings are shown before the summary.
    tokio::time::sleep(2 * SHOW_EVERY).await;
    live.abort();
    let outcome = recorder.ask(Analysis::outcome);
    Ok(Finished { folder, outcome, left_behind })
}

struct Run<'a> {
    request: &'a Request,
    cluster: Arc<Cluster>,
    kafka: Arc<Admin>,
    recorder: Arc<Recorder>,
    stop: &'a Stop,
    watcher: &'a dyn Watcher,
    probes: JoinSet<()>,
}

impl Run<'_> {
    /// Everything from the topics to the cleanup. Returns how it ended and what could not be removed.
    async fn whole(&mut self) -> (Ending, Vec<String>) {
        let made = match self.stop.unless(self.make()).await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) => return (Ending::Failed(error.to_string()), Vec::new()),
            Err(ending) => return (ending, Vec::new()),
        };
        let (topics, world) = made;
        let views = topics.views();
        let recorder = self.recorder.clone();
        let firing = Firing { plan: &self.request.plan, world: &world, recorder: &recorder, topics: &views, stop: self.stop };
        let ending = match self.drive(&topics, &firing).await {
            Ok(()) => self.stop.reason().unwrap_or(Ending::Completed),
            Err(Interrupted::Stopped(ending)) => ending,
            Err(Interrupted::Broken(broken)) => Ending::Failed(broken),
        };
        self.watcher.step("putting everything back");
        cleanup::begin(&firing);
        // Nothing may wait for a person or a signal now: each part has its own deadline.
        cleanup::faults(&firing).await;
        if let Some(progress) = tokio::task::spawn_blocking({
            let traffic = world.traffic.clone();
            move || traffic.stop(Duration::from_secs(1))
        })
        .await
        .ok()
        .flatten()
        {
            self.recorder.record(EventKind::TrafficStopped(accounting(&accounts(&progress))));
        }
        self.probes.abort_all();
        let left = cleanup::things(&firing, &topics).await;
        (ending, left)
    }

    /// Topics, and what can be acted on.
    async fn make(&self) -> Result<(Topics, World), prepare::Error> {
        let scenario = &self.request.plan.scenario;
        self.watcher.step("making topics");
        let topics = prepare::topics(scenario, &self.request.run, &self.kafka, &self.recorder).await?;
        let savepoints = self.cluster.savepoints();
        let control = prepare::job(scenario, &self.request.base, &self.cluster, &topics, &self.request.run, savepoints)?;
        let world = World {
            cluster: self.cluster.clone(),
            kafka: self.kafka.clone(),
            job: Arc::new(control),
            traffic: Arc::new(TrafficControl::default()),
        };
        Ok((topics, world))
    }

    async fn drive(&mut self, topics: &Topics, firing: &Firing<'_>) -> Result<(), Interrupted> {
        let plan = &self.request.plan;
        let world = firing.world;
        self.watcher.step("starting the job");
        self.recorder
            .record(EventKind::Made { kind: "job".to_owned(), name: format!("squall-{}-{}", plan.scenario.name, self.request.run) });
        self.stop.unless(world.job.start(JOB_WITHIN.into())).await??;
        prepare::record_job(&world.job, &self.recorder).await;
        prepare::facts(&self.cluster, &world.job, &self.recorder).await;
        let caches = prepare::caches(&world.job).await;
        self.start_probes(topics, world, caches);
        let _guard = guard::start(self.recorder_folder(), guard::own_identity())
            .map_err(|error| Interrupted::Broken(format!("the guard: {error}")))?;

        let ledger = Arc::new(Ledger::new(topics.inputs.len()));
        let starts = self.starts(topics).await?;
        let sampling = Arc::new(Sampling::new(self.recorder.clone(), self.streams(topics)));
        let settings = VerifierSettings {
            connection: self.cluster.addresses().kafka.harness.clone(),
            sinks: starts.1,
            expected: Expected {
                run: run_hash(&self.request.run),
                streams: self.streams(topics).into_iter().map(|(name, _)| name).collect(),
                placement: plan.scenario.sink.identity.clone(),
                copies: plan.scenario.sink.check.factor(),
            },
            check: plan.scenario.sink.check.clone(),
        };
        let observer = sampling.clone();
        let verifier = Arc::new(Verifier::start(settings, move |observation| observer.observe(observation))?);

        let start = clock::now().plus(LEAD);
        self.start_traffic(topics, world, &ledger, start)?;
        self.recorder.record_at(
            start,
            EventKind::TrafficStarted {
                start,
                streams: topics.inputs.iter().map(|(name, topic, partitions)| (name.clone(), topic.clone(), *partitions)).collect(),
            },
        );
        self.recorder.record(EventKind::Phase(Phase::Running));
        let watching = {
            let (sampling, traffic, verifier) = (sampling.clone(), world.traffic.clone(), verifier.clone());
            tokio::spawn(async move { sampling.watch(&traffic, &verifier).await })
        };

        let end = start.plus(plan.scenario.duration.0);
        let recorder = self.recorder.clone();
        let watched = async {
            if plan.abort_conditions.is_empty() {
                std::future::pending().await
            } else {
                abort::watch(&plan.abort_conditions, &recorder, self.stop).await
            }
        };
        let driven = async {
            tokio::join!(timeline::run(*firing, start), async {
                let _ = self.stop.unless(tokio::time::sleep(end.remaining())).await;
            });
        };
        // An abort ends `driven` through `stop`: each fault then takes itself back at once.
        tokio::pin!(driven);
        tokio::select! {
            () = &mut driven => {}
            () = watched => driven.await,
        }
        let stopped = self.stop.reason();

        let traffic = world.traffic.clone();
        let close = if stopped.is_some() { Duration::from_secs(2) } else { CLOSE_WITHIN };
        let last = tokio::task::spawn_blocking(move || traffic.stop(close)).await?;
        let ended = clock::now();
        self.recorder.record(EventKind::Phase(Phase::Draining));
        watching.abort();
        sampling.look(last.as_ref(), &verifier);
        let books = last.as_ref().map(accounts).unwrap_or_default();
        if last.is_some() {
            self.recorder.record(EventKind::TrafficStopped(accounting(&books)));
        }
        if let Some(ending) = stopped {
            return Err(Interrupted::Stopped(ending));
        }
        self.watcher.step("reading the sink to its end");
        let interval = plan.scenario.checkpoint_interval().map_or(Duration::from_secs(1), |interval| interval.0);
        let deadline = ended.plus(plan.scenario.drain.within.0);
        let silence = TrafficControl::default();
        let draining = async {
            tokio::select! {
                () = sampling.watch(&silence, &verifier) => {}
                () = drain::settle(&self.recorder, &verifier, books.acknowledged, ended, interval, deadline) => {}
            }
        };
        self.stop.unless(draining).await?;
        let judged = {
            let (ledger, inputs) = (ledger.clone(), starts.0);
            let connection = self.cluster.addresses().kafka.harness.clone();
            let sink_is_ours = plan.scenario.sink.topics.values().all(|topic| topic.name.is_none());
            let late = self.recorder.ask(|analysis| analysis.latest(Metric::LateDropped, Comparison::Greater));
            let check = plan.scenario.sink.check.clone();
            tokio::task::spawn_blocking(move || -> Result<delivery::Judged, DeliveryError> {
                // What is asked for before the deadline still gets its time: a commit may make the last records visible just now.
                let drained = verifier.drain(deadline.max(clock::now().plus(Duration::from_secs(5))))?;
                let Some(verifier) = Arc::into_inner(verifier) else { return Err(DeliveryError::Died) };
                let sink = verifier.finish()?;
                let late = late.map_or(0, |(value, _)| value as u64);
                let case = delivery::Case {
                    connection: &connection,
                    inputs: &inputs,
                    check: &check,
                    sink_is_ours,
                    ledger: Some(&ledger),
                    sink,
                    drained: &drained,
                    late,
                };
                Ok(case.judge())
            })
            .await?
        };
        match judged {
            Ok(judged) => {
                let mut rows = String::new();
                for offender in &judged.offenders {
                    rows.push_str(&serde_json::to_string(offender).map_err(|error| Interrupted::Broken(error.to_string()))?);
                    rows.push('\n');
                }
                if let Err(error) = self.folder().write("delivery.ndjson", rows.as_bytes()) {
                    return Err(Interrupted::Broken(error.to_string()));
                }
                self.recorder.record(EventKind::Delivery(judged.verdict));
            }
            Err(error) => {
                let verdict = delivery::Verdict { no_data: Some(error.to_string()), ..delivery::Verdict::default() };
                self.recorder.record(EventKind::Delivery(verdict));
            }
        }
        Ok(())
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

    fn folder(&self) -> RunFolder {
        self.recorder.folder()
    }

    fn recorder_folder(&self) -> PathBuf {
        self.folder().path().to_owned()
    }

    /// Streams that are sent and their topics, in the order of the scenario's inputs.
    fn streams(&self, topics: &Topics) -> Vec<(String, String)> {
        let traffic = &self.request.plan.scenario.traffic;
        topics.inputs.iter().filter(|(name, ..)| traffic.contains_key(name)).map(|(name, topic, _)| (name.clone(), topic.clone())).collect()
    }

    fn start_probes(&mut self, topics: &Topics, world: &World, caches: (Duration, Duration)) {
        let record: Arc<dyn Record> = self.recorder.clone();
        let (detail_cache, metric_cache) = caches;
        FlinkProbes { rest: world.job.rest().clone(), job: world.job.watched(), record: record.clone(), detail_cache, metric_cache }
            .start(&mut self.probes);
        Offsets {
            admin: self.kafka.clone(),
            inputs: topics.inputs.iter().map(|(_, topic, _)| topic.clone()).collect(),
            sinks: topics.sinks.iter().map(|(_, topic, _)| topic.clone()).collect(),
            group: Some(topics.group.clone()),
        }
        .start(record.clone(), &mut self.probes);
        Processes { cluster: self.cluster.clone(), checkpoints: self.cluster.checkpoint_folder() }.start(record.clone(), &mut self.probes);
        watch_own(record, &mut self.probes);
    }

    fn start_traffic(&self, topics: &Topics, world: &World, ledger: &Arc<Ledger>, start: Timestamp) -> Result<(), TrafficError> {
        let scenario = &self.request.plan.scenario;
        let mut inputs = Vec::new();
        for (name, topic, partitions) in &topics.inputs {
            if let Some(stream) = scenario.traffic.get(name) {
                let mut stream = stream.clone();
                stream.resolve(&self.request.base);
                inputs.push(traffic::Input { name: name.clone(), topic: topic.clone(), partitions: *partitions, stream });
            }
        }
        if inputs.is_empty() {
            return Ok(());
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
        world.traffic.set(Traffic::start(&settings, &inputs, |stream, _| Box::new(ledger.page(stream)))?);
        Ok(())
    }
}

enum Interrupted {
    Stopped(Ending),
    Broken(String),
}

impl From<Ending> for Interrupted {
    fn from(ending: Ending) -> Self {
        Self::Stopped(ending)
    }
}

impl<E: Into<Broken>> From<E> for Interrupted {
    fn from(error: E) -> Self {
        Self::Broken(error.into().to_string())
    }
}

const SHOW_EVERY: Duration = Duration::from_millis(500);

/// Tells the watcher what happened, and how things stand.
async fn show(recorder: Arc<Recorder>, watcher: Arc<dyn Watcher>, plan: Plan) {
    let mut shown = 0;
    loop {
        let (happenings, glance) = recorder.ask(|analysis| {
            let happenings: Vec<_> = analysis.happenings_since(shown).to_vec();
            let at = analysis.seconds(clock::now().0);
            let next = plan.timeline.iter().find_map(|fault| match &fault.trigger {
                Trigger::At(offset) if offset.seconds() > at => Some(format!("{} in {:.0} s", fault.name, offset.seconds() - at)),
                _ => None,
            });
            let value = |metric| analysis.newest(metric);
            let glance = Glance {
                at,
                total: Some(plan.scenario.duration.seconds()),
                input: value(Metric::Input),
                output: value(Metric::Output),
                output_lag: value(Metric::OutputLag),
                job: analysis.job_state().map(str::to_owned),
                next,
            };
            (happenings, glance)
        });
        for (at, word, sentence) in &happenings {
            watcher.happening(*at, word, sentence);
        }
        shown += happenings.len();
        watcher.glance(&glance);
        tokio::time::sleep(SHOW_EVERY).await;
    }
}

/// A new run's id: the moment and four characters that tell runs of one second apart, as in `20261121-085406-k3f9`.
pub fn new_run_id(now: Timestamp) -> String {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or_default();
    let mut seed = crc32fast::hash(format!("{} {}", now.0, std::process::id()).as_bytes());
    let mut tail = String::with_capacity(4);
    for _ in 0..4 {
        tail.push(char::from_digit(seed % 36, 36).unwrap_or('0'));
        seed /= 36;
    }
    format!("{}-{tail}", moment.strftime("%Y%m%d-%H%M%S"))
}

/// The plan as it is kept beside its journal.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn plan_json(plan: &Plan) -> Result<String, Error> {
    serde_json::to_string_pretty(plan).map_err(Error::Plan)
}
