//! The end: every process by pid and start time, then whatever carries the label, then the data.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::PATIENCE;
use super::archive;
use super::disk;
use super::error::{Doing, Error};
use super::record::{Entry, FOLDER, Folder, LABEL, Locked, Part, Phase, Record};
use crate::cluster::Progress;
use crate::cluster::places::Places;
use crate::cluster::process::{self, Environment, Process};
use crate::cluster::spec::ClusterName;

/// An orderly end takes a second or two.
const ORDERLY: Duration = Duration::from_secs(5);
/// Writing a class-data archive takes seconds more, once.
const ARCHIVING: Duration = Duration::from_secs(30);

/// Ends every process of a cluster, whoever started it and however far it got, and removes its data.
///
/// # Errors
/// [`Error::NotUp`]; when a process cannot be ended or a folder not be removed.
pub async fn down(name: &ClusterName, places: &Places, progress: &Progress<'_>) -> Result<(), Error> {
    let folder = Folder::of(name, places);
    if !folder.path().exists() {
        return Err(Error::NotUp(name.clone()));
    }
    let locked = folder.lock(PATIENCE).await?;
    let record = folder.read()?;
    let was_up = record.is_some();
    if let Some(record) = record {
        clear(&locked, record, progress).await?;
    }
    end_orphans(&folder).await?;
    fs::remove_dir_all(folder.path()).doing(|| format!("cannot remove `{}`", folder.path().display()))?;
    places.remove_empty();
    if was_up { Ok(()) } else { Err(Error::NotUp(name.clone())) }
}

/// Ends all processes and removes everything but the cluster's own folder.
pub(super) async fn clear(locked: &Locked, mut record: Record, progress: &Progress<'_>) -> Result<(), Error> {
    record.phase = Phase::Stopping;
    locked.folder.write(&record)?;
    if record.processes.iter().any(|entry| entry.archive.is_some() && entry.is_alive()) {
        progress("writing class-data archives, once: later starts take half the time");
    }
    end_all(&locked.folder, &record, ORDERLY).await?;
    remove_data(&record)?;
    remove_all_but_logs(&locked.folder)?;
    progress(&format!("cluster {} is down", record.spec.name));
    Ok(())
}

/// Ends the nodes together, then the proxy that carries their traffic, then what carries the label and is in no record.
pub(super) async fn end_all(folder: &Folder, record: &Record, patience: Duration) -> Result<(), Error> {
    let (nodes, proxies): (Vec<_>, Vec<_>) = record.processes.iter().partition(|entry| matches!(entry.part, Part::Node(_)));
    for group in [nodes, proxies] {
        futures::future::try_join_all(group.into_iter().map(|entry| end(record, entry, patience))).await?;
    }
    for limit in record.processes.iter().filter_map(|entry| entry.slowed.as_ref()) {
        limit.lift(None).doing(|| "cannot remove a control group".to_owned())?;
    }
    for limit in record.processes.iter().filter_map(|entry| entry.squeezed.as_ref()) {
        limit.lift(None).doing(|| "cannot remove a control group".to_owned())?;
    }
    for (pid, start_ticks) in labelled(folder, Some(record)) {
        end_process(&folder.name, pid, start_ticks, Duration::ZERO).await?;
    }
    Ok(())
}

/// Ends what was started for this cluster and is in no record: squall died between starting a process and writing it down,
/// or somebody removed the record.
pub(super) async fn end_orphans(folder: &Folder) -> Result<(), Error> {
    for (pid, start_ticks) in labelled(folder, None) {
        end_process(&folder.name, pid, start_ticks, ORDERLY).await?;
    }
    Ok(())
}

/// The processes that carry the label of this record, or, without one, of any cluster whose record was in this folder.
pub(super) fn labelled(folder: &Folder, record: Option<&Record>) -> Vec<(i32, u64)> {
    let label = record.map(Record::label);
    let ours = |process: &Environment| match &label {
        Some(label) => process.get(LABEL) == Some(label),
        None => process.get(LABEL).is_some() && process.get(FOLDER).map(Path::new) == Some(folder.path()),
    };
    process::environments().into_iter().filter(ours).map(|process| (process.pid, process.start_ticks)).collect()
}

async fn end(record: &Record, entry: &Entry, patience: Duration) -> Result<(), Error> {
    let archiving = entry.archive.as_ref().filter(|_| !patience.is_zero());
    let patience = if archiving.is_some() { ARCHIVING } else { patience };
    let orderly = end_process(&record.spec.name, entry.pid, entry.start_ticks, patience).await?;
    if let Some(draft) = &entry.archive {
        archive::settle(draft, orderly);
    }
    Ok(())
}

/// Whether it ended by itself. One that was gone already did not.
async fn end_process(name: &ClusterName, pid: i32, start_ticks: u64, patience: Duration) -> Result<bool, Error> {
    let unkillable = |source| Error::Unkillable { name: name.clone(), pid, source };
    match Process::open(pid, start_ticks).map_err(unkillable)? {
        Some(process) => process.end(patience).await.map_err(unkillable),
        None => Ok(false),
    }
}

/// Removes what squall made outside of the cluster's folder, and its topics and checkpoints.
pub(super) fn remove_data(record: &Record) -> Result<(), Error> {
    let gone = |result: io::Result<()>, path: &Path| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).doing(|| format!("cannot remove `{}`", path.display())),
        _ => Ok(()),
    };
    disk::unmount(&record.data.join("checkpoints"))?;
    gone(fs::remove_dir_all(&record.data), &record.data)?;
    gone(fs::remove_file(&record.control), &record.control)
}

/// Leaves only the logs in a cluster's folder: no record, so it is no longer a cluster.
pub(super) fn remove_all_but_logs(folder: &Folder) -> Result<(), Error> {
    let cannot = || format!("cannot empty `{}`", folder.path().display());
    for entry in fs::read_dir(folder.path()).doing(cannot)? {
        let path = entry.doing(cannot)?.path();
        if path != folder.logs() {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.doing(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(())
}
