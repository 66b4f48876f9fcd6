use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Answered, Error, JobId, Rest, VertexId, lenient};
use crate::http::Request;

/// Whose metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricScope {
    /// The JobManager.
    JobManager,
    /// A TaskManager, by id.
    TaskManager(String),
    /// All TaskManagers, aggregated.
    TaskManagers,
    /// A job.
    Job(JobId),
    /// A vertex: names start with the subtask's index, `0.numRecordsIn`.
    Vertex(JobId, VertexId),
    /// All subtasks of a vertex, aggregated.
    Subtasks(JobId, VertexId),
    /// The coordinators of a vertex's operators, on the JobManager.
    Coordinators(JobId, VertexId),
}

impl MetricScope {
    fn request(&self) -> Request<'_> {
        match self {
            Self::JobManager => Request::get(["jobmanager", "metrics"]),
            Self::TaskManager(id) => Request::get(["taskmanagers", id, "metrics"]),
            Self::TaskManagers => Request::get(["taskmanagers", "metrics"]),
            Self::Job(job) => Request::get(["jobs", job.as_str(), "metrics"]),
            Self::Vertex(job, vertex) => Request::get(["jobs", job.as_str(), "vertices", vertex.as_str(), "metrics"]),
            Self::Subtasks(job, vertex) => Request::get(["jobs", job.as_str(), "vertices", vertex.as_str(), "subtasks", "metrics"]),
            Self::Coordinators(job, vertex) => Request::get(["jobs", job.as_str(), "vertices", vertex.as_str(), "jm-operator-metrics"]),
        }
    }
}

/// Values by name, as Flink writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics(pub BTreeMap<String, String>);

impl Metrics {
    /// A value as a number; none where it is missing or no number (paths, `n/a`, `NaN`).
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.parse().ok().filter(|number: &f64| !number.is_nan())
    }
}

/// A metric over subtasks or TaskManagers.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Aggregate {
    /// Least.
    #[serde(deserialize_with = "lenient::number")]
    pub min: f64,
    /// Greatest.
    #[serde(deserialize_with = "lenient::number")]
    pub max: f64,
    /// Mean.
    #[serde(deserialize_with = "lenient::number")]
    pub avg: f64,
    /// Sum.
    #[serde(deserialize_with = "lenient::number")]
    pub sum: f64,
    /// Flink's own skew in percent, 0 is even; `NaN` where the cluster has none.
    #[serde(default = "unknown", deserialize_with = "lenient::number")]
    pub skew: f64,
}

fn unknown() -> f64 {
    f64::NAN
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    value: String,
}

// An entry has the aggregate's fields beside its id; serde's flatten would lose the lenient numbers.
struct NamedAggregate(String, Aggregate);

impl<'de> Deserialize<'de> for NamedAggregate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = serde_json::Value::deserialize(deserializer)?;
        let id = Named::deserialize(&value).map_err(D::Error::custom)?.id;
        Ok(Self(id, Aggregate::deserialize(&value).map_err(D::Error::custom)?))
    }
}

/// Longest list of names in one request: Flink's server refuses a request line beyond 4096 bytes, and brackets triple when encoded.
const LONGEST_LIST: usize = 3000;

/// Groups of names whose encoded list fits into a request line. A name with a comma cannot be asked for.
fn batches(names: &[String]) -> Vec<String> {
    let mut batches: Vec<(usize, String)> = Vec::new();
    for name in names.iter().filter(|name| !name.contains(',')) {
        let encoded: usize = name.bytes().map(|byte| if byte.is_ascii_alphanumeric() || b"._-*".contains(&byte) { 1 } else { 3 }).sum();
        match batches.last_mut() {
            Some((length, list)) if *length + 3 + encoded <= LONGEST_LIST => {
                *length += 3 + encoded;
                list.push(',');
                list.push_str(name);
            }
            _ => batches.push((encoded, name.clone())),
        }
    }
    batches.into_iter().map(|(_, list)| list).collect()
}

impl Rest {
    /// The names that exist now. They come and go with restarts, and are few or none for a while after one.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn metric_names(&self, scope: &MetricScope) -> Result<Vec<String>, Error> {
        let names: Answered<Vec<Named>> = self.http.ask(scope.request()).await?;
        Ok(names.value.into_iter().map(|named| named.id).collect())
    }

    /// Values of `names`; those that do not exist are missing. For scopes that are not aggregated.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn metrics(&self, scope: &MetricScope, names: &[String]) -> Result<Answered<Metrics>, Error> {
        let answers: Answered<Vec<Raw>> = self.in_batches(scope, names).await?;
        Ok(answers.map(|answers| Metrics(answers.into_iter().map(|raw| (raw.id, raw.value)).collect())))
    }

    /// Lists, then reads the metrics whose name `wanted` picks.
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn metrics_where(&self, scope: &MetricScope, wanted: impl Fn(&str) -> bool) -> Result<Answered<Metrics>, Error> {
        let mut names = self.metric_names(scope).await?;
        names.retain(|name| wanted(name));
        self.metrics(scope, &names).await
    }

    /// Lists, then reads those of `names` that exist (one that does not makes Flink answer nothing at all). For
    /// [`MetricScope::Subtasks`] and [`MetricScope::TaskManagers`].
    ///
    /// # Errors
    /// As [`Rest::job_state`].
    pub async fn aggregates(&self, scope: &MetricScope, names: &[&str]) -> Result<Answered<BTreeMap<String, Aggregate>>, Error> {
        let existing: BTreeSet<String> = self.metric_names(scope).await?.into_iter().collect();
        let names: Vec<String> = names.iter().filter(|name| existing.contains(**name)).map(|name| (*name).to_owned()).collect();
        let answers: Answered<Vec<NamedAggregate>> = self.in_batches(scope, &names).await?;
        Ok(answers.map(|answers| answers.into_iter().map(|NamedAggregate(id, aggregate)| (id, aggregate)).collect()))
    }

    async fn in_batches<T: DeserializeOwned>(&self, scope: &MetricScope, names: &[String]) -> Result<Answered<Vec<T>>, Error> {
        let now = crate::clock::now();
        let mut all = Answered { sent: now, received: now, value: Vec::new() };
        for (index, list) in batches(names).into_iter().enumerate() {
            let mut answer: Answered<Vec<T>> = self.http.ask(scope.request().query("get", list)).await?;
            if index == 0 {
                all.sent = answer.sent;
            }
            all.received = answer.received;
            all.value.append(&mut answer.value);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixtures::{VERSIONS, answer};
    use super::*;

    #[test]
    fn reads_what_clusters_answered() {
        for version in VERSIONS {
            for list in ["jmm", "tmm", "vsubm", "jobmetrics_list"] {
                assert!(answer::<Vec<Named>>(version, list).len() > 10);
            }
            let aggregates: Vec<NamedAggregate> = answer(version, "vsubmget");
            assert!(aggregates.iter().any(|NamedAggregate(id, aggregate)| id == "numRecordsOutPerSecond"
                && aggregate.sum > aggregate.max
                && aggregate.skew > 0.0));
        }
        let raw: Vec<Raw> = answer("2.3.0", "vm");
        let metrics = Metrics(raw.into_iter().map(|raw| (raw.id, raw.value)).collect());
        assert_eq!(metrics.number("0.numRecordsInPerSecond"), Some(802.5));
        assert_eq!(metrics.number("2.numRecordsInPerSecond"), None);
    }

    #[test]
    fn what_is_no_number_is_no_value() {
        let metrics = Metrics([("path".to_owned(), "file:/x".to_owned()), ("busy".to_owned(), "NaN".to_owned())].into());
        assert_eq!((metrics.number("path"), metrics.number("busy")), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn batches_fit_and_lose_nothing(names in proptest::collection::vec("[a-zA-Z\\[\\].: é]{1,200}", 0..100)) {
            let batches = batches(&names);
            proptest::prop_assert_eq!(batches.iter().flat_map(|list| list.split(',')).collect::<Vec<_>>(), names);
            for list in &batches {
                let mut url = reqwest::Url::parse("http://h/").unwrap();
                url.query_pairs_mut().append_pair("get", list);
                proptest::prop_assert!(url.as_str().len() < 3100);
            }
        }
    }
}
