//! A game day as it is written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::Name;
use crate::units::{Duration, SecretSource};

/// A game day: scenarios one after another, with a hypothesis each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GameDay {
    /// Names its records.
    pub name: Name,
    /// What the day is for, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The steps, in order.
    pub steps: Vec<StepSpec>,
    /// What is waited for between steps.
    #[serde(default)]
    pub steady: Steady,
    /// What a step that is not met means for the rest.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// What ends any step at once, and the day with it: `output-lag > 5M for 30s`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abort_when: Vec<String>,
    /// Where the alerts of the people on call are seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// Who is told when a day begins and ends, of each step, each fault and an abort.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announce: Vec<Webhook>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepSpec {
    /// What the record calls it.
    pub name: Name,
    /// The scenario's file, from the folder of this one.
    pub scenario: PathBuf,
    /// What is expected to happen, in words.
    pub hypothesis: String,
    /// Who answers for what is tested.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// What people on call would open.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub runbook: String,
    /// A question to a person before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Where everything random of this step comes from; the scenario's own, else drawn anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Alerts: `alert FlinkJobLag fires within 2m of lose-one`, `alert FlinkJobLag resolves within 4m of lose-one`,
    /// `alert KafkaDown does not fire`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<String>,
}

/// What is waited for between steps: all nodes alive, Kafka and Flink answer, no alert that a step expects fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Steady {
    /// It must be so for this long.
    pub r#for: Duration,
    /// Waited for this long at most; then the day ends.
    pub within: Duration,
}

impl Default for Steady {
    fn default() -> Self {
        Self { r#for: Duration::from_secs(10), within: Duration::from_secs(300) }
    }
}

/// What a step that is not met means for the rest of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The day ends.
    #[default]
    Stop,
    /// The next step begins once all is steady.
    GoOn,
}

/// Where alerts are seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Alerts {
    /// Address of Prometheus: `http://127.0.0.1:9090`.
    pub prometheus: String,
    /// Address of Alertmanager; an alert that fires must arrive there too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<String>,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Webhook {
    /// Where the address is kept: such addresses are secrets.
    pub url: SecretSource,
    /// What it understands.
    pub format: WebhookFormat,
}

/// What a webhook understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookFormat {
    /// `{"text": …}`: Slack, Mattermost, Rocket.Chat, Google Chat.
    Slack,
    /// Feishu and Lark.
    Feishu,
    /// Microsoft Teams' workflows: an adaptive card.
    Teams,
    /// A JSON document of your own, with `${text}` where the text belongs, within quotes.
    Template(String),
}
