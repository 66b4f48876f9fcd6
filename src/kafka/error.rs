//! What can go wrong with Kafka, said so that the reader knows what to mend.

use std::ffi::CStr;
use std::fmt;
use std::time::Duration;

use rdkafka::error::{KafkaError as Library, RDKafkaErrorCode};
use rdkafka_sys as sys;

use crate::units::SecretError;

/// An error code of the protocol or of librdkafka, without the types of the library.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(sys::rd_kafka_resp_err_t);

impl ErrorCode {
    pub(super) const fn new(code: sys::rd_kafka_resp_err_t) -> Self {
        Self(code)
    }

    pub(super) const fn native(self) -> sys::rd_kafka_resp_err_t {
        self.0
    }

    /// The wrapper's code; the two enums share their numbers.
    pub(super) fn of_library(code: RDKafkaErrorCode) -> Self {
        Self(sys::rd_kafka_resp_err_t::try_from(code as i32).unwrap_or(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_UNKNOWN))
    }

    /// Nothing on success.
    pub(super) fn check(code: sys::rd_kafka_resp_err_t) -> Option<Self> {
        (code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then_some(Self(code))
    }

    /// Whether a group's coordinator is starting or was not found where it was: asking again helps.
    pub(super) fn is_about_the_coordinator(self) -> bool {
        use sys::rd_kafka_resp_err_t as E;
        matches!(
            self.0,
            E::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
                | E::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
                | E::RD_KAFKA_RESP_ERR_NOT_COORDINATOR
        )
    }

    /// Whether a partition's leader is being chosen, or was not found where it was: asking again helps.
    pub(super) fn is_about_the_leader(self) -> bool {
        use sys::rd_kafka_resp_err_t as E;
        matches!(self.0, E::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION | E::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
    }

    /// The protocol's number; those of librdkafka itself are negative.
    pub fn number(self) -> i32 {
        self.0 as i32
    }

    /// The constant's name, as `MSG_SIZE_TOO_LARGE`.
    pub fn name(self) -> &'static str {
        // SAFETY: librdkafka answers with a static string for every code, known or not.
        unsafe { CStr::from_ptr(sys::rd_kafka_err2name(self.0)) }.to_str().unwrap_or("?")
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: as in `name`.
        f.write_str(unsafe { CStr::from_ptr(sys::rd_kafka_err2str(self.0)) }.to_str().unwrap_or("?"))
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call to Kafka did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// A secret of the connection cannot be read.
    #[error("kafka property `{property}`: {source}")]
    Secret {
        /// Its name at librdkafka.
        property: String,
        /// Why.
        source: SecretError,
    },
    /// librdkafka knows no such property, or not this value of it.
    #[error("kafka property `{property}`: {reason}")]
    Property {
        /// Its name.
        property: String,
        /// What is wrong; never the value of a secret.
        reason: String,
    },
    /// The client could not be made from its properties.
    #[error("kafka client: {0}")]
    Client(String),
    /// No broker answered.
    #[error("no Kafka broker answers at {bootstrap} within {}{}", seconds(.within), because(.reasons))]
    Unreachable {
        /// Addresses tried.
        bootstrap: String,
        /// How long.
        within: Duration,
        /// What each address said, as far as known.
        reasons: Vec<String>,
    },
    /// The broker knows no such user, or another password.
    #[error("Kafka refused the login: {0}")]
    Login(String),
    /// The TLS handshake failed: unknown authority, expired certificate, no TLS at that port.
    #[error("TLS to Kafka failed: {0}")]
    Tls(String),
    /// The user has no right to do this.
    #[error("not allowed to {what}: {code}")]
    NotAllowed {
        /// As in "read topic orders".
        what: String,
        /// What the broker said.
        code: ErrorCode,
    },
    /// No such topic.
    #[error("topic `{0}` does not exist")]
    NoTopic(String),
    /// It was to be created.
    #[error("topic `{0}` exists already")]
    TopicExists(String),
    /// A request failed.
    #[error("cannot {what}: {reason}")]
    Request {
        /// As in "create topic orders".
        what: String,
        /// What the broker or the library said.
        reason: String,
        /// The code, where there is one.
        code: Option<ErrorCode>,
    },
    /// A producer that can send no more, for instance because another one fenced it.
    #[error("the producer is broken for good: {0}")]
    Fatal(String),
}

fn seconds(within: &Duration) -> String {
    crate::units::Duration::from_millis(within.as_millis().try_into().unwrap_or(u64::MAX)).to_string()
}

fn because(reasons: &[String]) -> String {
    if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) }
}

impl KafkaError {
    /// The error of a request that failed with `code`.
    pub(super) fn request(what: impl Into<String>, code: ErrorCode) -> Self {
        use sys::rd_kafka_resp_err_t as E;
        let what = what.into();
        match code.native() {
            E::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            | E::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
            | E::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
            | E::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED => Self::NotAllowed { what, code },
            _ => Self::Request { what, reason: code.to_string(), code: Some(code) },
        }
    }

    /// The error that the safe wrapper reported for a request.
    pub(super) fn library(what: impl Into<String>, error: &Library) -> Self {
        match error.rdkafka_error_code() {
            Some(code) => Self::request(what, ErrorCode::of_library(code)),
            None => Self::Request { what: what.into(), reason: error.to_string(), code: None },
        }
    }

    /// The code, where a broker or librdkafka gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::NotAllowed { code, .. } => Some(*code),
            Self::Request { code, .. } => *code,
            _ => None,
        }
    }
}
