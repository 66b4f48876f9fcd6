//! The job under test in the hands of the engine: which one is watched, and the drills that end it and start it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, watch};

use crate::action::JobDeed;
use crate::flink::{self, JobId, ParallelismBounds, Rest, SavepointFormat, SqlGateway};
use crate::job::{Endpoints, Error, Launch, Origin, Prepared, RunningJob};
use crate::journal::{EventKind, Record};
use crate::units::Duration;

use super::before::JobSeen;
use super::recorder::Recorder;

/// How long a savepoint, a cancellation or a start may take in a drill.
const WITHIN: Duration = Duration::from_secs(120);

/// Submits, stops and restores the job, and tells the probes which one to watch.
#[derive(Debug)]
pub struct JobControl {
    rest: Rest,
    gateway: Option<SqlGateway>,
    prepared: Prepared,
    name: String,
    savepoints: Option<String>,
    state: Mutex<State>,
    watched: watch::Sender<Option<JobId>>,
    recorder: Arc<Recorder>,
    /// Whether a submission was begun of which nobody knows whether it will come to a job.
    in_flight: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    running: Option<RunningJob>,
    newest_savepoint: Option<String>,
    parallelism: Option<u32>,
}

impl JobControl {
    /// For a prepared job; nothing is submitted yet. `savepoints` is where
    /// savepoints go, as Flink reaches it; none leaves it to the cluster's own setting.
    pub fn new(
        rest: Rest,
        gateway: Option<SqlGateway>,
        prepared: Prepared,
        name: String,
        savepoints: Option<String>,
        recorder: Arc<Recorder>,
    ) -> Self {
        let (state, watched) = (Mutex::default(), watch::Sender::new(None));
        Self { rest, gateway, prepared, name, savepoints, state, watched, recorder, in_flight: AtomicBool::new(false) }
    }

    /// Follows the id of the job.
    pub fn watched(&self) -> watch::Receiver<Option<JobId>> {
        self.watched.subscribe()
    }

    /// The id of the job, while there is one.
    pub fn id(&self) -> Option<JobId> {
        self.watched.borrow().clone()
    }

    /// The JobManager.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Submits (or finds) the job and waits until all its subtasks run.
    ///
    /// # Errors
    /// As [`Prepared::submit`] and [`RunningJob::wait_until_running`].
    pub async fn start(&self, within: Duration) -> Result<RunningJob, Error> {
        let mut state = self.state.lock().await;
        let job = self.submit(&mut state, Launch::named(&self.name)).await?;
        job.wait_until_running(&self.rest, within).await?;
        Ok(job)
    }

    /// Takes over a job that an earlier squall started or found.
    pub async fn adopt(&self, job: RunningJob) {
        self.watched.send_replace(Some(job.id.clone()));
        self.state.lock().await.running = Some(job);
    }

    /// What is made is journalled before it is made: by its name, and by its id as well where the job names itself.
    async fn submit(&self, state: &mut State, launch: Launch) -> Result<RunningJob, Error> {
        let own = !matches!(self.prepared, Prepared::Attach(_));
        let made = |name: &str| self.recorder.record(EventKind::Made { kind: "job".to_owned(), name: name.to_owned() });
        if own && state.running.is_none() {
            made(&self.name);
        }
        self.in_flight.store(own, Ordering::Relaxed);
        let submitted = self.prepared.submit(Endpoints { rest: &self.rest, gateway: self.gateway.as_ref() }, &launch).await;
        self.in_flight.store(submitted.as_ref().is_err_and(may_come_yet), Ordering::Relaxed);
        let job = submitted?;
        if own && job.name != self.name {
            made(job.id.as_str());
        }
        state.running = Some(job.clone());
        state.parallelism = launch.parallelism;
        self.watched.send_replace(Some(job.id.clone()));
        Ok(job)
    }

    /// Whether a submission was cut off that may come to a job yet.
    pub fn is_submitting(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The job as Flink's REST shows it now.
    ///
    /// # Errors
    /// When Flink does not answer.
    pub async fn seen(&self) -> Result<JobSeen, Error> {
        let Some(id) = self.id() else { return Ok(JobSeen::default()) };
        let detail = match self.rest.job(&id).await {
            Ok(detail) => detail.value,
            Err(error) if error.is_not_found() => return Ok(JobSeen::default()),
            Err(error) => return Err(error.into()),
        };
        let latest = match self.rest.checkpoints(&id).await {
            Ok(checkpoints) => Some(checkpoints.value.latest),
            // While the job is being initialised.
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        Ok(JobSeen {
            id: Some(id),
            parallelism: detail.topological().iter().map(|vertex| vertex.parallelism).max().unwrap_or(0),
            restored: latest.as_ref().and_then(|latest| latest.restored.as_ref()?.external_path.clone()),
            savepoint: latest.and_then(|latest| latest.savepoint?.external_path),
        })
    }

    /// Performs a drill. Returns what was done, in words.
    ///
    /// # Errors
    /// When Flink refuses, or does not get there in time.
    pub async fn perform(&self, deed: &JobDeed) -> Result<String, Error> {
        let mut state = self.state.lock().await;
        let Some(job) = state.running.clone() else { return Err(Error::NoSuchJob { wanted: self.name.clone(), running: Vec::new() }) };
        match deed {
            JobDeed::CancelAndResubmit => {
                job.cancel(&self.rest, WITHIN).await?;
                let again = self.submit(&mut state, Launch::named(&self.name)).await?;
                Ok(format!("cancelled {} and submitted {} without its state", job.id, again.id))
            }
            JobDeed::Savepoint => {
                let path = self.rest.savepoint(&job.id, self.savepoints.as_deref(), SavepointFormat::Canonical, WITHIN).await?;
                let what = format!("savepoint {path} taken");
                state.newest_savepoint = Some(path);
                Ok(what)
            }
            JobDeed::StopAndRestore { parallelism } => {
                let path = job.stop(&self.rest, self.savepoints.as_deref(), WITHIN).await?;
                state.newest_savepoint = Some(path.clone());
                let mut launch = Launch::named(&self.name).restored_from(&path);
                launch.parallelism = parallelism.or(state.parallelism);
                let again = self.submit(&mut state, launch).await?;
                Ok(format!("stopped {} with savepoint {path}, restored as {}", job.id, again.id))
            }
            JobDeed::Rescale { parallelism } => {
                self.rescale(&job.id, *parallelism).await?;
                Ok(format!("asked for parallelism {parallelism}"))
            }
        }
    }

    async fn rescale(&self, job: &JobId, parallelism: u32) -> Result<(), Error> {
        let mut bounds = self.rest.resource_requirements(job).await?.value;
        for bound in bounds.values_mut() {
            *bound = ParallelismBounds { lower_bound: 1, upper_bound: parallelism };
        }
        Ok(self.rest.set_resource_requirements(job, &bounds).await?)
    }

    /// Sees to it that the job runs at `parallelism`: starts it from its newest savepoint when a drill left it stopped.
    ///
    /// # Errors
    /// When Flink refuses.
    pub async fn ensure(&self, parallelism: Option<u32>) -> Result<String, Error> {
        let mut state = self.state.lock().await;
        let Some(job) = state.running.clone() else { return Ok("there is no job".to_owned()) };
        let terminal = match self.rest.job_state(&job.id).await {
            Ok(now) => now.value.is_terminal(),
            Err(error) if error.is_not_found() => true,
            Err(error) => return Err(error.into()),
        };
        if terminal && job.origin == Origin::Submitted {
            let mut launch = Launch::named(&self.name);
            if let Some(path) = &state.newest_savepoint {
                launch = launch.restored_from(path);
            }
            launch.parallelism = parallelism;
            let again = self.submit(&mut state, launch).await?;
            return Ok(format!("started again as {}", again.id));
        }
        match parallelism {
            Some(parallelism) => match self.rescale(&job.id, parallelism).await {
                Ok(()) => Ok(format!("asked for parallelism {parallelism} again")),
                // A scheduler that refuses has never left it.
                Err(_) if self.seen().await?.parallelism == parallelism => Ok(format!("the job runs at parallelism {parallelism}")),
                Err(error) => Err(error),
            },
            None => Ok("the job runs".to_owned()),
        }
    }

    /// Ends the job, if squall submitted it.
    ///
    /// # Errors
    /// When Flink refuses or does not get there in time.
    pub async fn end(&self, within: Duration) -> Result<Option<JobId>, Error> {
        let mut state = self.state.lock().await;
        self.watched.send_replace(None);
        match state.running.take() {
            Some(job) if job.origin == Origin::Submitted => {
                job.cancel(&self.rest, within).await?;
                Ok(Some(job.id))
            }
            _ => Ok(None),
        }
    }
}

/// Whether a submission that failed like this may have gone through all the same.
fn may_come_yet(error: &Error) -> bool {
    matches!(error, Error::Flink(error) if error.is_unreachable() || matches!(error, flink::Error::Deadline { .. }))
}
