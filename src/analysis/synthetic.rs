//! Journals of a pipeline that is simulated step by step, so that the right answers are known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::asked::{Asked, FaultAsked, StreamAsked};
use crate::action::{Action, Aim, Identity, Inverse, LinkEffect, LinkRule, Node, NodeDeed, Role, Step, Strength, Testimony, View, Witness};
use crate::clock::{ClockOffset, Timestamp};
use crate::delivery::Verdict;
use crate::journal::{
    Accounting, CheckpointRecord, Ending, Event, EventKind, FaultId, Furthest, Of, OutputBatch, Phase, SubtaskTimes, UndoId,
};
use crate::metric::Metric;
use crate::units::Duration;

const MS: i64 = 1_000_000;
/// Wall clock at the schedule's zero, in milliseconds.
const ZERO: i64 = 1_780_000_000_000;
/// Step of the simulation, in milliseconds.
const STEP: i64 = 10;

/// A pipeline with one kill, or one held delay, and its answers.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    /// Records per second.
    pub rate: f64,
    /// Records per second while it catches up.
    pub capacity: f64,
    /// Checkpoint interval in milliseconds.
    pub interval: i64,
    /// End of the traffic in milliseconds.
    pub end: i64,
    /// The kills, in milliseconds.
    pub kills: Vec<i64>,
    /// Failures that each kill causes, a second apart.
    pub failures: i64,
    /// From the kill until Flink notices.
    pub detect: i64,
    /// From the kill until all tasks run.
    pub down: i64,
    /// A held delay: from, to, how much later each commit becomes visible.
    pub delay: Option<(i64, i64, i64)>,
    /// How often output lag is sampled.
    pub sample_every: i64,
    /// Stretches in which nothing is sampled.
    pub blind: Vec<(i64, i64)>,
    /// JobManager's clock minus ours.
    pub clock: i64,
    /// Whether the victim carried work.
    pub carried_work: bool,
    /// Whether Flink answers at all; else only output is seen.
    pub flink_seen: bool,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            rate: 2000.0,
            capacity: 3300.0,
            interval: 2000,
            end: 120_000,
            kills: vec![45_000],
            failures: 1,
            detect: 2100,
            down: 5600,
            delay: None,
            sample_every: 250,
            blind: Vec::new(),
            clock: 0,
            carried_work: true,
            flink_seen: true,
        }
    }
}

/// What really happened, in milliseconds since the schedule's zero.
#[derive(Debug, Clone, Default)]
pub(super) struct Truth {
    /// Output lag at each step.
    pub lag: Vec<(i64, f64)>,
    /// Commits: when visible, records visible from then on.
    pub commits: Vec<(i64, f64)>,
}

impl Truth {
    /// The first moment after `from` from which on lag stays at most `upper` for `hold`.
    pub(super) fn back(&self, from: i64, upper: f64, hold: i64) -> Option<i64> {
        let mut since = None;
        for (at, lag) in self.lag.iter().filter(|(at, _)| *at >= from) {
            if *lag > upper {
                since = None;
            } else if at - *since.get_or_insert(*at) >= hold {
                return since;
            }
        }
        None
    }
}

pub(super) fn lose_one(occurrence: u32) -> FaultId {
    FaultId { name: "lose-one".to_owned(), occurrence }
}

impl Pipeline {
    /// What a plan of it would ask.
    pub(super) fn asked(&self, expectations: Vec<crate::scenario::Expectation>) -> Asked {
        let kind = if self.delay.is_some() { "delay-sink" } else { "kill-taskmanager" };
        let faulty = !self.kills.is_empty() || self.delay.is_some();
        Asked {
            scenario: "synthetic".to_owned(),
            checkpoint_interval_s: Some(self.interval as f64 / 1e3),
            streams: vec![StreamAsked { name: "orders".into(), per_second: Some(self.rate) }],
            faults: if faulty {
                vec![FaultAsked { name: lose_one(0).name, occurrence: 0, kind: kind.to_owned(), in_checkpoint: false }]
            } else {
                Vec::new()
            },
            expectations,
            ..Asked::default()
        }
    }

    fn down_at(&self, at: i64) -> bool {
        self.kills.iter().any(|kill| (*kill..kill + self.down).contains(&at))
    }

    /// Runs the simulation.
    pub(super) fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        let (mut processed, mut committed, mut visible) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut next_commit = self.interval;
        let mut pending: Vec<(i64, f64)> = Vec::new();
        for at in (0..=self.end).step_by(STEP as usize) {
            let sent = self.rate * at as f64 / 1e3;
            if self.down_at(at) {
                processed = committed;
                next_commit = at + self.interval;
            } else {
                processed = (processed + self.capacity * STEP as f64 / 1e3).min(sent);
                if at >= next_commit {
                    committed = processed;
                    let later = self.delay.filter(|(from, to, _)| (*from..*to).contains(&at)).map_or(0, |(_, _, by)| by);
                    pending.push((at + later, committed));
                    next_commit += self.interval;
                }
            }
            while pending.first().is_some_and(|(due, _)| *due <= at) {
                visible = pending.remove(0).1.max(visible);
                truth.commits.push((at, visible));
            }
            truth.lag.push((at, sent - visible));
        }
        truth
    }

    /// The journal of the run.
    pub(super) fn journal(&self) -> Vec<Event> {
        let truth = self.truth();
        let mut events: Vec<(i64, EventKind)> = vec![
            (-5000, EventKind::RunStarted { schema: 1, run: "r1".into(), squall: "0".into(), engine: (1, 1) }),
            (-4000, EventKind::JobRuns { id: "j".into(), name: "job".into(), vertices: vec![("v".into(), "v".into(), 2)] }),
            (-10, EventKind::Phase(Phase::Running)),
            (0, EventKind::TrafficStarted { start: stamp(0), streams: vec![("orders".into(), "orders".into(), 4)] }),
        ];
        let uncertainty = ClockOffset { offset_ns: self.clock * MS, uncertainty_ns: 2 * MS };
        events.push((-3000, EventKind::Clock { of: "jobmanager".into(), offset: uncertainty }));
        if self.flink_seen {
            events.push((-2000, EventKind::JobState { state: "RUNNING".into(), since: Some(self.theirs(-2500)), poll_gap: ms(500) }));
            events.push((-2000, EventKind::SubtasksRunning { running: 2, total: 2, poll_gap: ms(500) }));
        }
        self.samples(&truth, &mut events);
        self.output(&truth, &mut events);
        for (occurrence, kill) in (0..).zip(&self.kills) {
            self.kill_events(&mut events, occurrence, *kill);
        }
        self.delay_events(&mut events);
        let total = (self.rate * self.end as f64 / 1e3) as u64;
        let books = Accounting { scheduled: total, sent: total, acknowledged: total, ..Accounting::default() };
        events.push((self.end, EventKind::TrafficStopped(books)));
        events.push((self.end + 10, EventKind::Phase(Phase::Draining)));
        let verdict = Verdict { acknowledged: total, in_input: total, seen: total, ..Verdict::default() };
        events.push((self.end + 4000, EventKind::Delivery(verdict)));
        events.push((self.end + 4010, EventKind::Phase(Phase::CleaningUp)));
        events.push((self.end + 5000, EventKind::RunEnded { ending: Ending::Completed, clean: true }));
        events.sort_by_key(|(at, _)| *at);
        events.into_iter().zip(0..).map(|((at, event), seq)| Event { seq, at: stamp(at), event }).collect()
    }

    fn theirs(&self, at: i64) -> Timestamp {
        stamp(at + self.clock)
    }

    fn samples(&self, truth: &Truth, events: &mut Vec<(i64, EventKind)>) {
        for (at, lag) in truth.lag.iter().filter(|(at, _)| at % self.sample_every == 0) {
            if self.blind.iter().any(|(from, to)| (from..to).contains(&at)) {
                continue;
            }
            events.push((*at, EventKind::Sample { metric: Metric::OutputLag, of: Of::Run, value: *lag }));
            let sent = self.rate * *at as f64 / 1e3;
            events.push((*at, EventKind::Sample { metric: Metric::Acknowledged, of: Of::Stream("orders".into()), value: sent }));
        }
    }

    fn output(&self, truth: &Truth, events: &mut Vec<(i64, EventKind)>) {
        let mut before = 0.0;
        for (index, (at, visible)) in truth.commits.iter().enumerate() {
            let reached = stamp((visible / self.rate * 1e3) as i64);
            for partition in 0..4u32 {
                let furthest = (0..4).map(|partition| Furthest { stream: 0, partition, intended: reached }).collect();
                let fresh = ((visible - before) / 4.0) as u64;
                let batch = OutputBatch {
                    topic: "enriched".into(),
                    partition,
                    records: fresh,
                    fresh,
                    first_seen: stamp(*at),
                    last_seen: stamp(at + 20),
                    poll_gap: ms(5),
                    furthest,
                };
                events.push((at + 30, EventKind::Output(batch)));
            }
            // Latencies of the records that this commit showed, second by second of their intended times.
            let mut seconds: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
            let mut record = before;
            while record < *visible {
                let intended = (record / self.rate * 1e3) as i64;
                seconds.entry(intended / 1000).or_default().push(((at - intended).max(0) * 1000) as u64);
                record += 50.0;
            }
            for (second, values) in seconds {
                events.push((
                    at + 40,
                    EventKind::Histogram {
                        metric: Metric::VisibleLatency,
                        of: Of::Stream("orders".into()),
                        from: stamp(second * 1000),
                        to: stamp(second * 1000 + 1000),
                        negative: 0,
                        histogram: encode(&values),
                        summary: None,
                        sum: false,
                    },
                ));
            }
            before = *visible;
            let checkpoint = CheckpointRecord {
                id: index as u64 + 1,
                status: "completed".into(),
                triggered: self.theirs(at - 100),
                ended: Some(self.theirs(at - 10)),
                duration_s: Some(0.09),
                ..CheckpointRecord::default()
            };
            if self.flink_seen {
                events.push((at + 100, EventKind::Checkpoint(checkpoint)));
            }
        }
    }

    fn kill_events(&self, events: &mut Vec<(i64, EventKind)>, occurrence: u32, kill: i64) {
        let (fault, undo) = (lose_one(occurrence), UndoId(occurrence.into()));
        let node = Node { role: Role::Taskmanager, name: "tm-b".into(), identity: Identity::Named };
        let step = Step {
            action: Action::Node { node: node.clone(), deed: NodeDeed::Kill },
            inverse: Some(Inverse::StartReplacement { node: node.clone() }),
            witness: Witness::Gone { node: node.clone() },
        };
        self.fault_events(
            events,
            occurrence,
            kill,
            Aim { steps: vec![step], undo_after: Some(Duration::from_secs(5)), held: false, target: "tm-b".into() },
        );
        events.push((kill + 5000, EventKind::UndoStarted { undo, by: "engine".into() }));
        events.push((kill + 5100, restored(undo, "tm-c started")));
        events.push((kill + 5101, EventKind::FaultRemoved { fault }));
        if !self.flink_seen || self.down == 0 {
            return;
        }
        let thrown = kill + self.detect;
        let running = kill + self.down;
        for failure in 0..self.failures {
            let thrown = thrown + failure * 1000;
            let event = EventKind::Exception {
                thrown_in: None,
                thrown: self.theirs(thrown),
                name: "org.apache.flink.runtime.jobmaster.JobMasterException".into(),
                task: None,
                taskmanager: None,
                cause: "JobMasterException: TaskManager with id tm-b is no longer reachable.".into(),
            };
            events.push((thrown + 300, event));
        }
        let state =
            |state: &str, at: i64| (at + 200, EventKind::JobState { state: state.into(), since: Some(self.theirs(at)), poll_gap: ms(200) });
        events.push(state("RESTARTING", thrown + 5));
        events.push(state("RUNNING", thrown + 1010));
        events.push((thrown + 250, EventKind::SubtasksRunning { running: 1, total: 2, poll_gap: ms(200) }));
        events.push((running + 250, EventKind::SubtasksRunning { running: 2, total: 2, poll_gap: ms(200) }));
        events.push((running - 200, EventKind::Restored { checkpoint: 22, savepoint: false, at: self.theirs(thrown + 1010) }));
        let entered = [("DEPLOYING", running - 300), ("INITIALIZING", running - 200), ("RUNNING", running)];
        events.push((
            running + 260,
            EventKind::SubtaskTimes(SubtaskTimes {
                vertex: "v".into(),
                index: 1,
                attempt: 1,
                state: "RUNNING".into(),
                taskmanager: Some("tm-c".into()),
                entered: entered.into_iter().map(|(state, at)| (state.to_owned(), self.theirs(at))).collect(),
            }),
        ));
    }

    fn delay_events(&self, events: &mut Vec<(i64, EventKind)>) {
        let Some((from, to, by)) = self.delay else { return };
        let rule = LinkRule {
            direction: crate::action::Direction::Upstream,
            effect: LinkEffect::Delay { add: ms(by as u64), jitter: Duration::ZERO, distribution: crate::action::Distribution::Uniform },
        };
        let step = Step {
            action: Action::Link { link: "sink".into(), rule },
            inverse: Some(Inverse::RemoveRule { link: "sink".into() }),
            witness: Witness::LinkCounters { link: "sink".into() },
        };
        self.fault_events(
            events,
            0,
            from,
            Aim { steps: vec![step], undo_after: Some(ms((to - from) as u64)), held: true, target: "sink".into() },
        );
        events.push((to - 4, EventKind::UndoStarted { undo: UndoId(0), by: "engine".into() }));
        events.push((to + 4, restored(UndoId(0), "rule gone")));
        events.push((to + 5, EventKind::FaultRemoved { fault: lose_one(0) }));
    }

    fn fault_events(&self, events: &mut Vec<(i64, EventKind)>, occurrence: u32, at: i64, aim: Aim) {
        let (fault, undo) = (lose_one(occurrence), UndoId(occurrence.into()));
        let inverse = aim.steps[0].inverse.clone().unwrap();
        let effective = Some(stamp(at));
        let testimony = Testimony { acted: true, carried_work: self.carried_work, strength: Strength::Strong, what: "seen".into() };
        events.extend([
            (at - 20, EventKind::FaultDue { fault: fault.clone(), planned: stamp(at) }),
            (at - 10, EventKind::FaultAimed { fault: fault.clone(), view: View::default(), aim }),
            (at - 5, EventKind::UndoRecorded { undo, fault: fault.clone(), step: 0, inverse, due: None }),
            (at + 1, EventKind::ActionPerformed { fault: fault.clone(), step: 0, effective, what: "done".into(), error: None }),
            (at + 30, EventKind::Witnessed { fault, step: 0, testimony }),
        ]);
    }
}

pub(super) fn restored(undo: UndoId, what: &str) -> EventKind {
    EventKind::UndoPerformed { undo, restored: true, effective: None, what: what.to_owned(), error: None }
}

pub(super) fn stamp(milliseconds: i64) -> Timestamp {
    Timestamp((ZERO + milliseconds) * MS)
}

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn encode(values: &[u64]) -> String {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    for value in values {
        histogram.record(*value).unwrap();
    }
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
