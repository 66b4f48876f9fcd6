//! What a kind of cluster can do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::node::Role;

/// What a kind of cluster can do. A fault names those that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Kill nodes.
    KillNode(Role),
    /// Shut nodes down in order.
    TerminateNode(Role),
    /// Start a node in the place of a dead one.
    StartNode(Role),
    /// Freeze and thaw nodes.
    FreezeNode(Role),
    /// Take CPU time from nodes.
    SlowNode(Role),
    /// Take memory from nodes.
    SqueezeNode(Role),
    /// Take nodes off the network.
    DisconnectNode(Role),
    /// Rules on the link of this name.
    LinkRules,
    /// Change squall's own traffic.
    ChangeTraffic,
    /// Change topics.
    ChangeTopics,
    /// Stop, restore and cancel the job, take savepoints.
    ChangeJob,
    /// Have the job rescaled while it runs.
    RescaleJob,
    /// Change the checkpoint folder.
    ChangeStorage,
}

impl Ability {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        let of_nodes = [
            Self::KillNode,
            Self::TerminateNode,
            Self::StartNode,
            Self::FreezeNode,
            Self::SlowNode,
            Self::SqueezeNode,
            Self::DisconnectNode,
        ];
        let roles = [Role::Taskmanager, Role::Jobmanager, Role::Broker, Role::Gateway];
        let nodes = of_nodes.into_iter().flat_map(move |of_node| roles.into_iter().map(of_node));
        let rest = [Self::LinkRules, Self::ChangeTraffic, Self::ChangeTopics, Self::ChangeJob, Self::RescaleJob, Self::ChangeStorage];
        nodes.chain(rest)
    }
}
