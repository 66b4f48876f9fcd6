use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, Inverse, JobDeed, Step, View, Witness};
use crate::units::Duration;

/// Cancels the job and submits it anew without its state: what a careless redeployment does. The source goes on from the committed offsets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CancelAndResubmit {}

impl Fault for CancelAndResubmit {
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
        "the job loses its state; what was read but not committed is read again".to_owned()
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let job = view.job.as_ref().ok_or_else(|| NoTarget("there is no job".to_owned()))?;
        let steps = vec![Step {
            action: Action::Job(JobDeed::CancelAndResubmit),
            inverse: Some(Inverse::EnsureJob { parallelism: None }),
            witness: Witness::JobState,
        }];
        Ok(Aim { steps, undo_after: self.undo_after(), held: false, target: format!("job {}", job.name) })
    }
}
