use std::fmt;
use std::path::PathBuf;

use crate::units::{Duration, SecretError};

/// Why a service could not be asked, or what it answered instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address answered; what happened at each.
    #[error("{}", Attempts(.0))]
    NoAnswer(Vec<Attempt>),
    /// It answered with an error.
    #[error("{address} answered {method} {path} with {status}: {message}")]
    Status {
        /// The address that answered.
        address: String,
        /// HTTP method.
        method: String,
        /// Path below the address.
        path: String,
        /// HTTP status.
        status: u16,
        /// The cause that it gave, in one line.
        message: String,
    },
    /// The answer is not what this version of squall understands.
    #[error("{address} answered {path} with something unexpected: {reason}")]
    Answer {
        /// The address that answered.
        address: String,
        /// Path below the address.
        path: String,
        /// What does not fit, and where.
        reason: String,
    },
    /// A base address is not usable.
    #[error("{address:?} is no base address: {reason}")]
    Address {
        /// As written, without credentials.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// A password or token cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The CA file cannot be read, or is no PEM.
    #[error("cannot use the CA file {}: {reason}", path.display())]
    CaFile {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The HTTP client cannot be made.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

/// What happened at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The base address.
    pub address: String,
    /// What happened.
    pub failure: Failure,
}

/// Why an address gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nothing listens there.
    Refused,
    /// No answer in time (a frozen process still accepts connections).
    TimedOut(Duration),
    /// It is there, and has no leader yet (503).
    NotReady(String),
    /// Another failure of name resolution, connection or TLS.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::TimedOut(timeout) => write!(f, "no answer within {timeout}"),
            Self::NotReady(message) => write!(f, "not ready: {message}"),
            Self::Broken(reason) => f.write_str(reason),
        }
    }
}

struct Attempts<'a>(&'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attempt) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", attempt.address, attempt.failure)?;
        }
        Ok(())
    }
}
