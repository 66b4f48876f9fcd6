use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::as_text;
use super::{CheckpointSpec, Error, Launch, Origin, Placeholders, RunningJob, Setting};
use crate::flink::{JarRun, Rest};

/// A jar whose `main` submits one job, run in the JobManager. It is uploaded, run and deleted again.
///
/// Settings apply where `main` does not set them itself; of the scenario's, `checkpoint` wins over `config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JarJob {
    /// The jar, counted from the scenario's folder.
    pub path: PathBuf,
    /// Main class, where the manifest names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Arguments of `main`; may hold placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Default parallelism.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<NonZeroU32>,
    /// How it is checkpointed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointSpec>,
    /// More of Flink's configuration for this job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Setting>,
}

/// A jar that is ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedJar {
    /// The jar.
    pub path: PathBuf,
    /// Main class.
    pub class: Option<String>,
    /// Arguments, filled in.
    pub args: Vec<String>,
    /// Default parallelism.
    pub parallelism: Option<u32>,
    /// Configuration of the job.
    pub settings: BTreeMap<String, String>,
}

impl JarJob {
    pub(super) fn prepare(&self, base: &Path, placeholders: &Placeholders) -> Result<PreparedJar, Error> {
        let path = base.join(&self.path);
        std::fs::File::open(&path).map_err(|reason| Error::Read { path: path.clone(), reason })?;
        let mut args = Vec::with_capacity(self.args.len());
        let mut problems = Vec::new();
        for (index, arg) in self.args.iter().enumerate() {
            match placeholders.fill(arg, 0, arg.len()) {
                Ok(filled) => args.push(filled),
                Err(unknown) => problems.extend(unknown.into_iter().map(|problem| (index, problem))),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Arguments(problems));
        }
        let mut settings: BTreeMap<String, String> = as_text(&self.config).collect();
        settings.extend(self.checkpoint.iter().flat_map(CheckpointSpec::settings));
        Ok(PreparedJar { path, class: self.class.clone(), args, parallelism: self.parallelism.map(u32::from), settings })
    }
}

impl PreparedJar {
    pub(super) async fn submit(&self, rest: &Rest, launch: &Launch) -> Result<RunningJob, Error> {
        let mut settings = self.settings.clone();
        settings.entry("pipeline.name".to_owned()).or_insert_with(|| launch.name.clone());
        let run = JarRun {
            entry_class: self.class.clone(),
            program_args_list: self.args.clone(),
            parallelism: launch.parallelism.or(self.parallelism),
            savepoint_path: launch.from.clone(),
            allow_non_restored_state: launch.allow_non_restored,
            flink_configuration: settings,
        };
        let jar = rest.upload_jar(&self.path).await?;
        let started = rest.run_jar(&jar, &run, launch.within).await;
        if let Err(error) = rest.delete_jar(&jar).await {
            tracing::warn!("uploaded jar {} not deleted: {error}", jar.0);
        }
        // What `main` threw, without the address that it was run through.
        let id = started.map_err(|error| error.failing(&self.path.display().to_string()))?;
        RunningJob::submitted(rest, id, Origin::Submitted).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn problems_name_the_argument() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"path":"job.jar","args":["--in","${topic.orders}","${x}/${y}"],"config":{"a.b":true}}"#;
        let job: JarJob = serde_json::from_str(text).unwrap();
        let placeholders = Placeholders::new("r", "g").topic("orders", "o1");
        assert!(matches!(job.prepare(folder.path(), &placeholders), Err(Error::Read { .. })));
        std::fs::write(folder.path().join("job.jar"), "PK").unwrap();
        let shown = job.prepare(folder.path(), &placeholders).unwrap_err().to_string();
        assert!(shown.starts_with("args[2]:1:1: unknown placeholder `${x}`") && shown.contains("; args[2]:1:6: "), "{shown}");
        let job = JarJob { args: job.args[..2].to_vec(), ..job };
        let prepared = job.prepare(folder.path(), &placeholders).unwrap();
        assert_eq!(prepared.args, ["--in", "o1"]);
        assert_eq!(prepared.settings["a.b"], "true");
    }
}
