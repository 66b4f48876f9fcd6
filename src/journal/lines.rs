//! The lines of files that follow one another, each as what it says.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::iter::Flatten;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, sync_channel};
use std::thread::{self, JoinHandle};

use super::reader::Entry;
use super::rows::RowReader;

/// Entries that go from thread to thread together, and how many times so many wait: a few MiB.
const CHUNK: usize = 256;
const CHUNKS: usize = 4;

pub(super) enum LineError {
    /// The end is cut off: nothing follows.
    Torn(String),
    /// A whole line that is no event: what follows it still counts.
    Unreadable(String),
    Io(PathBuf, io::Error),
}

/// What a line says, or why that is not known.
pub(super) type Line = Result<Entry, LineError>;

/// Events of files that follow one another.
pub(super) struct Lines {
    files: std::vec::IntoIter<PathBuf>,
    compressed: bool,
    open: Option<(PathBuf, Box<dyn BufRead + Send>)>,
    /// Of the open file, from 1.
    number: usize,
    line: Vec<u8>,
    /// Of the open file.
    rows: RowReader,
}

impl Lines {
    pub(super) fn new(files: Vec<PathBuf>, compressed: bool) -> Self {
        Self { files: files.into_iter(), compressed, open: None, number: 0, line: Vec::new(), rows: RowReader::default() }
    }

    /// Of text that is at hand, under this name.
    pub(super) fn over(name: PathBuf, text: Box<dyn BufRead + Send>) -> Self {
        Self { open: Some((name, text)), ..Self::new(Vec::new(), false) }
    }

    /// A segment that a crash cut short is followed by those of the squall that went on.
    fn torn(&mut self, what: String) -> LineError {
        self.open = None;
        if self.files.as_slice().is_empty() { LineError::Torn(what) } else { LineError::Unreadable(what) }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
        let file = File::open(path)?;
        Ok(if self.compressed { Box::new(BufReader::new(zstd::stream::read::Decoder::new(file)?)) } else { Box::new(BufReader::new(file)) })
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.open.is_none() {
                let path = self.files.next()?;
                self.number = 0;
                self.rows = RowReader::default();
                match self.open(&path) {
                    Ok(reader) => self.open = Some((path, reader)),
                    Err(error) => return Some(Err(LineError::Io(path, error))),
                }
            }
            let (path, reader) = self.open.as_mut()?;
            self.line.clear();
            self.number += 1;
            match reader.read_until(b'\n', &mut self.line) {
                Ok(0) => self.open = None,
                Ok(bytes) if !self.line.ends_with(b"\n") => {
                    let what = format!("{}: cut {bytes} bytes", path.display());
                    return Some(Err(self.torn(what)));
                }
                Ok(bytes) => {
                    let line = &self.line[..bytes - 1];
                    let read = if self.compressed && RowReader::is_row(line) {
                        self.rows.read(line).map(|poll| poll.map(Entry::Poll))
                    } else {
                        serde_json::from_slice(line).map(|event| Some(Entry::Event(event))).map_err(|error| error.to_string())
                    };
                    match read {
                        Ok(None) => {}
                        Ok(Some(entry)) => return Some(Ok(entry)),
                        Err(error) => {
                            let what = format!("{}: passed over line {}, {bytes} bytes: {error}", path.display(), self.number);
                            return Some(Err(LineError::Unreadable(what)));
                        }
                    }
                }
                // A compressed frame that a crash cut short ends like this.
                Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other) => {
                    let what = format!("{}: {error}", path.display());
                    return Some(Err(self.torn(what)));
                }
                Err(error) => {
                    let path = path.clone();
                    self.open = None;
                    return Some(Err(LineError::Io(path, error)));
                }
            }
        }
    }
}

/// Lines that a thread of its own reads ahead.
pub(super) struct Ahead {
    lines: Flatten<mpsc::IntoIter<Vec<Line>>>,
    /// None once it has ended.
    reading: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Reads `lines` ahead until they end or this is dropped.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn of(mut lines: Lines) -> io::Result<Self> {
        let (send, chunks) = sync_channel(CHUNKS);
        let reading = move || loop {
            let chunk: Vec<Line> = lines.by_ref().take(CHUNK).collect();
            if chunk.is_empty() || send.send(chunk).is_err() {
                break;
            }
        };
        let reading = thread::Builder::new().name("journal".to_owned()).spawn(reading)?;
        Ok(Self { lines: chunks.into_iter().flatten(), reading: Some(reading) })
    }
}

impl Iterator for Ahead {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let line = self.lines.next();
        // A thread that panicked sends no more either, and that is no end of the journal.
        if line.is_none()
            && let Some(Err(panic)) = self.reading.take().map(JoinHandle::join)
        {
            std::panic::resume_unwind(panic);
        }
        line
    }
}
