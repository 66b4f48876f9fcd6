//! What a cluster file says of a local cluster.

use std::num::NonZeroU32;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::setting::Settings;
use crate::units::Bytes;

/// Kafka and Flink as plain `java` processes on this machine's loopback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LocalSpec {
    /// The brokers.
    pub kafka: LocalKafka,
    /// The JobManager, the TaskManagers and the SQL gateway.
    pub flink: LocalFlink,
    /// Where topics and checkpoints live while the cluster is up; none is beside the cluster's record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
}

/// Brokers in KRaft mode, each also a controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LocalKafka {
    /// How many. From three on, topics are replicated three times.
    pub brokers: NonZeroU32,
    /// Kafka's version; none is the one that squall pins, or the one in `KAFKA_HOME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Broker settings besides squall's own.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
}

impl Default for LocalKafka {
    fn default() -> Self {
        Self { brokers: NonZeroU32::MIN, version: None, config: Settings::new() }
    }
}

/// A Flink session cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LocalFlink {
    /// Flink's version; none is the one that squall pins, or the one in `FLINK_HOME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many TaskManagers.
    pub taskmanagers: NonZeroU32,
    /// Slots of each.
    pub slots: NonZeroU32,
    /// A disk of this size for checkpoints alone, in memory, which faults may fill or make read-only; it takes root to mount. None is
    /// a folder beside the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_disk: Option<Bytes>,
    /// Flink settings besides squall's own.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
}

impl Default for LocalFlink {
    fn default() -> Self {
        const TWO: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
        Self { version: None, taskmanagers: TWO, slots: TWO, checkpoint_disk: None, config: Settings::new() }
    }
}
