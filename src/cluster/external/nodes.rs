//! Which of the processes that were found are nodes of this cluster: those that listen where the cluster itself says that a node is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::processes::Found;
use crate::action::{Identity, Node, Role};
use crate::cluster::NodeStatus;

/// A node as the cluster names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub role: Role,
    pub name: String,
    /// The machine, as the cluster names it; none where it does not.
    pub host: Option<String>,
    /// Addresses of that machine, as far as they can be looked up.
    pub ips: Vec<IpAddr>,
    /// Ports that it listens on; one of them is enough.
    pub ports: BTreeSet<u16>,
    /// Whether the cluster answers for it: for nodes whose process is not known.
    pub answers: bool,
}

/// Each node with its process, where exactly one fits; else by its name alone.
pub(super) fn matched(named: &[Named], found: &[Found], machines: usize) -> Vec<NodeStatus> {
    let mut taken: Vec<Identity> = Vec::new();
    named
        .iter()
        .map(|named| {
            let fits = |process: &&Found| {
                process.role == named.role
                    && is_at(process, named, machines)
                    && listens(process, named)
                    && !taken.contains(&process.identity())
            };
            let mut fitting = found.iter().filter(fits);
            let process = fitting.next().filter(|_| fitting.next().is_none());
            let identity = process.map_or(Identity::Named, Found::identity);
            if process.is_some() {
                taken.push(identity.clone());
            }
            let node = Node { role: named.role, name: named.name.clone(), identity };
            NodeStatus { node, alive: process.is_some() || named.answers, frozen: process.is_some_and(Found::is_stopped), slots: 0 }
        })
        .collect()
}

/// Whether the process is on the machine that the cluster names. A loopback address says nothing where several machines are looked at.
fn is_at(process: &Found, named: &Named, machines: usize) -> bool {
    let Some(host) = &named.host else { return machines == 1 };
    if named.ips.iter().any(IpAddr::is_loopback) {
        return machines == 1 || process.host.is_none();
    }
    let login = process.host.as_deref().map(|to| to.rsplit_once('@').map_or(to, |(_, host)| host));
    let known = || process.addresses.iter().map(String::as_str).chain(login);
    known().any(|address| address.eq_ignore_ascii_case(host) || address.parse::<IpAddr>().is_ok_and(|ip| named.ips.contains(&ip)))
}

/// By its ports; where this user may not see them, by the id on its command line.
fn listens(process: &Found, named: &Named) -> bool {
    if process.ports.is_empty() {
        process.resource_id.as_deref() == Some(named.name.as_str())
    } else {
        process.ports.intersection(&named.ports).next().is_some()
    }
}

/// Host and port of `pekko.tcp://flink@10.0.0.7:6122/user/rpc/taskmanager_0`, of `http://jm:8081/prefix`, of `broker-1:9092`.
pub(super) fn host_and_port(address: &str) -> Option<(String, u16)> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split('/').next()?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let (host, port) = rest.rsplit_once(':')?;
    Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pid: i32, host: Option<&str>, ports: &[u16]) -> Found {
        Found {
            role: Role::Taskmanager,
            host: host.map(str::to_owned),
            addresses: host.map(|host| vec![host.rsplit('@').next().unwrap_or(host).to_owned()]).unwrap_or_default(),
            pid,
            start_ticks: 1,
            state: 'S',
            ports: ports.iter().copied().collect(),
            resource_id: Some("tm-1".to_owned()),
        }
    }

    fn named(name: &str, host: &str, port: u16) -> Named {
        let ips = host.parse().into_iter().collect();
        Named { role: Role::Taskmanager, name: name.to_owned(), host: Some(host.to_owned()), ips, ports: [port].into(), answers: true }
    }

    fn pids(named: &[Named], found: &[Found], machines: usize) -> Vec<Option<i32>> {
        let pid = |status: NodeStatus| match status.node.identity {
            Identity::Process { pid, .. } => Some(pid),
            _ => None,
        };
        matched(named, found, machines).into_iter().map(pid).collect()
    }

    #[test]
    fn a_process_is_a_node_only_where_the_cluster_says_so() {
        // Somebody else's TaskManager of the same id on the same machine is none of ours.
        let here = [found(1, None, &[4001, 4002]), found(2, None, &[5001])];
        assert_eq!(pids(&[named("tm-1", "127.0.0.1", 4002)], &here, 1), [Some(1)]);
        assert_eq!(pids(&[named("tm-1", "127.0.0.1", 6001)], &here, 1), [None]);
        // The same port on every machine: the machine decides.
        let there = [found(1, Some("flink@10.0.0.1"), &[6122]), found(2, Some("flink@10.0.0.2"), &[6122])];
        let two = [named("a", "10.0.0.2", 6122), named("b", "10.0.0.3", 6122)];
        assert_eq!(pids(&two, &there, 2), [Some(2), None]);
        // Ports that may not be seen: the id on the command line.
        let hidden = [found(7, None, &[])];
        assert_eq!(pids(&[named("tm-1", "127.0.0.1", 1)], &hidden, 1), [Some(7)]);
        assert_eq!(pids(&[named("tm-9", "127.0.0.1", 1)], &hidden, 1), [None]);
    }

    #[test]
    fn addresses_are_read_as_clusters_write_them() {
        for (address, host, port) in [
            ("pekko.ssl.tcp://flink@10.0.0.7:6122/user/rpc/taskmanager_0", "10.0.0.7", 6122),
            ("https://jm:8081/prefix/", "jm", 8081),
            ("[::1]:9092", "::1", 9092),
        ] {
            assert_eq!(host_and_port(address), Some((host.to_owned(), port)));
        }
        assert_eq!(host_and_port("https://jm/prefix"), None);
    }
}
