//! The end of a journal, without reading all of it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::folder::RunFolder;
use super::lines::Lines;
use super::{Error, Event};

/// Longer than any last line of a run.
const TAIL: u64 = 64 * 1024;

impl RunFolder {
    /// The last whole line of the journal; none when there is no event, or it is longer than 64 KiB.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn last_event(&self) -> Result<Option<Event>, Error> {
        let path = self.journal();
        let tail = tail(&path).map_err(|source| Error::Read { path, source })?;
        // What follows the last line break was cut off by a crash.
        let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else { return Ok(None) };
        let start = tail[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Ok(serde_json::from_slice(&tail[start..end]).ok())
    }

    /// The highest number among the samples on disk; none without samples. Reads the newest segment, where that has a whole line.
    pub fn last_sample(&self) -> Option<u64> {
        // A frame that a crash cut short ends in an error: what was read before it counts.
        let last_of = |segment| Lines::new(vec![segment], true).map_while(Result::ok).last().map(|entry| entry.last_seq());
        self.segments().into_iter().rev().find_map(last_of)
    }
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail)
}
