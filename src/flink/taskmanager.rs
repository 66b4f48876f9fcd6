use serde::Deserialize;

use super::{Answered, Error, JobId, Rest, lenient};
use crate::clock::Timestamp;
use crate::http::Request;

/// A registered TaskManager; never cached.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManager {
    /// Its resource id: `taskmanager.resource-id` where that is set, else made up; the pod's name on Kubernetes.
    pub id: String,
    /// Its RPC address.
    pub path: String,
    /// Port for data between TaskManagers.
    pub data_port: i32,
    /// When its last heartbeat came (Flink calls the field `timeSinceLastHeartbeat`).
    #[serde(rename = "timeSinceLastHeartbeat", deserialize_with = "lenient::moment_if_any")]
    pub last_heartbeat: Option<Timestamp>,
    /// All its slots.
    pub slots_number: u32,
    /// Its free slots.
    pub free_slots: u32,
    /// Tasks on it; from 2.3 on.
    #[serde(default)]
    pub assigned_tasks: Option<u32>,
    /// Its machine.
    pub hardware: Hardware,
}

/// What a TaskManager says about its machine; bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardware {
    /// Cores.
    pub cpu_cores: u32,
    /// RAM of the machine.
    pub physical_memory: u64,
    /// Largest heap of the JVM.
    pub free_memory: u64,
    /// Flink's managed memory.
    pub managed_memory: u64,
}

#[derive(Deserialize)]
struct TaskManagers {
    taskmanagers: Vec<TaskManager>,
}

/// A TaskManager with its slots and memory.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManagerDetail {
    /// Its resource id.
    pub id: String,
    /// Its free slots.
    pub free_slots: u32,
    /// Slots that a job holds.
    #[serde(default)]
    pub allocated_slots: Vec<AllocatedSlot>,
    /// Memory and garbage collection.
    pub metrics: TaskManagerMemory,
}

/// A slot that a job holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocatedSlot {
    /// The job.
    pub job_id: JobId,
}

/// Memory of a TaskManager in bytes; cached like metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManagerMemory {
    /// Heap in use.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub heap_used: Option<u64>,
    /// Largest heap.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub heap_max: Option<u64>,
    /// Non-heap in use.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub non_heap_used: Option<u64>,
    /// Network buffers in use.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub netty_shuffle_memory_used: Option<u64>,
    /// All network buffers.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub netty_shuffle_memory_total: Option<u64>,
    /// Its garbage collectors; `All` sums them.
    #[serde(default)]
    pub garbage_collectors: Vec<GarbageCollector>,
}

/// A garbage collector's counters since the process started.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GarbageCollector {
    /// Such as `G1_Young_Generation`.
    pub name: String,
    /// Collections.
    pub count: i64,
    /// Milliseconds spent.
    pub time: i64,
}

impl Rest {
    /// The registered TaskManagers. A killed one stays until its heartbeats are missed.
    ///
    /// # Errors
    /// As [`Rest::overview`].
    pub async fn taskmanagers(&self) -> Result<Answered<Vec<TaskManager>>, Error> {
        let answer: Answered<TaskManagers> = self.http.ask(Request::get(["taskmanagers"])).await?;
        Ok(answer.map(|answer| answer.taskmanagers))
    }

    /// Slots and memory of a TaskManager.
    ///
    /// # Errors
    /// As [`Rest::overview`]; an unknown id is a status of 404 or 500, by version.
    pub async fn taskmanager(&self, id: &str) -> Result<Answered<TaskManagerDetail>, Error> {
        Ok(self.http.ask(Request::get(["taskmanagers", id])).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{VERSIONS, answer};
    use super::*;

    #[test]
    fn reads_what_clusters_answered() {
        for version in VERSIONS {
            let all: TaskManagers = answer(version, "tms");
            assert_eq!(all.taskmanagers.iter().map(|tm| tm.slots_number).sum::<u32>(), 4);
            assert!(all.taskmanagers[0].last_heartbeat.is_some_and(|moment| moment.millis() > 1_700_000_000_000));
            let one: TaskManagerDetail = answer(version, "tm");
            assert!(one.metrics.heap_used < one.metrics.heap_max);
            assert!(one.metrics.garbage_collectors.iter().any(|collector| collector.count > 0));
        }
    }
}
