//! What Flink does in its own time: savepoints, stopping, checkpoints on demand. Triggered, then polled.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Answered, Error, JobId, Rest, root_cause};
use crate::http::Request;
use crate::units::Duration;

/// Between two polls.
const POLL: Duration = Duration::from_millis(100);
/// Triggering waits for the JobMaster, which may be busy.
const TRIGGER: Duration = Duration::from_secs(10);

/// An operation under way. Flink forgets its outcome after `rest.async.store-duration` (5 min).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerId(String);

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Triggered {
    request_id: String,
}

/// How an operation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation<T> {
    /// Not done.
    InProgress,
    /// Done, with what.
    Completed(T),
    /// Failed, with the root cause in one line.
    Failed(String),
}

/// How a savepoint is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SavepointFormat {
    /// The same for all state backends; slower.
    #[default]
    Canonical,
    /// As the state backend keeps it.
    Native,
}

/// What a checkpoint on demand takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointKind {
    /// As the job is configured.
    #[default]
    Configured,
    /// All state.
    Full,
    /// What changed.
    Incremental,
}

impl fmt::Display for SavepointFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Canonical => "CANONICAL",
            Self::Native => "NATIVE",
        })
    }
}

impl fmt::Display for CheckpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configured => "CONFIGURED",
            Self::Full => "FULL",
            Self::Incremental => "INCREMENTAL",
        })
    }
}

#[derive(Deserialize)]
struct Polled {
    status: PolledStatus,
    #[serde(default)]
    operation: Option<Outcome>,
}

#[derive(Deserialize)]
struct PolledStatus {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Outcome {
    #[serde(default)]
    location: Option<String>,
    #[serde(default, rename = "checkpointId")]
    checkpoint_id: Option<u64>,
    #[serde(default)]
    failure_cause: Option<FailureCause>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FailureCause {
    class: String,
    #[serde(default)]
    stack_trace: String,
}

impl Polled {
    fn outcome<T>(self, result: impl FnOnce(&Outcome) -> Option<T>) -> Operation<T> {
        match self.operation {
            _ if self.status.id == "IN_PROGRESS" => Operation::InProgress,
            Some(Outcome { failure_cause: Some(cause), .. }) => {
                let line = root_cause(&cause.stack_trace);
                Operation::Failed(if line.is_empty() { cause.class } else { line })
            }
            Some(outcome) => result(&outcome).map_or_else(|| Operation::Failed("Flink gave no result".to_owned()), Operation::Completed),
            None => Operation::Failed(format!("Flink gave no result, status {}", self.status.id)),
        }
    }
}

impl Rest {
    /// Begins a savepoint below `target` (none: the cluster's `execution.checkpointing.savepoint-dir`). The job goes on.
    ///
    /// # Errors
    /// As [`Rest::job_state`]; a status of 400 where there is no directory.
    pub async fn trigger_savepoint(&self, job: &JobId, target: Option<&str>, format: SavepointFormat) -> Result<TriggerId, Error> {
        let body = serde_json::json!({ "target-directory": target, "cancel-job": false, "formatType": format.to_string() });
        self.trigger(["jobs", job.as_str(), "savepoints"], &body).await
    }

    /// Begins to stop a job with a savepoint; it ends FINISHED. `drain` emits the last watermark first.
    ///
    /// # Errors
    /// As [`Rest::trigger_savepoint`].
    pub async fn trigger_stop(&self, job: &JobId, target: Option<&str>, drain: bool, format: SavepointFormat) -> Result<TriggerId, Error> {
        let body = serde_json::json!({ "targetDirectory": target, "drain": drain, "formatType": format.to_string() });
        self.trigger(["jobs", job.as_str(), "stop"], &body).await
    }

    /// Begins a checkpoint now.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn trigger_checkpoint(&self, job: &JobId, kind: CheckpointKind) -> Result<TriggerId, Error> {
        self.trigger(["jobs", job.as_str(), "checkpoints"], &serde_json::json!({ "checkpointType": kind.to_string() })).await
    }

    /// How a savepoint or stop stands: its path when done.
    ///
    /// # Errors
    /// As [`Rest::job_state`]; [`Error::is_not_found`] once Flink has forgotten it.
    pub async fn savepoint_status(&self, job: &JobId, trigger: &TriggerId) -> Result<Answered<Operation<String>>, Error> {
        let polled: Answered<Polled> = self.http.ask(Request::get(["jobs", job.as_str(), "savepoints", &trigger.0])).await?;
        Ok(polled.map(|polled| polled.outcome(|outcome| outcome.location.clone())))
    }

    /// How a checkpoint on demand stands: its id when done.
    ///
    /// # Errors
    /// As [`Rest::savepoint_status`].
    pub async fn checkpoint_status(&self, job: &JobId, trigger: &TriggerId) -> Result<Answered<Operation<u64>>, Error> {
        let polled: Answered<Polled> = self.http.ask(Request::get(["jobs", job.as_str(), "checkpoints", &trigger.0])).await?;
        Ok(polled.map(|polled| polled.outcome(|outcome| outcome.checkpoint_id)))
    }

    /// Takes a savepoint and waits for its path.
    ///
    /// # Errors
    /// As [`Rest::trigger_savepoint`]; [`Error::Failed`] with Flink's cause; [`Error::Deadline`].
    pub async fn savepoint(&self, job: &JobId, target: Option<&str>, format: SavepointFormat, within: Duration) -> Result<String, Error> {
        let trigger = self.trigger_savepoint(job, target, format).await?;
        self.path_of(job, &trigger, format!("savepoint of job {job}"), within).await
    }

    /// Stops a job with a savepoint and waits for its path.
    ///
    /// # Errors
    /// As [`Rest::savepoint`].
    pub async fn stop(
        &self,
        job: &JobId,
        target: Option<&str>,
        drain: bool,
        format: SavepointFormat,
        within: Duration,
    ) -> Result<String, Error> {
        let trigger = self.trigger_stop(job, target, drain, format).await?;
        self.path_of(job, &trigger, format!("stop with savepoint of job {job}"), within).await
    }

    async fn trigger<const N: usize>(&self, path: [&str; N], body: &serde_json::Value) -> Result<TriggerId, Error> {
        let triggered: Answered<Triggered> = self.http.ask_with(Request::post(path).timeout(TRIGGER), body).await?;
        Ok(TriggerId(triggered.value.request_id))
    }

    async fn path_of(&self, job: &JobId, trigger: &TriggerId, what: String, within: Duration) -> Result<String, Error> {
        let poll = async {
            loop {
                match self.savepoint_status(job, trigger).await?.value {
                    Operation::InProgress => tokio::time::sleep(POLL.0).await,
                    Operation::Completed(path) => return Ok(path),
                    Operation::Failed(cause) => return Err(Error::Failed { what: what.clone(), cause }),
                }
            }
        };
        match tokio::time::timeout(within.0, poll).await {
            Ok(result) => result,
            Err(_) => Err(Error::Deadline { what, within }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn savepoint(text: &str) -> Operation<String> {
        serde_json::from_str::<Polled>(text).unwrap().outcome(|outcome| outcome.location.clone())
    }

    #[test]
    fn outcomes() {
        assert_eq!(savepoint(r#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#), Operation::InProgress);
        assert_eq!(
            savepoint(r#"{"status":{"id":"COMPLETED"},"operation":{"location":"file:/sp/1"}}"#),
            Operation::Completed("file:/sp/1".to_owned())
        );
        let failed = r#"{"status":{"id":"COMPLETED"},"operation":{"failure-cause":{"class":"java.io.IOException",
            "stack-trace":"java.util.concurrent.CompletionException: x\n\tat a.b(C)\nCaused by: java.io.IOException: disk full\n\tat d.e(F)\n",
            "serialized-throwable":"AA=="}}}"#;
        assert_eq!(savepoint(failed), Operation::Failed("IOException: disk full".to_owned()));
        let checkpoint: Polled = serde_json::from_str(r#"{"status":{"id":"COMPLETED"},"operation":{"checkpointId":7}}"#).unwrap();
        assert_eq!(checkpoint.outcome(|outcome| outcome.checkpoint_id), Operation::Completed(7));
    }
}
