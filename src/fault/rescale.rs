use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, NoTarget, Reach};
use crate::action::{Ability, Action, Aim, Inverse, JobDeed, Step, View, Witness};
use crate::units::Duration;

/// Asks the adaptive scheduler for another parallelism, and for the old one again when it ends. Other schedulers refuse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rescale {
    /// Upper bound of each vertex.
    pub parallelism: u32,
    /// How long.
    pub r#for: Duration,
}

impl Fault for Rescale {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::ChangeJob, Ability::RescaleJob]
    }

    fn lasts(&self) -> Option<Duration> {
        Some(self.r#for)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        if self.parallelism == 0 { vec![("parallelism", "0 subtasks do no work".to_owned())] } else { Vec::new() }
    }

    fn reach(&self) -> Reach<'_> {
        Reach::Job
    }

    fn harm(&self) -> String {
        format!("the job runs at parallelism {}", self.parallelism)
    }

    fn aim(&self, view: &View, _: &mut dyn Rng) -> Result<Aim, NoTarget> {
        let job = view.job.as_ref().ok_or_else(|| NoTarget("there is no job".to_owned()))?;
        let steps = vec![Step {
            action: Action::Job(JobDeed::Rescale { parallelism: self.parallelism }),
            inverse: Some(Inverse::EnsureJob { parallelism: job.vertices.iter().map(|vertex| vertex.parallelism).max() }),
            witness: Witness::JobState,
        }];
        Ok(Aim { steps, undo_after: self.undo_after(), held: true, target: format!("job {}", job.name) })
    }
}
