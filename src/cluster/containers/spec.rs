use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::setting::Settings;
use crate::units::Bytes;

const MIB: u64 = 1 << 20;

/// Kafka and Flink in containers of this machine's engine (Docker or Podman, by `DOCKER_HOST` or the usual socket), started and ended by
/// squall. Images must be there: squall pulls none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ContainersSpec {
    /// Kafka.
    pub kafka: ContainersKafka,
    /// Flink.
    pub flink: ContainersFlink,
    /// Folder for configuration, checkpoints and savepoints, which the containers share; a folder of squall's own below it. Without it,
    /// beside squall's other records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
}

/// A Kafka broker that is its own controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ContainersKafka {
    /// `name:tag`. It needs `sh`, `java` and Kafka's jars.
    pub image: String,
    /// Folder of the jars in the image.
    pub jars: String,
    /// Memory of the container.
    pub memory: Bytes,
    /// Broker settings besides squall's own.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
}

impl Default for ContainersKafka {
    fn default() -> Self {
        Self {
            image: "apache/kafka:4.3.1".to_owned(),
            jars: "/opt/kafka/libs".to_owned(),
            memory: Bytes(1024 * MIB),
            config: Settings::new(),
        }
    }
}

/// A Flink session cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ContainersFlink {
    /// `name:tag`. It needs `sh`, `java` and Flink's jars.
    pub image: String,
    /// Flink's folder in the image: `lib` has its jars, `lib` or `opt` that of the SQL gateway.
    pub home: String,
    /// The jar of the Kafka connector, where the image has none in `lib`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<PathBuf>,
    /// How many TaskManagers.
    pub taskmanagers: NonZeroU32,
    /// Slots of each.
    pub slots: NonZeroU32,
    /// Memory of each container.
    pub memory: Bytes,
    /// Flink settings besides squall's own.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
}

impl Default for ContainersFlink {
    fn default() -> Self {
        const TWO: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
        Self {
            image: "flink:2.3.0".to_owned(),
            home: "/opt/flink".to_owned(),
            connector: None,
            taskmanagers: TWO,
            slots: TWO,
            memory: Bytes(1024 * MIB),
            config: Settings::new(),
        }
    }
}

impl ContainersSpec {
    /// Files counted from `base`, the cluster file's folder.
    pub(in crate::cluster) fn relative_to(mut self, base: &Path) -> Self {
        self.data = self.data.map(|data| base.join(data));
        self.flink.connector = self.flink.connector.map(|jar| base.join(jar));
        self
    }
}
