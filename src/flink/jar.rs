use std::collections::BTreeMap;
use std::path::Path;

use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};

use super::{Answered, Error, JobId, Rest, lenient};
use crate::clock::Timestamp;
use crate::http::Request;
use crate::units::Duration;

/// Uploading a jar of some hundred megabytes.
const UPLOAD: Duration = Duration::from_secs(120);

/// An uploaded jar: `<uuid>_<name>.jar`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct JarId(pub String);

/// An uploaded jar in the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Jar {
    /// Its id.
    pub id: JarId,
    /// Its file name.
    pub name: String,
    /// When it was uploaded.
    #[serde(deserialize_with = "lenient::moment")]
    pub uploaded: Timestamp,
    /// Its main classes.
    #[serde(default)]
    pub entry: Vec<JarEntry>,
}

/// A main class of a jar.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JarEntry {
    /// The class.
    pub name: String,
}

#[derive(Deserialize)]
struct Jars {
    files: Vec<Jar>,
}

#[derive(Deserialize)]
struct Uploaded {
    filename: String,
}

#[derive(Deserialize)]
struct Started {
    jobid: JobId,
}

/// How to run a jar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JarRun {
    /// Main class; none: the manifest's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Arguments of `main`.
    pub program_args_list: Vec<String>,
    /// Default parallelism; none: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Savepoint or checkpoint to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// Whether state that no operator claims may be left behind.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_non_restored_state: bool,
    /// Configuration of the job.
    pub flink_configuration: BTreeMap<String, String>,
}

impl Rest {
    /// Uploads a jar.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be read; as [`Rest::overview`]; a status of 404 where the cluster takes none
    /// (`web.submit.enable: false`).
    pub async fn upload_jar(&self, path: &Path) -> Result<JarId, Error> {
        let content = tokio::fs::read(path).await.map_err(|reason| Error::File { path: path.to_owned(), reason })?;
        let name = path.file_name().map_or_else(|| "job.jar".to_owned(), |name| name.to_string_lossy().into_owned());
        let request = Request::post(["jars", "upload"]).timeout(UPLOAD);
        let uploaded: Answered<Uploaded> = self
            .http
            .exchange(&request, |builder| {
                let part = Part::bytes(content.clone()).file_name(name.clone());
                builder.multipart(Form::new().part("jarfile", part))
            })
            .await?;
        let id = uploaded.value.filename.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        Ok(JarId(id))
    }

    /// The uploaded jars.
    ///
    /// # Errors
    /// As [`Rest::upload_jar`].
    pub async fn jars(&self) -> Result<Answered<Vec<Jar>>, Error> {
        let jars: Answered<Jars> = self.http.ask(Request::get(["jars"])).await?;
        Ok(jars.map(|jars| jars.files))
    }

    /// Runs a jar's `main` in the JobManager, which may take a minute, and returns the job that it submits.
    ///
    /// # Errors
    /// As [`Rest::overview`]; a status of 400 or 500 with the cause where `main` fails.
    pub async fn run_jar(&self, jar: &JarId, run: &JarRun, within: Duration) -> Result<JobId, Error> {
        let started: Answered<Started> = self.http.ask_with(Request::post(["jars", &jar.0, "run"]).timeout(within), run).await?;
        Ok(started.value.jobid)
    }

    /// Deletes an uploaded jar; jobs that run from it go on.
    ///
    /// # Errors
    /// As [`Rest::upload_jar`].
    pub async fn delete_jar(&self, jar: &JarId) -> Result<(), Error> {
        self.http.ask::<serde::de::IgnoredAny>(Request::new(reqwest::Method::DELETE, ["jars", &jar.0])).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_body_is_what_flink_reads() {
        let run = JarRun { program_args_list: vec!["--rate".to_owned(), "1".to_owned()], parallelism: Some(2), ..JarRun::default() };
        assert_eq!(serde_json::to_string(&run).unwrap(), r#"{"programArgsList":["--rate","1"],"parallelism":2,"flinkConfiguration":{}}"#);
    }
}
