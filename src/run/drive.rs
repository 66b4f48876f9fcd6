//! A run on a cluster that is up: job, traffic, timeline, drain, and putting everything back.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinSet;

use crate::clock::{self, Timestamp};
use crate::cluster::Cluster;
use crate::delivery::{self, DeliveryError, Expected, Ledger, TopicStart, Verifier, VerifierSettings};
use crate::guard::Reach;
use crate::journal::{Ending, EventKind, Phase, Record, RunFolder};
use crate::kafka::Admin;
use crate::metric::Metric;
use crate::probe::{self, Collections, FlinkProbes, Offsets, Processes, watch_links, watch_own};
use crate::scenario::Comparison;
use crate::traffic::identity::run_hash;
use crate::traffic::{self, Slice, Traffic, TrafficError};

use super::error::Broken;
use super::fire::Firing;
use super::logs::LogEnds;
use super::perform::World;
use super::pilot::Helm;
use super::prepare::{self, Topics};
use super::recorder::Recorder;
use super::request::Request;
use super::sampling::Sampling;
use super::stop::Stop;
use super::traffic_control::{TrafficControl, accounting, accounts, hottest_keys};
use super::watcher::Watcher;
use super::{abort, cleanup, drain, lost, timeline};

/// Producers connect within this time, so that the first record leaves when it is due.
const LEAD: Duration = Duration::from_millis(1500);
/// A job starts within this time, planner class loading on a loaded machine included.
const JOB_WITHIN: Duration = Duration::from_secs(120);
/// What is in flight when traffic stops is settled within this time.
const CLOSE_WITHIN: Duration = Duration::from_secs(35);

/// A run on a cluster that is up.
pub(super) struct Drive<'a> {
    pub request: &'a Request,
    pub cluster: Arc<Cluster>,
    pub kafka: Arc<Admin>,
    pub recorder: Arc<Recorder>,
    pub stop: &'a Stop,
    pub watcher: &'a dyn Watcher,
    pub probes: JoinSet<()>,
}

impl Drive<'_> {
    /// Everything from the topics to the cleanup. Returns how it ended and what could not be removed.
    pub(super) async fn whole(&mut self, reach: &mut Reach<'_>) -> (Ending, Vec<String>) {
        let logs = LogEnds::now(&self.cluster).await;
        let made = self.make().await;
        let recorder = self.recorder.clone();
        let ending = match &made {
            Ok((topics, world)) => {
                let views = topics.views();
                let firing = Firing { plan: &self.request.plan, world, recorder: &recorder, topics: &views, stop: self.stop };
                // A mistake of squall's own must not keep it from putting everything back.
                let driven = AssertUnwindSafe(self.drive(topics, &firing)).catch_unwind().await;
                let ending = match driven {
                    Ok(Ok(())) => self.stop.reason().unwrap_or(Ending::Completed),
                    Ok(Err(Interrupted::Stopped(ending))) => ending,
                    Ok(Err(Interrupted::Broken(broken))) => Ending::Failed(broken),
                    Err(panic) => Ending::Failed(format!("squall panicked: {}", panic_text(&*panic))),
                };
                // Whatever still holds a fault lets go of it.
                self.stop.now(ending.clone());
                self.watcher.step("putting everything back");
                cleanup::begin(&recorder);
                // Nothing may wait for a person or a signal now: each part has its own deadline.
                cleanup::faults(&firing).await;
                let traffic = world.traffic.clone();
                let stopped = tokio::task::spawn_blocking(move || traffic.stop(Duration::from_secs(1))).await;
                if let Some(progress) = stopped.ok().flatten() {
                    recorder.record(EventKind::TrafficStopped(accounting(&accounts(&progress))));
                }
                ending
            }
            Err(error) => self.stop.reason().unwrap_or_else(|| Ending::Failed(error.to_string())),
        };
        self.probes.abort_all();
        if recorder.owed().things.iter().any(|thing| thing.kind == "cluster") {
            self.watcher.step("taking the cluster down");
        }
        if recorder.is_on_reserve() {
            tracing::warn!("the disk is full: the logs of the nodes are not kept");
        } else {
            logs.keep(&self.cluster, &self.folder().path().join("logs")).await;
        }
        let job = made.as_ref().ok().map(|(_, world)| &*world.job);
        let left = cleanup::things(&recorder, job, reach).await;
        (ending, left)
    }

    /// Topics, and what can be acted on.
    async fn make(&self) -> Result<(Topics, World), prepare::Error> {
        let scenario = &self.request.plan.scenario;
        self.watcher.step("making topics");
        let topics = prepare::topics(scenario, &self.request.run, &self.kafka, &self.recorder, self.stop).await?;
        let control = prepare::job(scenario, &self.request.base, &self.cluster, &topics, &self.request.run, &self.recorder)?;
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
        self.stop.unless(world.job.start(JOB_WITHIN.into())).await??;
        prepare::record_job(&world.job, &self.recorder).await;
        prepare::facts(&self.cluster, &world.job, &self.recorder).await;
        prepare::sink_clocks(topics, &self.kafka, &self.recorder).await;
        let caches = prepare::caches(&world.job).await;
        self.start_probes(topics, world, caches);

        let ledger = Arc::new(Ledger::new(topics.inputs.len()));
        let starts = self.starts(topics).await?;
        let streams: Vec<String> = self.streams(topics).into_iter().map(|(name, _)| name).collect();
        let reading = EventKind::Reading { streams: streams.clone(), inputs: starts.0.clone(), sinks: starts.1.clone() };
        self.recorder.durably(reading).map_err(Broken::from)?;
        let sampling = Arc::new(Sampling::new(self.recorder.clone(), self.streams(topics)));
        let settings = VerifierSettings {
            connection: self.cluster.addresses().kafka.harness.clone(),
            sinks: starts.1,
            expected: Expected {
                run: run_hash(&self.request.run),
                streams,
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
            match &self.request.pilot {
                Some(pilot) => pilot.fly(Helm { firing: *firing, watcher: self.watcher, start, end }).await,
                None => {
                    tokio::join!(timeline::run(*firing, start), async {
                        let _ = self.stop.unless(tokio::time::sleep(end.remaining())).await;
                    });
                }
            }
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
        if let Some(progress) = &last {
            self.recorder.record(EventKind::TrafficStopped(accounting(&books)));
            hottest_keys(progress).for_each(|facts| self.recorder.record(facts));
        }
        if let Some(ending) = stopped {
            return Err(Interrupted::Stopped(ending));
        }
        self.watcher.step("reading the sink to its end");
        let interval = plan.scenario.checkpoint_interval().map_or(Duration::from_secs(1), |interval| interval.0);
        let deadline = ended.plus(plan.scenario.drain.within.0);
        let silence = TrafficControl::default();
        let input = drain::Input {
            kafka: self.kafka.clone(),
            group: topics.group.clone(),
            starts: starts.0.clone(),
            markers: plan
                .scenario
                .traffic
                .values()
                .filter_map(|stream| stream.transactions.map(|_| i64::from(stream.threads)))
                .max()
                .unwrap_or(0),
            ends: OnceLock::new(),
        };
        let draining = async {
            tokio::select! {
                () = sampling.watch(&silence, &verifier) => None,
                behind = drain::settle(&self.recorder, &verifier, input, books.acknowledged, ended, interval, deadline) => behind,
            }
        };
        let behind = self.stop.unless(draining).await?;
        self.judge(verifier, &ledger, starts.0, deadline, behind).await
    }

    /// Reads what is left of the sink until `deadline`, and journals what became of each record. `behind`: records that the job had yet to read.
    async fn judge(
        &self,
        verifier: Arc<Verifier>,
        ledger: &Arc<Ledger>,
        inputs: Vec<TopicStart>,
        deadline: Timestamp,
        behind: Option<u64>,
    ) -> Result<(), Interrupted> {
        let scenario = &self.request.plan.scenario;
        let judged = {
            let ledger = ledger.clone();
            let connection = self.cluster.addresses().kafka.harness.clone();
            let sink_is_ours = scenario.sink.topics.values().all(|topic| topic.name.is_none());
            let late = self.recorder.ask(|analysis| analysis.latest(Metric::LateDropped, Comparison::Greater));
            let check = scenario.sink.check.clone();
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
            Ok(mut judged) => {
                if let Some(behind) = behind.filter(|_| judged.verdict.no_data.is_none() && judged.verdict.lost > 0) {
                    judged.verdict.no_data = Some(drain::unread(behind, scenario.drain.within));
                }
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
        if let Some(every) = self.request.plan.soak.and_then(|soak| soak.collect_every) {
            Collections { cluster: self.cluster.clone(), every: every.0 }.start(record.clone(), &mut self.probes);
        }
        probe::Logs { cluster: self.cluster.clone() }.start(record.clone(), &mut self.probes);
        watch_links(self.cluster.clone(), record.clone(), &mut self.probes);
        watch_own(record, &mut self.probes);
        let vitals = lost::Vitals { cluster: self.cluster.clone(), kafka: self.kafka.clone(), rest: world.job.rest().clone() };
        self.probes.spawn(lost::watch(vitals, self.recorder.clone(), self.stop.clone()));
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

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
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
