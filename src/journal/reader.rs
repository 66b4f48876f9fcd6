//! Reading a journal: events and samples merged by their number. A torn end is cut, a line that cannot be read is passed over, and both
//! are said; a newer format is refused.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::RunFolder;
use super::{Error, Event, SCHEMA};

/// The events of a run, in order.
pub struct Reader {
    journal: Peekable<Lines>,
    samples: Peekable<Lines>,
    /// What was cut off or passed over, if anything: file, line and bytes.
    pub torn: Vec<String>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("torn", &self.torn).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a run's journal with its samples.
    ///
    /// # Errors
    /// When there is no journal, it cannot be read, or its format is newer than [`SCHEMA`].
    pub fn open(folder: &RunFolder) -> Result<Self, Error> {
        let mut reader = Self::open_journal(folder)?;
        let mut segments: Vec<PathBuf> = std::fs::read_dir(folder.samples())
            .map(|entries| {
                entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "zst")).collect()
            })
            .unwrap_or_default();
        segments.sort();
        reader.samples = Lines::new(segments, true).peekable();
        Ok(reader)
    }

    /// Opens the journal alone, without samples: all that undo needs.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_journal(folder: &RunFolder) -> Result<Self, Error> {
        let path = folder.journal();
        let mut first = Vec::new();
        File::open(&path)
            .and_then(|file| BufReader::new(file).read_until(b'\n', &mut first))
            .map_err(|source| Error::Read { path: path.clone(), source })?;
        Self::over(&first, path.clone(), Lines::new(vec![path], false))
    }

    /// Reads the text of a journal, without samples.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn of_text(text: Vec<u8>) -> Result<Self, Error> {
        let path = PathBuf::from("journal.ndjson");
        let first = text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_owned();
        let open: Box<dyn BufRead> = Box::new(Cursor::new(text));
        let lines = Lines { open: Some((path.clone(), open)), ..Lines::new(Vec::new(), false) };
        Self::over(&first, path, lines)
    }

    /// A newer squall may write a first line that this one cannot read whole, so its format is looked at by itself.
    fn over(first: &[u8], path: PathBuf, lines: Lines) -> Result<Self, Error> {
        let Some(first) = first.strip_suffix(b"\n") else { return Err(Error::NoJournal(path)) };
        let Ok(FirstLine { event: FirstEvent { run_started } }) = serde_json::from_slice(first) else { return Err(Error::NoJournal(path)) };
        if run_started.schema > SCHEMA {
            return Err(Error::NewerFormat { path, schema: run_started.schema, squall: run_started.squall });
        }
        Ok(Self { journal: lines.peekable(), samples: Lines::new(Vec::new(), true).peekable(), torn: Vec::new() })
    }

    /// Says what is missing; after a torn end nothing follows from there.
    fn miss(&mut self, from_journal: bool, error: LineError) -> Option<Error> {
        match error {
            LineError::Unreadable(what) => {
                self.torn.push(what);
                None
            }
            LineError::Torn(what) => {
                self.torn.push(what);
                let end = Lines::new(Vec::new(), false).peekable();
                if from_journal {
                    self.journal = end;
                } else {
                    self.samples = end;
                }
                None
            }
            LineError::Io(path, source) => Some(Error::Read { path, source }),
        }
    }
}

/// As much of a first line as every format has.
#[derive(Deserialize)]
struct FirstLine {
    event: FirstEvent,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FirstEvent {
    run_started: Started,
}

#[derive(Deserialize)]
struct Started {
    schema: u32,
    squall: String,
}

impl Iterator for Reader {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let seq = |next: &Result<Event, LineError>| next.as_ref().map_or(0, |event| event.seq);
            let from_journal = match (self.journal.peek(), self.samples.peek()) {
                (journal, None) => journal.is_some(),
                (None, Some(_)) => false,
                (Some(journal), Some(samples)) => seq(journal) <= seq(samples),
            };
            match if from_journal { self.journal.next() } else { self.samples.next() }? {
                Ok(event) => return Some(Ok(event)),
                Err(error) => {
                    if let Some(error) = self.miss(from_journal, error) {
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}

enum LineError {
    /// The end is cut off: nothing follows.
    Torn(String),
    /// A whole line that is no event: what follows it still counts.
    Unreadable(String),
    Io(PathBuf, io::Error),
}

/// Events of files that follow one another.
struct Lines {
    files: std::vec::IntoIter<PathBuf>,
    compressed: bool,
    open: Option<(PathBuf, Box<dyn BufRead>)>,
    /// Of the open file, from 1.
    number: usize,
    line: Vec<u8>,
}

impl Lines {
    fn new(files: Vec<PathBuf>, compressed: bool) -> Self {
        Self { files: files.into_iter(), compressed, open: None, number: 0, line: Vec::new() }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn BufRead>> {
        let file = File::open(path)?;
        Ok(if self.compressed { Box::new(BufReader::new(zstd::stream::read::Decoder::new(file)?)) } else { Box::new(BufReader::new(file)) })
    }
}

impl Iterator for Lines {
    type Item = Result<Event, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.open.is_none() {
                let path = self.files.next()?;
                self.number = 0;
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
                    return Some(Err(LineError::Torn(format!("{}: cut {bytes} bytes", path.display()))));
                }
                Ok(bytes) => {
                    let unreadable = |error: serde_json::Error| {
                        LineError::Unreadable(format!("{}: passed over line {}, {bytes} bytes: {error}", path.display(), self.number))
                    };
                    return Some(serde_json::from_slice(&self.line).map_err(unreadable));
                }
                // A compressed frame that a crash cut short ends like this.
                Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other) => {
                    return Some(Err(LineError::Torn(format!("{}: {error}", path.display()))));
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
