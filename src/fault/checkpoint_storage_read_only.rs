use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, Inverse, Step, StorageDeed, View, Witness};
use crate::units::Duration;

/// Makes the folder of checkpoints read-only. It must be a mount of its own on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CheckpointStorageReadOnly {
    /// The mounted folder; without it the cluster's folder of checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How long.
    pub r#for: Duration,
}

impl Fault for CheckpointStorageReadOnly {
    fn needs(&self) -> Vec<Ability> {
        // A folder that is named lies on this machine, whatever the cluster.
        if self.path.is_some() { Vec::new() } else { vec![Ability::ChangeStorage] }
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn reach(&self) -> Reach<'_> {
        Reach::CheckpointStorage
    }

    fn harm(&self) -> String {
        "no checkpoint can be written".to_owned()
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let path = self
            .path
            .clone()
            .or_else(|| view.checkpoint_storage.clone())
            .ok_or_else(|| NoTarget("the folder of checkpoints is not on a mount of this machine; say `path`".to_owned()))?;
        let steps = vec![Step {
            action: Action::Storage(StorageDeed::ReadOnly { path: path.clone() }),
            inverse: Some(Inverse::Writable { path: path.clone() }),
            witness: Witness::WriteRefused { path: path.clone() },
        }];
        Ok(Aim { steps, undo_after: self.undo_after(), held: true, target: path })
    }
}
