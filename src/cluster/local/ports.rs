//! Free ports, chosen once and kept for the life of the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use serde::{Deserialize, Serialize};

use super::error::Error;

/// Links of a local cluster: each has a listener of its own at every broker, which advertises squall's proxy.
pub(super) const LINKS: [&str; 3] = ["generator", "source", "sink"];

/// Every port that must stay the same when its process is started again. All others are chosen by the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ports {
    /// One entry a broker.
    pub brokers: Vec<BrokerPorts>,
    /// The JobManager's REST.
    pub rest: u16,
    /// The JobManager's RPC.
    pub rpc: u16,
    /// The SQL gateway's REST.
    pub gateway: u16,
}

/// The ports of one broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct BrokerPorts {
    /// For the other brokers, and for squall's own reading and asking.
    pub direct: u16,
    /// For the quorum of controllers.
    pub controller: u16,
    /// By link.
    pub links: BTreeMap<String, LinkPorts>,
}

/// Both ends of a link to one broker; also of one in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cluster) struct LinkPorts {
    /// Where the proxy listens; the broker advertises it.
    pub proxy: u16,
    /// Where the broker listens.
    pub broker: u16,
}

impl Ports {
    /// Chooses free ports below the range from which the system serves outgoing connections, so that none of those can take
    /// the port of a node that is away for a while. `taken` belong to other clusters, whose nodes may be away just now.
    /// The search begins at a place given by `seed`.
    pub fn choose(brokers: usize, taken: &BTreeSet<u16>, seed: u64) -> Result<Self, Error> {
        let count = brokers * (2 + 2 * LINKS.len()) + 3;
        let mut free = free_ports(count, taken, seed)?.into_iter();
        let mut next = || free.next().ok_or(Error::NoPorts { count, from: LOWEST, to: lowest_ephemeral() });
        let mut all = Vec::with_capacity(brokers);
        for _ in 0..brokers {
            let (direct, controller) = (next()?, next()?);
            let mut links = BTreeMap::new();
            for link in LINKS {
                links.insert(link.to_owned(), LinkPorts { proxy: next()?, broker: next()? });
            }
            all.push(BrokerPorts { direct, controller, links });
        }
        Ok(Self { brokers: all, rest: next()?, rpc: next()?, gateway: next()? })
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = u16> {
        let of_broker = |broker: &BrokerPorts| {
            broker.links.values().flat_map(|link| [link.proxy, link.broker]).chain([broker.direct, broker.controller]).collect::<Vec<_>>()
        };
        self.brokers.iter().flat_map(of_broker).chain([self.rest, self.rpc, self.gateway])
    }
}

const LOWEST: u16 = 20_000;

/// The first port that the system gives to outgoing connections: 32768 where it cannot be read.
fn lowest_ephemeral() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_ascii_whitespace().next()?.parse().ok())
        .filter(|lowest| *lowest > LOWEST + 1000)
        .unwrap_or(32_768)
}

/// So many ports that are free at the same time, below those of outgoing connections.
pub(in crate::cluster) fn free_ports(count: usize, taken: &BTreeSet<u16>, seed: u64) -> Result<Vec<u16>, Error> {
    let end = lowest_ephemeral();
    let width = u64::from(end - LOWEST);
    let candidates = (0..width).filter_map(|step| u16::try_from(u64::from(LOWEST) + (seed + step) % width).ok());
    // Held until all are found: then they are free at the same time.
    let mut held = Vec::with_capacity(count);
    for port in candidates.filter(|port| !taken.contains(port)) {
        if held.len() == count {
            break;
        }
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|listener| (port, listener)));
    }
    if held.len() == count {
        Ok(held.into_iter().map(|(port, _)| port).collect())
    } else {
        Err(Error::NoPorts { count, from: LOWEST, to: end })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ports_differ_and_avoid_what_is_taken() {
        let first = Ports::choose(3, &BTreeSet::new(), 7).unwrap();
        let ports: BTreeSet<_> = first.all().collect();
        assert_eq!(ports.len(), 27);
        assert!(ports.iter().all(|port| (LOWEST..lowest_ephemeral()).contains(port)));
        let second = Ports::choose(3, &ports, 7).unwrap();
        assert!(second.all().all(|port| !ports.contains(&port)));
        let _listening = TcpListener::bind((Ipv4Addr::LOCALHOST, second.rest)).unwrap();
        assert!(Ports::choose(3, &ports, 7).unwrap().all().all(|port| port != second.rest));
    }
}
