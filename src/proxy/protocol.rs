//! What goes over the control socket: one JSON value a line, a request and then its answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::config::{LinkConfig, Protocol};
use crate::action::LinkRule;
use crate::clock::Timestamp;
use crate::units::Duration;

/// Asked of the proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Tell how things are.
    Status {
        /// Also of each open connection.
        #[serde(default)]
        connections: bool,
    },
    /// Put a rule on a link, for as long as this control connection is open.
    SetRule {
        /// Names the rule from now on; must be new.
        id: String,
        /// The link.
        link: String,
        /// The rule.
        rule: LinkRule,
        /// Who holds it, for people.
        holder: String,
        /// Ends the rule even while its holder lives.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl: Option<Duration>,
        /// Seed of its jitter.
        #[serde(default)]
        seed: u64,
    },
    /// Take one rule away, whoever set it. One that is gone already is no error.
    RemoveRule {
        /// The rule.
        id: String,
    },
    /// Take all rules away, whoever set them.
    RemoveAll,
    /// Listen on one more address, for a new link or one that exists.
    AddLink(LinkConfig),
    /// End the proxy, and with it every connection.
    Shutdown,
}

/// Answered by the proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Response {
    /// How things are.
    Status(Status),
    /// The rule holds, on live connections too.
    RuleSet,
    /// These rules are gone; with their last counters.
    Removed(Vec<RuleStatus>),
    /// The link listens.
    LinkAdded {
        /// Where.
        listen: SocketAddr,
    },
    /// The proxy ends.
    ShuttingDown,
    /// No, and why.
    Refused(Refusal),
}

/// Why the proxy did not do what was asked. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Refusal {
    /// Not a request of this version.
    #[error("not a request: {0}")]
    NotARequest(String),
    /// No such link.
    #[error("no link `{link}`; there are: {}", known.join(", "))]
    UnknownLink {
        /// What was asked for.
        link: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A rule of this id holds already.
    #[error("a rule `{0}` is set already")]
    RuleExists(String),
    /// A rule that cannot act.
    #[error("{0}")]
    Pointless(String),
    /// The address cannot be listened on.
    #[error("{0}")]
    CannotListen(String),
}

/// The proxy at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Process id of the proxy.
    pub pid: u32,
    /// Since when it serves.
    pub started: Timestamp,
    /// Bytes held back for all connections together.
    pub held_bytes: u64,
    /// Its links, by name.
    pub links: Vec<LinkStatus>,
}

impl Status {
    /// The link of this name.
    pub fn link(&self, name: &str) -> Option<&LinkStatus> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The rule of this id, whether it holds or has ended not long ago.
    pub fn rule(&self, id: &str) -> Option<&RuleStatus> {
        self.links.iter().flat_map(|link| link.rules.iter().chain(link.ended.iter().rev())).find(|rule| rule.id == id)
    }
}

/// A link and what went over it since the proxy started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStatus {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub listeners: Vec<ListenerStatus>,
    /// Connections open now.
    pub open: u64,
    /// Connections accepted, those of `open` among them.
    pub total: u64,
    /// Connections reset as they came, by a rule.
    pub turned_away: u64,
    /// Connections whose upstream could not be reached; their clients were reset.
    pub unreachable: u64,
    /// Bytes handed on from clients to servers.
    pub bytes_up: u64,
    /// Bytes handed on from servers to clients.
    pub bytes_down: u64,
    /// Kafka requests handed on, by api key. Empty where the protocol is not Kafka.
    pub requests: BTreeMap<i16, u64>,
    /// Rules that hold.
    pub rules: Vec<RuleStatus>,
    /// The last rules that ended, with their last counters, oldest first; at most 32.
    pub ended: Vec<RuleStatus>,
    /// Open connections, where asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionStatus>,
}

/// A listening address of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListenerStatus {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where their connections lead.
    pub upstream: String,
    /// What is spoken.
    pub protocol: Protocol,
}

/// A rule and what it met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleStatus {
    /// Its id.
    pub id: String,
    /// The link that it is on.
    pub link: String,
    /// The rule.
    pub rule: LinkRule,
    /// Who set it.
    pub holder: String,
    /// Process id of the holder, as the kernel knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_pid: Option<i32>,
    /// Since when it holds.
    pub set_at: Timestamp,
    /// When it ended; none while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What it met so far.
    pub counters: RuleCounters,
}

/// What a rule met: the witness that it acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleCounters {
    /// Different connections whose bytes, opening or closing it acted on.
    pub connections: u64,
    /// Bytes that it delayed, kept, or let through at its pace.
    pub bytes: u64,
    /// Chunks that it made wait; requests, for `hold-request`; closes, for `slow-close`.
    pub chunks: u64,
}

/// An open connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectionStatus {
    /// Number of the connection, unique in this proxy process.
    pub id: u64,
    /// The client's address.
    pub peer: SocketAddr,
    /// Where it leads.
    pub upstream: String,
    /// Since when.
    pub opened: Timestamp,
    /// Bytes handed on to the server.
    pub bytes_up: u64,
    /// Bytes handed on to the client.
    pub bytes_down: u64,
    /// Bytes held back, both ways.
    pub held_bytes: u64,
    /// Kafka requests handed on, by api key; none where the protocol is not Kafka, or was said to be and is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<BTreeMap<i16, u64>>,
}
