//! Lines of the nodes' logs that hint at a transaction that was aborted. None of them is a proof: after a restore Flink commits again
//! what is committed already, and says that it could not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ticks;
use crate::cluster::Cluster;
use crate::journal::{EventKind, Record};

const PROBE: &str = "logs";
const EVERY: Duration = Duration::from_secs(1);
/// Bytes that are read of a log at once; a log that grows faster is read behind.
const AT_ONCE: u64 = 4 << 20;
/// Lines of one node that are kept; a log can say the same a million times.
const OF_A_NODE: usize = 40;
/// Longest line that is kept.
const LONGEST: usize = 400;

/// What a line about a transaction that came to nothing says, by Flink's Kafka sink, Kafka's client and the broker's coordinator.
const TELLING: &[&str] = &[
    "Unable to commit transaction",
    "ProducerFencedException",
    "InvalidProducerEpochException",
    "InvalidTxnStateException",
    "TransactionAbortedException",
    "TransactionTimedOutException",
    "rollback of ongoing transaction",
];

/// What the probe looks at.
#[derive(Debug, Clone)]
pub struct Logs {
    /// Whose nodes.
    pub cluster: Arc<Cluster>,
}

impl Logs {
    /// Starts the probe; it ends with `tasks`.
    pub fn start(self, record: Arc<dyn Record>, tasks: &mut JoinSet<()>) {
        tasks.spawn(async move {
            let mut ticks = ticks(&*record, PROBE, EVERY, Duration::ZERO);
            let mut reading = Reading::default();
            let mut first = true;
            loop {
                ticks.tick().await;
                let logs = match self.cluster.logs().await {
                    Ok(logs) => logs,
                    Err(error) => {
                        super::failed(&*record, PROBE, &error);
                        continue;
                    }
                };
                let record = record.clone();
                let looked = tokio::task::spawn_blocking(move || {
                    for (name, path) in logs {
                        match reading.look(&path, first) {
                            Ok(lines) => {
                                for line in lines {
                                    record.record(EventKind::Hint { topic: "transaction".to_owned(), line: format!("{name}: {line}") });
                                }
                            }
                            Err(error) => super::failed(&*record, PROBE, &error),
                        }
                    }
                    reading
                });
                match looked.await {
                    Ok(read) => reading = read,
                    Err(error) => {
                        tracing::error!("the probe of logs: {error}");
                        return;
                    }
                }
                first = false;
            }
        });
    }
}

/// How far each log was read, and lines kept of it.
#[derive(Debug, Default)]
struct Reading {
    logs: BTreeMap<PathBuf, (u64, usize)>,
}

impl Reading {
    /// The telling lines that are new. At the `first` look what is there already is of an earlier time.
    fn look(&mut self, path: &Path, first: bool) -> io::Result<Vec<String>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (position, kept) = self.logs.entry(path.to_owned()).or_insert((if first { length } else { 0 }, 0));
        // It was begun anew.
        *position = (*position).min(length);
        file.seek(SeekFrom::Start(*position))?;
        let mut bytes = Vec::new();
        file.take(AT_ONCE).read_to_end(&mut bytes)?;
        // The last line may not be whole yet, unless it is longer than what is read at once.
        let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if bytes.len() as u64 == AT_ONCE => bytes.len(),
            None => 0,
        };
        *position += whole as u64;
        let text = String::from_utf8_lossy(&bytes[..whole]);
        let telling = text.lines().filter(|line| TELLING.iter().any(|words| line.contains(words)));
        let lines: Vec<String> =
            telling.take(OF_A_NODE.saturating_sub(*kept)).map(|line| line.trim().chars().take(LONGEST).collect()).collect();
        *kept += lines.len();
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use super::*;

    #[test]
    fn only_new_and_whole_lines_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tm.log");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"ERROR Unable to commit transaction (before the run)\n").unwrap();
        let mut reading = Reading::default();
        assert!(reading.look(&path, true).unwrap().is_empty());
        file.write_all(b"INFO checkpoint 4\nERROR Unable to commit transaction (a").unwrap();
        assert!(reading.look(&path, false).unwrap().is_empty());
        file.write_all(b")\nWARN x.ProducerFencedException: y\n").unwrap();
        assert_eq!(reading.look(&path, false).unwrap(), ["ERROR Unable to commit transaction (a)", "WARN x.ProducerFencedException: y"]);
        assert!(reading.look(&path, false).unwrap().is_empty());
        std::fs::write(&path, "rollback of ongoing transaction\n".repeat(100)).unwrap();
        assert_eq!(reading.look(&path, false).unwrap().len(), OF_A_NODE - 2);
    }
}
