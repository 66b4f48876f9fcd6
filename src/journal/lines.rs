//! The lines of files that follow one another, each as what it says.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use super::reader::Entry;
use super::rows::RowReader;

/// Threads that read ahead, at most: each holds up to three segments, some tens of MiB.
const MOST_THREADS: usize = 4;

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
    /// Whether other files follow these.
    followed: bool,
    open: Option<(PathBuf, Box<dyn BufRead + Send>)>,
    /// Of the open file, from 1.
    number: usize,
    line: Vec<u8>,
    /// Of the open file.
    rows: RowReader,
}

impl Lines {
    pub(super) fn new(files: Vec<PathBuf>, compressed: bool) -> Self {
        let (line, rows) = (Vec::new(), RowReader::default());
        Self { files: files.into_iter(), compressed, followed: false, open: None, number: 0, line, rows }
    }

    /// Of text that is at hand, under this name.
    pub(super) fn over(name: PathBuf, text: Box<dyn BufRead + Send>) -> Self {
        Self { open: Some((name, text)), ..Self::new(Vec::new(), false) }
    }

    /// A segment that a crash cut short is followed by those of the squall that went on.
    fn torn(&mut self, what: String) -> LineError {
        self.open = None;
        if self.files.as_slice().is_empty() && !self.followed { LineError::Torn(what) } else { LineError::Unreadable(what) }
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

/// Lines of samples that threads of their own read ahead: a segment stands alone, so each reads every so many of them.
pub(super) struct Ahead {
    threads: Vec<Reading>,
    /// Of the segment that is given.
    lines: std::vec::IntoIter<Line>,
    segments: std::ops::Range<usize>,
}

struct Reading {
    /// A segment at a time; two at most wait to be taken.
    segments: Receiver<Vec<Line>>,
    /// None once it has ended.
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Reads these segments ahead until they end or this is dropped.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn of(segments: &[PathBuf]) -> io::Result<Self> {
        let most = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let read = |first: usize| {
            let (send, receive) = sync_channel(1);
            let lines =
                |(index, path): (usize, &PathBuf)| Lines { followed: index + 1 < segments.len(), ..Lines::new(vec![path.clone()], true) };
            let own: Vec<Lines> = segments.iter().enumerate().skip(first).step_by(most).map(lines).collect();
            // Nobody takes what is dropped.
            let reading = move || drop(own.into_iter().try_for_each(|lines| send.send(lines.collect())));
            let thread = thread::Builder::new().name("journal".to_owned()).spawn(reading)?;
            Ok(Reading { segments: receive, thread: Some(thread) })
        };
        let threads = (0..most.min(segments.len())).map(read).collect::<io::Result<_>>()?;
        Ok(Self { threads, lines: Vec::new().into_iter(), segments: 0..segments.len() })
    }
}

impl Iterator for Ahead {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.lines.next() {
                return Some(line);
            }
            let next = self.segments.next()?;
            let turn = next % self.threads.len();
            match self.threads[turn].segments.recv() {
                Ok(lines) => self.lines = lines.into_iter(),
                // A thread that panicked sends no more, and that is no end of the journal.
                Err(_) => match self.threads[turn].thread.take().map(JoinHandle::join) {
                    Some(Err(panic)) => std::panic::resume_unwind(panic),
                    _ => unreachable!("a thread sends each of its segments"),
                },
            }
        }
    }
}
