//! Keeps on disk what a resume rests on, while the run goes on: its samples so far, and the producers' books.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::{KeptLedger, Ledger};
use crate::journal::RunFolder;

use super::recorder::Recorder;

/// Samples that are younger are lost with squall: so much longer a gap is than squall was dead.
const SAMPLES_EVERY: Duration = Duration::from_secs(2);
/// Between two times that the books are kept, in turns of the samples.
const BOOKS_EVERY: u32 = 5;
/// In the run's folder.
const BOOKS: &str = "ledger/kept.json";

/// Keeps them until it is dropped.
pub(super) async fn keep(recorder: Arc<Recorder>, ledger: Arc<Ledger>) {
    for turn in 1_u32.. {
        tokio::time::sleep(SAMPLES_EVERY).await;
        recorder.flush();
        // What space a full disk has belongs to the undo.
        if turn.is_multiple_of(BOOKS_EVERY) && !recorder.is_on_reserve() {
            let (folder, ledger) = (recorder.folder(), ledger.clone());
            let kept = tokio::task::spawn_blocking(move || write(&folder, &ledger.kept())).await;
            if let Some(error) = kept.map_or_else(|error| Some(error.to_string()), Result::err) {
                tracing::warn!("the books of the producers were not kept: {error}");
            }
        }
    }
}

fn write(folder: &RunFolder, kept: &KeptLedger) -> Result<(), String> {
    let text = serde_json::to_vec(kept).map_err(|error| error.to_string())?;
    folder.write(BOOKS, &text).map_err(|error| error.to_string())
}

/// The books as they were last kept; empty, where they never were.
pub(super) fn kept(folder: &RunFolder) -> KeptLedger {
    let path = folder.path().join(BOOKS);
    let Ok(text) = std::fs::read(&path) else { return KeptLedger::default() };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::warn!("{} cannot be read, so what Kafka itself lost of its records is not known: {error}", path.display());
        KeptLedger::default()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn books_that_were_never_kept_or_are_damaged_are_empty() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "s", "r").unwrap();
        assert_eq!(kept(&folder), KeptLedger::default());
        write(&folder, &Ledger::new(1).kept()).unwrap();
        assert_eq!(kept(&folder), Ledger::new(1).kept());
        std::fs::write(folder.path().join(BOOKS), "[{").unwrap();
        assert_eq!(kept(&folder), KeptLedger::default());
    }
}
