//! Typed clients of Flink's REST API ([`Rest`], versions 1.20 and 2.x) and of its SQL gateway ([`SqlGateway`]).
//!
//! An [`Access`] names one or more base addresses (several JobManagers, or one behind a path prefix). A request goes to the
//! address that answered last, then to the others. Every answer is an [`Answered`]: the value with the moments of asking and
//! answering on our clock, between which Flink made it.
//!
//! Flink answers partly from caches: job detail, vertices and exceptions are up to `web.refresh-interval` old (3 s),
//! checkpoints 3 s, metrics and backpressure 10 s. The time stamps *inside* the answers are exact.

mod cause;
mod checkpoint;
mod cluster;
mod error;
mod exception;
mod gateway;
mod id;
mod jar;
mod job;
mod lenient;
mod metric;
mod operation;
mod rescale;
mod taskmanager;
mod vertex;

pub use cause::{root_cause, thrown_in};
pub use checkpoint::{
    Alignment, Checkpoint, CheckpointConfig, CheckpointCounts, CheckpointStatus, Checkpoints, Externalization, LatestCheckpoints, Restored,
    SlowestSubtask, SnapshotTimes, SubtaskCheckpoint, TaskCheckpoint, TaskCheckpointDetail,
};
pub use cluster::{Features, Overview, WebConfig};
pub use error::Error;
pub use exception::{ExceptionEntry, Exceptions};
pub use gateway::{Session, SqlGateway, StatementResult};
pub use id::{JobId, VertexId};
pub use jar::{Jar, JarEntry, JarId, JarRun};
pub use job::{JobDetail, JobOverview, JobState, JobStatus, Plan, PlanInput, PlanNode, TaskState, VertexOverview};
pub use metric::{Aggregate, MetricScope, Metrics};
pub use operation::{CheckpointKind, Operation, SavepointFormat, TriggerId};
pub use rescale::ParallelismBounds;
pub use taskmanager::{AllocatedSlot, GarbageCollector, Hardware, TaskManager, TaskManagerDetail, TaskManagerMemory};
pub use vertex::{Backpressure, BackpressureSubtask, Subtask, VertexDetail};

pub use crate::http::{Access, Answered, Auth};

use crate::http::Http;

/// A client of a JobManager's REST API.
///
/// Reading methods ask with the [`Access`]'s time-out per address; methods that make the JobManager work (running a jar) take
/// longer and say so.
#[derive(Debug, Clone)]
pub struct Rest {
    http: Http,
}

impl Rest {
    /// Prepares the client; nothing is sent. Relative files in `access` count from `base`.
    ///
    /// # Errors
    /// When an address is no URL, a secret or the CA file cannot be read.
    pub fn new(access: &Access, base: &std::path::Path) -> Result<Self, Error> {
        Ok(Self { http: Http::new(access, base, cause::of_answer)? })
    }

    /// The addresses, in the order given.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.http.addresses()
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod fixtures {
    //! Answers that real clusters gave, and the check that they parse.
    #![allow(clippy::unwrap_used, clippy::panic)]

    use serde::de::DeserializeOwned;

    /// The versions that there are answers of.
    pub const VERSIONS: [&str; 2] = ["1.20.5", "2.3.0"];

    /// One captured answer, parsed.
    pub fn answer<T: DeserializeOwned>(version: &str, name: &str) -> T {
        let path = format!("{}/tests/fixtures/flink/{version}/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        serde_path_to_error::deserialize(&mut deserializer).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}
