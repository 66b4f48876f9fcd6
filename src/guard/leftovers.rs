//! What runs whose engine is dead have left behind.

use std::path::{Path, PathBuf};

use super::lock::UndoLock;
use super::owed::{Owed, Thing};
use super::reach::cluster_spec;
use super::{engine, registry};
use crate::clock::Timestamp;
use crate::cluster::Places;
use crate::journal::{EventKind, OpenUndo, RunFolder};

/// What a run owes.
#[derive(Debug, Clone, PartialEq)]
pub struct Leftover {
    /// The run.
    pub run: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Name of its cluster, where the run's folder still says it.
    pub cluster: Option<String>,
    /// Undos, in the order in which they are to be done.
    pub undos: Vec<OpenUndo>,
    /// Things to be removed.
    pub things: Vec<Thing>,
    /// Since when.
    pub since: Timestamp,
    /// Whether the engine is alive: then it is no leftover, but what goes on.
    pub alive: bool,
    /// Whether a guard or an `undo` is at it.
    pub being_undone: bool,
    /// The last line before the death, of a run that can be resumed; its undos alone are overdue then.
    pub resumable: Option<Timestamp>,
}

/// What runs of this machine have left behind whose engine is dead: those that squall remembers, and those below `reports`.
/// Journals that cannot be read are said as warnings.
pub fn leftovers(places: &Places, reports: &Path) -> Vec<Leftover> {
    let owes = |run: &Leftover| !run.undos.is_empty() || !run.things.is_empty() || run.resumable.is_some();
    open_runs(places, reports).into_iter().filter(|run| !run.alive && owes(run)).collect()
}

/// The same, and the runs that go on.
pub(super) fn open_runs(places: &Places, reports: &Path) -> Vec<Leftover> {
    registry::runs(places, reports).iter().filter_map(look).collect()
}

fn look(folder: &RunFolder) -> Option<Leftover> {
    // Most runs ended well long ago: their last line is enough.
    if let Ok(Some(event)) = folder.last_event()
        && matches!(event.event, EventKind::RunEnded { clean: true, .. })
    {
        return None;
    }
    let owed = match Owed::read(folder) {
        Ok(owed) => owed,
        Err(crate::journal::Error::NoJournal(_)) => return None,
        Err(error) => {
            tracing::warn!("run {} is passed over: {error}", folder.run());
            return None;
        }
    };
    let alive = engine::is_alive(owed.engine) && owed.ended.is_none();
    let being_undone = UndoLock::take(folder).is_ok_and(|lock| lock.is_none());
    if owed.is_nothing() && owed.resumable().is_none() && !alive && !being_undone {
        return None;
    }
    Some(Leftover {
        run: owed.run.clone(),
        folder: folder.path().to_owned(),
        cluster: cluster_spec(folder).ok().map(|spec| spec.name.to_string()),
        undos: owed.undos.last_first(),
        resumable: owed.resumable().filter(|_| !alive).map(|(_, last)| last),
        since: if alive { owed.started } else { owed.since() },
        things: owed.things,
        alive,
        being_undone,
    })
}
