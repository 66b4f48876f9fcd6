//! The end: containers, then the network, then the proxy and the folder. All by label, so it needs no record of squall's own.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::engine::Engine;
use super::error::Error;
use super::named;
use super::record::{Found, Record};
use crate::cluster::Progress;
use crate::cluster::process::{self, Process};
use crate::cluster::spec::ClusterName;

/// The proxy's orderly end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// A container that was being made when its maker was cut off appears within this time.
const APPEARS_WITHIN: Duration = Duration::from_millis(700);

/// Whether there is anything of a cluster of this name.
pub(in crate::cluster) async fn is_known(name: &ClusterName) -> bool {
    let Ok(engine) = Engine::connect().await else { return false };
    let (networks, containers) = (engine.networks(&named(name)).await, engine.containers(&named(name)).await);
    networks.is_ok_and(|found| !found.is_empty()) || containers.is_ok_and(|found| !found.is_empty())
}

/// Removes every container, volume, network, process and file of a cluster, whoever started it and however far it got.
///
/// # Errors
/// [`Error::NotUp`]; when something cannot be removed.
pub(in crate::cluster) async fn down(name: &ClusterName, progress: &Progress<'_>) -> Result<(), Error> {
    let engine = Engine::connect().await?;
    // A record that cannot be read must not keep containers alive.
    let record = Found::of(&engine, name).await;
    let removed = sweep(&engine, name).await?;
    match record {
        Ok(Some(found)) => remove_files(&found.record)?,
        Ok(None) if removed == 0 => return Err(Error::NotUp(name.clone())),
        Ok(None) => {}
        Err(error) => return Err(error),
    }
    progress(&format!("cluster {name} is down"));
    Ok(())
}

/// Removes containers and networks of a cluster, and ends its proxy; looks again until there are none. Returns how many there were.
pub(super) async fn sweep(engine: &Engine, name: &ClusterName) -> Result<usize, Error> {
    let label = named(name);
    let mut removed = 0;
    loop {
        let found = Found::list(engine, &label).await.unwrap_or_default();
        for cluster in &found {
            end_proxy(&cluster.record.control).await?;
        }
        let containers = engine.containers(&label).await?;
        let networks = engine.networks(&label).await?;
        if containers.is_empty() && networks.is_empty() {
            return Ok(removed);
        }
        removed += containers.len() + networks.len();
        futures::future::try_join_all(containers.iter().map(|container| engine.remove_container(&container.id))).await?;
        for network in networks.iter().filter_map(|network| network.id.as_deref()) {
            engine.remove_network(network).await?;
        }
        tokio::time::sleep(APPEARS_WITHIN).await;
    }
}

/// Ends the proxy that serves on a control socket, by the socket on its command line.
async fn end_proxy(control: &Path) -> Result<(), Error> {
    for (pid, start_ticks) in process::with_argument(control.as_os_str()) {
        let failed = |source| Error::Unkillable { pid, source };
        if let Some(process) = Process::open(pid, start_ticks).map_err(failed)? {
            process.end(ENDS_WITHIN).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes the folder that the containers shared.
pub(super) fn remove_files(record: &Record) -> Result<(), Error> {
    let gone = |result: io::Result<()>, path: &Path| match result {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::File { path: path.to_owned(), source }),
        _ => Ok(()),
    };
    gone(fs::remove_dir_all(&record.folder), &record.folder)?;
    gone(fs::remove_file(&record.control), &record.control)?;
    // Folders above, as far as they are squall's and empty.
    if record.containers.data.is_none()
        && let Some(above) = record.folder.parent()
    {
        let _ = fs::remove_dir(above).and_then(|()| above.parent().map_or(Ok(()), fs::remove_dir));
    }
    Ok(())
}
