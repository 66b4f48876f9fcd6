use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topic::topic;
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, Inverse, KafkaDeed, Step, View, Witness};
use crate::units::Duration;

/// Shortens `retention.ms` of a topic for a time. The broker deletes whole segments only, and looks every `log.retention.check.interval.ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ShrinkRetention {
    /// The topic, by its name in the scenario; without it the first input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Retention while the fault lasts.
    pub to: Duration,
    /// How long.
    pub r#for: Duration,
}

impl Fault for ShrinkRetention {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeTopics]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Topic(self.topic.as_deref())
    }

    fn harm(&self) -> String {
        format!("records older than {} may be deleted", self.to)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let topic = topic(self.topic.as_deref(), view)?;
        let steps = vec![Step {
            action: Action::Kafka(KafkaDeed::SetTopicConfig {
                topic: topic.name.clone(),
                key: "retention.ms".to_owned(),
                value: (self.to.nanos() / 1_000_000).to_string(),
            }),
            inverse: Some(Inverse::RestoreTopicConfig { topic: topic.name.clone(), key: "retention.ms".to_owned(), value: None }),
            witness: Witness::TopicState { topic: topic.name.clone() },
        }];
        Ok(Aim { steps, undo_after: self.undo_after(), held: true, target: format!("topic {}", topic.name) })
    }
}
