//! A run's journal, read to its end.

use crate::analysis::{Analysis, Replay};
use crate::journal::{Entry, Error, Reader, RunFolder};
use crate::plan::Plan;

use super::verify::Written;

/// What a stored journal says.
#[derive(Debug)]
pub struct Replayed {
    /// The fold over its events.
    pub analysis: Analysis,
    /// What it says of the run's records.
    pub written: Written,
    /// Where it breaks off, and what was passed over.
    pub torn: Vec<String>,
}

/// Reads the journal of a run of this plan.
///
/// # Errors
/// When there is none, it cannot be read, or a newer squall wrote it.
pub fn replayed(folder: &RunFolder, plan: &Plan) -> Result<Replayed, Error> {
    let mut written = Written::default();
    let (analysis, torn) = replay(folder, Analysis::new(plan), |entry| match entry {
        Entry::Event(event) => written.take(event),
        Entry::Poll(poll) => written.take_poll(poll),
    })?;
    Ok(Replayed { analysis, written, torn })
}

/// Reads a run's journal into `fold`, and shows each entry to somebody else too. Gives the fold, and where the journal breaks off.
///
/// # Errors
/// As [`replayed`].
pub fn replay(folder: &RunFolder, fold: Analysis, mut also: impl FnMut(&Entry)) -> Result<(Analysis, Vec<String>), Error> {
    let mut reader = Reader::open(folder)?;
    let mut replay = Replay::into(fold);
    while let Some(entry) = reader.next_entry() {
        let entry = entry?;
        also(&entry);
        replay.push(&entry);
    }
    Ok((replay.done(), reader.torn))
}
