//! squall's proxy in front of listeners that the owner of a foreign cluster made for it. It belongs to the cluster, not to a run:
//! `squall cluster up` starts it, `squall cluster down` ends it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Error;
use super::record::{ProxyProcess, Store};
use super::spec::{ExternalSpec, Through};
use crate::cluster::places::{Places, absolute};
use crate::cluster::process::{self, Process};
use crate::cluster::spec::{ClusterName, ClusterSpec};
use crate::proxy::{Config, LinkConfig, Protocol, spawn};

const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// The control socket: where paths are too long for the system (107 bytes), among the temporary files.
pub(super) fn control(store: &Store) -> PathBuf {
    let beside = absolute(store.folder()).join("proxy.sock");
    if beside.as_os_str().len() <= 100 {
        return beside;
    }
    let name = format!("squall-{:08x}.sock", crc32fast::hash(beside.as_os_str().as_encoded_bytes()));
    std::env::temp_dir().join(name)
}

/// The proxied links by name.
pub(super) fn names(external: &ExternalSpec) -> String {
    external.proxied().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// One entry as the proxy takes it, or what is wrong with it.
pub(super) fn link(name: &str, entry: &Through) -> Result<LinkConfig, String> {
    let listen: SocketAddr = entry
        .listen
        .parse()
        .map_err(|_| format!("`{}` is no IP address and port of this machine: write `10.0.0.5:29092`", entry.listen))?;
    if listen.port() == 0 {
        return Err("the port must be the one that the broker's listener advertises, not 0".to_owned());
    }
    let port = entry.broker.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        return Err(format!("`{}` is no address of a broker: write `broker-1:9095`", entry.broker));
    }
    Ok(LinkConfig { name: name.to_owned(), listen, upstream: entry.broker.clone(), protocol: Protocol::Kafka })
}

/// Starts the proxy, where there is one to be. True when it was started.
pub(in crate::cluster) async fn up(spec: &ClusterSpec, external: &ExternalSpec, places: &Places) -> Result<bool, Error> {
    let mut links = Vec::new();
    for (name, entries) in external.proxied() {
        for entry in entries {
            links.extend(link(name, entry));
        }
    }
    if links.is_empty() {
        return Ok(false);
    }
    let store = Store::of(&spec.name, places);
    let mut record = store.read()?;
    if record.proxy.is_some_and(|proxy| process::is_alive(proxy.pid, proxy.start_ticks)) {
        return Err(Error::ProxyIsUp { links: names(external) });
    }
    store.write(&record)?;
    let beyond_loopback = links.iter().any(|link| !link.listen.ip().is_loopback());
    let config = Config { links, control: control(&store), beyond_loopback };
    let spawned = spawn(&places.squall, &config, &store.folder().join("proxy.log")).await?;
    record.proxy = Some(ProxyProcess { pid: spawned.pid, start_ticks: spawned.start_ticks });
    store.write(&record)?;
    Ok(true)
}

/// Whether squall keeps anything of a foreign cluster of this name.
pub(in crate::cluster) fn is_recorded(name: &ClusterName, places: &Places) -> bool {
    Store::of(name, places).folder().exists()
}

/// Ends the proxy and forgets what was done to nodes. True when there was a proxy.
pub(in crate::cluster) async fn down(name: &ClusterName, places: &Places) -> Result<bool, Error> {
    let store = Store::of(name, places);
    let record = store.read()?;
    let mut ended = false;
    if let Some(proxy) = record.proxy {
        let failed = |source| Error::Spawn { program: format!("the proxy (process {})", proxy.pid), source };
        if let Some(process) = Process::open(proxy.pid, proxy.start_ticks).map_err(failed)? {
            process.end(ENDS_WITHIN).await.map_err(failed)?;
            ended = true;
        }
    }
    match std::fs::remove_file(control(&store)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::Record { path: control(&store), reason: error.to_string() });
        }
        _ => {}
    }
    store.remove(places)?;
    Ok(ended)
}
