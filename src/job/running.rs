use serde::{Deserialize, Serialize};

use super::Error;
use crate::flink::{self, Answered, JobDetail, JobId, JobState, Rest, SavepointFormat, TaskState};
use crate::units::Duration;

/// Between two looks at the job.
const POLL: Duration = Duration::from_millis(100);

/// Whose job it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// squall submitted it and may end it.
    Submitted,
    /// It ran before; squall leaves it alone.
    Attached,
}

/// A job in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunningJob {
    /// Its id; another one after each submission.
    pub id: JobId,
    /// Its name in Flink.
    pub name: String,
    /// Whose it is.
    pub origin: Origin,
}

impl RunningJob {
    /// A job just submitted; its name as Flink knows it.
    pub(super) async fn submitted(rest: &Rest, id: JobId, origin: Origin) -> Result<Self, Error> {
        let jobs = rest.jobs().await?;
        let name = jobs.iter().find(|job| job.id == id).map_or_else(|| id.to_string(), |job| job.name.clone());
        Ok(Self { id, name, origin })
    }

    /// Waits until every subtask of every vertex is RUNNING, and returns the job as it is then.
    ///
    /// # Errors
    /// [`Error::Ended`] with the root cause when it fails (or ends); [`Error::NotRunning`] after `within`, with what is missing;
    /// [`Error::Flink`] when Flink answers with an error. An address that does not answer is asked again until then.
    pub async fn wait_until_running(&self, rest: &Rest, within: Duration) -> Result<Answered<JobDetail>, Error> {
        let deadline = tokio::time::Instant::now() + within.0;
        loop {
            let waiting = match rest.job(&self.id).await {
                Ok(job) if job.all_running() => return Ok(job),
                Ok(job) if job.state.is_terminal() => {
                    return Err(Error::Ended { name: self.name.clone(), state: job.state, cause: self.last_failure(rest).await });
                }
                Ok(job) => missing(&job),
                // A submitted job is unknown for a moment.
                Err(error) if error.is_unreachable() || error.is_not_found() => error.to_string(),
                Err(error) => return Err(error.into()),
            };
            if tokio::time::Instant::now() >= deadline {
                let cause = self.last_failure(rest).await;
                return Err(Error::NotRunning { name: self.name.clone(), within, waiting, cause });
            }
            tokio::time::sleep(POLL.0).await;
        }
    }

    /// Root cause of the newest failure that Flink remembers, in one line.
    pub async fn last_failure(&self, rest: &Rest) -> Option<String> {
        let exceptions = rest.exceptions(&self.id, 1).await.ok()?;
        exceptions.entries.first().map(flink::ExceptionEntry::root_cause)
    }

    /// Cancels the job and waits until it has ended; one that has ended already, or that Flink does not know any more, is fine.
    ///
    /// # Errors
    /// [`Error::NotOurs`], [`Error::NotEnded`], [`Error::Flink`].
    pub async fn cancel(&self, rest: &Rest, within: Duration) -> Result<(), Error> {
        if self.origin == Origin::Attached {
            return Err(Error::NotOurs { deed: "cancel" });
        }
        let deadline = tokio::time::Instant::now() + within.0;
        let mut state = JobState::Unknown;
        let mut asked = false;
        loop {
            let problem = match rest.job_state(&self.id).await {
                Ok(now) if now.is_terminal() => return Ok(()),
                Ok(now) => {
                    state = now.value;
                    if asked {
                        None
                    } else {
                        let answer = rest.cancel(&self.id).await;
                        asked = answer.is_ok();
                        answer.err()
                    }
                }
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => Some(error),
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(problem.map_or_else(|| Error::NotEnded { name: self.name.clone(), within, state }, Error::Flink));
            }
            tokio::time::sleep(POLL.0).await;
        }
    }

    /// Where the newest checkpoint lies that Flink has kept, to start from. Ask after [`RunningJob::cancel`]: before, the next
    /// checkpoint deletes the one that is told. None without `externalized-checkpoint-retention: RETAIN_ON_CANCELLATION`.
    ///
    /// # Errors
    /// [`Error::Flink`].
    pub async fn retained_checkpoint(&self, rest: &Rest) -> Result<Option<String>, Error> {
        let checkpoints = rest.checkpoints(&self.id).await?.value;
        let newest = checkpoints.latest.completed.filter(|checkpoint| !checkpoint.discarded);
        Ok(newest.and_then(|checkpoint| checkpoint.external_path))
    }

    /// Stops the job with a savepoint below `target` (none: the cluster's own directory) and returns the savepoint's path once
    /// the job has ended.
    ///
    /// # Errors
    /// [`Error::NotOurs`], [`Error::NotEnded`], [`Error::Flink`] (with the cause when the savepoint fails: then the job goes on).
    pub async fn stop(&self, rest: &Rest, target: Option<&str>, within: Duration) -> Result<String, Error> {
        if self.origin == Origin::Attached {
            return Err(Error::NotOurs { deed: "stop" });
        }
        let deadline = tokio::time::Instant::now() + within.0;
        let path = rest.stop(&self.id, target, false, SavepointFormat::Canonical, within).await?;
        // Slots are free only when the job has ended, a moment after the savepoint.
        loop {
            let state = rest.job_state(&self.id).await?.value;
            if state.is_terminal() {
                return Ok(path);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::NotEnded { name: self.name.clone(), within, state });
            }
            tokio::time::sleep(POLL.0).await;
        }
    }
}

/// What a job lacks to run: `RESTARTING`, or `count: 1 of 2 running, 1 SCHEDULED`.
fn missing(job: &JobDetail) -> String {
    let mut parts = Vec::new();
    for vertex in job.topological() {
        let running = vertex.tasks_in(TaskState::Running);
        if running == vertex.parallelism {
            continue;
        }
        let mut part = format!("{}: {running} of {} running", vertex.name, vertex.parallelism);
        for (state, count) in vertex.tasks.iter().filter(|(state, count)| **state != TaskState::Running && **count > 0) {
            part.push_str(&format!(", {count} {state}"));
        }
        parts.push(part);
    }
    if job.state != JobState::Running || parts.is_empty() {
        parts.insert(0, format!("it is {}", job.state));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::flink::Access;

    const RUNNING: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/flink/2.3.0/job.json"));
    const KILLED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/flink/2.3.0/exceptions_kill.json"));

    /// A JobManager that answers `/jobs/j` with `answers`, one after the other, then with the last one for ever.
    async fn jobmanager(answers: Vec<String>) -> Rest {
        let turn = Arc::new(AtomicUsize::new(0));
        let answer = move || {
            let turn = turn.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            let answer = answers[turn].clone();
            async move { answer }
        };
        let router = Router::new().route("/jobs/j", get(answer)).route("/jobs/j/exceptions", get(|| async { KILLED }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Rest::new(&Access::to([address]), Path::new("/")).unwrap()
    }

    fn job(origin: Origin) -> RunningJob {
        RunningJob { id: "j".into(), name: "probe-job".to_owned(), origin }
    }

    /// The captured job with one task of `count` waiting for a slot.
    fn scheduled() -> String {
        let mut answer: serde_json::Value = serde_json::from_str(RUNNING).unwrap();
        answer["vertices"][1]["tasks"]["RUNNING"] = 1.into();
        answer["vertices"][1]["tasks"]["SCHEDULED"] = 1.into();
        answer.to_string()
    }

    #[tokio::test]
    async fn running_means_all_tasks() {
        let rest = jobmanager(vec![scheduled(), scheduled(), RUNNING.to_owned()]).await;
        let detail = job(Origin::Submitted).wait_until_running(&rest, Duration::from_secs(30)).await.unwrap();
        assert!(detail.all_running());
    }

    #[tokio::test]
    async fn a_job_that_waits_says_for_what() {
        let rest = jobmanager(vec![scheduled()]).await;
        let error = job(Origin::Submitted).wait_until_running(&rest, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "job `probe-job` does not run after 50ms: count: 1 of 2 running, 1 SCHEDULED: \
             JobMasterException: TaskManager with id tm-A is no longer reachable."
        );
    }

    #[tokio::test]
    async fn a_failed_job_says_why() {
        let rest = jobmanager(vec![RUNNING.replacen("\"state\":\"RUNNING\"", "\"state\":\"FAILED\"", 1)]).await;
        let error = job(Origin::Submitted).wait_until_running(&rest, Duration::from_secs(30)).await.unwrap_err();
        assert_eq!(error.to_string(), "job `probe-job` is FAILED: JobMasterException: TaskManager with id tm-A is no longer reachable.");
    }

    #[tokio::test]
    async fn a_foreign_job_is_left_alone() {
        let rest = jobmanager(vec![RUNNING.to_owned()]).await;
        let job = job(Origin::Attached);
        assert!(matches!(job.cancel(&rest, Duration::ZERO).await, Err(Error::NotOurs { .. })));
        assert!(matches!(job.stop(&rest, None, Duration::ZERO).await, Err(Error::NotOurs { .. })));
    }
}
