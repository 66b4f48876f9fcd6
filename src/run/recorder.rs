//! Journals each event, then shows it to analysis and to whoever listens: what was decided on is always what was written.

use std::sync::Mutex;

use crate::analysis::Analysis;
use crate::clock::{self, Timestamp};
use crate::guard::Owed;
use crate::journal::{Ending, Error, Event, EventKind, OpenUndos, Record, RunFolder, UndoId, Writer};

use super::stop::Stop;

/// The engine's one way to write.
pub struct Recorder {
    state: Mutex<State>,
    stop: Stop,
}

struct State {
    writer: Writer,
    analysis: Analysis,
    owed: Owed,
    failed: bool,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// Over the journal of a run, with what its lines so far say. A journal that cannot be written ends the run through `stop`.
    pub fn new(writer: Writer, analysis: Analysis, owed: Owed, stop: Stop) -> Self {
        Self { state: Mutex::new(State { writer, analysis, owed, failed: false }), stop }
    }

    /// Journals an event that what follows rests on: it is on disk when this returns.
    ///
    /// # Errors
    /// When it could not be written: then what follows must not be done.
    pub fn durably(&self, event: EventKind) -> Result<(), Error> {
        let mut state = self.lock();
        self.write(&mut state, clock::now(), event)
    }

    /// Journals the undo that `recorded` makes of the next free id, and returns the id.
    ///
    /// # Errors
    /// When it could not be written: then the deed must not be done.
    pub fn record_undo(&self, recorded: impl FnOnce(UndoId) -> EventKind) -> Result<UndoId, Error> {
        let mut state = self.lock();
        let undo = state.owed.undos.next_id();
        self.write(&mut state, clock::now(), recorded(undo))?;
        Ok(undo)
    }

    /// Whether the disk is full, and what space there is belongs to the undo.
    pub fn is_on_reserve(&self) -> bool {
        self.lock().writer.is_on_reserve()
    }

    /// The run's folder.
    pub fn folder(&self) -> RunFolder {
        self.lock().writer.folder().clone()
    }

    /// Asks analysis, as it stands after the last event.
    pub fn ask<T>(&self, question: impl FnOnce(&Analysis) -> T) -> T {
        question(&self.lock().analysis)
    }

    /// The undos that are owed.
    pub fn undos(&self) -> OpenUndos {
        self.lock().owed.undos.clone()
    }

    /// Everything that is owed: undos, and things to be removed.
    pub fn owed(&self) -> Owed {
        self.lock().owed.clone()
    }

    /// Writes out the samples so far.
    pub fn flush(&self) {
        let mut state = self.lock();
        let result = state.writer.flush();
        self.note(&mut state, result);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while the lock was held leaves the journal whole: its lines are written in one piece.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn note(&self, state: &mut State, result: Result<(), Error>) {
        if let Err(error) = result {
            let reason = if error.is_disk_full() { DISK_FULL } else { "the journal cannot be written" };
            self.fail(state, format!("{reason}: {error}"));
        }
    }

    fn write(&self, state: &mut State, at: Timestamp, event: EventKind) -> Result<(), Error> {
        let event: Event = state.writer.append(at, event)?;
        state.owed.push(&event);
        state.analysis.push(&event);
        if let Some(notice) = state.writer.notice() {
            let event = state.writer.append(at, notice)?;
            state.analysis.push(&event);
            state.writer.settle()?;
        }
        if state.writer.is_on_reserve() {
            self.fail(
                state,
                format!("{DISK_FULL}: the journal {} goes on in the space kept for the undo", state.writer.folder().journal().display()),
            );
        }
        Ok(())
    }

    fn fail(&self, state: &mut State, why: String) {
        if !state.failed {
            state.failed = true;
            tracing::error!("{why}");
            self.stop.now(Ending::Failed(why));
        }
    }
}

const DISK_FULL: &str = "the disk is full";

impl Record for Recorder {
    fn record_at(&self, at: Timestamp, event: EventKind) {
        let mut state = self.lock();
        let result = self.write(&mut state, at, event);
        self.note(&mut state, result);
    }
}
