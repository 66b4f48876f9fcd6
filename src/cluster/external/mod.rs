//! Kind `external`: a Kafka and a Flink that somebody else runs. Nothing of them is started or ended but by a fault that the cluster
//! file allows.
//!
//! ```text
//! spec.rs, mistakes.rs, abilities.rs           what the owner says, and what follows from it
//! processes.rs, nodes.rs ── shell.rs           who is who: by main class and port, over ssh or here
//! act.rs ── signals.rs (over a shell), commands.rs (the owner's own)
//! undo.rs ── record.rs                         what was done, so that whoever undoes it knows who was there
//! proxy.rs                                     links that the owner led through squall's proxy
//! ```

mod abilities;
mod act;
mod commands;
mod error;
mod mistakes;
mod nodes;
mod processes;
mod proxy;
mod record;
mod shell;
mod signals;
mod spec;
mod undo;

pub(super) use abilities::{abilities, can, freezes_by_signal, usual_restarter};
pub use error::Error;
pub(super) use mistakes::mistakes;
pub(super) use proxy::{down, is_recorded, up};
pub use spec::{Commands, Deeds, ExternalLink, ExternalSpec, Host, Links, RoleCommands, Ssh, Through};

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nodes::{Named, host_and_port};
use record::Store;
use shell::Shell;

use super::description::{Addresses, Description, KafkaAccess, Link, NodeStatus};
use super::links::Links as LinkControl;
use super::places::Places;
use super::spec::ClusterSpec;
use crate::action::{Identity, Node, Role};
use crate::flink::{Access, Rest};
use crate::kafka::{Admin, Connection};

const KAFKA_WITHIN: Duration = Duration::from_secs(10);
/// For a look at the brokers in mid-fault: what is known already serves as well.
const KAFKA_LOOK_WITHIN: Duration = Duration::from_secs(2);
const ROLES: [Role; 4] = [Role::Taskmanager, Role::Jobmanager, Role::Broker, Role::Gateway];

/// A foreign cluster.
#[derive(Debug)]
pub struct External {
    spec: ClusterSpec,
    external: ExternalSpec,
    addresses: Addresses,
    rest: Rest,
    kafka: Arc<Admin>,
    shells: Vec<Shell>,
    store: Store,
    links: LinkControl,
    seen: Mutex<Seen>,
}

/// What was seen of it, for when it cannot be asked.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Flink's configuration.
    config: BTreeMap<String, String>,
    /// Flink's version.
    flink: String,
    /// Id and address of the brokers.
    brokers: Vec<(i32, String)>,
    /// Nodes whose process is known.
    nodes: Vec<Node>,
}

impl External {
    /// Makes the clients. Nothing is asked yet: an undo must get through to what is left of a cluster.
    pub(super) fn attach(spec: &ClusterSpec, external: &ExternalSpec, places: &Places) -> Result<Self, Error> {
        let addresses = addresses(external);
        let store = Store::of(&spec.name, places);
        Ok(Self {
            rest: Rest::new(&addresses.flink, Path::new(""))?,
            kafka: Arc::new(Admin::new(&addresses.kafka.harness)?),
            shells: external.hosts.iter().cloned().map(Shell::new).collect(),
            links: LinkControl::new(proxy::control(&store)),
            spec: spec.clone(),
            external: external.clone(),
            addresses,
            store,
            seen: Mutex::default(),
        })
    }

    pub(super) fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Looks whether Kafka, Flink, the machines and the proxy answer.
    ///
    /// # Errors
    /// The first that does not, and why.
    pub(super) async fn ready(&self) -> Result<(), super::Error> {
        self.brokers(KAFKA_WITHIN).await?;
        let overview = self.rest.overview().await.map_err(Error::from)?;
        self.seen().flink.clone_from(&overview.flink_version);
        self.config().await?;
        for shell in &self.shells {
            shell.run(":", Duration::from_secs(20)).await?;
        }
        if self.external.proxied().next().is_some() {
            self.links.open().await.map_err(|_| Error::NoProxy { links: proxy::names(&self.external) })?;
        }
        Ok(())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Id and address of the live brokers.
    async fn brokers(&self, within: Duration) -> Result<Vec<(i32, String)>, Error> {
        let kafka = self.kafka.clone();
        let metadata = tokio::task::spawn_blocking(move || kafka.metadata(within)).await??;
        let mut brokers: Vec<_> = metadata.brokers.into_iter().map(|broker| (broker.id, broker.address)).collect();
        brokers.sort();
        self.seen().brokers.clone_from(&brokers);
        Ok(brokers)
    }

    /// Flink's configuration, asked for once.
    async fn config(&self) -> Result<BTreeMap<String, String>, Error> {
        let known = self.seen().config.clone();
        if !known.is_empty() {
            return Ok(known);
        }
        let config = self.rest.jobmanager_config().await?.value;
        self.seen().config.clone_from(&config);
        Ok(config)
    }

    pub(super) fn describe(&self) -> Description {
        let seen = self.seen().clone();
        Description {
            name: self.spec.name.to_string(),
            kind: "external".to_owned(),
            kafka: "not told".to_owned(),
            flink: seen.flink,
            java: None,
            nodes: seen.nodes,
            kafka_config: BTreeMap::new(),
            flink_config: BTreeMap::new(),
            addresses: self.addresses.clone(),
        }
    }

    /// The nodes as the cluster names them, each with its process where one of the machines has it. Nodes that are known from before and
    /// no longer named are shown for as long as their process is there, or is owed.
    pub(super) async fn view(&self) -> Result<Vec<NodeStatus>, Error> {
        let (named, found) = futures::join!(self.named(), self.processes());
        let found = found?;
        let mut view = nodes::matched(&named, &found, self.shells.len());
        let owed = self.store.read()?.deeds.into_iter().filter(|deed| !deed.undone).map(|deed| deed.node);
        let before: Vec<Node> = self.seen().nodes.iter().cloned().chain(owed).collect();
        for node in before {
            if node.identity == Identity::Named || view.iter().any(|status| status.node.identity == node.identity) {
                continue;
            }
            let process = found.iter().find(|process| process.identity() == node.identity);
            match process {
                Some(process) => view.push(NodeStatus { node, alive: true, frozen: process.is_stopped(), slots: 0 }),
                None => {
                    // Flink goes on naming a dead one until its heartbeats are missed.
                    let named_still = |status: &NodeStatus| {
                        status.node.identity == Identity::Named && (status.node.role, &status.node.name) == (node.role, &node.name)
                    };
                    view.retain(|status| !named_still(status));
                    if self.is_owed(&node)? {
                        view.push(NodeStatus { node, alive: false, frozen: false, slots: 0 });
                    }
                }
            }
        }
        let mut seen = self.seen();
        for status in view.iter().filter(|status| status.alive && status.node.identity != Identity::Named) {
            if !seen.nodes.contains(&status.node) {
                seen.nodes.push(status.node.clone());
            }
        }
        drop(seen);
        view.sort_by(|a, b| (a.node.role, natural(&a.node.name)).cmp(&(b.node.role, natural(&b.node.name))));
        Ok(view)
    }

    /// Processes of Kafka and Flink on the machines, whosesoever.
    async fn processes(&self) -> Result<Vec<processes::Found>, Error> {
        let lists = futures::future::try_join_all(self.shells.iter().map(processes::list)).await?;
        Ok(lists.into_iter().flatten().collect())
    }

    /// The nodes as the cluster names them now. What does not answer is named as it was last.
    async fn named(&self) -> Vec<Named> {
        let (taskmanagers, config, brokers) = futures::join!(self.rest.taskmanagers(), self.config(), self.brokers(KAFKA_LOOK_WITHIN));
        let (flink_answers, kafka_answers) = (taskmanagers.is_ok(), brokers.is_ok());
        let mut named = Vec::new();
        for taskmanager in taskmanagers.map(|answer| answer.value).unwrap_or_default() {
            let place = host_and_port(&taskmanager.path);
            let ports = place.iter().map(|(_, port)| *port).chain(u16::try_from(taskmanager.data_port)).filter(|port| *port > 0);
            let ports = ports.collect();
            named.push(self.at(Role::Taskmanager, taskmanager.id, place.map(|(host, _)| host), ports, true).await);
        }
        let config = config.unwrap_or_else(|_| self.seen().config.clone());
        let of_config = ["rest.port", "jobmanager.rpc.port"].iter().filter_map(|key| config.get(*key)?.parse::<u16>().ok());
        // Behind a proxy the address is not the JobManager's own, but then its port is no JobManager's either.
        let of_addresses = self.external.flink.addresses.iter().filter_map(|address| Some(host_and_port(address)?.1));
        let host = config.get("jobmanager.rpc.address").or_else(|| config.get("rest.address")).cloned();
        named.push(self.at(Role::Jobmanager, "jm-1".to_owned(), host, of_config.chain(of_addresses).collect(), flink_answers).await);
        let brokers = brokers.unwrap_or_else(|_| self.seen().brokers.clone());
        for (id, address) in brokers {
            let place = host_and_port(&address);
            let ports = place.iter().map(|(_, port)| *port).collect();
            named.push(self.at(Role::Broker, format!("broker-{id}"), place.map(|(host, _)| host), ports, kafka_answers).await);
        }
        if let Some(gateway) = &self.external.gateway {
            let place = gateway.addresses.first().and_then(|address| host_and_port(address));
            let ports = place.iter().map(|(_, port)| *port).collect();
            named.push(self.at(Role::Gateway, "gateway".to_owned(), place.map(|(host, _)| host), ports, true).await);
        }
        named
    }

    async fn at(&self, role: Role, name: String, host: Option<String>, ports: BTreeSet<u16>, answers: bool) -> Named {
        let ips = match &host {
            // Only where processes are looked for.
            Some(host) if !self.shells.is_empty() => match host.parse::<IpAddr>() {
                Ok(ip) => vec![ip],
                Err(_) => {
                    tokio::net::lookup_host((host.as_str(), 0)).await.map(|found| found.map(|at| at.ip()).collect()).unwrap_or_default()
                }
            },
            _ => Vec::new(),
        };
        Named { role, name, host, ips, ports, answers }
    }

    /// The shell of the machine that a process is on.
    fn shell(&self, host: Option<&str>) -> Option<&Shell> {
        self.shells.iter().find(|shell| shell.host() == host)
    }

    pub(super) fn savepoints(&self) -> Option<String> {
        self.external.savepoints.clone()
    }

    pub(super) fn links(&self) -> Option<&LinkControl> {
        self.external.proxied().next().is_some().then_some(&self.links)
    }

    /// Its processes on this machine, as last seen: name and pid.
    pub(super) fn processes_here(&self) -> Vec<(String, i32)> {
        let here = |node: &Node| match node.identity {
            Identity::Process { pid, start_ticks, host: None } if super::process::is_alive(pid, start_ticks) => {
                Some((node.name.clone(), pid))
            }
            _ => None,
        };
        self.seen().nodes.iter().filter_map(here).collect()
    }
}

/// `tm-10` after `tm-9`.
fn natural(name: &str) -> (&str, u64) {
    let digits = name.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |last| last + 1);
    (&name[..digits], name[digits..].parse().unwrap_or(0))
}

fn addresses(external: &ExternalSpec) -> Addresses {
    let at = |link: &Option<ExternalLink>| match link {
        None => external.kafka.clone(),
        Some(ExternalLink::Address(bootstrap)) => Connection { bootstrap: bootstrap.clone(), ..external.kafka.clone() },
        Some(ExternalLink::Through(entries)) => {
            let bootstrap = entries.iter().map(|entry| entry.listen.as_str()).collect::<Vec<_>>().join(",");
            Connection { bootstrap, ..external.kafka.clone() }
        }
    };
    let kafka = KafkaAccess {
        // squall's own producers go where squall can go; only a proxy is in their way.
        generator: match &external.links.generator {
            Some(ExternalLink::Address(_)) | None => external.kafka.clone(),
            through => at(through),
        },
        source: at(&external.links.source),
        sink: at(&external.links.sink),
        harness: external.kafka.clone(),
    };
    let link = |name: &str, connection: &Connection| Link {
        name: name.to_owned(),
        address: connection.bootstrap.clone(),
        proxied: external.proxied().any(|(proxied, _)| proxied == name),
    };
    let links = vec![link("generator", &kafka.generator), link("source", &kafka.source), link("sink", &kafka.sink)];
    let access = |access: &Access| access.clone();
    Addresses { flink: access(&external.flink), gateway: external.gateway.as_ref().map(access), links, kafka }
}
