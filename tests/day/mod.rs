//! A soak that never was: the journal of hours of a simulated pipeline, with drifts that are known. For tests and benchmarks.
//!
//! Two TaskManagers, four partitions, commits every two seconds, and a killed TaskManager every so often. What it writes is what a long run
//! writes, as densely, or [`Day::coarse`].

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use squall::action::{Action, Aim, Identity, Inverse, Node, NodeDeed, Role, Step, Strength, Testimony, View, Witness};
use squall::clock::{ClockOffset, Timestamp};
use squall::delivery::Verdict;
use squall::journal::{
    Accounting, CheckpointRecord, Ending, EventKind, FaultId, Furthest, Of, OutputBatch, Phase, RunFolder, SCHEMA, SubtaskTimes, UndoId,
    Writer,
};
use squall::metric::Metric;
use squall::plan::{Plan, PlannedFault, Soak, Trigger};
use squall::run::{Distribution, Pooled};
use squall::units::Duration;

/// Wall clock at the schedule's zero, in milliseconds.
const ZERO: i64 = 1_780_000_000_000;
const RATE: f64 = 2000.0;
/// Records a second while it catches up.
const CAPACITY: f64 = 3300.0;
/// From commit to commit, in milliseconds.
const COMMIT: i64 = 2000;
/// How long a kill keeps it down at the start, in milliseconds.
const DOWN: f64 = 8000.0;
const MIB: f64 = 1_048_576.0;
const FAULT: &str = "lose-one";

/// The soak.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// How long traffic flows.
    pub hours: i64,
    /// Seconds from kill to kill.
    pub spacing: i64,
    /// Whether it is sampled a fifth as often.
    pub coarse: bool,
    /// What drifts.
    pub drifts: Drifts,
}

/// Drifts per hour.
#[derive(Debug, Clone, Copy, Default)]
pub struct Drifts {
    /// Bytes of heap after collections, of each TaskManager since its job began.
    pub heap: f64,
    /// Bytes of state.
    pub state: f64,
    /// Threads, of each TaskManager.
    pub threads: f64,
    /// Milliseconds that the job is down after a kill.
    pub down: f64,
}

impl Drifts {
    /// What each hour adds to the time to recover, in seconds: while it is down its backlog grows, too.
    pub fn recovery_s(&self) -> f64 {
        self.down / 1e3 * CAPACITY / (CAPACITY - RATE)
    }
}

impl Day {
    fn end(&self) -> i64 {
        self.hours * 3_600_000
    }

    /// Moments of the kills, in milliseconds since the schedule's zero; the first has a baseline.
    fn kills(&self) -> Vec<i64> {
        let first = 120_000;
        (0..).map(|index| first + index * self.spacing * 1000).take_while(|at| at + self.spacing * 1000 <= self.end()).collect()
    }

    /// The plan of it.
    pub fn plan(&self) -> Plan {
        let mut plan: Plan = serde_json::from_str(include_str!("../../reports/sample/plan.json")).unwrap();
        let lasts = Duration::from_millis(self.end() as u64);
        plan.scenario.duration = lasts;
        plan.soak = Some(Soak { lasts, spacing: Duration::from_secs(self.spacing as u64), collect_every: Some(Duration::from_secs(60)) });
        let like = plan.timeline[0].clone();
        plan.timeline = (0..)
            .zip(self.kills())
            .map(|(occurrence, at)| PlannedFault { occurrence, trigger: Trigger::At(Duration::from_millis(at as u64)), ..like.clone() })
            .collect();
        plan
    }

    /// Writes a run's folder below `root`.
    pub fn write(&self, root: &Path) -> RunFolder {
        let plan = self.plan();
        let folder = RunFolder::create(root, plan.scenario.name.as_str(), "a-day").unwrap();
        folder.write("plan.json", serde_json::to_string(&plan).unwrap().as_bytes()).unwrap();
        let mut writer = Writer::create(folder.clone()).unwrap();
        self.tell(&mut |at, event| drop(writer.append(at, event).unwrap()));
        writer.flush().unwrap();
        folder
    }

    /// Tells it event by event.
    pub fn tell(&self, take: &mut dyn FnMut(Timestamp, EventKind)) {
        let mut story = Story {
            day: *self,
            take,
            random: StdRng::seed_from_u64(7),
            seen: 0.0,
            nodes: ["tm-1".into(), "tm-2".into()],
            histograms: Vec::new(),
            sums: Pooled::sums(),
            kills: self.kills(),
            due: VecDeque::new(),
        };
        story.histograms = (0..32).map(|_| story.latencies()).collect();
        story.begin();
        let mut killed = None;
        for at in (0..self.end()).step_by(if self.coarse { 1000 } else { 200 }) {
            // Kills come at whole seconds.
            if let Ok(index) = story.kills.binary_search(&at) {
                story.kill(index as u32, at);
                killed = Some(at);
            }
            story.tell_due(at);
            story.step(at, killed);
        }
        story.end();
    }
}

struct Story<'a> {
    day: Day,
    take: &'a mut dyn FnMut(Timestamp, EventKind),
    random: StdRng,
    /// Records that came out.
    seen: f64,
    nodes: [String; 2],
    histograms: Vec<(Histogram<u64>, EventKind)>,
    sums: Pooled,
    kills: Vec<i64>,
    /// What is still to be told of a kill.
    due: VecDeque<(i64, EventKind)>,
}

fn stamp(milliseconds: i64) -> Timestamp {
    Timestamp((ZERO + milliseconds) * 1_000_000)
}

fn partition(topic: &str, partition: u32) -> Of {
    Of::Partition { topic: topic.to_owned(), partition }
}

impl Story<'_> {
    fn tell(&mut self, at: i64, event: EventKind) {
        (self.take)(stamp(at), event);
    }

    /// Samples of one look, which takes a moment.
    fn look(&mut self, at: i64, samples: impl IntoIterator<Item = (Metric, Of, f64)>) {
        let at = Timestamp(stamp(at).0 + self.random.random_range(0..3_000_000));
        for (metric, of, value) in samples {
            (self.take)(at, EventKind::Sample { metric, of, value });
        }
    }

    fn noise(&mut self, size: f64) -> f64 {
        self.random.random_range(-size..size)
    }

    fn begin(&mut self) {
        self.tell(-5000, EventKind::RunStarted { schema: SCHEMA, run: "a-day".into(), squall: "0".into(), engine: (1, 1) });
        let vertices = vec![("a".into(), "source".into(), 2), ("b".into(), "sink".into(), 2)];
        self.tell(-4000, EventKind::JobRuns { id: "j".into(), name: "job".into(), vertices });
        let offset = ClockOffset { offset_ns: 3_000_000, uncertainty_ns: 2_000_000 };
        self.tell(-3000, EventKind::Clock { of: "jobmanager".into(), offset });
        let poll_gap = Duration::from_millis(500);
        self.tell(-2000, EventKind::JobState { state: "RUNNING".into(), since: Some(stamp(-2500)), poll_gap });
        self.tell(-2000, EventKind::SubtasksRunning { running: 4, total: 4, poll_gap });
        self.tell(-10, EventKind::Phase(Phase::Running));
        self.tell(0, EventKind::TrafficStarted { start: stamp(0), streams: vec![("orders".into(), "orders".into(), 4)] });
    }

    fn end(&mut self) {
        let end = self.day.end();
        let total = (RATE * end as f64 / 1e3) as u64;
        for sum in self.sums.close() {
            self.tell(end, sum);
        }
        let books = Accounting { scheduled: total, sent: total, acknowledged: total, ..Accounting::default() };
        self.tell(end, EventKind::TrafficStopped(books));
        self.tell(end + 10, EventKind::Phase(Phase::Draining));
        let verdict = Verdict { acknowledged: total, in_input: total, seen: total, ..Verdict::default() };
        self.tell(end + 4000, EventKind::Delivery(verdict));
        self.tell(end + 4010, EventKind::Phase(Phase::CleaningUp));
        self.tell(end + 5000, EventKind::RunEnded { ending: Ending::Completed, clean: true });
    }

    fn down(&self, kill: i64) -> f64 {
        DOWN + self.day.drifts.down * kill as f64 / 3.6e6
    }

    /// Records that are sent and have not come out.
    fn lag(&self, at: i64, killed: Option<i64>) -> f64 {
        let usual = RATE * ((at % COMMIT) as f64 + 100.0) / 1e3;
        let Some(kill) = killed else { return usual };
        let (since, down) = ((at - kill) as f64, self.down(kill));
        let before = RATE * ((kill % COMMIT) as f64 + 100.0) / 1e3;
        if since < down {
            return before + RATE * since / 1e3;
        }
        // What is worked off shows with each commit.
        let committed = since - (at % COMMIT) as f64;
        let behind = (before + RATE * down / 1e3 - (CAPACITY - RATE) * (committed - down).max(0.0) / 1e3).max(0.0);
        behind.max(RATE / 10.0) + RATE * (at % COMMIT) as f64 / 1e3
    }

    fn step(&mut self, at: i64, killed: Option<i64>) {
        let lag = self.lag(at, killed);
        let sent = RATE * at as f64 / 1e3;
        let seen = (sent - lag).max(self.seen).floor();
        let coarser = if self.day.coarse { 5 } else { 1 };
        let mut row = vec![
            (Metric::Acknowledged, Of::Run, sent.floor()),
            (Metric::Seen, Of::Run, seen),
            (Metric::OutputLag, Of::Run, (sent - seen).floor()),
            (Metric::TimeLag, Of::Run, (sent - seen) / RATE),
        ];
        if at % (1000 * coarser) == 0 {
            for (metric, value) in
                [(Metric::Scheduled, sent), (Metric::Sent, sent), (Metric::Acknowledged, sent.floor()), (Metric::SendFailed, 0.0)]
            {
                row.push((metric, Of::Stream("orders".into()), value));
            }
            for index in 0..4 {
                row.push((Metric::Acknowledged, partition("orders", index), (sent / 4.0).floor()));
                row.push((Metric::TimeLag, partition("orders", index), (sent - seen) / RATE));
            }
        }
        self.look(at, row);
        let is_down = killed.is_some_and(|kill| ((at - kill) as f64) < self.down(kill));
        if at % COMMIT == 0 && at > 0 && !is_down {
            self.commit(at, seen, lag);
        }
        self.seen = seen;
        if at % 1000 == 0 {
            self.distributions(at, lag);
            self.probes(at, killed, sent, lag, coarser);
        }
    }

    fn commit(&mut self, at: i64, seen: f64, lag: f64) {
        let id = (at / COMMIT) as u64;
        let record = CheckpointRecord {
            id,
            status: "in-progress".into(),
            triggered: stamp(at - 100),
            state_bytes: (40.0 * MIB + self.day.drifts.state * at as f64 / 3.6e6 + self.noise(MIB / 8.0)) as u64,
            checkpointed_bytes: 1_000_000 + self.random.random_range(0..1000),
            ..CheckpointRecord::default()
        };
        let done = CheckpointRecord {
            status: "completed".into(),
            ended: Some(stamp(at - 5)),
            duration_s: Some(0.095 + self.noise(0.01)),
            ..record
        };
        let samples = [
            (Metric::CheckpointDuration, Of::Run, done.duration_s.unwrap()),
            (Metric::CheckpointSize, Of::Run, done.checkpointed_bytes as f64),
            (Metric::StateSize, Of::Run, done.state_bytes as f64),
        ];
        self.look(at, samples);
        self.tell(at, EventKind::Checkpoint(done));
        let reached = stamp(at - (lag / RATE * 1e3) as i64);
        for index in 0..4u32 {
            let fresh = ((seen - self.seen) / 4.0) as u64;
            let furthest = (0..4).map(|partition| Furthest { stream: 0, partition, intended: reached }).collect();
            let (first_seen, last_seen) = (stamp(at), stamp(at + 20));
            let poll_gap = Duration::from_millis(5);
            let topic = "enriched".to_owned();
            self.tell(
                at + 30,
                EventKind::Output(OutputBatch {
                    topic,
                    partition: index,
                    records: fresh,
                    fresh,
                    first_seen,
                    last_seen,
                    poll_gap,
                    furthest,
                }),
            );
        }
    }

    /// Latencies of a second's records, as a reader of two-second commits sees them, and as an event of any moment.
    fn latencies(&mut self) -> (Histogram<u64>, EventKind) {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        (0..2000).for_each(|_| histogram.record(self.random.random_range(100_000..2_100_000)).unwrap());
        let all = Distribution { from: stamp(0), to: stamp(0), histogram: histogram.clone(), negative: 0 };
        (histogram, all.event(Metric::VisibleLatency, Of::Run, false).unwrap())
    }

    fn distributions(&mut self, at: i64, lag: f64) {
        // Those of a backlog come when it is worked off; here they just are the longer.
        let (values, event) = self.histograms[self.random.random_range(0..self.histograms.len())].clone();
        let EventKind::Histogram { negative, histogram, summary, sum, .. } = event else { unreachable!() };
        let mut summary = summary.unwrap();
        if lag > RATE * 3.0 {
            summary[2] = (lag / RATE * 1e6) as u64;
        }
        let mut metrics = vec![(Metric::VisibleLatency, Of::Run, 1000)];
        if at % 10_000 == 0 && at > 0 {
            let stream = || Of::Stream("orders".into());
            metrics.extend([
                (Metric::Slip, stream(), 10_000),
                (Metric::ProduceLatency, stream(), 10_000),
                (Metric::EndToEndLatency, Of::Run, 10_000),
            ]);
        }
        for (metric, of, length) in metrics {
            let (from, to, histogram) = (stamp(at - length), stamp(at), histogram.clone());
            let summed = self.sums.add(metric, of.clone(), Distribution { from, to, histogram: values.clone(), negative });
            self.tell(at, EventKind::Histogram { metric, of, from, to, negative, histogram, summary: Some(summary), sum });
            summed.into_iter().for_each(|sum| self.tell(at, sum));
        }
    }

    fn probes(&mut self, at: i64, killed: Option<i64>, sent: f64, lag: f64, coarser: i64) {
        let hours = at as f64 / 3.6e6;
        let restarted = killed.map_or(0, |kill| kill + self.down(kill) as i64);
        for half in 0..2 {
            if at % (1000 * coarser) != 0 || coarser > 1 && half > 0 {
                continue;
            }
            let now = at + half * 500;
            let of_inputs = (0..4).flat_map(|index| {
                [
                    (Metric::LogEnd, partition("orders", index), (sent / 4.0).floor()),
                    (Metric::CommittedLag, partition("orders", index), (lag / 4.0).floor()),
                ]
            });
            self.look(now, of_inputs);
            let of_sinks = (0..4).map(|index| (Metric::HiddenByTransactions, partition("enriched", index), ((at % COMMIT) / 2) as f64));
            self.look(now, of_sinks.chain([(Metric::UnderReplicated, Of::Run, 0.0)]));
            self.look(
                now,
                [(Metric::Taskmanagers, 2.0), (Metric::Slots, 4.0), (Metric::FreeSlots, 0.0)]
                    .map(|(metric, value)| (metric, Of::Run, value)),
            );
        }
        if at % (1000 * coarser) == 0 {
            self.look(at + 100, [(Metric::Restarts, Of::Run, self.kills.partition_point(|kill| kill + 3000 <= at) as f64)]);
            for vertex in ["source", "sink"] {
                let mut row = Vec::new();
                for index in 0..2 {
                    let of = || Of::Subtask { vertex: vertex.to_owned(), index };
                    let busy = ((0.3 + self.noise(0.05)) * 1000.0).round() / 1000.0;
                    row.extend([(Metric::Busy, of(), busy), (Metric::Backpressure, of(), 0.0), (Metric::Idle, of(), 1.0 - busy)]);
                    row.push((Metric::SubtaskRecords, of(), (sent / 2.0).floor()));
                }
                if vertex == "source" {
                    row.extend((0..4).map(|index| (Metric::SourcePosition, partition("orders", index), (sent / 4.0).floor())));
                }
                self.look(at + 120, row);
            }
            for node in self.nodes.clone() {
                let used = (90.0 + self.noise(30.0)) * MIB;
                let of = || Of::Node(node.clone());
                self.look(
                    at + 140,
                    [
                        (Metric::HeapUsed, of(), used.floor()),
                        (Metric::Heap, of(), used.floor() / (512.0 * MIB)),
                        (Metric::GcTime, of(), (hours * 40.0 * 100.0).floor() / 100.0),
                    ],
                );
            }
            let memory = ((60.0 + self.noise(0.5)) * MIB / 4096.0).floor() * 4096.0;
            let cpu = 0.2 + self.noise(0.02);
            self.look(at + 150, [(Metric::OwnCpu, Of::Run, cpu), (Metric::OwnMemory, Of::Run, memory)]);
        }
        if at % (2000 * coarser) == 0 {
            let mut row = Vec::new();
            let [first, second] = self.nodes.clone();
            for node in [first, second, "jm-1".into(), "broker-1".into(), "proxy".into()] {
                let of = || Of::Node(node.clone());
                row.push((Metric::ResidentMemory, of(), ((400.0 + self.noise(2.0)) * MIB / 4096.0).floor() * 4096.0));
                row.push((Metric::OpenFiles, of(), 130.0 + self.noise(3.0).round()));
                row.push((Metric::Threads, of(), (80.0 + self.day.drifts.threads * hours + self.noise(2.0)).round()));
            }
            row.push((Metric::CheckpointDisk, Of::Run, 60.0 * MIB));
            self.look(at + 200, row);
        }
        if at % 60_000 == 0 {
            for node in self.nodes.clone() {
                let grown = self.day.drifts.heap * (at - restarted) as f64 / 3.6e6;
                let used = 60.0 * MIB + grown + self.noise(MIB / 4.0);
                self.look(at + 300, [(Metric::HeapAfterCollection, Of::Node(node), used.floor())]);
            }
        }
    }

    /// A TaskManager dies, the job restarts, and another one takes its place.
    fn kill(&mut self, occurrence: u32, at: i64) {
        let fault = FaultId { name: FAULT.to_owned(), occurrence };
        let undo = UndoId(occurrence.into());
        let node = Node { role: Role::Taskmanager, name: self.nodes[1].clone(), identity: Identity::Named };
        let inverse = Inverse::StartReplacement { node: node.clone() };
        let step = Step {
            action: Action::Node { node: node.clone(), deed: NodeDeed::Kill },
            inverse: Some(inverse.clone()),
            witness: Witness::Gone { node: node.clone() },
        };
        let aim = Aim { steps: vec![step], undo_after: Some(Duration::from_secs(5)), held: false, target: node.name.clone() };
        let testimony = Testimony { acted: true, carried_work: true, strength: Strength::Strong, what: "process gone".into() };
        let running = at + self.down(at) as i64 - 1500;
        let poll_gap = Duration::from_millis(200);
        let state = |state: &str, since| EventKind::JobState { state: state.into(), since: Some(stamp(since + 3)), poll_gap };
        let entered = [("DEPLOYING", running - 300), ("INITIALIZING", running - 200), ("RUNNING", running)];
        let entered: BTreeMap<String, Timestamp> = entered.into_iter().map(|(state, at)| (state.to_owned(), stamp(at + 3))).collect();
        self.nodes[1] = format!("tm-{}", occurrence + 3);
        let mut events = vec![
            (-20, EventKind::FaultDue { fault: fault.clone(), planned: stamp(at) }),
            (-10, EventKind::FaultAimed { fault: fault.clone(), view: View::default(), aim }),
            (-5, EventKind::UndoRecorded { undo, fault: fault.clone(), step: 0, inverse, due: None }),
            (
                1,
                EventKind::ActionPerformed {
                    fault: fault.clone(),
                    step: 0,
                    effective: Some(stamp(at)),
                    what: "killed".into(),
                    error: None,
                },
            ),
            (30, EventKind::Witnessed { fault: fault.clone(), step: 0, testimony }),
            (
                2300,
                EventKind::Exception {
                    thrown: stamp(at + 2003),
                    name: "org.apache.flink.runtime.jobmaster.JobMasterException".into(),
                    task: None,
                    taskmanager: None,
                    cause: format!("JobMasterException: TaskManager with id {} is no longer reachable.", node.name),
                    thrown_in: None,
                },
            ),
            (2300, state("RESTARTING", at + 2005)),
            (2350, EventKind::SubtasksRunning { running: 2, total: 4, poll_gap }),
            (3200, state("RUNNING", at + 3010)),
            (5000, EventKind::UndoStarted { undo, by: "engine".into() }),
            (5100, EventKind::UndoPerformed { undo, restored: true, effective: None, what: "another one started".into(), error: None }),
            (5101, EventKind::FaultRemoved { fault }),
            (running - at + 250, EventKind::Restored { checkpoint: (at / COMMIT) as u64, savepoint: false, at: stamp(running - 200) }),
            (running - at + 251, EventKind::SubtasksRunning { running: 4, total: 4, poll_gap }),
        ];
        for (vertex, index) in [("source", 0), ("source", 1), ("sink", 0), ("sink", 1)] {
            let times = SubtaskTimes {
                vertex: vertex.into(),
                index,
                attempt: occurrence + 1,
                state: "RUNNING".into(),
                taskmanager: Some(self.nodes[1].clone()),
                entered: entered.clone(),
            };
            events.push((running - at + 260, EventKind::SubtaskTimes(times)));
        }
        events.sort_by_key(|(after, _)| *after);
        self.due = events.into_iter().map(|(after, event)| (at + after, event)).collect();
    }

    fn tell_due(&mut self, until: i64) {
        while let Some((at, event)) = self.due.pop_front_if(|(at, _)| *at <= until) {
            self.tell(at, event);
        }
    }
}
