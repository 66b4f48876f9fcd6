//! What a run needs to know of a cluster, the same for every kind.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::action::{Node, NodeView, Role};
use crate::flink::Access;
use crate::kafka::Connection;

/// How each who talks to Kafka gets there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KafkaAccess {
    /// squall's producers.
    pub generator: Connection,
    /// The job, reading.
    pub source: Connection,
    /// The job, writing.
    pub sink: Connection,
    /// squall's own reading and asking; never through a proxy, so that no fault can blind it.
    pub harness: Connection,
}

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Addresses {
    /// Kafka, by who uses it.
    pub kafka: KafkaAccess,
    /// Flink's REST.
    pub flink: Access,
    /// The SQL gateway, where there is one.
    pub gateway: Option<Access>,
    /// The links by name.
    pub links: Vec<Link>,
}

impl Addresses {
    /// The link of this name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }
}

/// A path between two parts of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Link {
    /// `generator`, `source`, `sink`.
    pub name: String,
    /// The address that whoever uses it is given: `${link.sink}` in a job file.
    pub address: String,
    /// Whether squall's proxy carries it, so that rules can be set on it.
    pub proxied: bool,
}

/// Versions, nodes and settings, for the record: results compare only where these are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Description {
    /// The cluster's name.
    pub name: String,
    /// `local`.
    pub kind: String,
    /// Kafka's version.
    pub kafka: String,
    /// Flink's version.
    pub flink: String,
    /// What Java says of itself, where squall starts it.
    pub java: Option<String>,
    /// The nodes at the start.
    pub nodes: Vec<Node>,
    /// Settings of the brokers.
    pub kafka_config: BTreeMap<String, String>,
    /// Settings of Flink that were given; its defaults are told by its REST.
    pub flink_config: BTreeMap<String, String>,
    /// Where everything is.
    pub addresses: Addresses,
}

/// A node as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeStatus {
    /// The node, in its newest incarnation.
    pub node: Node,
    /// Whether it is there.
    pub alive: bool,
    /// Whether it is there and stopped.
    pub frozen: bool,
    /// Its slots (TaskManagers).
    pub slots: u32,
}

impl NodeStatus {
    /// As a fault sees it, before Flink is asked what it runs.
    pub fn to_view(&self) -> NodeView {
        let flink_id = (self.node.role == Role::Taskmanager).then(|| self.node.name.clone());
        NodeView { node: self.node.clone(), flink_id, slots: self.slots, free_slots: 0, leader: false, subtasks: Vec::new() }
    }
}
