use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::action::Node;
use crate::flink;
use crate::kafka::KafkaError;
use crate::proxy::ProxyError;

/// What can go wrong with a cluster that is somebody else's.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Flink(#[from] flink::Error),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("the proxy of links {links} is not up; `squall cluster up` starts it")]
    NoProxy { links: String },
    #[error("the proxy of links {links} is up already")]
    ProxyIsUp { links: String },
    #[error("a call to Kafka broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),

    #[error("`{program}` cannot be started")]
    Spawn { program: String, source: io::Error },
    #[error("no shell on {host}: {said}")]
    NoShell { host: String, said: String },
    #[error("{host} does not answer within {} s", within.as_secs_f64())]
    Silent { host: String, within: Duration },
    #[error("{host} answered with something unexpected: {said}")]
    Strange { host: String, said: String },
    #[error("not allowed to signal {node} on {host}: {said}")]
    NotObeyed { node: String, host: String, said: String },
    #[error("the expiry of the freeze could not be set on {host}: {said}; nothing was done")]
    NoExpiry { host: String, said: String },

    #[error("the command to {deed} {node} failed ({status}): {said}")]
    Command { deed: &'static str, node: String, status: String, said: String },
    #[error("the command to {deed} {node} did not end within {within}")]
    CommandTime { deed: &'static str, node: Node, within: crate::units::Duration },

    #[error("{0} is not one of this cluster's nodes")]
    Foreign(Node),
    #[error("{0} is gone already")]
    Gone(Node),
    #[error("{node} did not {what} within {} s", waited.as_secs())]
    Stubborn { node: Node, what: &'static str, waited: Duration },
    #[error("nothing took the place of {node} within {} s, though `restarted-by` says that {who} does that", waited.as_secs())]
    NotReplaced { node: Node, who: &'static str, waited: Duration },
    #[error("{0} still holds after its undo")]
    StillHolds(String),
    #[error("a rule is still on link {link}")]
    RulesLeft { link: String },
    #[error("the record `{path}` cannot be used: {reason}")]
    Record { path: PathBuf, reason: String },
}
