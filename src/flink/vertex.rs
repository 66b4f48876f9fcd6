use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Answered, Error, JobId, Rest, TaskState, VertexId, lenient};
use crate::clock::Timestamp;
use crate::http::Request;

/// `/jobs/:id/vertices/:vid`; cached, but for [`VertexDetail::now`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VertexDetail {
    /// Its id.
    pub id: VertexId,
    /// The chained operators' names.
    pub name: String,
    /// Number of its subtasks.
    pub parallelism: u32,
    /// The JobManager's clock while it answered, in whole milliseconds.
    #[serde(deserialize_with = "lenient::moment")]
    pub now: Timestamp,
    /// Its subtasks, in order.
    pub subtasks: Vec<Subtask>,
}

/// A subtask in its present attempt.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Subtask {
    /// Index within the vertex, from 0.
    #[serde(rename = "subtask")]
    pub index: u32,
    /// Its state.
    pub status: TaskState,
    /// Counts its restarts.
    pub attempt: u32,
    /// TaskManager that runs it; `(unassigned)` before it has a slot.
    #[serde(default)]
    pub taskmanager_id: Option<String>,
    /// Host and data port of that TaskManager.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// When this attempt was deployed.
    #[serde(default, deserialize_with = "lenient::moment_if_any")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient::moment_if_any")]
    pub end_time: Option<Timestamp>,
    /// Milliseconds in each state: INITIALIZING is the restoring of state.
    #[serde(default)]
    pub status_duration: BTreeMap<TaskState, i64>,
}

impl Subtask {
    /// The TaskManager's id, when it has one.
    pub fn taskmanager(&self) -> Option<&str> {
        self.taskmanager_id.as_deref().filter(|id| !id.is_empty() && !id.starts_with('('))
    }
}

impl Subtask {
    /// When this attempt entered each of its states, as far as its deployment time and its durations tell.
    pub fn entered(&self) -> BTreeMap<TaskState, Timestamp> {
        let mut entered = BTreeMap::new();
        let Some(deployed) = self.start_time else { return entered };
        // Durations that no clock can hold are no durations.
        let lasted =
            |state| self.status_duration.get(&state).filter(|millis| **millis >= 0).and_then(|millis| millis.checked_mul(1_000_000));
        if let Some(waited) = lasted(TaskState::Scheduled) {
            entered.insert(TaskState::Scheduled, Timestamp(deployed.0.saturating_sub(waited)));
        }
        let mut at = deployed;
        for (state, next) in [
            (TaskState::Deploying, TaskState::Initializing),
            (TaskState::Initializing, TaskState::Running),
            (TaskState::Running, TaskState::Finished),
        ] {
            let Some(duration) = lasted(state) else { break };
            entered.insert(state, at);
            if next == TaskState::Finished || (lasted(next).is_none() && self.status != next) {
                break;
            }
            at = Timestamp(at.0.saturating_add(duration));
        }
        entered
    }
}

/// `/jobs/:id/vertices/:vid/backpressure`, from metrics that lag by up to a minute.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Backpressure {
    status: String,
    /// When Flink computed it.
    #[serde(default, rename = "end-timestamp", deserialize_with = "lenient::moment_if_any")]
    pub computed: Option<Timestamp>,
    #[serde(default)]
    subtasks: Option<Vec<BackpressureSubtask>>,
}

/// Shares of a subtask's time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackpressureSubtask {
    /// Index within the vertex.
    #[serde(rename = "subtask")]
    pub index: u32,
    /// Share of time backpressured, 0 to 1.
    #[serde(deserialize_with = "lenient::number")]
    pub ratio: f64,
    /// Share of time idle, 0 to 1; `NaN` when unknown.
    #[serde(deserialize_with = "lenient::number")]
    pub idle_ratio: f64,
    /// Share of time busy, 0 to 1; `NaN` when unknown.
    #[serde(deserialize_with = "lenient::number")]
    pub busy_ratio: f64,
}

impl Backpressure {
    /// The subtasks; none while Flink has no (or only outdated) data.
    pub fn subtasks(&self) -> Option<&[BackpressureSubtask]> {
        self.subtasks.as_deref().filter(|subtasks| self.status == "ok" && !subtasks.is_empty())
    }
}

impl Rest {
    /// The subtasks of a vertex: where each runs, which attempt, how long in which state; cached.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn vertex(&self, job: &JobId, vertex: &VertexId) -> Result<Answered<VertexDetail>, Error> {
        Ok(self.http.ask(Request::get(["jobs", job.as_str(), "vertices", vertex.as_str()])).await?)
    }

    /// Backpressured, idle and busy shares of a vertex's subtasks; cached.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn backpressure(&self, job: &JobId, vertex: &VertexId) -> Result<Answered<Backpressure>, Error> {
        Ok(self.http.ask(Request::get(["jobs", job.as_str(), "vertices", vertex.as_str(), "backpressure"])).await?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixtures::{VERSIONS, answer};
    use super::*;

    #[test]
    fn reads_what_clusters_answered() {
        for version in VERSIONS {
            let vertex: VertexDetail = answer(version, "vert");
            assert_eq!(vertex.subtasks.len(), 2);
            assert!(vertex.subtasks[0].taskmanager().is_some_and(|id| id.starts_with("tm-")));
            assert!(vertex.subtasks[0].status_duration[&TaskState::Initializing] >= 0);
            let pressure: Backpressure = answer(version, "bp");
            assert!(pressure.subtasks().is_some_and(|subtasks| subtasks.len() == 2 && subtasks[0].idle_ratio > 0.5));
        }
    }

    #[test]
    fn a_restarted_subtask_is_another_attempt() {
        let vertex: VertexDetail = answer("2.3.0", "vert_kill");
        assert!(vertex.subtasks.iter().all(|subtask| subtask.attempt == 3 && subtask.status == TaskState::Running));
        assert!(vertex.subtasks.iter().all(|subtask| subtask.taskmanager() == Some("tm-1")));
    }

    #[test]
    fn a_duration_that_no_clock_can_hold_is_none() {
        let mut vertex: VertexDetail = answer("2.3.0", "vert");
        let subtask = &mut vertex.subtasks[0];
        subtask.status_duration.insert(TaskState::Scheduled, i64::MAX);
        let entered = subtask.entered();
        assert!(!entered.contains_key(&TaskState::Scheduled) && entered.contains_key(&TaskState::Running), "{entered:?}");
    }

    #[test]
    fn no_data_is_not_zero() {
        let frozen: Backpressure = serde_json::from_str(r#"{"status":"deprecated","subtasks":null}"#).unwrap();
        assert!(frozen.subtasks().is_none());
    }
}
