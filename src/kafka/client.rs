//! What all clients share: the library's log lines and complaints, kept so that an error can say the reason.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError as Library, RDKafkaErrorCode};

use super::error::KafkaError;

/// Complaints kept.
const KEPT: usize = 8;

/// Collects what librdkafka complains of. Not on any hot path: complaints are rare.
#[derive(Default)]
pub(super) struct Complaints {
    reasons: Mutex<VecDeque<(RDKafkaErrorCode, String)>>,
    lost_all: AtomicBool,
}

impl Complaints {
    pub(super) fn add(&self, code: RDKafkaErrorCode, reason: &str) {
        tracing::debug!(target: "kafka", "{code:?}: {reason}");
        if code == RDKafkaErrorCode::AllBrokersDown {
            self.lost_all.store(true, Ordering::Relaxed);
        }
        let reason = short(reason);
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if reasons.iter().any(|(_, known)| *known == reason) {
            return;
        }
        if reasons.len() == KEPT {
            reasons.pop_front();
        }
        reasons.push_back((code, reason));
    }

    /// An error that waiting does not mend: a refused login, or a failed TLS handshake.
    pub(super) fn hopeless(&self) -> Option<KafkaError> {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().find_map(|(code, reason)| match code {
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => Some(KafkaError::Login(reason.clone())),
            RDKafkaErrorCode::SSL => Some(KafkaError::Tls(reason.clone())),
            _ => None,
        })
    }

    /// What each address said. "All brokers are down" adds nothing to it.
    pub(super) fn reasons(&self) -> Vec<String> {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().filter(|(code, _)| *code != RDKafkaErrorCode::AllBrokersDown).map(|(_, reason)| reason.clone()).collect()
    }

    /// Whether all brokers were down since this was last asked.
    pub(super) fn lost_all(&self) -> bool {
        self.lost_all.swap(false, Ordering::Relaxed)
    }

    /// Forgets them, after a success.
    pub(super) fn clear(&self) {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Drops the timing that librdkafka appends, which makes equal reasons differ: `… (after 3ms in state CONNECT, 2 identical error(s) suppressed)`.
fn short(reason: &str) -> String {
    reason.split(" (after ").next().unwrap_or(reason).trim().to_owned()
}

impl ClientContext for Complaints {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                // Lost connections are the harness's daily bread and come as complaints too.
                tracing::debug!(target: "kafka", "{facility}: {message}");
            }
            _ => tracing::trace!(target: "kafka", "{facility}: {message}"),
        }
    }

    fn error(&self, error: Library, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            self.add(code, reason);
        }
    }
}

impl ConsumerContext for Complaints {}
