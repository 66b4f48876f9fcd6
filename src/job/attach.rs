use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Origin, RunningJob};
use crate::flink::{JobId, Rest};

/// A job that runs already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AttachJob {
    /// The one job of this name that has not ended.
    Name(String),
    /// The job of this id.
    Id(String),
}

impl AttachJob {
    /// Finds it among the jobs that have not ended.
    ///
    /// # Errors
    /// When there is none, or several of that name, or Flink does not answer.
    pub async fn find(&self, rest: &Rest) -> Result<RunningJob, Error> {
        let jobs = rest.jobs().await?;
        let candidates = jobs.iter().filter(|job| !job.state.is_terminal()).map(|job| (&job.id, job.name.as_str()));
        let (id, name) = self.choose(candidates)?;
        Ok(RunningJob { id, name, origin: Origin::Attached })
    }

    fn choose<'a>(&self, jobs: impl Iterator<Item = (&'a JobId, &'a str)> + Clone) -> Result<(JobId, String), Error> {
        let matches = |id: &JobId, name: &str| match self {
            Self::Name(wanted) => name == wanted,
            Self::Id(wanted) => id.as_str().eq_ignore_ascii_case(wanted),
        };
        let found: Vec<(&JobId, &str)> = jobs.clone().filter(|(id, name)| matches(id, name)).collect();
        match found.as_slice() {
            [(id, name)] => Ok(((*id).clone(), (*name).to_owned())),
            [] => {
                let wanted = match self {
                    Self::Name(name) => format!("`{name}`"),
                    Self::Id(id) => id.clone(),
                };
                let mut running: Vec<String> = jobs.map(|(_, name)| name.to_owned()).collect();
                running.sort();
                Err(Error::NoSuchJob { wanted, running })
            }
            several => {
                Err(Error::SeveralJobs { name: several[0].1.to_owned(), ids: several.iter().map(|(id, _)| id.to_string()).collect() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn one_job_or_an_error_that_helps() {
        let jobs = [(JobId::from("a1"), "enrich"), (JobId::from("b2"), "totals"), (JobId::from("c3"), "totals")];
        let choose = |spec: AttachJob| spec.choose(jobs.iter().map(|(id, name)| (id, *name)));
        assert_eq!(choose(AttachJob::Name("enrich".to_owned())).unwrap().0.as_str(), "a1");
        assert_eq!(choose(AttachJob::Id("B2".to_owned())).unwrap().1, "totals");
        assert_eq!(
            choose(AttachJob::Name("enrih".to_owned())).unwrap_err().to_string(),
            "no job `enrih` runs; these do: enrich, totals, totals"
        );
        assert_eq!(
            choose(AttachJob::Name("totals".to_owned())).unwrap_err().to_string(),
            "2 jobs are called `totals`; name one by `id`: b2, c3"
        );
        let none = AttachJob::Name("x".to_owned()).choose(std::iter::empty()).unwrap_err();
        assert_eq!(none.to_string(), "no job `x` runs; none does");
    }
}
