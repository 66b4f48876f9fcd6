//! The job under test: where it comes from ([`JobSpec`]), how it is prepared without touching anything ([`JobSpec::prepare`]),
//! submitted and started again from a savepoint ([`Prepared::submit`]), awaited and ended ([`RunningJob`]).
//!
//! SQL files and the arguments of a jar may hold placeholders (see [`Placeholders`]):
//!
//! | placeholder | stands for |
//! |---|---|
//! | `${link.source}`, `${link.sink}` | bootstrap servers as the job reaches them, through squall's proxy where there is one |
//! | `${topic.orders}` | the topic that the scenario calls `orders` |
//! | `${group}` | the source's consumer group (`source: { group: … }`) |
//! | `${run}` | id of the run, for names that must not be shared, such as a transactional id prefix |
//!
//! `$${` stands for a literal `${`.

mod attach;
mod checkpointing;
mod error;
mod jar;
mod placeholder;
mod running;
mod script;
mod setting;
mod sql;

pub use attach::AttachJob;
pub use checkpointing::{CheckpointMode, CheckpointSpec};
pub use error::{Error, Problem};
pub use jar::{JarJob, PreparedJar};
pub use placeholder::Placeholders;
pub use running::{Origin, RunningJob};
pub use setting::Setting;
pub use sql::{PreparedSql, SqlJob};

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flink::{Rest, SqlGateway};
use crate::units::Duration;

/// The job under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobSpec {
    /// A SQL script, through the SQL gateway.
    Sql(SqlJob),
    /// A jar, through Flink's REST API.
    Jar(JarJob),
    /// A job that runs already and is not squall's: observed, never stopped.
    Attach(AttachJob),
}

impl JobSpec {
    /// Checkpointing, where the scenario sets it.
    pub fn checkpoint(&self) -> Option<&CheckpointSpec> {
        match self {
            Self::Sql(job) => job.checkpoint.as_ref(),
            Self::Jar(job) => job.checkpoint.as_ref(),
            Self::Attach(_) => None,
        }
    }

    /// Parallelism, where the scenario sets it.
    pub fn parallelism(&self) -> Option<u32> {
        match self {
            Self::Sql(job) => job.parallelism.map(u32::from),
            Self::Jar(job) => job.parallelism.map(u32::from),
            Self::Attach(_) => None,
        }
    }

    /// Reads files, fills in placeholders and splits the script: everything that can be wrong before there is a cluster. Relative
    /// files count from `base`, the scenario's folder.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Script`] and [`Error::Arguments`], each with all problems of its file.
    pub fn prepare(&self, base: &Path, placeholders: &Placeholders) -> Result<Prepared, Error> {
        Ok(match self {
            Self::Sql(job) => Prepared::Sql(job.prepare(base, placeholders)?),
            Self::Jar(job) => Prepared::Jar(job.prepare(base, placeholders)?),
            Self::Attach(job) => Prepared::Attach(job.clone()),
        })
    }
}

/// A job that can be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// Statements and settings.
    Sql(PreparedSql),
    /// Jar, arguments and settings.
    Jar(PreparedJar),
    /// What to look for.
    Attach(AttachJob),
}

/// Where to submit.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints<'a> {
    /// The JobManager.
    pub rest: &'a Rest,
    /// The SQL gateway, where there is one.
    pub gateway: Option<&'a SqlGateway>,
}

/// How to submit, this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Name of the job in Flink, unless the job itself sets one.
    pub name: String,
    /// Savepoint or retained checkpoint to start from.
    pub from: Option<String>,
    /// Instead of the scenario's parallelism.
    pub parallelism: Option<u32>,
    /// Whether state that no operator claims may be left behind.
    pub allow_non_restored: bool,
    /// How long each statement, or the jar's `main`, may take.
    pub within: Duration,
}

impl Launch {
    /// A first start with the scenario's parallelism, a minute for each statement.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), from: None, parallelism: None, allow_non_restored: false, within: Duration::from_secs(60) }
    }

    /// The same, restored from `path`.
    pub fn restored_from(self, path: impl Into<String>) -> Self {
        Self { from: Some(path.into()), ..self }
    }

    /// The same with another parallelism.
    pub fn with_parallelism(self, parallelism: u32) -> Self {
        Self { parallelism: Some(parallelism), ..self }
    }
}

impl Prepared {
    /// Submits the job, or finds the one to attach to. It may not process yet: see [`RunningJob::wait_until_running`].
    ///
    /// # Errors
    /// [`Error::NoGateway`]; [`Error::Flink`] with the root cause where a statement or `main` fails; for jobs to attach to
    /// [`Error::NoSuchJob`], [`Error::SeveralJobs`] and, with [`Launch::from`], [`Error::NotOurs`].
    pub async fn submit(&self, endpoints: Endpoints<'_>, launch: &Launch) -> Result<RunningJob, Error> {
        match self {
            Self::Sql(job) => job.submit(endpoints, launch).await,
            Self::Jar(job) => job.submit(endpoints.rest, launch).await,
            Self::Attach(_) if launch.from.is_some() => Err(Error::NotOurs { deed: "restore" }),
            Self::Attach(job) => job.find(endpoints.rest).await,
        }
    }
}
