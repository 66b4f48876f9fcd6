use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::Role;
use crate::flink::Access;
use crate::kafka::Connection;
use crate::units::Duration;

/// A Kafka and a Flink that somebody else runs. squall starts and ends nothing of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExternalSpec {
    /// Kafka, as squall reaches it.
    pub kafka: Connection,
    /// Flink's REST: one address for each JobManager, or that of a proxy in front of them.
    pub flink: Access,
    /// The SQL gateway; without it only jars and jobs that run already can be tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Access>,
    /// Links whose address is another one than that of `kafka`, by name.
    #[serde(default, skip_serializing_if = "Links::is_default")]
    pub links: Links,
    /// Machines on which nodes run, for faults on processes. Without any, only the owner's own commands act on nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// The owner's own commands, by role.
    #[serde(default, skip_serializing_if = "RoleCommands::is_default")]
    pub commands: RoleCommands,
    /// Where savepoints go, as Flink reaches it: `s3://bucket/savepoints`. Without it, Flink's own setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoints: Option<String>,
}

/// Links by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Links {
    /// Between the job and its input: `${link.source}` in job files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ExternalLink>,
    /// Between the job and its output: `${link.sink}` in job files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<ExternalLink>,
    /// Between squall's generator and the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<ExternalLink>,
}

impl Links {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Those that are said, by name.
    pub(super) fn said(&self) -> impl Iterator<Item = (&'static str, &ExternalLink)> {
        [("generator", &self.generator), ("source", &self.source), ("sink", &self.sink)]
            .into_iter()
            .filter_map(|(name, link)| Some((name, link.as_ref()?)))
    }
}

/// How a link is reached, where not as `kafka` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExternalLink {
    /// Another listener of the same brokers, `host:port`, separated by commas: as the job reaches Kafka where squall does not.
    Address(String),
    /// squall's proxy in front of a listener that the owner made for it: one entry a broker. `squall cluster up` starts the proxy.
    Through(Vec<Through>),
}

/// The proxy in front of one broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Through {
    /// Where the proxy listens, on this machine: an IP address and a port. The broker's listener must advertise exactly this.
    pub listen: String,
    /// Where that listener of the broker is: `broker-1:9095`.
    pub broker: String,
}

/// A machine on which nodes run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// This machine.
    Here,
    /// Another one, over the system's `ssh`, without a password.
    Ssh(Ssh),
}

/// How to log in to a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ssh {
    /// `flink@tm-1.example`, or a name of `~/.ssh/config`.
    pub to: String,
    /// Its port, where not what ssh takes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The private key's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<PathBuf>,
    /// The file of known hosts. A machine that is not in it is not talked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<PathBuf>,
    /// Further options of ssh, as after its `-o`: `ProxyJump=bastion`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Act as root, by `sudo -n`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sudo: bool,
}

impl Host {
    /// As people and identities name it; none for this machine.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Here => None,
            Self::Ssh(ssh) => Some(&ssh.to),
        }
    }
}

/// The owner's own commands, by role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RoleCommands {
    /// On TaskManagers.
    #[serde(skip_serializing_if = "Deeds::is_default")]
    pub taskmanager: Deeds,
    /// On JobManagers.
    #[serde(skip_serializing_if = "Deeds::is_default")]
    pub jobmanager: Deeds,
    /// On brokers.
    #[serde(skip_serializing_if = "Deeds::is_default")]
    pub broker: Deeds,
    /// On the SQL gateway.
    #[serde(skip_serializing_if = "Deeds::is_default")]
    pub gateway: Deeds,
}

impl RoleCommands {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Those of a role.
    pub(super) fn of(&self, role: Role) -> &Deeds {
        match role {
            Role::Taskmanager => &self.taskmanager,
            Role::Jobmanager => &self.jobmanager,
            Role::Broker => &self.broker,
            Role::Gateway => &self.gateway,
        }
    }
}

/// The owner's own commands for the nodes of a role, by deed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Deeds {
    /// Ends a node at once; its undo starts one in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<Commands>,
    /// Shuts a node down in order; its undo starts one in its place, and is that of `kill` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminate: Option<Commands>,
    /// Stops a node without ending it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Commands>,
    /// Leaves a node `${share}` (such as 0.1) of its CPU time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<Commands>,
    /// Lowers a node's memory limit to what it uses and `${headroom}` bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub squeeze: Option<Commands>,
    /// Takes a node off the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect: Option<Commands>,
}

impl Deeds {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Deed and commands, as far as they are said.
    pub(super) fn said(&self) -> impl Iterator<Item = (&'static str, &Commands)> {
        [
            ("kill", &self.kill),
            ("terminate", &self.terminate),
            ("freeze", &self.freeze),
            ("slow", &self.slow),
            ("squeeze", &self.squeeze),
            ("disconnect", &self.disconnect),
        ]
        .into_iter()
        .filter_map(|(name, commands)| Some((name, commands.as_ref()?)))
    }

    /// What starts a node in the place of a dead one.
    pub(super) fn starts(&self, terminated: bool) -> Option<&Commands> {
        let own = self.terminate.as_ref().filter(|commands| terminated && !commands.undo.is_empty());
        own.or_else(|| self.kill.as_ref().filter(|commands| !commands.undo.is_empty()))
    }
}

/// Commands of this machine: program and arguments, run without a shell. `${node}`, `${host}` and `${pid}` stand for the node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Commands {
    /// Does it. Without it squall does it by itself, where it can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// Takes it back. Run twice it must do no harm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<String>,
    /// Looks whether it holds: ends with 0 when it does, with 1 when it does not. Its last line is shown. Without it squall looks by
    /// itself, where it can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness: Vec<String>,
    /// How long each of them may take.
    #[serde(default = "a_minute", skip_serializing_if = "is_a_minute")]
    pub within: Duration,
}

fn a_minute() -> Duration {
    Duration::from_secs(60)
}

fn is_a_minute(within: &Duration) -> bool {
    *within == a_minute()
}

impl ExternalSpec {
    /// Files counted from `base`, the cluster file's folder.
    pub(in crate::cluster) fn relative_to(mut self, base: &Path) -> Self {
        self.kafka = self.kafka.relative_to(base);
        self.flink = self.flink.relative_to(base);
        self.gateway = self.gateway.map(|gateway| gateway.relative_to(base));
        for host in &mut self.hosts {
            if let Host::Ssh(ssh) = host {
                for file in [&mut ssh.identity, &mut ssh.known_hosts].into_iter().flatten() {
                    *file = base.join(&*file);
                }
            }
        }
        let commands = &mut self.commands;
        for deeds in [&mut commands.taskmanager, &mut commands.jobmanager, &mut commands.broker, &mut commands.gateway] {
            for said in
                [&mut deeds.kill, &mut deeds.terminate, &mut deeds.freeze, &mut deeds.slow, &mut deeds.squeeze, &mut deeds.disconnect]
            {
                for command in said.iter_mut().flat_map(|said| [&mut said.run, &mut said.undo, &mut said.witness]) {
                    // A program with a folder counts from there too; one without is looked up in the path.
                    if let Some(program) = command.first_mut().filter(|program| program.contains('/')) {
                        *program = base.join(&*program).to_string_lossy().into_owned();
                    }
                }
            }
        }
        self
    }

    /// The links that squall's proxy carries.
    pub(in crate::cluster) fn proxied(&self) -> impl Iterator<Item = (&'static str, &[Through])> {
        self.links.said().filter_map(|(name, link)| match link {
            ExternalLink::Through(entries) => Some((name, entries.as_slice())),
            ExternalLink::Address(_) => None,
        })
    }
}
