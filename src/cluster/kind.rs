//! What can be said of a kind of cluster, whether or not one is up.

use std::collections::BTreeSet;

use super::spec::{ClusterSpec, Kind};
use super::{containers, external, local};
use crate::action::Ability;

impl Kind {
    /// Its name in cluster files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Containers(_) => "containers",
            Self::External(_) => "external",
        }
    }

    /// What can be done to nodes and links of such a cluster, whether or not it is up.
    pub fn abilities(&self) -> BTreeSet<Ability> {
        match self {
            Self::Local(local) => local::abilities(local),
            Self::Containers(containers) => containers::abilities(containers),
            Self::External(external) => external::abilities(external),
        }
    }

    /// Whether SQL cannot be run there.
    pub fn lacks_gateway(&self) -> bool {
        matches!(self, Self::External(external) if external.gateway.is_none())
    }

    /// Links that pass through a proxy in such a cluster.
    pub fn proxied_links(&self) -> BTreeSet<String> {
        match self {
            Self::Local(_) | Self::Containers(_) => ["generator", "source", "sink"].map(str::to_owned).into(),
            Self::External(external) => external.proxied().map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// Whether a deed of this ability ends by itself should squall and its guard both die.
    pub fn expires(&self, ability: Ability) -> bool {
        match (self, ability) {
            (_, Ability::LinkRules | Ability::ChangeTraffic) => true,
            // The machine itself thaws it.
            (Self::External(external), Ability::FreezeNode(role)) => external::freezes_by_signal(external, role),
            _ => false,
        }
    }

    /// What the owner of such a cluster can do so that a link passes through squall's proxy, where it does not by itself.
    pub const fn link_advice(&self) -> Option<&'static str> {
        match self {
            Self::Local(_) | Self::Containers(_) => None,
            Self::External(_) => Some(
                "brokers lead their clients past a proxy, unless the owner gives each a listener that advertises it: \
                 see `through` in docs/clusters.md, then `squall cluster up` starts the proxy",
            ),
        }
    }
}

impl ClusterSpec {
    /// In one line: `laptop: 1 broker, 2 TaskManagers`.
    pub fn line(&self) -> String {
        match &self.kind {
            Kind::Local(local) => {
                let many = |count: u32, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
                format!(
                    "{}: {}, {}",
                    self.name,
                    many(local.kafka.brokers.get(), "broker"),
                    many(local.flink.taskmanagers.get(), "TaskManager")
                )
            }
            Kind::Containers(containers) => format!(
                "{}: {} and {} TaskManagers of {}",
                self.name, containers.kafka.image, containers.flink.taskmanagers, containers.flink.image
            ),
            Kind::External(external) => format!("{}: {}, {}", self.name, external.kafka.bootstrap, external.flink.addresses.join(", ")),
        }
    }
}
