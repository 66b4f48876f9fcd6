//! Prometheus' HTTP API (`/api/v1`), which Thanos, Mimir and VictoriaMetrics speak too. <https://prometheus.io/docs/prometheus/latest/querying/api/>

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::Error;
use super::alert::{Alert, names};
use super::error::said;
use crate::clock::Timestamp;
use crate::http::{Access, Answered, Http, Request};
use crate::units::Duration;

/// A client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Prometheus {
    http: Http,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// When it was evaluated, on Prometheus' clock.
    pub at: Timestamp,
    /// Finite.
    pub value: f64,
}

#[derive(Deserialize)]
struct Success<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instant {
    result_type: String,
    result: serde_json::Value,
}

/// Seconds since the epoch, and the value as text.
type Sample = (f64, String);

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Sample,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    scrape_interval: Option<String>,
}

#[derive(Deserialize)]
struct Alerts {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Build {
    version: String,
}

impl Prometheus {
    /// Prepares the client; nothing is sent. Relative files in `access` count from `base`.
    ///
    /// # Errors
    /// When an address is no URL, a secret or the CA file cannot be read.
    pub fn new(access: &Access, base: &Path) -> Result<Self, Error> {
        Ok(Self { http: Http::new(access, base, said)? })
    }

    /// Evaluates `promql` now (`GET /api/v1/query`).
    ///
    /// # Errors
    /// Nobody answers, the query is wrong, or it gives anything but one finite value.
    pub async fn query(&self, promql: &str) -> Result<Answered<Reading>, Error> {
        let request = Request::get(["api", "v1", "query"]).query("query", promql);
        let answer: Answered<Success<Instant>> = self.http.ask(request).await?;
        let (sent, received) = (answer.sent, answer.received);
        Ok(Answered { sent, received, value: reading(answer.value.data)? })
    }

    /// The longest interval at which it scrapes a target now (`GET /api/v1/targets`): samples are no older while scraping works. None where it
    /// tells no interval, or scrapes nothing.
    ///
    /// # Errors
    /// Nobody answers, or it has no targets to tell of (Thanos, Mimir).
    pub async fn scrape_interval(&self) -> Result<Option<Duration>, Error> {
        let request = Request::get(["api", "v1", "targets"]).query("state", "active");
        let targets: Success<Targets> = self.http.ask(request).await?.value;
        let intervals = targets.data.active_targets.iter().filter_map(|target| target.scrape_interval.as_ref()?.parse::<Duration>().ok());
        Ok(intervals.max())
    }

    /// Names of the alerts that fire (`GET /api/v1/alerts`).
    ///
    /// # Errors
    /// Nobody answers, or it does not let us in.
    pub async fn firing(&self) -> Result<BTreeSet<String>, Error> {
        let answer: Success<Alerts> = self.http.ask(Request::get(["api", "v1", "alerts"])).await?.value;
        Ok(names(answer.data.alerts.into_iter().filter(|alert| alert.state == "firing")))
    }

    /// Its version (`GET /api/v1/status/buildinfo`).
    ///
    /// # Errors
    /// Nobody answers, or it does not let us in.
    pub async fn version(&self) -> Result<String, Error> {
        let build: Success<Build> = self.http.ask(Request::get(["api", "v1", "status", "buildinfo"])).await?.value;
        Ok(build.data.version)
    }
}

fn reading(instant: Instant) -> Result<Reading, Error> {
    let no_instant = |kind: &str| Error::NoInstant(kind.to_owned());
    let (at, text) = match instant.result_type.as_str() {
        "vector" => {
            let mut series: Vec<Series> = serde_json::from_value(instant.result).map_err(|_| no_instant("vector of something else"))?;
            match (series.pop(), series.first()) {
                (None, _) => return Err(Error::Empty),
                (Some(_), Some(first)) => return Err(Error::Several { count: series.len() + 1, first: labels(&first.metric) }),
                (Some(only), None) => only.value,
            }
        }
        "scalar" => serde_json::from_value::<Sample>(instant.result).map_err(|_| no_instant("scalar of something else"))?,
        "matrix" => return Err(no_instant("range vector")),
        other => return Err(no_instant(other)),
    };
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Reading { at: Timestamp((at * 1e3).round() as i64 * 1_000_000), value }),
        _ => Err(Error::NoNumber(text)),
    }
}

fn labels(metric: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = metric.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::Router;
    use axum::extract::Query;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::get;

    use super::*;
    use crate::units::SecretSource;

    fn of(text: &str) -> Result<Reading, Error> {
        reading(serde_json::from_str::<Success<Instant>>(text).unwrap().data)
    }

    #[test]
    fn one_finite_value_is_a_reading() {
        let at = Timestamp(1_435_781_451_781_000_000);
        let vector =
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"flink"},"value":[1435781451.781,"4213"]}]}}"#;
        assert_eq!(of(vector).unwrap(), Reading { at, value: 4213.0 });
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"0.5"]},"warnings":["x"]}"#;
        assert_eq!(of(scalar).unwrap(), Reading { at, value: 0.5 });
    }

    #[test]
    fn anything_else_says_why_it_is_none() {
        for (result, says) in [
            (r#""vector","result":[]"#, "the answer is empty"),
            (
                r#""vector","result":[{"metric":{"tm":"a"},"value":[1,"1"]},{"metric":{"tm":"b"},"value":[1,"2"]}]"#,
                "2 series, and one is wanted: write sum(…), max(…) or a narrower selector ({tm=\"a\"}, …)",
            ),
            (r#""vector","result":[{"metric":{},"value":[1,"NaN"]}]"#, "the value is NaN"),
            (r#""scalar","result":[1,"+Inf"]"#, "the value is +Inf"),
            (r#""matrix","result":[{"metric":{},"values":[[1,"2"]]}]"#, "a range vector, and one value"),
            (r#""string","result":[1,"x"]"#, "a string"),
        ] {
            let error = of(&format!(r#"{{"status":"success","data":{{"resultType":{result}}}}}"#)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[tokio::test]
    async fn it_is_asked_with_its_login_and_its_errors_are_read() {
        async fn answer(Query(query): Query<BTreeMap<String, String>>, headers: HeaderMap) -> (StatusCode, String) {
            let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            if (said("authorization"), said("x-scope-orgid")) != ("Bearer s3cret".to_owned(), "team-a".to_owned()) {
                return (StatusCode::UNAUTHORIZED, "no".to_owned());
            }
            match query["query"].as_str() {
                "sum(lag) + 1" => (StatusCode::OK, r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"7"]}}"#.to_owned()),
                _ => (StatusCode::BAD_REQUEST, r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error: x"}"#.to_owned()),
            }
        }
        let targets =
            r#"{"status":"success","data":{"activeTargets":[{"scrapeInterval":"5s"},{"scrapeInterval":"1m30s"},{}],"droppedTargets":[]}}"#;
        let router =
            Router::new().route("/prom/api/v1/query", get(answer)).route("/prom/api/v1/targets", get(move || async move { targets }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/prom", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "s3cret\n").unwrap();
        std::fs::write(folder.path().join("tenant"), "team-a\n").unwrap();
        let access: Access = serde_json::from_value(serde_json::json!({
            "addresses": [address], "auth": { "bearer": { "file": "token" } }, "headers": { "X-Scope-OrgID": { "file": "tenant" } },
        }))
        .unwrap();
        let prometheus = Prometheus::new(&access, folder.path()).unwrap();
        let answer = prometheus.query("sum(lag) + 1").await.unwrap();
        assert_eq!(answer.value, Reading { at: Timestamp(1_500_000_000), value: 7.0 });
        assert!(answer.received >= answer.sent);
        assert!(prometheus.query("sum(").await.unwrap_err().to_string().contains("with 400: 1:4: parse error: x"));
        assert_eq!(prometheus.scrape_interval().await.unwrap(), Some(Duration::from_secs(90)));
        assert!(!format!("{prometheus:?}").contains("s3cret") && !format!("{prometheus:?}").contains("team-a"));
        let anonymous = Prometheus::new(&Access { headers: BTreeMap::new(), ..access }, folder.path()).unwrap();
        assert!(anonymous.query("sum(lag) + 1").await.unwrap_err().to_string().contains("with 401: no"));
        let missing = Access { auth: crate::http::Auth::Bearer(SecretSource::File("none".into())), ..Access::to(["http://a"]) };
        assert!(Prometheus::new(&missing, folder.path()).is_err());
    }
}
