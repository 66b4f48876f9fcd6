//! What is known of a cluster of containers: a label of its network. So it is there exactly as long as the cluster is, whatever becomes
//! of squall's own folders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use testcontainers::bollard::models::NetworkInspect;

use super::engine::{CLUSTER, Container, Engine, ID, RECORD};
use super::error::Error;
use super::spec::ContainersSpec;
use crate::clock::Timestamp;
use crate::cluster::local::ports::LinkPorts;
use crate::cluster::spec::{ClusterName, ClusterSpec};

/// Format of the record.
pub(super) const FORMAT: u32 = 1;

/// Links of such a cluster: each has a listener of its own at the broker, which advertises squall's proxy.
pub(super) const LINKS: [&str; 3] = ["generator", "source", "sink"];

/// A cluster of containers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Record {
    /// Format of this text.
    pub format: u32,
    /// Told apart from every other cluster of this name, past ones too.
    pub id: String,
    /// When it was started.
    pub created: Timestamp,
    /// The cluster file.
    pub spec: ClusterSpec,
    /// What it says of this kind.
    pub containers: ContainersSpec,
    /// The squall that runs the proxy.
    pub squall: PathBuf,
    /// Configuration, checkpoints and savepoints; made by squall, removed with the cluster.
    pub folder: PathBuf,
    /// The proxy's control socket.
    pub control: PathBuf,
    /// Ports of this machine.
    pub ports: Ports,
}

/// Ports of this machine that lead into containers, kept while these are away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ports {
    /// The JobManager's REST.
    pub rest: u16,
    /// The SQL gateway's REST.
    pub gateway: u16,
    /// The broker, for squall's own reading and asking.
    pub direct: u16,
    /// By link: where the proxy listens, and the published port of the broker's listener.
    pub links: BTreeMap<String, LinkPorts>,
}

impl Record {
    /// The label that all its containers carry.
    pub fn label(&self) -> String {
        format!("{ID}={}", self.id)
    }

    /// Name of its network.
    pub fn network(&self) -> String {
        format!("squall-{}", self.spec.name)
    }

    /// Name of the container of a node.
    pub fn container(&self, node: &str) -> String {
        format!("squall-{}-{node}", self.spec.name)
    }
}

/// A cluster that was found: its record, the address of its network on this machine, and its containers, dead ones too.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub record: Record,
    pub gateway: Option<String>,
    pub containers: Vec<Container>,
}

impl Found {
    /// The cluster of this name.
    pub async fn of(engine: &Engine, name: &ClusterName) -> Result<Option<Self>, Error> {
        let mut all = Self::list(engine, &format!("{CLUSTER}={name}")).await?;
        Ok(all.pop())
    }

    /// All clusters with this label.
    pub async fn list(engine: &Engine, label: &str) -> Result<Vec<Self>, Error> {
        let mut found = Vec::new();
        for network in engine.networks(label).await? {
            let Some(record) = read(&network)? else { continue };
            let containers = engine.containers(&record.label()).await?;
            found.push(Self { gateway: gateway(&network), containers, record });
        }
        Ok(found)
    }

    /// The newest container of each place: what the cluster consists of, dead ones too.
    pub fn present(&self) -> impl Iterator<Item = &Container> {
        present(&self.containers)
    }
}

/// The newest container of each place.
pub(super) fn present(containers: &[Container]) -> impl Iterator<Item = &Container> {
    let replaced = |id: &str| containers.iter().any(|other| other.in_place_of.as_deref() == Some(id));
    containers.iter().filter(move |container| !replaced(&container.id))
}

fn read(network: &NetworkInspect) -> Result<Option<Record>, Error> {
    let Some(labels) = &network.labels else { return Ok(None) };
    let Some((name, text)) = labels.get(CLUSTER).zip(labels.get(RECORD)) else { return Ok(None) };
    let Ok(name) = name.parse::<ClusterName>() else { return Ok(None) };
    let record: Record = serde_json::from_str(text).map_err(|error| Error::BadRecord { name: name.clone(), reason: error.to_string() })?;
    if record.format != FORMAT {
        let reason = format!("it was written by another version of squall (format {})", record.format);
        return Err(Error::BadRecord { name, reason });
    }
    Ok(Some(record))
}

/// The network's address on this machine.
pub(super) fn gateway(network: &NetworkInspect) -> Option<String> {
    let configs = network.ipam.as_ref()?.config.as_ref()?;
    configs.iter().find_map(|config| config.gateway.clone()).map(|gateway| gateway.split('/').next().unwrap_or_default().to_owned())
}
