//! Nodes, named by what survives a restart.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a node is in the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Flink TaskManager.
    Taskmanager,
    /// Flink JobManager.
    Jobmanager,
    /// Kafka broker (and controller, where combined).
    Broker,
    /// Flink SQL gateway.
    Gateway,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taskmanager => "TaskManager",
            Self::Jobmanager => "JobManager",
            Self::Broker => "broker",
            Self::Gateway => "SQL gateway",
        })
    }
}

/// One incarnation of a node, so that a pid or a name that was used again is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Identity {
    /// A process on this machine, or on `host` over ssh.
    Process {
        /// Process id.
        pid: i32,
        /// Start time in clock ticks since boot: field 22 of `/proc/<pid>/stat`.
        start_ticks: u64,
        /// The machine; none is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
    },
    /// A container by its id and the moment that its present process started.
    Container {
        /// Container id.
        id: String,
        /// `State.StartedAt` as the engine writes it.
        started_at: String,
    },
    /// Known by name only, acted on by the owner's own commands.
    Named,
}

/// A node of the cluster, in its present incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Node {
    /// What it is.
    pub role: Role,
    /// The cluster's name for it: `tm-2`, `broker-1`. For TaskManagers the id in Flink's REST where squall chose it.
    pub name: String,
    /// This incarnation.
    pub identity: Identity,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role, self.name)
    }
}
