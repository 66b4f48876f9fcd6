//! The journal of a run: events in a versioned format, run folders, the `latest` link.
//!
//! `journal.ndjson` holds what matters for safety and verdict: small, synced line by line where it must be, never deleted.
//! `samples/` holds measurements in compressed segments, most of them as rows (see `rows`). Both are numbered through, so that reading them merged gives the
//! order in which they happened.

mod broken_off;
mod budget;
mod checkpoint;
mod event;
mod folder;
mod identity;
mod lines;
mod output;
mod reader;
mod rows;
mod tail;
mod thinned;
mod undos;
mod writer;

use std::io;
use std::path::PathBuf;

pub use broken_off::BrokenOff;
pub use checkpoint::{CheckpointParts, CheckpointRecord, SubtaskTimes};
pub use event::{Accounting, Ending, Event, EventKind, Phase};
pub use folder::RunFolder;
pub use identity::{FaultId, Of, UndoId, query_probe};
pub use output::{Furthest, OutputBatch};
pub use reader::{Entry, Reader};
pub use rows::{Poll, SeriesName};
pub use undos::{OpenUndo, OpenUndos};
pub use writer::Writer;

/// Version of the format that this squall writes, and the newest that it reads: 1 had each sample on a line of its own, 2 has rows,
/// 3 has sums of histograms beside them.
pub const SCHEMA: u32 = 3;

/// Takes in events as they happen: what probes and the engine write to.
pub trait Record: Send + Sync {
    /// Journals an event, stamped `at`, and lets analysis see it.
    fn record_at(&self, at: crate::clock::Timestamp, event: EventKind);

    /// [`Record::record_at`], now.
    fn record(&self, event: EventKind) {
        self.record_at(crate::clock::now(), event);
    }

    /// Journals one value. What one look gave has one moment: such samples are kept together.
    fn sample_at(&self, at: crate::clock::Timestamp, metric: crate::metric::Metric, of: Of, value: f64) {
        self.record_at(at, EventKind::Sample { metric, of, value });
    }
}

/// Why a journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error("cannot write {path}")]
    Write {
        /// File.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// File.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// There is none.
    #[error("no journal in {0}")]
    NoJournal(PathBuf),
    /// Written by a newer squall.
    #[error("{path} has format {schema}, written by squall {squall}; this squall reads up to {SCHEMA}")]
    NewerFormat {
        /// File.
        path: PathBuf,
        /// Its format.
        schema: u32,
        /// Who wrote it.
        squall: String,
    },
}

impl Error {
    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::clock::Timestamp;
    use crate::metric::Metric;

    fn sample(value: f64) -> EventKind {
        EventKind::Sample { metric: Metric::OutputLag, of: Of::Run, value }
    }

    fn started(schema: u32) -> EventKind {
        EventKind::RunStarted { schema, run: "r".into(), squall: "0".into(), engine: (1, 2) }
    }

    fn run(schema: u32) -> (tempfile::TempDir, RunFolder) {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "scenario", "r1").unwrap();
        let mut writer = Writer::create(folder.clone()).unwrap();
        writer.append(Timestamp(1), started(schema)).unwrap();
        writer.append(Timestamp(2), sample(1.0)).unwrap();
        writer.append(Timestamp(3), EventKind::Phase(Phase::Running)).unwrap();
        writer.append(Timestamp(4), sample(2.0)).unwrap();
        writer.flush().unwrap();
        writer.append(Timestamp(5), sample(3.0)).unwrap();
        writer.flush().unwrap();
        (root, folder)
    }

    #[test]
    fn events_and_samples_come_back_in_order() {
        let (root, folder) = run(SCHEMA);
        let events: Vec<Event> = Reader::open(&folder).unwrap().map(Result::unwrap).collect();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(events[3].event, sample(2.0));
        assert_eq!(RunFolder::open(&root.path().join("scenario/latest")).unwrap().run(), "r1");
        assert_eq!(RunFolder::all(root.path()).len(), 1);
    }

    #[test]
    fn a_torn_end_is_cut_and_said() {
        let (_root, folder) = run(SCHEMA);
        std::fs::OpenOptions::new().append(true).open(folder.journal()).unwrap().write_all(b"{\"seq\":9,\"at").unwrap();
        let segment = folder.samples().join("000000.zst");
        let bytes = std::fs::read(&segment).unwrap();
        std::fs::write(&segment, &bytes[..bytes.len() - 5]).unwrap();
        let mut reader = Reader::open(&folder).unwrap();
        let events: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
        assert_eq!(events.len(), 4);
        assert_eq!(reader.torn.len(), 2);
        assert_eq!(folder.last_event().unwrap().unwrap().event, EventKind::Phase(Phase::Running));
        assert_eq!(folder.last_sample(), Some(3));
        let mut writer = Writer::resume(folder.clone(), 4).unwrap();
        writer.append(Timestamp(9), EventKind::Phase(Phase::Draining)).unwrap();
        assert_eq!(Reader::open_journal(&folder).unwrap().filter(Result::is_ok).count(), 3);
    }

    #[test]
    fn a_segment_that_was_cut_short_is_followed_by_the_next_ones() {
        let (_root, folder) = run(SCHEMA);
        let segment = folder.samples().join("000000.zst");
        let bytes = std::fs::read(&segment).unwrap();
        std::fs::write(&segment, &bytes[..bytes.len() - 5]).unwrap();
        let mut writer = Writer::resume(folder.clone(), 4).unwrap();
        writer.append(Timestamp(9), sample(4.0)).unwrap();
        writer.flush().unwrap();
        let mut reader = Reader::open(&folder).unwrap();
        let seen: Vec<u64> = reader.by_ref().map(|event| event.unwrap().seq).collect();
        assert_eq!((seen, reader.torn.len()), (vec![0, 1, 2, 3, 5], 1));
        // Nor does a segment without a whole line hide those before it.
        std::fs::write(folder.samples().join("000002.zst"), &bytes[..9]).unwrap();
        assert_eq!(folder.last_sample(), Some(5));
    }

    #[test]
    fn what_follows_a_line_that_cannot_be_read_still_counts() {
        let (_root, folder) = run(SCHEMA);
        let undo = EventKind::UndoStarted { undo: UndoId(1), by: "guard".into() };
        std::fs::OpenOptions::new().append(true).open(folder.journal()).unwrap().write_all(b"\xff\0 no event\n").unwrap();
        Writer::resume(folder.clone(), 4).unwrap().append(Timestamp(9), undo.clone()).unwrap();
        let mut reader = Reader::open(&folder).unwrap();
        let events: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
        assert_eq!(events.last().unwrap().event, undo);
        assert_eq!(reader.torn.len(), 1);
        assert!(reader.torn[0].contains("passed over line 3"), "{:?}", reader.torn);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let (_root, folder) = run(SCHEMA + 1);
        assert!(matches!(Reader::open(&folder), Err(Error::NewerFormat { .. })));
        // Whatever else its first line says.
        let newer = br#"{"seq":{"shard":0},"event":{"run-started":{"schema":7,"squall":"9.0","engines":[]}}}"#;
        std::fs::write(folder.journal(), [&newer[..], b"\n"].concat()).unwrap();
        assert!(matches!(Reader::open(&folder), Err(Error::NewerFormat { schema: 7, .. })));
        assert!(matches!(RunFolder::open(&folder.path().join("samples")), Err(Error::NoJournal(_))));
    }
}
