//! Names within a run: of faults, of undos, of what a value was measured on.

use serde::{Deserialize, Serialize};

/// Names a fault of the timeline and which of its occurrences (`every:`) is meant, from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FaultId {
    /// The timeline's name for it.
    pub name: String,
    /// From 0.
    pub occurrence: u32,
}

/// Names an undo within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UndoId(pub u64);

/// Name of the probe that asks a query of the scenario.
pub fn query_probe(query: &str) -> String {
    format!("query {query}")
}

/// What a value was measured on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Of {
    /// The whole pipeline.
    Run,
    /// One stream of the traffic.
    Stream(String),
    /// One partition of a topic.
    Partition {
        /// Topic.
        topic: String,
        /// Partition.
        partition: u32,
    },
    /// One subtask of a vertex.
    Subtask {
        /// Name of the vertex.
        vertex: String,
        /// Index from 0.
        index: u32,
    },
    /// One node, by the cluster's name for it.
    Node(String),
    /// One change of the traffic, by its undo.
    Change(UndoId),
    /// One kind of request over one link.
    Request {
        /// Name of the link.
        link: String,
        /// As Kafka's protocol calls it: `EndTxn`.
        request: String,
    },
    /// One query of the scenario, by its name there.
    Query(String),
}
