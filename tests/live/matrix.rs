//! Which faults are crashed at which moments.

/// A fault as it stands in a timeline, and what takes it back.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The fault.
    pub fault: &'static str,
    /// Its settings.
    pub settings: &'static str,
    /// The kind of its inverse; none leaves nothing to undo.
    pub inverse: Option<&'static str>,
}

const fn row(fault: &'static str, settings: &'static str, inverse: &'static str) -> Row {
    Row { fault, settings, inverse: Some(inverse) }
}

const fn lasting(fault: &'static str, settings: &'static str) -> Row {
    Row { fault, settings, inverse: None }
}

/// Every fault that this local cluster can perform: `rescale` would need the adaptive scheduler.
pub const FAULTS: &[Row] = &[
    row("kill-taskmanager", "{ count: 1, restart-after: 4s }", "start-replacement"),
    row("terminate-taskmanager", "{ count: 1, restart-after: 4s }", "start-replacement"),
    row("kill-jobmanager", "{ restart-after: 4s }", "start-replacement"),
    row("terminate-jobmanager", "{ restart-after: 4s }", "start-replacement"),
    row("kill-broker", "{ restart-after: 4s }", "start-replacement"),
    row("terminate-broker", "{ restart-after: 4s }", "start-replacement"),
    row("freeze-taskmanager", "{ count: 1, for: 4s }", "thaw"),
    row("freeze-jobmanager", "{ for: 4s }", "thaw"),
    row("freeze-broker", "{ for: 4s }", "thaw"),
    row("crash-loop-taskmanager", "{ times: 2, for: 20s }", "start-replacement"),
    row("crash-loop-jobmanager", "{ times: 2, for: 20s }", "start-replacement"),
    row("crash-loop-broker", "{ times: 2, for: 20s }", "start-replacement"),
    row("slow-taskmanager", "{ to: 10%, for: 4s }", "full-speed"),
    row("slow-jobmanager", "{ to: 10%, for: 4s }", "full-speed"),
    row("slow-broker", "{ to: 10%, for: 4s }", "full-speed"),
    row("squeeze-taskmanager", "{ headroom: 256KiB, restart-after: 4s }", "restore-memory"),
    row("squeeze-jobmanager", "{ headroom: 256KiB, restart-after: 4s }", "restore-memory"),
    row("squeeze-broker", "{ headroom: 256KiB, restart-after: 4s }", "restore-memory"),
    row("delay-link", "{ link: sink, direction: both, add: 100ms, for: 4s }", "remove-rule"),
    row("delay-sink", "{ add: 200ms, for: 4s }", "remove-rule"),
    row("delay-source", "{ add: 200ms, for: 4s }", "remove-rule"),
    row("throttle-link", "{ link: sink, per-second: 50KB, for: 4s }", "remove-rule"),
    row("cut-link", "{ link: sink, for: 4s }", "remove-rule"),
    row("black-hole-link", "{ link: sink, for: 4s }", "remove-rule"),
    row("hold-commits", "{ for: 4s }", "remove-rule"),
    row("refuse-link", "{ link: sink, for: 4s }", "remove-rule"),
    row("slice-link", "{ link: sink, size: 100B, gap: 1ms, for: 4s }", "remove-rule"),
    row("slow-close-link", "{ link: sink, after: 1s, for: 4s }", "remove-rule"),
    row("skew-keys", "{ share: 60%, keys: 1, for: 4s }", "restore-traffic"),
    row("skew-partitions", "{ share: 60%, for: 4s }", "restore-traffic"),
    row("surge", "{ factor: 2.0, for: 4s }", "restore-traffic"),
    row("bigger-values", "{ size: 500B, for: 4s }", "restore-traffic"),
    row("late-events", "{ share: 10%, by: 1m, for: 4s }", "restore-traffic"),
    row("poison-records", "{ share: 10%, for: 4s }", "restore-traffic"),
    row("tombstones", "{ share: 10%, for: 4s }", "restore-traffic"),
    row("stop-traffic", "{ for: 4s }", "restore-traffic"),
    row("shrink-retention", "{ to: 1h, for: 4s }", "restore-topic-config"),
    row("checkpoint-storage-read-only", "{ for: 4s }", "writable"),
    row("checkpoint-storage-full", "{ for: 4s }", "remove-fill"),
    row("stop-and-restore", "{}", "ensure-job"),
    row("cancel-and-resubmit", "{}", "ensure-job"),
    lasting("add-partitions", "{ topic: orders, total: 4 }"),
    lasting("delete-records", "{ topic: orders }"),
    lasting("savepoint", "{}"),
];

/// Who heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Healer {
    /// The guard.
    Guard,
    /// `squall undo`, with the guard killed too.
    Undo,
}

/// For each kind of inverse one fault; over all of them every moment, by either healer.
pub const SHORT: &[(&str, &str, Healer)] = &[
    ("kill-taskmanager", "after-deed", Healer::Guard),
    ("kill-taskmanager", "during-undo", Healer::Undo),
    ("freeze-taskmanager", "while-held", Healer::Guard),
    ("freeze-taskmanager", "after-deed", Healer::Undo),
    ("delay-sink", "while-held", Healer::Guard),
    ("delay-sink", "after-undo", Healer::Undo),
    ("skew-keys", "before-undo", Healer::Guard),
    ("skew-keys", "before-journal", Healer::Undo),
    ("shrink-retention", "after-deed", Healer::Guard),
    ("shrink-retention", "before-undo", Healer::Undo),
    ("stop-and-restore", "after-journal", Healer::Guard),
];

pub fn fault(name: &str) -> &'static Row {
    FAULTS.iter().find(|row| row.fault == name).unwrap()
}
