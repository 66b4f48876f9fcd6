//! What each kind of cluster is and can do, whatever a cluster file and a machine add or take away: for `squall explain cluster`, for advice
//! and for the page of faults.

use crate::action::Ability;

/// Whether a kind can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Can {
    /// On every cluster of the kind.
    Always,
    /// Where something is given, in words that go on from *with*.
    With(&'static str),
    /// Never.
    Never,
}

/// A kind of cluster.
#[derive(Debug, Clone, Copy)]
pub struct AnyOfKind {
    /// Its name in cluster files.
    pub name: &'static str,
    /// What it is, for `squall explain cluster`; its first line alone is enough in a list.
    pub about: &'static str,
    /// What it can do.
    pub can: fn(Ability) -> Can,
}

/// Every kind, in the order in which one would try them.
pub const KINDS: &[AnyOfKind] = &[
    AnyOfKind { name: "local", about: LOCAL, can: super::local::can },
    AnyOfKind { name: "containers", about: CONTAINERS, can: super::containers::can },
    AnyOfKind { name: "external", about: EXTERNAL, can: super::external::can },
];

impl AnyOfKind {
    /// Whether it can do all of these; where something must be given for it, what.
    pub fn can_all(&self, abilities: &[Ability]) -> Can {
        let mut all = Can::Always;
        for ability in abilities {
            match (self.can)(*ability) {
                Can::Always => {}
                Can::With(what) => all = Can::With(what),
                Can::Never => return Can::Never,
            }
        }
        all
    }
}

const LOCAL: &str = "\
Kafka and Flink as plain java processes on this machine's loopback, started and ended by squall.

needs    Linux, Java 17, Maven once (or KAFKA_HOME and FLINK_HOME), 1.3 GB of memory
can      kill, terminate, freeze, slow and squeeze every node and start it again; every rule on the links generator, source and sink
cannot   take nodes off the network; lose a machine
ends     with the run, or by `squall cluster down`; nothing of it is left";

const CONTAINERS: &str = "\
Kafka and Flink in containers of this machine's engine, on a network of their own, started and ended by squall.

needs    Docker or Podman (DOCKER_HOST, or the usual socket), images of Kafka and Flink on this machine, 3 GB of memory
can      kill, terminate, freeze (pause), slow, squeeze (an out-of-memory kill) and disconnect every node, and start it again;
         every rule on the links generator, source and sink
cannot   pull images; lose a machine; a killed container sends no reset, so Flink notices by heartbeat.timeout only
ends     with the run, or by `squall cluster down`: containers, volumes and network are found by label, also after a crash";

const EXTERNAL: &str = "\
A Kafka and a Flink that somebody else runs. Read-only until its file allows more; starts and ends nothing of them.

needs    their addresses, and a login where they ask for one (TLS, SASL, Kerberos; basic or bearer for Flink's REST)
can      kill, terminate and freeze nodes on machines that squall reaches by ssh (or is on), where a process listens on a port
         that the cluster names; whatever the owner gives commands for: kill, terminate, freeze, slow, squeeze, disconnect;
         submit jobs and make topics where allowed; attach to a job that runs; read topics, groups and metrics
cannot   delay, throttle or cut links, unless the owner gives the brokers a listener that leads back to squall's proxy;
         start nodes again, unless the owner gives a command or a platform does it (`restarted-by`)
expires  a freeze ends by itself on its machine, also when squall and the way to it are gone
begin    squall cluster init --kind external, then squall cluster check";
