use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topic::topic;
use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, KafkaDeed, Step, View, Witness};
use crate::units::{Count, Duration};

/// Deletes the older records of a topic, as retention does to a reader that is too slow. Kafka cannot bring them back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeleteRecords {
    /// The topic, by its name in the scenario; without it the first input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Records left in each partition.
    #[serde(default)]
    pub keep: Count,
}

impl Fault for DeleteRecords {
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
        format!("all but the newest {} records of each partition are gone for good", self.keep)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let topic = topic(self.topic.as_deref(), view)?;
        let steps = vec![Step {
            action: Action::Kafka(KafkaDeed::DeleteRecords { topic: topic.name.clone(), keep: self.keep }),
            inverse: None,
            witness: Witness::TopicState { topic: topic.name.clone() },
        }];
        Ok(Aim { steps, undo_after: self.undo_after(), held: false, target: format!("topic {}", topic.name) })
    }
}
