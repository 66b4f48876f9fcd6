use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topic::topic;
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, KafkaDeed, Step, View, Witness};
use crate::units::Duration;

/// Adds partitions in mid-run. Kafka cannot take them back: on a topic that squall did not make this stays. Flink finds them with its next partition discovery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AddPartitions {
    /// The topic, by its name in the scenario; without it the first input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// New number of partitions.
    pub total: u32,
}

impl Fault for AddPartitions {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeTopics]
    }

    fn lasts(&self) -> Option<Duration> {
        None
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Topic(self.topic.as_deref())
    }

    fn harm(&self) -> String {
        format!("the topic has {} partitions from then on; Kafka cannot take this back", self.total)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let topic = topic(self.topic.as_deref(), view)?;
        if topic.partitions >= self.total {
            return Err(NoTarget(format!("topic {} has {} partitions already", topic.name, topic.partitions)));
        }
        let steps = vec![Step {
            action: Action::Kafka(KafkaDeed::AddPartitions { topic: topic.name.clone(), total: self.total }),
            inverse: None,
            witness: Witness::TopicState { topic: topic.name.clone() },
        }];
        Ok(Aim {
            steps,
            undo_after: self.undo_after(),
            held: false,
            target: format!("topic {} ({} partitions)", topic.name, topic.partitions),
        })
    }
}
