//! The end of a journal, without reading all of it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::folder::RunFolder;
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

    /// The highest number among the samples on disk; none without samples. Reads the newest segment only.
    pub fn last_sample(&self) -> Option<u64> {
        let segments = fs::read_dir(self.samples()).ok()?.flatten().map(|entry| entry.path());
        let newest = segments.filter(|path| path.extension().is_some_and(|extension| extension == "zst")).max()?;
        let mut lines = BufReader::new(zstd::stream::read::Decoder::new(File::open(newest).ok()?).ok()?);
        let (mut line, mut last) = (Vec::new(), Vec::new());
        // A frame that a crash cut short ends in an error: what was read before it counts.
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if line.ends_with(b"\n") {
                std::mem::swap(&mut line, &mut last);
            }
            line.clear();
        }
        serde_json::from_slice::<Event>(&last).ok().map(|event| event.seq)
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
