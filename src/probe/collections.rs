//! Heap after a full collection, for soaks: what leaks is what a collection leaves. Flink's metrics know the heap in use only, garbage
//! included; so each TaskManager on this machine is asked for a collection (`jcmd PID GC.run`), and then what is in its old generation
//! (`GC.heap_info`). The pause it costs is that of a full collection of a heap of this size; where that is too much, a soak goes without.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ticks;
use crate::action::{Identity, Role};
use crate::cluster::Cluster;
use crate::journal::{EventKind, Of, Record};
use crate::metric::Metric;

const PROBE: &str = "collections";
/// A process that is frozen by a fault answers nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the probe asks.
#[derive(Debug, Clone)]
pub struct Collections {
    /// Whose TaskManagers.
    pub cluster: Arc<Cluster>,
    /// How often each of them.
    pub every: Duration,
}

impl Collections {
    /// Starts the probe; it ends with `tasks`.
    pub fn start(self, record: Arc<dyn Record>, tasks: &mut JoinSet<()>) {
        tasks.spawn(async move {
            let record = &*record;
            let mut ticks = ticks(record, PROBE, self.every, Duration::ZERO);
            loop {
                ticks.tick().await;
                let nodes = match self.cluster.view().await {
                    Ok(nodes) => nodes,
                    Err(error) => {
                        super::failed(record, PROBE, &error);
                        continue;
                    }
                };
                for status in nodes.iter().filter(|status| status.alive && !status.frozen && status.node.role == Role::Taskmanager) {
                    let Identity::Process { pid, host: None, .. } = status.node.identity else { continue };
                    match heap(pid).await {
                        Ok(value) => {
                            let of = Of::Node(status.node.name.clone());
                            record.record(EventKind::Sample { metric: Metric::HeapAfterCollection, of, value });
                        }
                        // A process that has just gone is no error.
                        Err(_) if !PathBuf::from(format!("/proc/{pid}")).exists() => {}
                        Err(error) => {
                            let error = format!("{}: {error}", status.node.name);
                            record.record(EventKind::ProbeFailed { probe: PROBE.to_owned(), error });
                        }
                    }
                }
            }
        });
    }
}

async fn heap(pid: i32) -> Result<f64, String> {
    ask(pid, "GC.run").await?;
    let said = ask(pid, "GC.heap_info").await?;
    used(&said).ok_or_else(|| format!("`jcmd GC.heap_info` says nothing of a heap: {}", said.lines().next().unwrap_or_default()))
}

/// Asks a JVM with the `jcmd` of its own installation, else with that of the path.
async fn ask(pid: i32, what: &str) -> Result<String, String> {
    let beside = std::fs::read_link(format!("/proc/{pid}/exe")).ok().map(|java| java.with_file_name("jcmd")).filter(|jcmd| jcmd.exists());
    let jcmd = beside.unwrap_or_else(|| PathBuf::from("jcmd"));
    let asked = Command::new(&jcmd).arg(pid.to_string()).arg(what).kill_on_drop(true).output();
    let output = timeout(PATIENCE, asked)
        .await
        .map_err(|_| format!("`jcmd {what}` did not answer within {} s", PATIENCE.as_secs()))?
        .map_err(|error| format!("cannot run {}: {error}", jcmd.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("`jcmd` failed").to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Bytes that a full collection left, by what `GC.heap_info` prints soon after it. A full collection moves everything that lives to the old
/// generation, so what is young is garbage of since: the old generation of the serial and parallel collectors, the heap without its young
/// regions of G1, the whole of the others.
fn used(said: &str) -> Option<f64> {
    let old = said.lines().find(|line| line.contains("tenured generation") || line.contains("ParOldGen"));
    let heap = || said.lines().find(|line| line.contains("heap") || line.contains("ZHeap"));
    let used = bytes(old.or_else(heap)?.split_once("used ")?.1)?;
    let young = said.lines().find_map(|line| bytes(line.split_once(" young (")?.1)).filter(|_| old.is_none());
    Some(used - young.unwrap_or(0.0))
}

/// A number with its unit at the begin of a text: `31000K …`.
fn bytes(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let scale = match text[digits..].chars().next()? {
        'K' => 1024.0,
        'M' => 1_048_576.0,
        'G' => 1_073_741_824.0,
        _ => 1.0,
    };
    Some(text[..digits].parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collector_is_understood() {
        let serial = "4711:\n def new generation   total 78656K, used 2097K [0x1, 0x2, 0x3)\n  eden space 69952K,   2% used [0x1, 0x2)\n \
                      tenured generation   total 174784K, used 31000K [0x1, 0x2)\n   the space 174784K,  17% used [0x1)\n \
                      Metaspace       used 61234K, committed 62000K\n  class space    used 7000K";
        assert_eq!(used(serial), Some(31_000.0 * 1024.0));
        let g1 =
            "4711:\n garbage-first heap   total 262144K, used 41523K [0x1, 0x2)\n  region size 1024K, 3 young (3072K)\n Metaspace used 1K";
        assert_eq!(used(g1), Some((41_523.0 - 3072.0) * 1024.0));
        let parallel = " PSYoungGen      total 76288K, used 1311K [0x1)\n ParOldGen       total 175104K, used 2000K [0x1)";
        assert_eq!(used(parallel), Some(2000.0 * 1024.0));
        assert_eq!(used(" ZHeap           used 40M, capacity 256M, max capacity 4096M"), Some(40.0 * 1_048_576.0));
        assert_eq!(used("4711:\nCommand executed successfully\n"), None);
    }
}
