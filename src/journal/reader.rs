//! Reading a journal: events and samples merged by their number. A torn end is cut and said; a newer format is refused.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use super::folder::RunFolder;
use super::{Error, Event, EventKind, SCHEMA};

/// The events of a run, in order.
pub struct Reader {
    journal: Peekable<Lines>,
    samples: Peekable<Lines>,
    /// What was cut off, if anything: file and bytes.
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
        let mut journal = Lines::new(vec![path.clone()], false).peekable();
        if let Some(Ok(Event { event: EventKind::RunStarted { schema, squall, .. }, .. })) = journal.peek()
            && *schema > SCHEMA
        {
            return Err(Error::NewerFormat { path, schema: *schema, squall: squall.clone() });
        }
        match journal.peek() {
            Some(Ok(_)) => Ok(Self { journal, samples: Lines::new(Vec::new(), true).peekable(), torn: Vec::new() }),
            Some(Err(LineError::Io(path, error))) => {
                Err(Error::Read { path: path.clone(), source: io::Error::new(error.kind(), error.to_string()) })
            }
            Some(Err(LineError::Torn(_))) | None => Err(Error::NoJournal(path)),
        }
    }

    /// Ends the stream that `error` came from; says what was cut.
    fn cut(&mut self, from_journal: bool, error: &LineError) -> Option<Error> {
        match error {
            LineError::Torn(what) => {
                self.torn.push(what.clone());
                let end = Lines::new(Vec::new(), false).peekable();
                if from_journal {
                    self.journal = end;
                } else {
                    self.samples = end;
                }
                None
            }
            LineError::Io(path, source) => {
                Some(Error::Read { path: path.clone(), source: io::Error::new(source.kind(), source.to_string()) })
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let seq = |next: Option<&Result<Event, LineError>>| match next {
                None => u64::MAX,
                Some(Ok(event)) => event.seq,
                Some(Err(_)) => 0,
            };
            let from_journal = match (self.journal.peek(), self.samples.peek()) {
                (None, None) => return None,
                (journal, samples) => seq(journal) <= seq(samples),
            };
            match if from_journal { self.journal.next() } else { self.samples.next() } {
                Some(Ok(event)) => return Some(Ok(event)),
                Some(Err(error)) => {
                    if let Some(error) = self.cut(from_journal, &error) {
                        return Some(Err(error));
                    }
                }
                None => {}
            }
        }
    }
}

enum LineError {
    Torn(String),
    Io(PathBuf, io::Error),
}

/// Events of files that follow one another.
struct Lines {
    files: std::vec::IntoIter<PathBuf>,
    compressed: bool,
    open: Option<(PathBuf, Box<dyn BufRead>)>,
    line: String,
}

impl Lines {
    fn new(files: Vec<PathBuf>, compressed: bool) -> Self {
        Self { files: files.into_iter(), compressed, open: None, line: String::new() }
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
                match self.open(&path) {
                    Ok(reader) => self.open = Some((path, reader)),
                    Err(error) => return Some(Err(LineError::Io(path, error))),
                }
            }
            let (path, reader) = self.open.as_mut()?;
            self.line.clear();
            match reader.read_line(&mut self.line) {
                Ok(0) => self.open = None,
                Ok(_) => {
                    let torn = |path: &Path, line: &str| LineError::Torn(format!("{}: cut {} bytes", path.display(), line.len()));
                    if !self.line.ends_with('\n') {
                        return Some(Err(torn(path, &self.line)));
                    }
                    return Some(serde_json::from_str(&self.line).map_err(|_| torn(path, &self.line)));
                }
                // A compressed frame that a crash cut short ends like this.
                Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other) => {
                    return Some(Err(LineError::Torn(format!("{}: {error}", path.display()))));
                }
                Err(error) => return Some(Err(LineError::Io(path.clone(), error))),
            }
        }
    }
}
