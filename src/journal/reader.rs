//! Reading a journal: events and samples merged by their number. A torn end is cut, a line that cannot be read is passed over, and both
//! are said; a newer format is refused.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor};
use std::iter::Peekable;
use std::path::PathBuf;

use serde::Deserialize;

use super::folder::RunFolder;
use super::lines::{Ahead, LineError, Lines};
use super::rows::Poll;
use super::{Error, Event, SCHEMA};

/// What a journal holds next.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// One event: in a box, because polls are many more and small.
    Event(Box<Event>),
    /// Samples of one look, which follow one another.
    Poll(Poll),
}

impl Entry {
    fn seq(&self) -> u64 {
        match self {
            Self::Event(event) => event.seq,
            Self::Poll(poll) => poll.seq,
        }
    }

    /// Number of the last event in it.
    pub(super) fn last_seq(&self) -> u64 {
        match self {
            Self::Event(event) => event.seq,
            Self::Poll(poll) => (poll.seq + poll.values.len() as u64).saturating_sub(1),
        }
    }
}

/// The events of a run, in order.
pub struct Reader {
    journal: Peekable<Lines>,
    samples: Option<Peekable<Ahead>>,
    /// Samples of the last poll that are still to be given one by one.
    rest: std::vec::IntoIter<Event>,
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
        let ahead = Ahead::of(&folder.segments()).map_err(|source| Error::Read { path: folder.samples(), source })?;
        reader.samples = Some(ahead.peekable());
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
        let open: Box<dyn BufRead + Send> = Box::new(Cursor::new(text));
        let lines = Lines::over(path.clone(), open);
        Self::over(&first, path, lines)
    }

    /// A newer squall may write a first line that this one cannot read whole, so its format is looked at by itself.
    fn over(first: &[u8], path: PathBuf, lines: Lines) -> Result<Self, Error> {
        let Some(first) = first.strip_suffix(b"\n") else { return Err(Error::NoJournal(path)) };
        let Ok(FirstLine { event: FirstEvent { run_started } }) = serde_json::from_slice(first) else { return Err(Error::NoJournal(path)) };
        if run_started.schema > SCHEMA {
            return Err(Error::NewerFormat { path, schema: run_started.schema, squall: run_started.squall });
        }
        Ok(Self { journal: lines.peekable(), samples: None, rest: Vec::new().into_iter(), torn: Vec::new() })
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
                if from_journal {
                    self.journal = Lines::new(Vec::new(), false).peekable();
                } else {
                    self.samples = None;
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

    /// The next event, each sample of a poll by itself.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.rest.next() {
                return Some(Ok(event));
            }
            match self.next_entry()? {
                Ok(Entry::Event(event)) => return Some(Ok(*event)),
                Ok(Entry::Poll(poll)) => self.rest = poll.events().collect::<Vec<_>>().into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Reader {
    /// The next event, or the next samples of one look together: what a replay of days takes.
    pub fn next_entry(&mut self) -> Option<Result<Entry, Error>> {
        loop {
            let seq = |next: &Result<Entry, LineError>| next.as_ref().map_or(0, Entry::seq);
            let from_journal = match (self.journal.peek(), self.samples.as_mut().and_then(Peekable::peek)) {
                (journal, None) => journal.is_some(),
                (None, Some(_)) => false,
                (Some(journal), Some(samples)) => seq(journal) <= seq(samples),
            };
            match if from_journal { self.journal.next() } else { self.samples.as_mut().and_then(Iterator::next) }? {
                Ok(entry) => return Some(Ok(entry)),
                Err(error) => {
                    if let Some(error) = self.miss(from_journal, error) {
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}
