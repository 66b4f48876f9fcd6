//! Faults with what was seen of them.

use crate::action::{Strength, Testimony};
use crate::analysis::*;
use crate::journal::FaultId;

use super::{kill, seen};

/// The same run, but squall died at 1:20 and was resumed.
pub fn resumed() -> Outcome {
    let skipped = vec![FaultId { name: "lose-one".to_owned(), occurrence: 1 }];
    Outcome { gaps: vec![Gap { from: 80.0, to: 92.0, unsent: 24_000, skipped }], ..kill() }
}

pub fn kill_fault() -> FaultOutcome {
    let phase = |name: &str, from, to| RecoveryPhase { name: name.to_owned(), from, to };
    FaultOutcome {
        fault: FaultId { name: "lose-one".to_owned(), occurrence: 0 },
        kind: "kill-taskmanager".to_owned(),
        target: "tm-b (runs 1 of 2 subtasks)".to_owned(),
        planned: 45.0,
        held: false,
        removed: Some(50.1),
        acted: true,
        witness: Some(Strength::Strong),
        deeds: vec![Deed {
            what: "SIGKILL to tm-b (process 4711)".to_owned(),
            error: None,
            testimony: Some(Testimony {
                acted: true,
                carried_work: true,
                strength: Strength::Strong,
                what: "process 4711 gone 31 ms after SIGKILL; it ran 1 of 2 subtasks".to_owned(),
            }),
            undone: Some(Undone {
                at: Some(50.1),
                restored: true,
                what: "tm-c started in place of tm-b, registered with 2 slots".to_owned(),
            }),
        }],
        disturbed: vec!["1 of 2 subtasks left RUNNING".to_owned(), "output fell to 0 /s (band 1.61 k/s to 2.42 k/s)".to_owned()],
        recovery: Recovery::Recovered { time: Figure { value: 17.2, error: Some(0.5) } },
        timeline: RecoveryTimeline {
            t0_effective: seen(45.03, 0.03, "witness: process gone"),
            t1_last_output: seen(44.2, 0.1, "sink partition 2"),
            t2_departed_running: seen(47.11, 0.001, "Flink exception time stamp"),
            t3_slots_back: seen(50.32, 0.5, "slots, polled"),
            t4_all_running: seen(50.61, 0.001, "subtask time stamps"),
            t5_first_output: seen(52.4, 0.1, "sink partition 1"),
            t6_first_new_output: seen(52.5, 0.1, "sink partition 1"),
            t7_first_checkpoint: seen(52.38, 0.002, "checkpoint 25"),
            t8_lag_back: seen(62.2, 0.5, "output lag below 4.63 k, held for 5 s"),
            t9_latency_back: Moment::NotSeen { reason: "no baseline: latency has a trend".to_owned() },
        },
        phases: vec![
            phase("detection", 45.03, 47.11),
            phase("scheduling", 47.11, 50.32),
            phase("restore", 50.32, 50.61),
            phase("first output", 50.61, 52.5),
            phase("catch-up", 52.5, 62.2),
        ],
        outage: Some(Figure { value: 5.1, error: Some(0.2) }),
        restarts: 1,
        replayed: Some(Bounds { at_least: 2890, at_most: 3120 }),
        checkpoint_age: Some(1.56),
        max_output_lag: Some((14_100.0, 51.0)),
        catch_up_rate: Some(1310.0),
        achieved: Vec::new(),
        notes: vec!["5.57 s of the recovery are waiting for `restart-after: 5s`.".to_owned()],
    }
}

pub fn slow_sink_fault() -> FaultOutcome {
    let not = |reason: &str| Moment::NotSeen { reason: reason.to_owned() };
    FaultOutcome {
        fault: FaultId { name: "slow-sink".to_owned(), occurrence: 0 },
        kind: "delay-sink".to_owned(),
        target: "link sink: + 250 ms to Kafka".to_owned(),
        planned: 120.0,
        held: true,
        removed: Some(150.02),
        deeds: vec![Deed {
            what: "delay of 250 ms on link sink".to_owned(),
            error: None,
            testimony: Some(Testimony {
                acted: true,
                carried_work: true,
                strength: Strength::Strong,
                what: "proxy delayed 31.2 MB on 6 connections".to_owned(),
            }),
            undone: Some(Undone { at: Some(150.02), restored: true, what: "no rule on link sink".to_owned() }),
        }],
        disturbed: vec!["visible latency p99 rose to 4.90 s (band up to 2.60 s)".to_owned()],
        recovery: Recovery::Recovered { time: Figure { value: 5.98, error: Some(1.0) } },
        timeline: RecoveryTimeline {
            t0_effective: seen(120.01, 0.01, "proxy: rule in force"),
            t1_last_output: seen(119.8, 0.1, "sink partition 0"),
            t2_departed_running: not("no task left RUNNING"),
            t3_slots_back: not("no task left RUNNING"),
            t4_all_running: not("no task left RUNNING"),
            t5_first_output: seen(123.3, 0.1, "sink partition 3"),
            t6_first_new_output: seen(123.3, 0.1, "sink partition 3"),
            t7_first_checkpoint: not("no restart"),
            t8_lag_back: seen(154.0, 0.5, "output lag below 4.63 k, held for 5 s"),
            t9_latency_back: seen(156.0, 1.0, "visible latency p99 below 2.60 s, held for 5 s"),
        },
        phases: vec![RecoveryPhase { name: "catch-up".to_owned(), from: 150.02, to: 156.0 }],
        outage: Some(Figure { value: 1.2, error: Some(0.2) }),
        restarts: 0,
        replayed: None,
        checkpoint_age: Some(0.8),
        max_output_lag: Some((9800.0, 131.0)),
        catch_up_rate: Some(820.0),
        notes: Vec::new(),
        ..kill_fault()
    }
}
