use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, JobDeed, Step, View, Witness};
use crate::units::Duration;

/// Takes a savepoint under load, and leaves the job running.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Savepoint {}

impl Fault for Savepoint {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeJob]
    }

    fn lasts(&self) -> Option<Duration> {
        None
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Job
    }

    fn harm(&self) -> String {
        "a savepoint is written while the job works".to_owned()
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let job = view.job.as_ref().ok_or_else(|| NoTarget("there is no job".to_owned()))?;
        let steps = vec![Step { action: Action::Job(JobDeed::Savepoint), inverse: None, witness: Witness::JobState }];
        Ok(Aim { steps, undo_after: self.undo_after(), held: false, target: format!("job {}", job.name) })
    }
}
