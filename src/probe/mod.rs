//! Probes look at the pipeline from outside and record what they see. One file each.
//!
//! A probe says its resolution once ([`EventKind::Resolution`]), and every time that it could not look
//! ([`EventKind::ProbeFailed`]): what is missing is unknown, not zero.

mod checkpoints;
mod collections;
mod exceptions;
mod job;
mod links;
mod logs;
mod metrics;
mod offsets;
mod own;
mod processes;
mod queries;
mod taskmanagers;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Timestamp;
use crate::flink::{JobId, Rest};
use crate::journal::{EventKind, Record};

pub use collections::Collections;
pub use job::runs;
pub use links::watch_links;
pub use logs::Logs;
pub use offsets::Offsets;
pub use processes::Processes;
pub use queries::{Queries, Query};

/// The job that Flink probes look at. It changes when a fault submits the job anew; none while there is no job.
pub type WatchedJob = watch::Receiver<Option<JobId>>;

/// What the probes of Flink share.
#[derive(Clone)]
pub struct FlinkProbes {
    /// The JobManager's REST.
    pub rest: Rest,
    /// The job.
    pub job: WatchedJob,
    /// Where to.
    pub record: Arc<dyn Record>,
    /// Age of job details and checkpoints at most, by the cluster's configuration.
    pub detail_cache: Duration,
    /// Age of metrics at most, by the cluster's configuration.
    pub metric_cache: Duration,
    /// Exceptions that Flink remembers from this moment of its clock on are of this run, where the run began before its probes.
    pub exceptions_since: Option<Timestamp>,
}

impl std::fmt::Debug for FlinkProbes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlinkProbes").finish_non_exhaustive()
    }
}

impl FlinkProbes {
    /// Starts all probes of Flink; they end with `tasks`.
    pub fn start(self, tasks: &mut JoinSet<()>) {
        tasks.spawn(job::watch(self.clone()));
        tasks.spawn(checkpoints::watch(self.clone()));
        tasks.spawn(exceptions::watch(self.clone()));
        tasks.spawn(taskmanagers::watch(self.clone()));
        tasks.spawn(metrics::watch(self));
    }

    fn current(&self) -> Option<JobId> {
        self.job.borrow().clone()
    }
}

/// Starts the probe of squall itself: its CPU time and memory, which say whether the generator was the limit.
pub fn watch_own(record: Arc<dyn Record>, tasks: &mut JoinSet<()>) {
    tasks.spawn(own::watch(record));
}

/// Names a probe to the journal and gives its ticks.
fn ticks(record: &dyn Record, probe: &str, every: Duration, cache: Duration) -> tokio::time::Interval {
    record.record(EventKind::Resolution { probe: probe.to_owned(), interval: every.into(), cache: cache.into() });
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Says that a probe could not look.
fn failed(record: &dyn Record, probe: &str, error: &dyn std::error::Error) {
    record.record(EventKind::ProbeFailed { probe: probe.to_owned(), error: error.to_string() });
}
