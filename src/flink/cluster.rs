use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Answered, Error, Rest};
use crate::http::Request;

/// `/overview`: TaskManagers, slots and jobs as of now; never cached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overview {
    /// Registered TaskManagers. A killed one counts until its heartbeats are missed.
    pub taskmanagers: u32,
    /// All slots.
    pub slots_total: u32,
    /// Free slots.
    pub slots_available: u32,
    /// Jobs that are not in a terminal state.
    pub jobs_running: u32,
    /// Jobs that ended by themselves.
    pub jobs_finished: u32,
    /// Jobs that were cancelled.
    pub jobs_cancelled: u32,
    /// Jobs that failed for good.
    pub jobs_failed: u32,
    /// Such as `2.3.0`.
    pub flink_version: String,
    /// Such as `c0f8d1a`.
    pub flink_commit: String,
}

/// `/config`: what the web interface goes by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WebConfig {
    /// `web.refresh-interval` in milliseconds: how old job detail, vertices and exceptions may be.
    pub refresh_interval: u64,
    /// Such as `2.3.0`.
    pub flink_version: String,
    /// What is switched on.
    pub features: Features,
}

/// Features of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Features {
    /// Jars may be uploaded and run.
    pub web_submit: bool,
    /// Jobs may be cancelled.
    #[serde(default)]
    pub web_cancel: bool,
    /// Jobs may be rescaled: `jobmanager.scheduler` is adaptive.
    #[serde(default)]
    pub web_rescale: bool,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    value: String,
}

impl Rest {
    /// TaskManagers, slots and jobs.
    ///
    /// # Errors
    /// As every request: nobody answers, an error answer, an answer that does not parse.
    pub async fn overview(&self) -> Result<Answered<Overview>, Error> {
        Ok(self.http.ask(Request::get(["overview"])).await?)
    }

    /// Refresh interval, version and features.
    ///
    /// # Errors
    /// As [`Rest::overview`].
    pub async fn web_config(&self) -> Result<Answered<WebConfig>, Error> {
        Ok(self.http.ask(Request::get(["config"])).await?)
    }

    /// The effective cluster configuration. Flink masks values of keys that look secret.
    ///
    /// # Errors
    /// As [`Rest::overview`].
    pub async fn jobmanager_config(&self) -> Result<Answered<BTreeMap<String, String>>, Error> {
        let entries: Answered<Vec<Entry>> = self.http.ask(Request::get(["jobmanager", "config"])).await?;
        Ok(entries.map(|entries| entries.into_iter().map(|entry| (entry.key, entry.value)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{VERSIONS, answer};
    use super::*;

    #[test]
    fn reads_what_clusters_answered() {
        for version in VERSIONS {
            let overview: Overview = answer(version, "overview");
            assert_eq!((overview.taskmanagers, overview.slots_total), (2, 4));
            assert_eq!(overview.flink_version, version);
            let config: WebConfig = answer(version, "config");
            assert!(config.features.web_submit && !config.features.web_rescale);
        }
        assert_eq!(answer::<WebConfig>("2.3.0", "config").refresh_interval, 3000);
        let entries: Vec<Entry> = answer("2.3.0", "jmcfg");
        assert!(entries.iter().any(|entry| entry.key == "heartbeat.timeout" && entry.value == "10000"));
    }
}
