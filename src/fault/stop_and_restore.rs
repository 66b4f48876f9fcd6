use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, Inverse, JobDeed, Step, View, Witness};
use crate::units::Duration;

/// Stops the job with a savepoint and starts it from there, at another parallelism where said: how long is an upgrade or a rescale down, and is anything lost?
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StopAndRestore {
    /// New parallelism; without it as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
}

impl Fault for StopAndRestore {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeJob]
    }

    fn lasts(&self) -> Option<Duration> {
        None
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        if self.parallelism == Some(0) { vec![("parallelism", "0 subtasks do no work".to_owned())] } else { Vec::new() }
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Job
    }

    fn harm(&self) -> String {
        "the job is down between its savepoint and its restore".to_owned()
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let job = view.job.as_ref().ok_or_else(|| NoTarget("there is no job".to_owned()))?;
        let steps = vec![Step {
            action: Action::Job(JobDeed::StopAndRestore { parallelism: self.parallelism }),
            inverse: Some(Inverse::EnsureJob { parallelism: None }),
            witness: Witness::JobState,
        }];
        Ok(Aim { steps, undo_after: self.undo_after(), held: false, target: format!("job {}", job.name) })
    }
}
