//! Brokers: their settings and their commands.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::record::Record;
use crate::cluster::mistake::Mistake;
use crate::cluster::setting::Settings;

/// Settings that place a broker in its cluster; squall's alone.
const RESERVED: [&str; 9] = [
    "process.roles",
    "node.id",
    "broker.id",
    "listener",
    "advertised.listeners",
    "controller.quorum.",
    "controller.listener.names",
    "inter.broker.listener.name",
    "log.dir",
];

/// Settings that squall must make itself.
pub(in crate::cluster) fn mistakes(kind: &str, config: &Settings) -> Vec<Mistake> {
    let reserved = config.keys().filter(|key| RESERVED.iter().any(|reserved| key.starts_with(reserved)));
    let mistake = |key: &String| {
        Mistake::new(
            &["kind", kind, "kafka", "config", key],
            format!("`{key}` cannot be set: squall chooses each broker's ports and folders"),
        )
    };
    reserved.map(mistake).collect()
}

/// The settings of every broker that do not depend on which it is. What the cluster file says comes last.
pub(in crate::cluster) fn common_settings(brokers: usize, config: &Settings) -> BTreeMap<String, String> {
    let copies = brokers.min(3);
    let in_sync = copies.saturating_sub(1).max(1);
    let mut settings: BTreeMap<String, String> = [
        ("process.roles", "broker,controller"),
        ("controller.listener.names", "CONTROLLER"),
        ("inter.broker.listener.name", "DIRECT"),
        // A topic that nobody made is a mistake in the scenario.
        ("auto.create.topics.enable", "false"),
        // Fifty partitions of internal topics cost a small machine seconds, and show nothing.
        ("offsets.topic.num.partitions", "1"),
        ("share.coordinator.state.topic.num.partitions", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
        // Flink's sink asks for an hour; the broker's usual limit of 15 minutes would refuse the job.
        ("transaction.max.timeout.ms", "3600000"),
        ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
        // A killed broker comes back only after its old session; the usual 9 s would hide what the fault does.
        ("broker.session.timeout.ms", "3000"),
        ("broker.heartbeat.interval.ms", "500"),
        // Threads and buffers for a small machine; the cleaner alone would take 128 MiB.
        ("num.network.threads", "2"),
        ("num.io.threads", "4"),
        ("background.threads", "2"),
        ("log.cleaner.dedupe.buffer.size", "8388608"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    for (key, value) in [
        ("default.replication.factor", copies),
        ("min.insync.replicas", in_sync),
        ("offsets.topic.replication.factor", copies),
        ("transaction.state.log.replication.factor", copies),
        ("transaction.state.log.min.isr", in_sync),
        ("transaction.state.log.num.partitions", brokers),
        ("share.coordinator.state.topic.replication.factor", copies),
        ("share.coordinator.state.topic.min.isr", in_sync),
    ] {
        settings.insert(key.to_owned(), value.to_string());
    }
    settings.extend(config.iter().map(|(key, value)| (key.clone(), value.0.clone())));
    settings
}

/// The properties file of broker `number`, counted from 1.
///
/// A broker answers a client with the address that the client's listener advertises. So each link has a listener of its
/// own that advertises squall's proxy, and a plain proxy carries all of a client's traffic, transactions and coordinators
/// included.
pub(super) fn properties(record: &Record, number: usize) -> String {
    let own = &record.ports.brokers[number - 1];
    let mut listeners = vec![format!("DIRECT://127.0.0.1:{}", own.direct), format!("CONTROLLER://127.0.0.1:{}", own.controller)];
    let mut advertised = vec![format!("DIRECT://127.0.0.1:{}", own.direct)];
    let mut protocols = vec!["DIRECT:PLAINTEXT".to_owned(), "CONTROLLER:PLAINTEXT".to_owned()];
    for (link, ports) in &own.links {
        let name = link.to_uppercase();
        listeners.push(format!("{name}://127.0.0.1:{}", ports.broker));
        advertised.push(format!("{name}://127.0.0.1:{}", ports.proxy));
        protocols.push(format!("{name}:PLAINTEXT"));
    }
    let voters = record.ports.brokers.iter().enumerate().map(|(index, ports)| format!("{}@127.0.0.1:{}", index + 1, ports.controller));
    let mut settings = common_settings(record.ports.brokers.len(), &record.local().kafka.config);
    for (key, value) in [
        ("node.id", number.to_string()),
        ("listeners", listeners.join(",")),
        ("advertised.listeners", advertised.join(",")),
        ("listener.security.protocol.map", protocols.join(",")),
        ("controller.quorum.voters", voters.collect::<Vec<_>>().join(",")),
        ("log.dirs", record.data.join(format!("broker-{number}")).display().to_string()),
    ] {
        settings.insert(key.to_owned(), value);
    }
    text(&settings)
}

/// As a properties file.
pub(in crate::cluster) fn text(settings: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in settings {
        // Writing to a String cannot fail. A backslash begins an escape in a properties file.
        let _ = writeln!(text, "{key}={}", value.replace('\\', "\\\\"));
    }
    text
}

/// How all Java processes log: to their output, which goes to a file each.
pub(in crate::cluster) const LOG4J: &str = "\
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=OUT
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} %m%n
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cluster::setting::Setting;

    #[test]
    fn copies_follow_the_number_of_brokers() {
        let settings = |brokers| common_settings(brokers, &Settings::new());
        let copies = |brokers| (settings(brokers)["default.replication.factor"].clone(), settings(brokers)["min.insync.replicas"].clone());
        assert_eq!(copies(1), ("1".into(), "1".into()));
        assert_eq!(copies(2), ("2".into(), "1".into()));
        assert_eq!(copies(5), ("3".into(), "2".into()));
    }

    #[test]
    fn the_owner_may_set_all_but_the_place() {
        let said = Settings::from([("min.insync.replicas".to_owned(), Setting("1".into()))]);
        assert_eq!(mistakes("local", &said), []);
        assert_eq!(common_settings(3, &said)["min.insync.replicas"], "1");
        let wrong = Settings::from([("log.dirs".to_owned(), Setting("/data".into()))]);
        assert_eq!(mistakes("local", &wrong)[0].what, "`log.dirs` cannot be set: squall chooses each broker's ports and folders");
    }
}
