//! The cluster file: where a scenario runs, and what its owner allows there.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::consent::{Allow, Hours, KeepAtLeast, Synthetic};
use super::containers::ContainersSpec;
use super::external::ExternalSpec;
use super::local::LocalSpec;
use crate::action::Role;
use crate::http::Access;
use crate::units::{Duration, Rate};

/// A cluster file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClusterSpec {
    /// What people call it; names its folder and its processes.
    pub name: ClusterName,
    /// How much is at stake.
    pub environment: Environment,
    /// What it is made of.
    pub kind: Kind,
    /// Who starts a node again that died.
    #[serde(default, skip_serializing_if = "RestartedBy::is_default")]
    pub restarted_by: RestartedBy,
    /// Which faults may be injected. Nothing is allowed that is not said here.
    #[serde(default)]
    pub allow: Vec<Allow>,
    /// Nodes that no fault may take away.
    #[serde(default, skip_serializing_if = "KeepAtLeast::is_default")]
    pub keep_at_least: KeepAtLeast,
    /// The most records per second that squall may send, over all topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<Rate>,
    /// The longest run, drain included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Duration>,
    /// Topics that squall may write to besides those that it makes; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable_topics: Vec<String>,
    /// Topics that are never touched, whatever else is allowed; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// When runs are allowed; none is always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// How synthetic records are kept apart from real ones; production asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<Synthetic>,
    /// Prometheus, which a scenario's `queries:` are asked of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Access>,
    /// Grafana, which is told of each fault as it acts: a region annotation, tagged `squall`, the scenario's and the fault's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grafana: Option<Access>,
    /// The owner's own words, shown when a limit is met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ClusterSpec {
    /// Who starts a node of this role again: what the file says, else what is usual for the kind.
    pub fn restarted_by(&self, role: Role) -> Restarter {
        let said = match role {
            Role::Taskmanager => self.restarted_by.taskmanager,
            Role::Jobmanager => self.restarted_by.jobmanager,
            Role::Broker => self.restarted_by.broker,
            Role::Gateway => self.restarted_by.gateway,
        };
        said.unwrap_or_else(|| match &self.kind {
            Kind::Local(_) | Kind::Containers(_) => Restarter::Squall,
            Kind::External(external) => super::external::usual_restarter(external, role),
        })
    }

    /// Its files counted from `base`, the cluster file's folder: then it means the same from everywhere.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.kind = match self.kind {
            Kind::Local(local) => Kind::Local(local),
            Kind::Containers(containers) => Kind::Containers(Box::new(containers.relative_to(base))),
            Kind::External(external) => Kind::External(Box::new(external.relative_to(base))),
        };
        self.prometheus = self.prometheus.map(|access| access.relative_to(base));
        self.grafana = self.grafana.map(|access| access.relative_to(base));
        self
    }
}

/// What a cluster is made of. One key names the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Plain `java` processes on this machine's loopback, started and ended by squall.
    Local(LocalSpec),
    /// Containers of this machine's engine, started and ended by squall.
    Containers(Box<ContainersSpec>),
    /// A Kafka and a Flink that somebody else runs.
    External(Box<ExternalSpec>),
}

/// How much is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// Nothing.
    Test,
    /// Other people's time.
    Staging,
    /// Customers. Runs ask for `--confirm` with the cluster's name.
    Production,
}

/// Who starts a dead node again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restarter {
    /// squall, when the fault's undo is due.
    Squall,
    /// A supervisor: systemd, Kubernetes, YARN. squall only looks.
    Platform,
    /// Nobody: the node stays away.
    Nobody,
}

/// Who starts a dead node again, by its role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RestartedBy {
    /// TaskManagers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taskmanager: Option<Restarter>,
    /// JobManagers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobmanager: Option<Restarter>,
    /// Brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<Restarter>,
    /// The SQL gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Restarter>,
}

impl RestartedBy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A cluster's name: lower-case letters, digits, `-` and `_`, at most 40, so that it can name a folder and a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

impl ClusterName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no cluster name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no cluster name: use lower-case letters, digits, `-` and `_`, at most 40, with a letter or a digit first")]
pub struct NotAName(pub String);

impl TryFrom<String> for ClusterName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = text.len() <= 40 && text.starts_with(first) && text.chars().all(|c| first(c) || c == '-' || c == '_');
        if good { Ok(Self(text)) } else { Err(NotAName(text)) }
    }
}

impl std::str::FromStr for ClusterName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::try_from(text.to_owned())
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for ClusterName {
    fn schema_name() -> Cow<'static, str> {
        "ClusterName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,39}$" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::cluster::consent::Limits;

    fn parse(yaml: &str) -> Result<ClusterSpec, serde_yaml::Error> {
        serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(yaml))
    }

    const LAPTOP: &str = r#"
name: laptop
environment: test
kind: { local: { kafka: { brokers: 1 }, flink: { version: "2.3.0", taskmanagers: 2, slots: 2, config: { heartbeat.interval: 2s, web.port: 8081 } } } }
restarted-by: { taskmanager: squall, jobmanager: nobody }
allow: [ everything, no-expiry, { kill-taskmanager: { at-most: 1 } }, { delay-sink: {} } ]
keep-at-least: { taskmanagers: 1 }
max-rate: 5k/s
max-duration: 1h
protect: [ "billing-*" ]
hours: [ { days: [ mon, fri ], from: "08:00", to: "17:30", zone: Europe/Berlin } ]
synthetic: shadow-topic
reason: ask the platform team
"#;

    #[test]
    fn the_grammar_parses_and_round_trips() {
        let spec = parse(LAPTOP).unwrap();
        assert_eq!(spec.restarted_by(Role::Jobmanager), Restarter::Nobody);
        assert_eq!(spec.restarted_by(Role::Broker), Restarter::Squall);
        assert_eq!(spec.allow[0], Allow::Everything);
        assert_eq!(spec.allow[1], Allow::NoExpiry);
        assert_eq!(spec.allow[2], Allow::Fault { name: "kill-taskmanager".into(), limits: Limits { at_most: Some(1) } });
        assert_eq!(spec.keep_at_least.of(Role::Taskmanager), 1);
        let Kind::Local(local) = &spec.kind else { panic!("local") };
        assert_eq!(local.flink.config["heartbeat.interval"].0, "2s");
        assert_eq!(local.flink.config["web.port"].0, "8081");
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ClusterSpec>(&json).unwrap(), spec);
    }

    #[test]
    fn mistakes_are_refused() {
        for (mistake, says) in [
            ("name: ../etc\nenvironment: test\nkind: { local: {} }", "is no cluster name"),
            ("name: a\nenvironment: test\nkind: { loco: {} }", "unknown variant `loco`"),
            ("name: a\nenvironment: test\nkind: { local: { brokers: 1 } }", "unknown field `brokers`"),
            ("name: a\nenvironment: test\nkind: { local: {} }\nallow: [ { kill: { at-last: 1 } } ]", "unknown field `at-last`"),
            ("name: a\nkind: { local: {} }", "missing field `environment`"),
            ("name: a\nenvironment: test\nkind: { local: { kafka: { brokers: 0 } } }", "nonzero"),
            ("name: a\nenvironment: test\nkind: { local: {} }\nhours: [ { from: \"8\", to: \"25:00\" } ]", "is no time of day"),
        ] {
            let error = parse(mistake).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn everything_has_a_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(ClusterSpec)).unwrap();
        assert_eq!(schema["properties"]["kind"]["$ref"], "#/$defs/Kind");
        assert!(schema["$defs"]["Allow"].is_object());
    }
}
