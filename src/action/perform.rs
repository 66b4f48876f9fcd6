//! Actions, their inverses and their witnesses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::link::LinkRule;
use super::node::Node;
use crate::units::{Bytes, Count, Duration, Ratio};

/// What is done to the world, once. Targets are resolved; nothing is left to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Action {
    /// To a node's process or container.
    Node {
        /// Which.
        node: Node,
        /// What.
        deed: NodeDeed,
    },
    /// A rule on a link; ends by its lease at the latest.
    Link {
        /// `source`, `sink`, `generator`.
        link: String,
        /// The rule.
        rule: LinkRule,
    },
    /// A change of the traffic that squall itself sends.
    Traffic {
        /// The stream (topic key of the scenario).
        stream: String,
        /// The change.
        change: TrafficChange,
    },
    /// To topics.
    Kafka(KafkaDeed),
    /// To the job under test, through Flink's REST.
    Job(JobDeed),
    /// To a folder that the job writes to.
    Storage(StorageDeed),
}

/// What can be done to a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum NodeDeed {
    /// SIGKILL, or the engine's kill.
    Kill,
    /// SIGTERM: an orderly shutdown.
    Terminate,
    /// SIGSTOP, or the engine's pause.
    Freeze,
    /// Leaves only this share of its CPU time.
    SlowCpu {
        /// 10 % lets it run a tenth of the time.
        share: Ratio,
    },
    /// Lowers its memory limit until the kernel kills it.
    LimitMemory {
        /// Above what it uses now.
        headroom: Bytes,
    },
    /// Takes it off the network.
    Disconnect,
}

/// A change of what squall sends. Several may hold at once; each is taken back by the id of its undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum TrafficChange {
    /// `share` of the records go to `keys` keys, the rest as before.
    SkewKeys {
        /// Share of all records.
        share: Ratio,
        /// How many hot keys.
        keys: Count,
    },
    /// `share` of the records go to one partition.
    SkewPartitions {
        /// Share of all records.
        share: Ratio,
        /// Which.
        partition: u32,
    },
    /// The rate of the schedule times `factor`; 0 stops it.
    Surge {
        /// Multiplier.
        factor: f64,
    },
    /// `share` of the records cannot be parsed.
    Poison {
        /// Share of all records.
        share: Ratio,
    },
    /// `share` of the records carry an event time `by` in the past.
    LateEvents {
        /// Share of all records.
        share: Ratio,
        /// How late.
        by: Duration,
    },
    /// `share` of the records have no value.
    Tombstones {
        /// Share of all records.
        share: Ratio,
    },
    /// Values of this size.
    ValueSize {
        /// Bytes of a value.
        size: Bytes,
    },
}

/// What can be done to topics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum KafkaDeed {
    /// More partitions. Kafka cannot take them back.
    AddPartitions {
        /// Topic.
        topic: String,
        /// New total.
        total: u32,
    },
    /// Deletes the records before the end of each partition less `keep`. Kafka cannot bring them back.
    DeleteRecords {
        /// Topic.
        topic: String,
        /// Records left in each partition.
        keep: Count,
    },
    /// Sets a topic's configuration value.
    SetTopicConfig {
        /// Topic.
        topic: String,
        /// Configuration key.
        key: String,
        /// New value.
        value: String,
    },
}

/// What can be done to the job under test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum JobDeed {
    /// Cancels it and submits it again without its state.
    CancelAndResubmit,
    /// Takes a savepoint while it runs.
    Savepoint,
    /// Stops it with a savepoint and starts it from there, at another parallelism where said.
    StopAndRestore {
        /// New parallelism; none keeps it.
        parallelism: Option<u32>,
    },
    /// Asks the adaptive scheduler for another parallelism.
    Rescale {
        /// Upper bound for each vertex.
        parallelism: u32,
    },
}

/// What can be done to the folder that holds checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum StorageDeed {
    /// Nothing can be written.
    ReadOnly {
        /// Folder, a mount of its own.
        path: String,
    },
    /// No byte is free.
    Fill {
        /// Folder, a mount of its own.
        path: String,
    },
}

/// What puts the world back. Idempotent: performed twice, it does no harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Inverse {
    /// Starts a node in the place of one that died, unless somebody else did.
    StartReplacement {
        /// The dead one.
        node: Node,
    },
    /// SIGCONT, or the engine's unpause; starts a replacement where the node did not survive its freeze.
    Thaw {
        /// The frozen one.
        node: Node,
    },
    /// Lifts a CPU limit.
    FullSpeed {
        /// The slowed one.
        node: Node,
    },
    /// Gives the memory back; starts a replacement where it was killed.
    RestoreMemory {
        /// The squeezed one.
        node: Node,
        /// The limit before; none was unlimited.
        limit: Option<Bytes>,
    },
    /// Puts a node back on the network.
    Reconnect {
        /// The one that was cut off.
        node: Node,
    },
    /// Removes a rule from a link.
    RemoveRule {
        /// The link.
        link: String,
    },
    /// Takes a change of traffic back. Ends by itself with squall.
    RestoreTraffic {
        /// The stream.
        stream: String,
    },
    /// Sets a topic's configuration back.
    RestoreTopicConfig {
        /// Topic.
        topic: String,
        /// Configuration key.
        key: String,
        /// Value before; none deletes the override.
        value: Option<String>,
    },
    /// Sees to it that the job runs, from its newest savepoint or checkpoint.
    EnsureJob {
        /// Parallelism before; none leaves it.
        parallelism: Option<u32>,
    },
    /// Mounts read-write again.
    Writable {
        /// The folder.
        path: String,
    },
    /// Removes the file that fills the disk.
    RemoveFill {
        /// The folder.
        path: String,
    },
}

impl fmt::Display for Inverse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartReplacement { node } => write!(f, "start a {} in place of {}, unless somebody else did", node.role, node.name),
            Self::Thaw { node } => write!(f, "thaw {node}"),
            Self::FullSpeed { node } => write!(f, "lift the CPU limit of {node}"),
            Self::RestoreMemory { node, .. } => write!(f, "give {node} its memory back"),
            Self::Reconnect { node } => write!(f, "put {node} back on the network"),
            Self::RemoveRule { link } => write!(f, "remove the rule from link {link}"),
            Self::RestoreTraffic { stream } => write!(f, "send {stream} as before"),
            Self::RestoreTopicConfig { topic, key, value: Some(value) } => write!(f, "set {key} of {topic} to {value} again"),
            Self::RestoreTopicConfig { topic, key, value: None } => write!(f, "take {key} of {topic} back to its default"),
            Self::EnsureJob { .. } => f.write_str("see to it that the job runs"),
            Self::Writable { path } => write!(f, "make {path} writable"),
            Self::RemoveFill { path } => write!(f, "remove the file that fills {path}"),
        }
    }
}

/// What tells, independently of the command that made it, whether an action happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Witness {
    /// This incarnation is gone (pid and start time, container start).
    Gone {
        /// The victim.
        node: Node,
    },
    /// This incarnation is stopped.
    Frozen {
        /// The victim.
        node: Node,
    },
    /// CPU time that it used in the window, against the share.
    CpuShare {
        /// The victim.
        node: Node,
        /// Share asked for.
        share: Ratio,
    },
    /// This incarnation is there, and off the network.
    Disconnected {
        /// The victim.
        node: Node,
    },
    /// Bytes and connections that the proxy's rule met.
    LinkCounters {
        /// The link.
        link: String,
    },
    /// Shares measured from what was acknowledged.
    TrafficShares {
        /// The stream.
        stream: String,
    },
    /// Partitions, low watermarks or configuration as the broker says.
    TopicState {
        /// The topic.
        topic: String,
    },
    /// What Flink's REST says of savepoints, job ids, parallelism.
    JobState,
    /// A write to the folder was tried.
    WriteRefused {
        /// The folder.
        path: String,
    },
}

/// How much a testimony is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Taken from the answer of the one who acted.
    Weak,
    /// Seen by another way than the deed went.
    Strong,
}

/// What a witness saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Testimony {
    /// Whether the world changed.
    pub acted: bool,
    /// Whether the victim carried work of the job under test.
    pub carried_work: bool,
    /// What it is worth.
    pub strength: Strength,
    /// One sentence: `process 4711 gone 31 ms after SIGKILL`.
    pub what: String,
}

/// One deed of a fault, with what takes it back and what proves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// The deed.
    pub action: Action,
    /// What takes it back; none for deeds that leave nothing behind.
    pub inverse: Option<Inverse>,
    /// What proves it.
    pub witness: Witness,
}

/// A fault, aimed: performed in order, undone in the opposite order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Aim {
    /// The deeds.
    pub steps: Vec<Step>,
    /// How long until the undo is due: a held fault's `for`, a kill's `restart-after`.
    pub undo_after: Option<Duration>,
    /// Whether the fault lasts until its undo (a delay) or is over at once (a kill).
    pub held: bool,
    /// The choice in words: `tm-b (runs 1 of 2 subtasks)`.
    pub target: String,
}
