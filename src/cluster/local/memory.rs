//! The memory of a TaskManager. Flink's shell scripts work it out; a TaskManager started without them must be told
//! every part, and dies otherwise.

use crate::cluster::setting::Settings;

const MIB: u64 = 1 << 20;

/// Every part of a TaskManager's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) struct Memory {
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

const TASK_HEAP: [&str; 1] = ["taskmanager.memory.task.heap.size"];
const TASK_OFF_HEAP: [&str; 1] = ["taskmanager.memory.task.off-heap.size"];
const FRAMEWORK_HEAP: [&str; 1] = ["taskmanager.memory.framework.heap.size"];
const FRAMEWORK_OFF_HEAP: [&str; 1] = ["taskmanager.memory.framework.off-heap.size"];
const MANAGED: [&str; 1] = ["taskmanager.memory.managed.size"];
const NETWORK: [&str; 2] = ["taskmanager.memory.network.min", "taskmanager.memory.network.max"];
const METASPACE: [&str; 1] = ["taskmanager.memory.jvm-metaspace.size"];
const OVERHEAD: [&str; 2] = ["taskmanager.memory.jvm-overhead.min", "taskmanager.memory.jvm-overhead.max"];
/// The JobManager's heap.
pub(super) const JOBMANAGER_HEAP: &str = "jobmanager.memory.heap.size";

impl Memory {
    /// What was measured to carry SQL jobs at some thousand records a second on a small machine, with the parts that
    /// `config` says instead. Network memory and overhead are fixed: of their minimum and maximum the larger counts.
    pub fn resolve(config: &Settings) -> Self {
        let part = |keys: &[&str], usual: u64| keys.iter().filter_map(|key| bytes(&config.get(*key)?.0)).max().unwrap_or(usual);
        Self {
            task_heap: part(&TASK_HEAP, 192 * MIB),
            task_off_heap: part(&TASK_OFF_HEAP, 0),
            framework_heap: part(&FRAMEWORK_HEAP, 64 * MIB),
            framework_off_heap: part(&FRAMEWORK_OFF_HEAP, 64 * MIB),
            managed: part(&MANAGED, 32 * MIB),
            network: part(&NETWORK, 64 * MIB),
            metaspace: part(&METASPACE, 256 * MIB),
            overhead: part(&OVERHEAD, 64 * MIB),
        }
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
            (TASK_HEAP[0], size(self.task_heap)),
            (TASK_OFF_HEAP[0], size(self.task_off_heap)),
            (FRAMEWORK_HEAP[0], size(self.framework_heap)),
            (FRAMEWORK_OFF_HEAP[0], size(self.framework_off_heap)),
            (MANAGED[0], size(self.managed)),
            (NETWORK[0], size(self.network)),
            (NETWORK[1], size(self.network)),
            (METASPACE[0], size(self.metaspace)),
            (OVERHEAD[0], size(self.overhead)),
            (OVERHEAD[1], size(self.overhead)),
        ]
    }
}

/// The heap of the JobManager, in bytes.
pub(in crate::cluster) fn jobmanager_heap(config: &Settings) -> u64 {
    config.get(JOBMANAGER_HEAP).and_then(|value| bytes(&value.0)).unwrap_or(256 * MIB)
}

/// The settings above that are there and say no size, with what they say.
pub(super) fn not_sizes(config: &Settings) -> impl Iterator<Item = (&str, &str)> {
    let parts: [&[&str]; 8] = [&TASK_HEAP, &TASK_OFF_HEAP, &FRAMEWORK_HEAP, &FRAMEWORK_OFF_HEAP, &MANAGED, &NETWORK, &METASPACE, &OVERHEAD];
    let known = parts.into_iter().flatten().copied().chain([JOBMANAGER_HEAP]);
    known.filter_map(|key| Some((key, config.get(key)?.0.as_str()))).filter(|(_, value)| bytes(value).is_none())
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
        let memory = Memory::resolve(&config);
        assert_eq!(memory.jvm_flags()[1], format!("-Xmx{}", 512 * MIB));
        assert_eq!(memory.settings()[5].1, memory.settings()[6].1);
        let wrong = Settings::from([("taskmanager.memory.managed.size".to_owned(), Setting("lots".into()))]);
        assert_eq!(not_sizes(&wrong).collect::<Vec<_>>(), [("taskmanager.memory.managed.size", "lots")]);
        assert_eq!(not_sizes(&config).count(), 0);
    }
}
