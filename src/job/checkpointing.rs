use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Duration;

/// How the job is checkpointed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CheckpointSpec {
    /// Between two triggers.
    pub interval: Duration,
    /// What Flink promises for its state.
    #[serde(default)]
    pub mode: CheckpointMode,
    /// After which a checkpoint has failed; Flink's default is 10 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether barriers overtake in-flight data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaligned: Option<bool>,
}

/// What Flink promises for its state. What the sink delivers is the sink's own setting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointMode {
    /// Each record counts once.
    #[default]
    ExactlyOnce,
    /// Records may count twice after a restore.
    AtLeastOnce,
}

impl fmt::Display for CheckpointMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactlyOnce => "exactly-once",
            Self::AtLeastOnce => "at-least-once",
        })
    }
}

impl CheckpointSpec {
    /// As Flink's configuration, with keys that 1.20 and 2.x know.
    pub fn settings(&self) -> Vec<(String, String)> {
        let mode = match self.mode {
            CheckpointMode::ExactlyOnce => "EXACTLY_ONCE",
            CheckpointMode::AtLeastOnce => "AT_LEAST_ONCE",
        };
        let mut settings = vec![("interval", millis(self.interval)), ("mode", mode.to_owned())];
        settings.extend(self.timeout.map(|timeout| ("timeout", millis(timeout))));
        settings.extend(self.unaligned.map(|unaligned| ("unaligned.enabled", unaligned.to_string())));
        settings.into_iter().map(|(key, value)| (format!("execution.checkpointing.{key}"), value)).collect()
    }
}

fn millis(duration: Duration) -> String {
    format!("{} ms", duration.0.as_millis())
}
