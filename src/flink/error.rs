use std::path::PathBuf;

use crate::http;
use crate::units::Duration;

/// Why Flink could not be asked, or what it answered instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be asked, or answered with an error.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// A file to upload cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// Flink began what it was asked for, and failed.
    #[error("{what} failed: {cause}")]
    Failed {
        /// What was asked for, such as `savepoint of job 1f…`.
        what: String,
        /// Flink's root cause, in one line.
        cause: String,
    },
    /// Flink did not finish in time. It may still.
    #[error("{what} did not finish within {within}")]
    Deadline {
        /// What was asked for.
        what: String,
        /// How long it was waited for.
        within: Duration,
    },
}

impl Error {
    /// Whether Flink said that there is no such thing (job, checkpoint, jar). For a job's status it says so with a 500.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Http(http::Error::Status { status: 404, .. }) => true,
            Self::Http(http::Error::Status { message, .. }) => message.starts_with("FlinkJobNotFoundException"),
            _ => false,
        }
    }

    /// An error answer as the failure of `what`: what was thrown, without the address that it was asked through.
    #[must_use]
    pub fn failing(self, what: &str) -> Self {
        match self {
            Self::Http(http::Error::Status { message, .. }) => Self::Failed { what: what.to_owned(), cause: message },
            other => other,
        }
    }

    /// Whether nobody answered: unknown, rather than a state of the job.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Http(http::Error::NoAnswer(_)))
    }
}
