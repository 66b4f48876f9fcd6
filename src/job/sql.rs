use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::setting::as_text;
use super::{CheckpointSpec, Endpoints, Error, Launch, Origin, Placeholders, RunningJob, Setting, script};
use crate::flink::{JobId, Session};

/// A SQL script with one INSERT (or one `EXECUTE STATEMENT SET`), submitted through the SQL gateway.
///
/// Settings, later ones winning: the script's `SET`, then `config`, then `parallelism` and `checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SqlJob {
    /// The script, counted from the scenario's folder.
    pub file: PathBuf,
    /// `parallelism.default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<NonZeroU32>,
    /// How it is checkpointed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointSpec>,
    /// More of Flink's configuration for this job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Setting>,
}

/// A script that is ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedSql {
    /// The file that it came from.
    pub file: PathBuf,
    /// Session properties.
    pub settings: BTreeMap<String, String>,
    /// Statements, in order; one of them starts the job.
    pub statements: Vec<String>,
}

impl SqlJob {
    pub(super) fn prepare(&self, base: &Path, placeholders: &Placeholders) -> Result<PreparedSql, Error> {
        let path = base.join(&self.file);
        let text = std::fs::read_to_string(&path).map_err(|reason| Error::Read { path: path.clone(), reason })?;
        let script = script::parse(&text, placeholders).map_err(|problems| Error::Script { path: path.clone(), problems })?;
        let mut settings: BTreeMap<String, String> = script.settings.into_iter().collect();
        settings.extend(as_text(&self.config));
        settings.extend(self.parallelism.map(|parallelism| ("parallelism.default".to_owned(), parallelism.to_string())));
        settings.extend(self.checkpoint.iter().flat_map(CheckpointSpec::settings));
        Ok(PreparedSql { file: path, settings, statements: script.statements })
    }
}

impl PreparedSql {
    fn session_properties(&self, launch: &Launch) -> BTreeMap<String, String> {
        let mut properties = self.settings.clone();
        properties.entry("pipeline.name".to_owned()).or_insert_with(|| launch.name.clone());
        properties.extend(launch.parallelism.map(|parallelism| ("parallelism.default".to_owned(), parallelism.to_string())));
        if let Some(path) = &launch.from {
            properties.insert("execution.state-recovery.path".to_owned(), path.clone());
            properties.insert("execution.state-recovery.ignore-unclaimed-state".to_owned(), launch.allow_non_restored.to_string());
        }
        properties
    }

    pub(super) async fn submit(&self, endpoints: Endpoints<'_>, launch: &Launch) -> Result<RunningJob, Error> {
        let gateway = endpoints.gateway.ok_or(Error::NoGateway)?;
        let session = gateway.open(&launch.name, &self.session_properties(launch)).await?;
        let started = self.run(&session, launch).await;
        // The job outlives the session; one that cannot be closed ends by itself when idle.
        if let Err(error) = session.close().await {
            tracing::warn!("SQL session not closed: {error}");
        }
        let id = started?.ok_or_else(|| Error::NothingStarted { path: self.file.clone() })?;
        RunningJob::submitted(endpoints.rest, id, Origin::Submitted).await
    }

    async fn run(&self, session: &Session, launch: &Launch) -> Result<Option<JobId>, Error> {
        let mut started = None;
        for statement in &self.statements {
            let result = session.execute(statement, launch.within).await?;
            started = started.or(result.job_id);
        }
        Ok(started)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{CheckpointMode, JobSpec, Prepared};
    use super::*;
    use crate::units::Duration;

    const SPEC: &str = "sql:\n  file: a.sql\n  parallelism: 2\n  checkpoint: { interval: 2s, timeout: 1m, unaligned: true }\n  \
                        config: { restart-strategy.type: fixed-delay, table.exec.mini-batch.size: 10, parallelism.default: 9 }\n";

    fn spec(text: &str) -> JobSpec {
        serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(text)).unwrap()
    }

    #[test]
    fn settings_override_in_the_order_said() {
        let folder = tempfile::tempdir().unwrap();
        let script = "SET 'parallelism.default' = '7';\nSET 'restart-strategy.type' = 'none';\nINSERT INTO a SELECT 1";
        std::fs::write(folder.path().join("a.sql"), script).unwrap();
        let job = spec(SPEC);
        assert_eq!(job.checkpoint().map(|checkpoint| checkpoint.mode), Some(CheckpointMode::ExactlyOnce));
        let Prepared::Sql(prepared) = job.prepare(folder.path(), &Placeholders::new("r", "g")).unwrap() else { unreachable!() };
        let settings: Vec<String> = prepared.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            settings,
            [
                "execution.checkpointing.interval=2000 ms",
                "execution.checkpointing.mode=EXACTLY_ONCE",
                "execution.checkpointing.timeout=60000 ms",
                "execution.checkpointing.unaligned.enabled=true",
                "parallelism.default=2",
                "restart-strategy.type=fixed-delay",
                "table.exec.mini-batch.size=10",
            ]
        );
        let again = Launch { within: Duration::from_secs(1), ..Launch::named("n").restored_from("file:/sp").with_parallelism(4) };
        let properties = prepared.session_properties(&again);
        assert_eq!(properties["parallelism.default"], "4");
        assert_eq!(properties["execution.state-recovery.path"], "file:/sp");
        assert_eq!(properties["pipeline.name"], "n");
    }

    #[test]
    fn problems_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = spec(SPEC).prepare(folder.path(), &Placeholders::new("r", "g")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read ") && missing.contains("a.sql: No such file"), "{missing}");
        std::fs::write(folder.path().join("a.sql"), "INSERT INTO a\nSELECT '${x}'").unwrap();
        let unknown = spec(SPEC).prepare(folder.path(), &Placeholders::new("r", "g")).unwrap_err().to_string();
        assert!(unknown.contains("a.sql:2:9: unknown placeholder `${x}`"), "{unknown}");
    }

    #[test]
    fn the_jobs_of_the_house_prepare() {
        let base = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"));
        let placeholders = Placeholders::new("run-1", "enrich")
            .link("source", "127.0.0.1:1")
            .link("sink", "127.0.0.1:2")
            .topic("orders", "orders")
            .topic("enriched", "enriched");
        for file in ["jobs/passthrough.sql", "jobs/keyed-totals.sql"] {
            let prepared = spec(&format!("sql: {{ file: {file} }}")).prepare(base, &placeholders).unwrap();
            let Prepared::Sql(prepared) = prepared else { unreachable!() };
            assert!(
                prepared.statements.iter().any(|statement| statement.contains("run-1")),
                "{file}: transactional ids must not be shared"
            );
        }
    }
}
