use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Answered, Error, JobId, Rest, VertexId, lenient};
use crate::clock::Timestamp;
use crate::http::Request;

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
            /// A state that this version of squall does not know.
            #[serde(other, rename = "UNKNOWN")]
            Unknown,
        }

        impl $name {
            /// All that this version of squall knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As Flink writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown => "UNKNOWN",
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

states!(
    /// State of a job. RUNNING does not mean that it processes: its tasks may still wait for slots.
    JobState {
        /// The JobMaster is being made.
        Initializing = "INITIALIZING",
        /// No task scheduled yet.
        Created = "CREATED",
        /// Tasks are scheduled, deploying or running.
        Running = "RUNNING",
        /// Tasks are being cancelled after a failure for good.
        Failing = "FAILING",
        /// Failed for good.
        Failed = "FAILED",
        /// Being cancelled.
        Cancelling = "CANCELLING",
        /// Cancelled.
        Canceled = "CANCELED",
        /// Ended by itself, or stopped with a savepoint.
        Finished = "FINISHED",
        /// Waiting for the restart strategy's delay.
        Restarting = "RESTARTING",
        /// Its JobManager lost leadership.
        Suspended = "SUSPENDED",
        /// Taking over running tasks.
        Reconciling = "RECONCILING",
    }
);

states!(
    /// State of a task (one subtask of a vertex).
    TaskState {
        /// Known, not scheduled.
        Created = "CREATED",
        /// Waiting for a slot.
        Scheduled = "SCHEDULED",
        /// Being sent to its TaskManager.
        Deploying = "DEPLOYING",
        /// Restoring its state.
        Initializing = "INITIALIZING",
        /// Processing.
        Running = "RUNNING",
        /// Ended by itself.
        Finished = "FINISHED",
        /// Being cancelled.
        Canceling = "CANCELING",
        /// Cancelled.
        Canceled = "CANCELED",
        /// Failed.
        Failed = "FAILED",
        /// Being taken over.
        Reconciling = "RECONCILING",
    }
);

impl JobState {
    /// Whether the job can never run again.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled | Self::Finished)
    }
}

/// A job in the list of jobs; never cached.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobOverview {
    /// Its id.
    #[serde(rename = "jid")]
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: JobState,
    /// When it was submitted.
    #[serde(deserialize_with = "lenient::moment")]
    pub start_time: Timestamp,
    /// When it ended.
    #[serde(deserialize_with = "lenient::moment_if_any")]
    pub end_time: Option<Timestamp>,
    /// When its state or a task's last changed.
    #[serde(deserialize_with = "lenient::moment")]
    pub last_modification: Timestamp,
    /// Number of tasks by state (lower case), and `total`.
    pub tasks: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
struct JobOverviews {
    jobs: Vec<JobOverview>,
}

/// `/jobs/:id/status`; never cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct JobStatus {
    /// Its state.
    pub status: JobState,
}

/// `/jobs/:id`; cached, but for [`JobDetail::now`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobDetail {
    /// Its id.
    #[serde(rename = "jid")]
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: JobState,
    /// When it was submitted.
    #[serde(deserialize_with = "lenient::moment")]
    pub start_time: Timestamp,
    /// When it ended.
    #[serde(deserialize_with = "lenient::moment_if_any")]
    pub end_time: Option<Timestamp>,
    /// The JobManager's clock while it answered, in whole milliseconds.
    #[serde(deserialize_with = "lenient::moment")]
    pub now: Timestamp,
    #[serde(deserialize_with = "entered")]
    timestamps: BTreeMap<JobState, Timestamp>,
    /// Its vertices, in Flink's order.
    pub vertices: Vec<VertexOverview>,
    /// How they hang together.
    pub plan: Plan,
    /// `Default` or `Adaptive`; from 2.3 on.
    #[serde(default, rename = "schedulerType")]
    pub scheduler_type: Option<String>,
}

fn entered<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<JobState, Timestamp>, D::Error> {
    let millis = BTreeMap::<JobState, i64>::deserialize(deserializer)?;
    Ok(millis.into_iter().filter(|(_, millis)| *millis > 0).map(|(state, millis)| (state, Timestamp::from_millis(millis))).collect())
}

/// A vertex within [`JobDetail`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VertexOverview {
    /// Its id.
    pub id: VertexId,
    /// The chained operators' names.
    pub name: String,
    /// Number of its subtasks.
    pub parallelism: u32,
    /// Number of key groups.
    #[serde(rename = "maxParallelism")]
    pub max_parallelism: i32,
    /// Tasks by state. Trust these, not the vertex's own aggregate.
    pub tasks: BTreeMap<TaskState, u32>,
}

impl VertexOverview {
    /// Number of tasks in `state`.
    pub fn tasks_in(&self, state: TaskState) -> u32 {
        self.tasks.get(&state).copied().unwrap_or(0)
    }
}

/// The job graph.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plan {
    /// Its vertices, sinks first as Flink writes them.
    pub nodes: Vec<PlanNode>,
}

/// A vertex of the job graph with its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlanNode {
    /// The vertex.
    pub id: VertexId,
    /// Number of its subtasks.
    pub parallelism: u32,
    /// Its operators, as HTML.
    #[serde(default)]
    pub description: String,
    /// What flows into it; empty for sources.
    #[serde(default)]
    pub inputs: Vec<PlanInput>,
}

/// An edge of the job graph.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlanInput {
    /// The upstream vertex.
    pub id: VertexId,
    /// `HASH`, `REBALANCE`, `FORWARD`, …
    #[serde(default)]
    pub ship_strategy: String,
}

impl Plan {
    /// Every vertex after all of its inputs; vertices of a loop, which have no such order, at the end.
    pub fn topological(&self) -> Vec<&PlanNode> {
        let mut waiting: Vec<&PlanNode> = self.nodes.iter().rev().collect();
        let mut ordered: Vec<&PlanNode> = Vec::with_capacity(waiting.len());
        loop {
            let ready = waiting.iter().position(|node| {
                node.inputs
                    .iter()
                    .all(|input| ordered.iter().any(|done| done.id == input.id) || !waiting.iter().any(|other| other.id == input.id))
            });
            match ready {
                Some(index) => ordered.push(waiting.remove(index)),
                None => {
                    ordered.append(&mut waiting);
                    return ordered;
                }
            }
        }
    }
}

impl JobDetail {
    /// When the job last entered `state`. With the adaptive scheduler RESTARTING stays unset, and CREATED and RUNNING move.
    pub fn entered(&self, state: JobState) -> Option<Timestamp> {
        self.timestamps.get(&state).copied()
    }

    /// The vertices, each after its inputs.
    pub fn topological(&self) -> Vec<&VertexOverview> {
        let order: Vec<&VertexId> = self.plan.topological().into_iter().map(|node| &node.id).collect();
        let mut vertices: Vec<&VertexOverview> = self.vertices.iter().collect();
        vertices.sort_by_key(|vertex| order.iter().position(|id| **id == vertex.id).unwrap_or(usize::MAX));
        vertices
    }

    /// Whether the job and every subtask of every vertex is RUNNING.
    pub fn all_running(&self) -> bool {
        self.state == JobState::Running
            && !self.vertices.is_empty()
            && self.vertices.iter().all(|vertex| vertex.tasks_in(TaskState::Running) == vertex.parallelism)
    }
}

impl Rest {
    /// All jobs that the JobManager remembers, in no stable order.
    ///
    /// # Errors
    /// As [`Rest::overview`].
    pub async fn jobs(&self) -> Result<Answered<Vec<JobOverview>>, Error> {
        let answer: Answered<JobOverviews> = self.http.ask(Request::get(["jobs", "overview"])).await?;
        Ok(answer.map(|answer| answer.jobs))
    }

    /// The state of a job: the cheapest fresh poll.
    ///
    /// # Errors
    /// As [`Rest::overview`]; [`Error::is_not_found`] for a job that is unknown (a JobManager without HA forgets all).
    pub async fn job_state(&self, job: &JobId) -> Result<Answered<JobState>, Error> {
        let answer: Answered<JobStatus> = self.http.ask(Request::get(["jobs", job.as_str(), "status"])).await?;
        Ok(answer.map(|answer| answer.status))
    }

    /// Vertices, tasks, time stamps and plan of a job.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn job(&self, job: &JobId) -> Result<Answered<JobDetail>, Error> {
        Ok(self.http.ask(Request::get(["jobs", job.as_str()])).await?)
    }

    /// Asks a job to end, without a savepoint. Returns at once.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn cancel(&self, job: &JobId) -> Result<(), Error> {
        let request = Request::new(reqwest::Method::PATCH, ["jobs", job.as_str()]).query("mode", "cancel");
        self.http.ask::<serde::de::IgnoredAny>(request).await?;
        Ok(())
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
            let job: JobDetail = answer(version, "job");
            assert_eq!(job.state, JobState::Running);
            assert!(job.all_running());
            assert_eq!(
                job.topological().iter().map(|vertex| vertex.name.as_str()).collect::<Vec<_>>(),
                ["Source: gen", "count", "sink: Writer"]
            );
            assert!(job.now > job.start_time && job.end_time.is_none());
            assert!(job.entered(JobState::Running).is_some() && job.entered(JobState::Restarting).is_none());
            let jobs: JobOverviews = answer(version, "jobs_overview");
            assert_eq!(jobs.jobs[0].tasks["running"], jobs.jobs[0].tasks["total"]);
            assert_eq!(answer::<JobStatus>(version, "status").status, JobState::Running);
        }
    }

    #[test]
    fn an_unknown_state_is_not_an_error() {
        assert_eq!(serde_json::from_str::<JobState>("\"PONDERING\"").unwrap(), JobState::Unknown);
    }

    #[test]
    fn a_job_with_a_scheduled_task_is_not_running() {
        let mut job: JobDetail = answer("2.3.0", "job");
        job.vertices[1].tasks.insert(TaskState::Running, 1);
        assert!(!job.all_running());
    }

    #[test]
    fn loops_have_an_order_too() {
        let node = |id: &str, inputs: &[&str]| PlanNode {
            id: id.into(),
            parallelism: 1,
            description: String::new(),
            inputs: inputs.iter().map(|id| PlanInput { id: (*id).into(), ship_strategy: String::new() }).collect(),
        };
        let plan = Plan { nodes: vec![node("c", &["b", "a"]), node("b", &["a", "c"]), node("a", &[])] };
        let order: Vec<&str> = plan.topological().into_iter().map(|node| node.id.as_str()).collect();
        assert_eq!(order, ["a", "b", "c"]);
    }
}
