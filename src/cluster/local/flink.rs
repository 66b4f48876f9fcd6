//! The Flink session cluster: its settings.

use std::collections::BTreeMap;
use std::io;

use super::error::{Doing, Error};
use super::memory;
use super::record::Record;
use crate::cluster::mistake::Mistake;
use crate::cluster::setting::Settings;
use crate::units::Duration;

/// Settings that squall makes alone, with the reason.
const RESERVED: [(&str, &str); 13] = [
    ("rest.port", PORTS),
    ("rest.address", PORTS),
    ("rest.bind-", PORTS),
    ("jobmanager.rpc.", PORTS),
    ("jobmanager.bind-host", PORTS),
    ("taskmanager.host", PORTS),
    ("taskmanager.bind-host", PORTS),
    ("sql-gateway.endpoint.", PORTS),
    ("taskmanager.resource-id", "squall names each TaskManager, never twice the same"),
    ("taskmanager.numberOfTaskSlots", "say it as `slots`"),
    ("taskmanager.cpu.cores", "say it as `slots`"),
    ("io.tmp.dirs", "temporary files are below the cluster's own folder; say `data` for another place"),
    ("high-availability", "such a cluster has one JobManager"),
];

const PORTS: &str = "squall chooses the ports, all on loopback";

/// Settings that squall must make itself, and sizes that are none.
pub(in crate::cluster) fn mistakes(kind: &str, config: &Settings) -> Vec<Mistake> {
    let at = |key: &str, what: String| Mistake::new(&["kind", kind, "flink", "config", key], what);
    let reserved = config.keys().filter_map(|key| {
        let why = RESERVED.iter().find(|(reserved, _)| key.starts_with(reserved)).map(|(_, why)| *why);
        let sum = "say the parts: taskmanager.memory.task.heap.size, .managed.size, .network.max and so on";
        let why = why.or_else(|| memory::SUMS.contains(&key.as_str()).then_some(sum))?;
        Some(at(key, format!("`{key}` cannot be set: {why}")))
    });
    let sizes = memory::not_sizes(config).map(|(key, value)| at(key, format!("`{key}: {value}` is no size of memory: write it as `256m`")));
    reserved.chain(sizes).collect()
}

/// The settings of all of Flink's processes. What the cluster file says comes last.
pub(super) fn settings(record: &Record) -> BTreeMap<String, String> {
    let mut settings = usual(&record.data.display().to_string(), &record.local().flink.config);
    for (key, value) in [
        ("jobmanager.rpc.address", "127.0.0.1".to_owned()),
        ("jobmanager.bind-host", "127.0.0.1".to_owned()),
        ("jobmanager.rpc.port", record.ports.rpc.to_string()),
        ("taskmanager.host", "127.0.0.1".to_owned()),
        ("taskmanager.bind-host", "127.0.0.1".to_owned()),
        ("taskmanager.numberOfTaskSlots", record.local().flink.slots.to_string()),
        ("rest.address", "127.0.0.1".to_owned()),
        ("rest.bind-address", "127.0.0.1".to_owned()),
        ("rest.port", record.ports.rest.to_string()),
        ("sql-gateway.endpoint.rest.address", "127.0.0.1".to_owned()),
        ("sql-gateway.endpoint.rest.bind-address", "127.0.0.1".to_owned()),
        ("sql-gateway.endpoint.rest.port", record.ports.gateway.to_string()),
        ("io.tmp.dirs", record.data.join("tmp").display().to_string()),
    ] {
        settings.insert(key.to_owned(), value);
    }
    settings
}

/// Settings that do not depend on where things are. `data` is the folder of checkpoints and savepoints as Flink reaches it. What the
/// cluster file says comes last.
pub(in crate::cluster) fn usual(data: &str, config: &Settings) -> BTreeMap<String, String> {
    let file = |folder: &str| format!("file://{data}/{folder}");
    let mut settings: BTreeMap<String, String> = [
        // REST answers from caches of 3 and 10 s otherwise, and forgets exceptions and checkpoints early.
        ("web.refresh-interval", "200 ms".to_owned()),
        ("rest.cache.checkpoint-statistics.timeout", "200 ms".to_owned()),
        ("metrics.fetcher.update-interval", "1000".to_owned()),
        ("web.exception-history-size", "64".to_owned()),
        ("web.checkpoints.history", "100".to_owned()),
        // Both subtasks of a small job would share one TaskManager, and a kill could hit an idle one.
        ("taskmanager.load-balance.mode", "SLOTS".to_owned()),
        ("cluster.evenly-spread-out-slots", "true".to_owned()),
        // After this time (5 min by default) missing slots fail a job at once, every second, instead of being waited for:
        // the same fault would look different on a young and on an old JobManager.
        ("resourcemanager.standalone.start-up-time", "1 h".to_owned()),
        // The default's back-off grows with every failure within an hour, and would be what later faults measure.
        ("restart-strategy.type", "fixed-delay".to_owned()),
        ("restart-strategy.fixed-delay.attempts", i32::MAX.to_string()),
        ("restart-strategy.fixed-delay.delay", "1 s".to_owned()),
        ("execution.checkpointing.dir", file("checkpoints")),
        ("execution.checkpointing.savepoint-dir", file("savepoints")),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    settings.extend(config.iter().map(|(key, value)| (key.clone(), value.0.clone())));
    settings
}

/// As `config.yaml`. Every value is a text there, which Flink reads as whatever it expects.
pub(in crate::cluster) fn yaml(settings: &BTreeMap<String, String>) -> Result<String, Error> {
    serde_yaml::to_string(settings).map_err(io::Error::other).doing(|| "cannot write Flink's settings".to_owned())
}

/// How long a silent TaskManager is waited for: `heartbeat.timeout`, which counts milliseconds where it has no unit.
pub(in crate::cluster) fn heartbeat_timeout(config: &Settings) -> Duration {
    const USUAL: Duration = Duration::from_secs(50);
    let said = config.get("heartbeat.timeout").map(|value| value.0.replace(' ', ""));
    said.and_then(|said| match said.parse::<u64>() {
        Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
        Err(_) => said.parse().ok(),
    })
    .unwrap_or(USUAL)
}

/// Modules that Flink opens to itself: `env.java.opts.all` of the configuration that its distribution brings.
pub(in crate::cluster) const MODULES: [&str; 20] = [
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED",
    "--add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED",
    "--add-exports=jdk.compiler/com.sun.tools.javac.parser=ALL-UNNAMED",
    "--add-exports=jdk.compiler/com.sun.tools.javac.tree=ALL-UNNAMED",
    "--add-exports=jdk.compiler/com.sun.tools.javac.util=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.net=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.text=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cluster::setting::Setting;

    #[test]
    fn the_heartbeat_timeout_is_read_as_flink_reads_it() {
        let config = |value: &str| Settings::from([("heartbeat.timeout".to_owned(), Setting(value.into()))]);
        assert_eq!(heartbeat_timeout(&Settings::new()), Duration::from_secs(50));
        for value in ["10000", "10s", "10 s", "10000 ms"] {
            assert_eq!(heartbeat_timeout(&config(value)), Duration::from_secs(10));
        }
    }

    #[test]
    fn reserved_settings_say_why() {
        let config = |key: &str| Settings::from([(key.to_owned(), Setting("one".into()))]);
        assert_eq!(mistakes("local", &config("heartbeat.interval")), []);
        for (key, why) in [
            ("rest.port", "squall chooses the ports"),
            ("taskmanager.numberOfTaskSlots", "say it as `slots`"),
            ("taskmanager.memory.process.size", "say the parts"),
            ("taskmanager.memory.managed.size", "is no size of memory"),
        ] {
            let found = mistakes("local", &config(key));
            assert!(found[0].what.contains(why) && found[0].path.last().is_some_and(|last| last == key), "{found:?}");
        }
    }
}
