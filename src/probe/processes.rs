//! Resident memory, open files and threads of the cluster's processes on this machine, and the disk that checkpoints take.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ticks;
use crate::clock::{self, Timestamp};
use crate::cluster::Cluster;
use crate::journal::{Of, Record};
use crate::metric::Metric;

const PROBE: &str = "processes";
const EVERY: Duration = Duration::from_secs(2);

/// What the probe looks at.
#[derive(Debug, Clone)]
pub struct Processes {
    /// Whose nodes.
    pub cluster: Arc<Cluster>,
    /// Folder of checkpoints, where it is on this machine.
    pub checkpoints: Option<PathBuf>,
}

impl Processes {
    /// Starts the probe; it ends with `tasks`.
    pub fn start(self, record: Arc<dyn Record>, tasks: &mut JoinSet<()>) {
        tasks.spawn(async move {
            let record = &*record;
            let mut ticks = ticks(record, PROBE, EVERY, Duration::ZERO);
            loop {
                ticks.tick().await;
                match self.cluster.processes_here().await {
                    Ok(processes) => {
                        let at = clock::now();
                        processes.iter().for_each(|(name, pid)| look(name, *pid, at, record));
                    }
                    Err(error) => super::failed(record, PROBE, &error),
                }
                if let Some(folder) = self.checkpoints.clone()
                    && let Ok(bytes) = tokio::task::spawn_blocking(move || bytes_below(&folder)).await
                {
                    record.sample_at(clock::now(), Metric::CheckpointDisk, Of::Run, bytes as f64);
                }
            }
        });
    }
}

/// A process that has just gone is no error: the job probe tells what that does.
fn look(name: &str, pid: i32, at: Timestamp, record: &dyn Record) {
    let entries = |folder: &str| std::fs::read_dir(format!("/proc/{pid}/{folder}")).map(|entries| entries.count() as f64).ok();
    let values = [
        (Metric::ResidentMemory, super::own::resident_bytes(&pid.to_string()).ok()),
        (Metric::OpenFiles, entries("fd")),
        (Metric::Threads, entries("task")),
    ];
    for (metric, value) in values {
        if let Some(value) = value {
            record.sample_at(at, metric, Of::Node(name.to_owned()), value);
        }
    }
}

/// Bytes of the files below a folder; files that vanish meanwhile do not count.
fn bytes_below(folder: &std::path::Path) -> u64 {
    let mut total = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => total += metadata.len(),
                Err(_) => {}
            }
        }
    }
    total
}
