//! The cluster as a fault sees it when it aims. Journalled with every aim.

use serde::{Deserialize, Serialize};

use super::node::{Node, Role};
use crate::units::Count;

/// Everything that a fault may choose from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct View {
    /// Nodes that are alive, in a stable order (role, name).
    pub nodes: Vec<NodeView>,
    /// The job under test, when there is one.
    pub job: Option<JobView>,
    /// Links that pass through a proxy.
    pub links: Vec<LinkView>,
    /// Topics of the scenario.
    pub topics: Vec<TopicView>,
    /// The folder of checkpoints, where it is a mount of its own on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_storage: Option<String>,
}

/// A node and the work that it carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeView {
    /// The node.
    pub node: Node,
    /// Its id in Flink's REST (TaskManagers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flink_id: Option<String>,
    /// Slots of a TaskManager, all and free.
    #[serde(default)]
    pub slots: u32,
    /// Free slots of a TaskManager.
    #[serde(default)]
    pub free_slots: u32,
    /// Whether it leads (the JobManager with leadership, the active controller).
    #[serde(default)]
    pub leader: bool,
    /// Subtasks of the job under test that it runs.
    #[serde(default)]
    pub subtasks: Vec<SubtaskView>,
}

/// A subtask of the job under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SubtaskView {
    /// Id of its vertex.
    pub vertex: String,
    /// Name of its vertex: the chained operators.
    pub name: String,
    /// Index within the vertex, from 0.
    pub index: u32,
}

/// The job under test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobView {
    /// 32 hex characters.
    pub id: String,
    /// Its name in Flink.
    pub name: String,
    /// `RUNNING`, `RESTARTING`, …
    pub state: String,
    /// Its vertices, in topological order.
    pub vertices: Vec<VertexView>,
}

/// A vertex of the job graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VertexView {
    /// 32 hex characters.
    pub id: String,
    /// The chained operators' names.
    pub name: String,
    /// Its subtasks.
    pub parallelism: u32,
}

/// A link that squall's proxy carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkView {
    /// `source`, `sink`, `generator`.
    pub name: String,
    /// Connections that it carries now.
    pub connections: u32,
}

/// A topic of the scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TopicView {
    /// Its name on the cluster.
    pub name: String,
    /// Its name in the scenario.
    pub stream: String,
    /// Whether it is an input of the job.
    pub input: bool,
    /// Partitions.
    pub partitions: u32,
    /// Records in it, where known.
    #[serde(default)]
    pub records: Count,
}

impl View {
    /// Nodes of a role, in their stable order.
    pub fn nodes_of(&self, role: Role) -> impl Iterator<Item = &NodeView> {
        self.nodes.iter().filter(move |view| view.node.role == role)
    }
}
