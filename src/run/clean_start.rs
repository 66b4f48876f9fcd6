//! Before a run: leftovers of earlier runs on the same cluster are found, and named or undone.

use std::path::Path;

use crate::cluster::Places;
use crate::guard::{self, ClusterLock, Leftover};
use crate::journal::{self, RunFolder};

use super::watcher::Watcher;

/// Why a run does not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody has to decide.
    #[error("{}\n{}", named(.0), advice(.0))]
    Leftovers(Vec<Leftover>),
    /// It was tried.
    #[error("run {run} left something behind that could not be undone:\n  {}", left.join("\n  "))]
    Left {
        /// The earlier run.
        run: String,
        /// What, and why.
        left: Vec<String>,
    },
    /// Its journal cannot be used, or somebody else is at it.
    #[error(transparent)]
    Undo(#[from] guard::Error),
    /// Its folder cannot be used.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// Sees to it that no earlier run on the cluster of this name owes anything. The caller holds the cluster's lock.
///
/// # Errors
/// When one does and `undo_first` was not asked for, or did not get there.
pub async fn ensure(
    cluster: &str,
    (places, reports): (&Places, &Path),
    undo_first: bool,
    lock: &ClusterLock,
    watcher: &dyn Watcher,
) -> Result<(), Error> {
    let mut found = guard::leftovers(places, reports);
    // A run whose folder no longer names its cluster may have been on this one.
    found.retain(|left| left.cluster.as_deref().is_none_or(|name| name == cluster));
    if found.is_empty() {
        return Ok(());
    }
    if !undo_first {
        return Err(Error::Leftovers(found));
    }
    for left in found.iter().rev() {
        watcher.step(&format!("undoing what run {} left behind", left.run));
        let report = guard::undo_run(&RunFolder::open(&left.folder)?, places, "undo command", Some(lock)).await?;
        if !report.is_clean() {
            return Err(Error::Left { run: report.run, left: report.left });
        }
    }
    Ok(())
}

fn advice(found: &[Leftover]) -> String {
    match found.iter().find(|left| left.resumable.is_some()) {
        Some(left) => {
            let folder = left.folder.display();
            format!("go on with it by `squall resume {folder}`, or put it back with `squall undo {folder}`, or start with --undo-first")
        }
        None => "undo that with `squall undo`, or start with --undo-first".to_owned(),
    }
}

fn named(found: &[Leftover]) -> String {
    let one = |left: &Leftover| {
        let undos = left.undos.iter().map(|open| format!("\n  {}: {}", open.fault.name, open.inverse));
        let things = left.things.iter().map(|thing| format!("\n  {} {}", thing.kind, thing.name));
        let state = match (left.being_undone, left.resumable) {
            (true, _) => "is being undone, and still owes",
            (false, Some(_)) => "broke off, can be resumed, and keeps for that",
            (false, None) => "died and left behind",
        };
        format!("run {} {state}:{}", left.run, undos.chain(things).collect::<String>())
    };
    found.iter().map(one).collect::<Vec<_>>().join("\n")
}
