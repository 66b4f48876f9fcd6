//! Writing a journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::budget::Budget;
use super::folder::RunFolder;
use super::rows::RowWriter;
use super::{Error, Event, EventKind};
use crate::clock::{self, Timestamp};
use crate::units::Bytes;

/// Samples are compressed together once there are this many bytes, or they span this many nanoseconds, or with the next [`Writer::flush`]:
/// what a crash may lose.
const FRAME: usize = 128 * 1024;
const FRAME_SPAN: i64 = 5_000_000_000;

/// The one writer of a run's journal.
#[derive(Debug)]
pub struct Writer {
    folder: RunFolder,
    journal: File,
    next: u64,
    line: Vec<u8>,
    frame: Vec<u8>,
    /// Moment of the first sample in the frame.
    frame_from: Option<Timestamp>,
    rows: RowWriter,
    segment: Option<(File, u64)>,
    segments: u32,
    budget: Budget,
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
        Ok(Self::over(folder, journal, 0, 0))
    }

    /// Goes on with the journal of a run that stopped, behind event `last`. A torn last line is cut off first; samples begin a new segment.
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
        // Behind the newest: the oldest may be gone.
        let number = |path: &PathBuf| path.file_name()?.to_str()?.split('.').next()?.parse::<u32>().ok();
        let segments = folder.segments().iter().filter_map(number).max().map_or(0, |newest| newest + 1);
        Ok(Self::over(folder, journal, last + 1, segments))
    }

    fn over(folder: RunFolder, journal: File, next: u64, segments: u32) -> Self {
        Self {
            budget: Budget::of(&folder, Bytes(u64::MAX)),
            folder,
            journal,
            next,
            line: Vec::new(),
            frame: Vec::new(),
            frame_from: None,
            rows: RowWriter::default(),
            segment: None,
            segments,
            on_reserve: false,
        }
    }

    /// The same, with samples that take no more of the disk than `most`.
    #[must_use]
    pub fn within(self, most: Bytes) -> Self {
        Self { budget: Budget::of(&self.folder, most), ..self }
    }

    /// What there is to be said of the disk that samples take, if anything. It is to be appended, and then comes [`Writer::settle`].
    pub fn notice(&mut self) -> Option<EventKind> {
        self.budget.notice()
    }

    /// Whether a segment is being reduced.
    #[cfg(test)]
    pub(super) fn is_reducing(&self) -> bool {
        self.budget.is_reducing()
    }

    /// Does what was said by [`Writer::notice`], and is written down by now.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn settle(&mut self) -> Result<(), Error> {
        self.budget.settle()
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
        if is_sample(&event.event) {
            if !self.on_reserve {
                self.sample(&event)?;
            }
        } else {
            self.line.clear();
            self.json_line(&event)?;
            let sync = must_be_durable(&event.event);
            self.write_line(sync)?;
        }
        self.next += 1;
        Ok(event)
    }

    fn json_line(&mut self, event: &Event) -> Result<(), Error> {
        serde_json::to_writer(&mut self.line, event).map_err(|error| Error::Write { path: self.folder.journal(), source: error.into() })?;
        self.line.push(b'\n');
        Ok(())
    }

    fn sample(&mut self, event: &Event) -> Result<(), Error> {
        let from = self.frame_from.get_or_insert(event.at).0;
        if self.frame.len() >= FRAME || event.at.0 - from >= FRAME_SPAN {
            self.flush()?;
            self.frame_from = Some(event.at);
        }
        if let EventKind::Sample { metric, of, value } = &event.event {
            self.rows.push(event.seq, event.at, *metric, of, *value, &mut self.frame);
        } else {
            self.rows.close(&mut self.frame);
            self.line.clear();
            self.json_line(event)?;
            self.frame.extend_from_slice(&self.line);
        }
        Ok(())
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
        self.rows.close(&mut self.frame);
        self.frame_from = None;
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
            self.budget.wrote(compressed.len() as u64);
            if *size >= self.budget.segment() {
                self.budget.closed(path.clone(), *size);
                self.segment = None;
                self.segments += 1;
                self.rows = RowWriter::default();
            }
        }
        self.frame.clear();
        Ok(())
    }

    fn segment_path(&self) -> PathBuf {
        self.folder.samples().join(format!("{:06}.zst", self.segments))
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
            | EventKind::Resumable { .. }
            | EventKind::Resumed { .. }
            | EventKind::Made { .. }
            | EventKind::FaultAimed { .. }
            | EventKind::UndoRecorded { .. }
            | EventKind::ActionPerformed { .. }
            | EventKind::UndoPerformed { .. }
            | EventKind::FaultRemoved { .. }
            | EventKind::SamplesThinned { .. }
            | EventKind::Delivery(_)
            | EventKind::RunEnded { .. }
    )
}
