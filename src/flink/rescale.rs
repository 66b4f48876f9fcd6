use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Answered, Error, JobId, Rest, VertexId};
use crate::http::Request;

/// Between which the adaptive scheduler may choose a vertex's parallelism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParallelismBounds {
    /// At least.
    pub lower_bound: u32,
    /// At most.
    pub upper_bound: u32,
}

#[derive(Serialize, Deserialize)]
struct Requirement {
    parallelism: ParallelismBounds,
}

impl Rest {
    /// The bounds of each vertex's parallelism.
    ///
    /// # Errors
    /// As [`Rest::job_state`]; a status of 500 where the scheduler is not adaptive.
    pub async fn resource_requirements(&self, job: &JobId) -> Result<Answered<BTreeMap<VertexId, ParallelismBounds>>, Error> {
        let answer: Answered<BTreeMap<VertexId, Requirement>> =
            self.http.ask(Request::get(["jobs", job.as_str(), "resource-requirements"])).await?;
        Ok(answer.map(|answer| answer.into_iter().map(|(vertex, requirement)| (vertex, requirement.parallelism)).collect()))
    }

    /// Sets the bounds of each vertex's parallelism. The job follows after the scheduler's cooldown (30 s) and stabilisation (up to
    /// 60 s), or at the next failure.
    ///
    /// # Errors
    /// As [`Rest::resource_requirements`].
    pub async fn set_resource_requirements(&self, job: &JobId, bounds: &BTreeMap<VertexId, ParallelismBounds>) -> Result<(), Error> {
        let body: BTreeMap<&VertexId, Requirement> =
            bounds.iter().map(|(vertex, bounds)| (vertex, Requirement { parallelism: *bounds })).collect();
        let request = Request::new(reqwest::Method::PUT, ["jobs", job.as_str(), "resource-requirements"]);
        self.http.ask_with::<serde::de::IgnoredAny>(request, &body).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_body_is_what_flink_reads() {
        let text = r#"{"6bf01baa9d2ca23a3ef7ce311722523d":{"parallelism":{"lowerBound":1,"upperBound":4}}}"#;
        let parsed: BTreeMap<VertexId, Requirement> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
    }
}
