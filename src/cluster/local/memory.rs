//! The memory of a TaskManager. Flink's shell scripts work it out; a TaskManager started without them must be told
//! every part, and dies otherwise.

use super::error::Error;
use crate::cluster::setting::Settings;

const MIB: u64 = 1 << 20;

/// Every part of a TaskManager's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    task_heap: u64,
    task_off_heap: u64,
    framework_heap: u64,
    framework_off_heap: u64,
    managed: u64,
    network: u64,
    metaspace: u64,
    overhead: u64,
}

/// Sums that Flink would divide by itself; here they would contradict the parts.
pub(super) const SUMS: [&str; 5] = [
    "taskmanager.memory.process.size",
    "taskmanager.memory.flink.size",
    "taskmanager.memory.managed.fraction",
    "taskmanager.memory.network.fraction",
    "taskmanager.memory.jvm-overhead.fraction",
];

impl Memory {
    /// What was measured to carry SQL jobs at some thousand records a second on a small machine, with the parts that
    /// `config` says instead. Network memory and overhead are fixed: of their minimum and maximum the larger counts.
    pub fn resolve(config: &Settings) -> Result<Self, Error> {
        let part = |keys: &[&str], usual: u64| {
            let said = keys.iter().filter_map(|key| Some((key, config.get(*key)?)));
            let sizes =
                said.map(|(key, value)| bytes(&value.0).ok_or_else(|| Error::NotASize { key: (*key).to_owned(), value: value.0.clone() }));
            Ok::<_, Error>(sizes.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(usual))
        };
        Ok(Self {
            task_heap: part(&["taskmanager.memory.task.heap.size"], 192 * MIB)?,
            task_off_heap: part(&["taskmanager.memory.task.off-heap.size"], 0)?,
            framework_heap: part(&["taskmanager.memory.framework.heap.size"], 64 * MIB)?,
            framework_off_heap: part(&["taskmanager.memory.framework.off-heap.size"], 64 * MIB)?,
            managed: part(&["taskmanager.memory.managed.size"], 32 * MIB)?,
            network: part(&["taskmanager.memory.network.min", "taskmanager.memory.network.max"], 64 * MIB)?,
            metaspace: part(&["taskmanager.memory.jvm-metaspace.size"], 256 * MIB)?,
            overhead: part(&["taskmanager.memory.jvm-overhead.min", "taskmanager.memory.jvm-overhead.max"], 64 * MIB)?,
        })
    }

    /// Flags of the JVM, as Flink's scripts derive them. Direct memory has the overhead on top, for what Kafka's client and
    /// its compression take beside Flink's own accounts.
    pub fn jvm_flags(&self) -> [String; 4] {
        let heap = self.framework_heap + self.task_heap;
        [
            format!("-Xms{heap}"),
            format!("-Xmx{heap}"),
            format!("-XX:MaxDirectMemorySize={}", self.framework_off_heap + self.task_off_heap + self.network + self.overhead),
            format!("-XX:MaxMetaspaceSize={}", self.metaspace),
        ]
    }

    /// Settings of the TaskManager.
    pub fn settings(&self) -> [(&'static str, String); 10] {
        let size = |bytes: u64| format!("{bytes}b");
        [
            ("taskmanager.memory.task.heap.size", size(self.task_heap)),
            ("taskmanager.memory.task.off-heap.size", size(self.task_off_heap)),
            ("taskmanager.memory.framework.heap.size", size(self.framework_heap)),
            ("taskmanager.memory.framework.off-heap.size", size(self.framework_off_heap)),
            ("taskmanager.memory.managed.size", size(self.managed)),
            ("taskmanager.memory.network.min", size(self.network)),
            ("taskmanager.memory.network.max", size(self.network)),
            ("taskmanager.memory.jvm-metaspace.size", size(self.metaspace)),
            ("taskmanager.memory.jvm-overhead.min", size(self.overhead)),
            ("taskmanager.memory.jvm-overhead.max", size(self.overhead)),
        ]
    }
}

/// Bytes of a size as Flink writes it: `256m`, `256 mb`, `1g`, `268435456b`, `268435456`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let scale = match text[unit..].trim() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" | "kibibytes" => 1 << 10,
        "m" | "mb" | "mebibytes" => MIB,
        "g" | "gb" | "gibibytes" => 1 << 30,
        _ => return None,
    };
    text[..unit].parse::<u64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cluster::setting::Setting;

    #[test]
    fn sizes_are_read_as_flink_reads_them() {
        assert_eq!(bytes("256m"), Some(256 * MIB));
        assert_eq!(bytes("1 gb"), Some(1 << 30));
        assert_eq!(bytes("12"), Some(12));
        assert_eq!(bytes("m"), None);
        assert_eq!(bytes("1.5g"), None);
        assert_eq!(bytes("99999999999999g"), None);
    }

    #[test]
    fn said_parts_reach_the_flags() {
        let config = Settings::from([
            ("taskmanager.memory.task.heap.size".to_owned(), Setting("448m".into())),
            ("taskmanager.memory.network.max".to_owned(), Setting("128m".into())),
        ]);
        let memory = Memory::resolve(&config).unwrap();
        assert_eq!(memory.jvm_flags()[1], format!("-Xmx{}", 512 * MIB));
        assert_eq!(memory.settings()[5].1, memory.settings()[6].1);
        let wrong = Settings::from([("taskmanager.memory.managed.size".to_owned(), Setting("lots".into()))]);
        assert_eq!(
            Memory::resolve(&wrong).unwrap_err().to_string(),
            "`taskmanager.memory.managed.size: lots` is no size of memory: write it as `256m`"
        );
    }
}
