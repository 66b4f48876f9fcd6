//! Which faults are crashed at which moments.

use std::collections::BTreeSet;

use squall::action::Ability;
use squall::fault::FaultSpec;

use super::shared::Shared;

/// A fault as it stands in a timeline, and what takes it back.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The fault.
    pub fault: &'static str,
    /// Its settings.
    pub settings: &'static str,
    /// The kind of its inverse; none leaves nothing to undo.
    pub inverse: Option<&'static str>,
    /// Whether it needs a job and topics of its own; else it hits the canary's.
    pub own: bool,
}

const fn row(fault: &'static str, settings: &'static str, inverse: &'static str) -> Row {
    Row { fault, settings, inverse: Some(inverse), own: false }
}

const fn drill(fault: &'static str, settings: &'static str) -> Row {
    Row { fault, settings, inverse: Some("ensure-job"), own: true }
}

const fn lasting(fault: &'static str, settings: &'static str) -> Row {
    Row { fault, settings, inverse: None, own: true }
}

/// Every fault that a local cluster can perform.
pub const FAULTS: &[Row] = &[
    row("kill-taskmanager", "{ count: 1, restart-after: 1s }", "start-replacement"),
    row("terminate-taskmanager", "{ count: 1, restart-after: 1s }", "start-replacement"),
    row("kill-jobmanager", "{ restart-after: 1s }", "start-replacement"),
    row("terminate-jobmanager", "{ restart-after: 1s }", "start-replacement"),
    row("kill-broker", "{ restart-after: 1s }", "start-replacement"),
    row("terminate-broker", "{ restart-after: 1s }", "start-replacement"),
    row("freeze-taskmanager", "{ count: 1, for: 1500ms }", "thaw"),
    row("freeze-jobmanager", "{ for: 1500ms }", "thaw"),
    row("freeze-broker", "{ for: 1500ms }", "thaw"),
    row("crash-loop-taskmanager", "{ times: 2, for: 20s }", "start-replacement"),
    row("crash-loop-jobmanager", "{ times: 2, for: 20s }", "start-replacement"),
    row("crash-loop-broker", "{ times: 2, for: 20s }", "start-replacement"),
    row("slow-taskmanager", "{ to: 20%, for: 1500ms }", "full-speed"),
    row("slow-jobmanager", "{ to: 20%, for: 1500ms }", "full-speed"),
    row("slow-broker", "{ to: 20%, for: 1500ms }", "full-speed"),
    row("squeeze-taskmanager", "{ headroom: 256KiB, restart-after: 1s }", "restore-memory"),
    row("squeeze-jobmanager", "{ headroom: 256KiB, restart-after: 1s }", "restore-memory"),
    row("squeeze-broker", "{ headroom: 256KiB, restart-after: 1s }", "restore-memory"),
    row("delay-link", "{ link: sink, direction: both, add: 100ms, for: 1500ms }", "remove-rule"),
    row("delay-sink", "{ add: 200ms, for: 1500ms }", "remove-rule"),
    row("delay-source", "{ add: 200ms, for: 1500ms }", "remove-rule"),
    row("throttle-link", "{ link: sink, per-second: 50KB, for: 1500ms }", "remove-rule"),
    row("cut-link", "{ link: sink, for: 1500ms }", "remove-rule"),
    row("black-hole-link", "{ link: sink, for: 1500ms }", "remove-rule"),
    row("hold-commits", "{ for: 1500ms }", "remove-rule"),
    row("refuse-link", "{ link: sink, for: 1500ms }", "remove-rule"),
    row("slice-link", "{ link: sink, size: 100B, gap: 1ms, for: 1500ms }", "remove-rule"),
    row("slow-close-link", "{ link: sink, after: 1s, for: 1500ms }", "remove-rule"),
    row("skew-keys", "{ share: 60%, keys: 1, for: 1500ms }", "restore-traffic"),
    row("skew-partitions", "{ share: 60%, for: 1500ms }", "restore-traffic"),
    row("surge", "{ factor: 2.0, for: 1500ms }", "restore-traffic"),
    row("bigger-values", "{ size: 500B, for: 1500ms }", "restore-traffic"),
    row("late-events", "{ share: 60%, by: 1m, for: 1500ms }", "restore-traffic"),
    row("poison-records", "{ share: 60%, for: 1500ms }", "restore-traffic"),
    row("tombstones", "{ share: 60%, for: 1500ms }", "restore-traffic"),
    row("stop-traffic", "{ for: 1500ms }", "restore-traffic"),
    row("shrink-retention", "{ to: 1h, for: 1500ms }", "restore-topic-config"),
    row("checkpoint-storage-read-only", "{ for: 1500ms }", "writable"),
    row("checkpoint-storage-full", "{ for: 1500ms }", "remove-fill"),
    drill("stop-and-restore", "{}"),
    drill("cancel-and-resubmit", "{}"),
    lasting("add-partitions", "{ topic: orders, total: 4 }"),
    lasting("delete-records", "{ topic: orders }"),
    lasting("savepoint", "{}"),
];

/// Faults that are in no row, and why.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("disconnect-taskmanager", "no local cluster can; `containers.rs` kills squall in the middle of it"),
    ("rescale", "it needs the adaptive scheduler, which this cluster does not run"),
];

/// Who heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Healer {
    /// The guard.
    Guard,
    /// `squall undo`, with the guard killed too.
    Undo,
}

impl Healer {
    pub const ALL: [Self; 2] = [Self::Guard, Self::Undo];

    pub fn name(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Undo => "undo",
        }
    }
}

/// For each kind of inverse one fault; over all of them every moment, by either healer.
pub const SHORT: &[(&str, &str, Healer)] = &[
    ("kill-taskmanager", "during-undo", Healer::Guard),
    ("freeze-taskmanager", "after-deed", Healer::Undo),
    ("slow-taskmanager", "while-held", Healer::Guard),
    ("squeeze-taskmanager", "after-deed", Healer::Guard),
    ("delay-sink", "while-held", Healer::Guard),
    ("delay-sink", "after-undo", Healer::Undo),
    ("skew-keys", "before-journal", Healer::Undo),
    ("shrink-retention", "before-undo", Healer::Guard),
    ("checkpoint-storage-full", "after-deed", Healer::Guard),
    ("checkpoint-storage-read-only", "before-undo", Healer::Undo),
    ("stop-and-restore", "after-journal", Healer::Guard),
];

pub fn fault(name: &str) -> &'static Row {
    FAULTS.iter().find(|row| row.fault == name).unwrap()
}

/// Whether this machine lets squall perform it: CPU time and memory can be taken only where control groups can be made.
pub fn is_possible(shared: &Shared, row: &Row) -> bool {
    let yaml = format!("{}: {}", row.fault, row.settings);
    let fault: FaultSpec = serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(&yaml)).unwrap();
    let of_the_kernel = |need: &Ability| matches!(need, Ability::SlowNode(_) | Ability::SqueezeNode(_));
    fault.needs().iter().all(|need| !of_the_kernel(need) || shared.cluster.abilities().contains(need))
}

#[test]
fn every_fault_has_a_row_or_a_reason() {
    let rows: BTreeSet<&str> = FAULTS.iter().map(|row| row.fault).chain(ELSEWHERE.iter().map(|(fault, _)| *fault)).collect();
    let faults: BTreeSet<&str> = FaultSpec::KINDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(rows, faults);
}

#[test]
fn the_short_list_meets_every_inverse_and_every_moment() {
    let inverses: BTreeSet<_> = FAULTS.iter().filter_map(|row| row.inverse).collect();
    let met: BTreeSet<_> = SHORT.iter().filter_map(|(name, ..)| fault(name).inverse).collect();
    // What squall sends ends with squall: its inverse has nothing to do after a crash, but is owed.
    assert_eq!(met, inverses);
    let moments: BTreeSet<&str> = SHORT.iter().map(|(_, point, _)| *point).collect();
    assert_eq!(moments, squall::run::crash::POINTS.into());
}
