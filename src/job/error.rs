use std::fmt;
use std::path::PathBuf;

use crate::flink::{self, JobState};
use crate::units::Duration;

/// A mistake in a SQL file or an argument, where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Byte offset of its first character.
    pub offset: usize,
    /// Its length in bytes.
    pub length: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong; a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of the bytes `offset..offset + length` of `text`.
    pub(super) fn at(text: &str, offset: usize, length: usize, message: impl Into<String>) -> Self {
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            offset,
            length,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// Why a job cannot be prepared, submitted, awaited or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the job cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The SQL file has mistakes; all of them.
    #[error("{}", listed(.path, .problems))]
    Script {
        /// The file.
        path: PathBuf,
        /// At least one.
        problems: Vec<Problem>,
    },
    /// Arguments of the jar have mistakes; all of them, each with the argument's index.
    #[error("{}", .0.iter().map(|(index, problem)| format!("args[{index}]:{problem}")).collect::<Vec<_>>().join("; "))]
    Arguments(Vec<(usize, Problem)>),
    /// A SQL job and no SQL gateway.
    #[error("the job is a SQL file, and the cluster names no SQL gateway")]
    NoGateway,
    /// Flink could not be asked, or refused.
    #[error(transparent)]
    Flink(#[from] flink::Error),
    /// The script ran and no job came of it.
    #[error("{} ran, but the gateway names no job that it started", path.display())]
    NothingStarted {
        /// The file.
        path: PathBuf,
    },
    /// No job to attach to.
    #[error("no job {wanted} runs; {}", those(.running))]
    NoSuchJob {
        /// The name or id that was looked for.
        wanted: String,
        /// Names of the jobs that do run.
        running: Vec<String>,
    },
    /// More than one job to attach to.
    #[error("{} jobs are called `{name}`; name one by `id`: {}", ids.len(), ids.join(", "))]
    SeveralJobs {
        /// The name.
        name: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// The job ended when it should run.
    #[error("job `{name}` is {state}{}", because(.cause))]
    Ended {
        /// Its name.
        name: String,
        /// FAILED, CANCELED or FINISHED.
        state: JobState,
        /// Root cause of its last failure, in one line.
        cause: Option<String>,
    },
    /// The job did not get to run in time.
    #[error("job `{name}` does not run after {within}: {waiting}{}", because(.cause))]
    NotRunning {
        /// Its name.
        name: String,
        /// How long it was waited for.
        within: Duration,
        /// What was still missing.
        waiting: String,
        /// Root cause of its last failure, in one line.
        cause: Option<String>,
    },
    /// The job did not end in time.
    #[error("job `{name}` has not ended within {within}: it is {state}")]
    NotEnded {
        /// Its name.
        name: String,
        /// How long it was waited for.
        within: Duration,
        /// Its last known state.
        state: JobState,
    },
    /// squall touches only jobs that it made.
    #[error("cannot {deed} a job that squall only attached to")]
    NotOurs {
        /// What was asked for.
        deed: &'static str,
    },
}

fn listed(path: &std::path::Path, problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect::<Vec<_>>().join("; ")
}

fn those(names: &[String]) -> String {
    if names.is_empty() { "none does".to_owned() } else { format!("these do: {}", names.join(", ")) }
}

fn because(cause: &Option<String>) -> String {
    cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"))
}
