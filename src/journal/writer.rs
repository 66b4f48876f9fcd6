//! Writing a journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::folder::RunFolder;
use super::{Error, Event, EventKind};
use crate::clock::{self, Timestamp};

/// Lines of samples are compressed together once there are this many bytes, or with the next [`Writer::flush`].
const FRAME: usize = 128 * 1024;
/// A segment of samples is closed at this size, so that the oldest can be dropped on its own.
const SEGMENT: u64 = 16 * 1024 * 1024;

/// The one writer of a run's journal.
#[derive(Debug)]
pub struct Writer {
    folder: RunFolder,
    journal: File,
    next: u64,
    line: Vec<u8>,
    frame: Vec<u8>,
    segment: Option<(File, u64)>,
    segments: u32,
    on_reserve: bool,
}

impl Writer {
    /// Begins the journal of a new run.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(folder: RunFolder) -> Result<Self, Error> {
        let path = folder.journal();
        let journal = OpenOptions::new().create_new(true).append(true).open(&path).map_err(|source| Error::Write { path, source })?;
        Ok(Self { folder, journal, next: 0, line: Vec::new(), frame: Vec::new(), segment: None, segments: 0, on_reserve: false })
    }

    /// Goes on with the journal of a run that stopped, behind event `last`. A torn last line is cut off first.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn resume(folder: RunFolder, last: u64) -> Result<Self, Error> {
        let path = folder.journal();
        let error = |source| Error::Write { path: path.clone(), source };
        let journal = OpenOptions::new().read(true).append(true).open(&path).map_err(error)?;
        let text = std::fs::read(&path).map_err(error)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        journal.set_len(whole as u64).map_err(error)?;
        let segments = std::fs::read_dir(folder.samples()).map_or(0, |entries| entries.count() as u32);
        Ok(Self { folder, journal, next: last + 1, line: Vec::new(), frame: Vec::new(), segment: None, segments, on_reserve: false })
    }

    /// The run's folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Whether the disk was full and the reserve is in use: what space there is belongs to the lines of the undo. Samples are not written any
    /// more.
    pub fn is_on_reserve(&self) -> bool {
        self.on_reserve
    }

    /// Appends an event, stamped `at`. Events that safety or the verdict rest on are on disk when this returns; samples follow with
    /// [`Writer::flush`].
    ///
    /// # Errors
    /// When the disk refuses. On a full disk the reserve is given up once, so that undo can still be recorded.
    pub fn append(&mut self, at: Timestamp, event: EventKind) -> Result<Event, Error> {
        let event = Event { seq: self.next, at, event };
        self.line.clear();
        serde_json::to_writer(&mut self.line, &event)
            .map_err(|error| Error::Write { path: self.folder.journal(), source: error.into() })?;
        self.line.push(b'\n');
        if is_sample(&event.event) {
            if !self.on_reserve {
                self.frame.extend_from_slice(&self.line);
            }
            if self.frame.len() >= FRAME {
                self.flush()?;
            }
        } else {
            let sync = must_be_durable(&event.event);
            self.write_line(sync)?;
        }
        self.next += 1;
        Ok(event)
    }

    /// [`Writer::append`], stamped now.
    ///
    /// # Errors
    /// See there.
    pub fn append_now(&mut self, event: EventKind) -> Result<Event, Error> {
        self.append(clock::now(), event)
    }

    fn write_line(&mut self, sync: bool) -> Result<(), Error> {
        let path = self.folder.journal();
        let length = self.journal.metadata().map_or(0, |metadata| metadata.len());
        let mut written = self.journal.write_all(&self.line);
        if written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) && self.folder.release_reserve() {
            self.on_reserve = true;
            self.frame.clear();
            // What was half written must not stay in front of the whole line.
            written = self.journal.set_len(length).and_then(|()| self.journal.write_all(&self.line));
        }
        written.and_then(|()| if sync { self.journal.sync_data() } else { Ok(()) }).map_err(|source| Error::Write { path, source })
    }

    /// Writes the samples so far as one compressed frame: what a crash may lose is what came after the last flush.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let path = self.segment_path();
        let error = |source| Error::Write { path: path.clone(), source };
        let compressed = zstd::bulk::compress(&self.frame, 3).map_err(error)?;
        if self.segment.is_none() {
            let file = OpenOptions::new().create_new(true).append(true).open(&path).map_err(error)?;
            self.segment = Some((file, 0));
        }
        if let Some((file, size)) = &mut self.segment {
            file.write_all(&compressed).map_err(error)?;
            *size += compressed.len() as u64;
            if *size >= SEGMENT {
                self.segment = None;
                self.segments += 1;
            }
        }
        self.frame.clear();
        Ok(())
    }

    fn segment_path(&self) -> PathBuf {
        self.folder.samples().join(format!("{:06}.ndjson.zst", self.segments))
    }
}

/// Measurements, which age, apart from what is kept for ever.
fn is_sample(event: &EventKind) -> bool {
    matches!(event, EventKind::Sample { .. } | EventKind::Histogram { .. } | EventKind::Output(_) | EventKind::SubtaskTimes(_))
}

/// Events that must survive the machine, not only the process.
fn must_be_durable(event: &EventKind) -> bool {
    matches!(
        event,
        EventKind::RunStarted { .. }
            | EventKind::Made { .. }
            | EventKind::FaultAimed { .. }
            | EventKind::UndoRecorded { .. }
            | EventKind::ActionPerformed { .. }
            | EventKind::UndoPerformed { .. }
            | EventKind::FaultRemoved { .. }
            | EventKind::Delivery(_)
            | EventKind::RunEnded { .. }
    )
}
