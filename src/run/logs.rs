//! The nodes' logs, kept with the run: what they wrote while it went on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::cluster::Cluster;

/// More than this of one log is not kept.
const MOST: u64 = 64 << 20;

/// How long each log was when the run began.
#[derive(Debug)]
pub struct LogEnds(BTreeMap<PathBuf, u64>);

impl LogEnds {
    /// Notes where the logs end now.
    pub async fn now(cluster: &Cluster) -> Self {
        let length = |(_, path): (String, PathBuf)| std::fs::metadata(&path).ok().map(|metadata| (path, metadata.len()));
        Self(logs(cluster).await.into_iter().filter_map(length).collect())
    }

    /// Copies what was written since into `folder`, one file a node. What cannot be copied is said in squall's own log.
    pub async fn keep(self, cluster: &Cluster, folder: &Path) {
        let (nodes, folder) = (logs(cluster).await, folder.to_owned());
        // Off the runtime's threads: logs are long.
        if let Err(error) = tokio::task::spawn_blocking(move || self.copy(nodes, &folder)).await {
            tracing::warn!("the logs of the nodes are not kept: {error}");
        }
    }

    fn copy(&self, nodes: Vec<(String, PathBuf)>, folder: &Path) {
        for (node, path) in nodes {
            let from = self.0.get(&path).copied().unwrap_or(0);
            if let Err(error) = copy(&path, from, &folder.join(format!("{node}.log"))) {
                tracing::warn!("the log of {node} is not kept: {error}");
            }
        }
    }
}

async fn logs(cluster: &Cluster) -> Vec<(String, PathBuf)> {
    cluster.logs().await.unwrap_or_else(|error| {
        tracing::warn!("the logs of the nodes are not kept: {error}");
        Vec::new()
    })
}

fn copy(path: &Path, from: u64, to: &Path) -> io::Result<()> {
    let mut log = File::open(path)?;
    // A log that was rotated is shorter than it was.
    let from = if log.metadata()?.len() < from { 0 } else { from };
    log.seek(SeekFrom::Start(from))?;
    io::copy(&mut log.take(MOST), &mut File::create(to)?).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_written_before_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let (log, kept) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&log, "before, since").unwrap();
        copy(&log, 8, &kept).unwrap();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "since");
        std::fs::write(&log, "new").unwrap();
        copy(&log, 8, &kept).unwrap();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "new");
    }
}
