//! A run on a cluster that is up: job, traffic, timeline, drain, and putting everything back.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinSet;

use crate::clock::{self, Timestamp};
use crate::cluster::Cluster;
use crate::delivery::{self, DeliveryError, Ledger, TopicStart, Verifier};
use crate::guard::Reach;
use crate::journal::{Ending, EventKind, Phase, Record, RunFolder};
use crate::kafka::{Admin, Connection};
use crate::metric::Metric;
use crate::probe::Queries;
use crate::scenario::Comparison;

use super::error::Broken;
use super::fire::Firing;
use super::job_control::JobControl;
use super::logs::LogEnds;
use super::perform::World;
use super::pilot::Helm;
use super::prepare::{self, Topics};
use super::recorder::Recorder;
use super::request::Request;
use super::stop::Stop;
use super::traffic_control::{TrafficControl, accounting, accounts, hottest_keys};
use super::underway::{Carried, Underway};
use super::watcher::Watcher;
use super::{abort, cleanup, drain, timeline};

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
    /// What Prometheus is asked.
    pub queries: Option<Queries>,
    pub probes: JoinSet<()>,
    /// What an earlier squall left, where the run is gone on with.
    pub carried: Option<(Topics, Arc<JobControl>, Carried)>,
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
        let (topics, job) = match &self.carried {
            Some((topics, job, _)) => (topics.clone(), job.clone()),
            None => {
                self.watcher.step("making topics");
                let topics = prepare::topics(scenario, &self.request.run, &self.kafka, &self.recorder, self.stop).await?;
                let job = prepare::job(scenario, &self.request.base, &self.cluster, &topics, &self.request.run, &self.recorder)?;
                (topics, Arc::new(job))
            }
        };
        let world = World { cluster: self.cluster.clone(), kafka: self.kafka.clone(), job, traffic: Arc::new(TrafficControl::default()) };
        Ok((topics, world))
    }

    async fn drive(&mut self, topics: &Topics, firing: &Firing<'_>) -> Result<(), Interrupted> {
        let plan = &self.request.plan;
        let world = firing.world;
        let underway = match self.carried.take() {
            None => self.begin(topics, world).await?,
            Some((.., carried)) => self.go_on(topics, world, carried).await?,
        };
        let (acknowledged, ended) = match &underway.books {
            Some(books) => {
                self.recorder.record(EventKind::Phase(Phase::Draining));
                (books.acknowledged, clock::now())
            }
            None => self.flow(firing, &underway).await?,
        };
        let Underway { ledger, inputs, sampling, verifier, .. } = underway;
        self.watcher.step("reading the sink to its end");
        let interval = plan.scenario.checkpoint_interval().map_or(Duration::from_secs(1), |interval| interval.0);
        let deadline = ended.plus(plan.scenario.drain.within.0);
        let silence = TrafficControl::default();
        let markers = plan.scenario.traffic.values().filter_map(|stream| stream.transactions.map(|_| i64::from(stream.threads))).max();
        let input = drain::Input {
            kafka: self.kafka.clone(),
            group: topics.group.clone(),
            starts: inputs.clone(),
            markers: markers.unwrap_or(0),
            ends: OnceLock::new(),
        };
        let draining = async {
            tokio::select! {
                () = sampling.watch(&silence, &verifier) => None,
                behind = drain::settle(&self.recorder, &verifier, input, acknowledged, ended, interval, deadline) => behind,
            }
        };
        let behind = self.stop.unless(draining).await?;
        let judged = self.judge(verifier, &ledger, inputs, deadline, behind).await;
        sampling.close();
        judged
    }

    /// Traffic and timeline to their end. Gives how many records were acknowledged, and when the last of them.
    async fn flow(&self, firing: &Firing<'_>, underway: &Underway) -> Result<(u64, Timestamp), Interrupted> {
        let Underway { start, sampling, verifier, .. } = underway;
        let (plan, world, start) = (&self.request.plan, firing.world, *start);
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
        sampling.last_look(last.as_ref(), verifier);
        let books = last.as_ref().map(accounts).unwrap_or_default();
        if let Some(progress) = &last {
            self.recorder.record(EventKind::TrafficStopped(accounting(&books)));
            hottest_keys(progress).for_each(|facts| self.recorder.record(facts));
        }
        match stopped {
            Some(ending) => Err(Interrupted::Stopped(ending)),
            None => Ok((books.acknowledged, ended)),
        }
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
            let connection = self.harness();
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

    fn folder(&self) -> RunFolder {
        self.recorder.folder()
    }

    /// As squall itself reaches Kafka.
    pub(super) fn harness(&self) -> Connection {
        self.cluster.addresses().kafka.harness.clone()
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

/// Why a run that had begun did not come to its end.
pub(super) enum Interrupted {
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
