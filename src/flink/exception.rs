use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Answered, Error, JobId, Rest, lenient, root_cause, thrown_in};
use crate::clock::Timestamp;
use crate::http::Request;

/// The failures that the JobManager remembers (`web.exception-history-size`, 16 by default), newest first; gone after a JobManager
/// failover.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Exceptions {
    /// The failures.
    pub entries: Vec<ExceptionEntry>,
    /// Whether older ones exist.
    #[serde(default)]
    pub truncated: bool,
}

/// A failure of a task or of the job.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionEntry {
    /// Class of the outermost exception.
    pub exception_name: String,
    /// All of it.
    pub stacktrace: String,
    /// When the JobManager was told.
    #[serde(deserialize_with = "lenient::moment")]
    pub timestamp: Timestamp,
    /// Labels of failure enrichers.
    #[serde(default)]
    pub failure_labels: BTreeMap<String, String>,
    /// The task, such as `count (2/2) - execution #0`; none for failures of the whole job.
    #[serde(default)]
    pub task_name: Option<String>,
    /// Host and data port of its TaskManager.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// TaskManager of the task that *noticed*: often a survivor, not the victim.
    #[serde(default)]
    pub task_manager_id: Option<String>,
    /// What failed together with it.
    #[serde(default)]
    pub concurrent_exceptions: Vec<ExceptionEntry>,
}

impl ExceptionEntry {
    /// The innermost cause that says something, in one line.
    pub fn root_cause(&self) -> String {
        let cause = root_cause(&self.stacktrace);
        if cause.is_empty() { self.exception_name.clone() } else { cause }
    }

    /// The method that threw the innermost cause, with its class and package.
    pub fn thrown_in(&self) -> Option<&str> {
        thrown_in(&self.stacktrace)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    exception_history: Exceptions,
}

impl Rest {
    /// The newest `at_most` failures of a job; cached.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn exceptions(&self, job: &JobId, at_most: u32) -> Result<Answered<Exceptions>, Error> {
        let request = Request::get(["jobs", job.as_str(), "exceptions"]).query("maxExceptions", at_most.to_string());
        let answer: Answered<Answer> = self.http.ask(request).await?;
        Ok(answer.map(|answer| answer.exception_history))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{VERSIONS, answer};
    use super::*;

    #[test]
    fn reads_what_clusters_answered() {
        for version in VERSIONS {
            assert!(answer::<Answer>(version, "exceptions").exception_history.entries.is_empty());
        }
        let history = answer::<Answer>("2.3.0", "exceptions_kill").exception_history;
        let entry = &history.entries[0];
        assert_eq!(entry.root_cause(), "JobMasterException: TaskManager with id tm-A is no longer reachable.");
        assert_eq!(entry.task_name.as_deref(), Some("count (2/2) - execution #0"));
        assert_eq!(entry.timestamp.millis(), 1_795_251_203_305);
    }
}
