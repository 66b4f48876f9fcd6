//! A soak that never was: the journal of hours of a simulated pipeline, with drifts that are known. For tests and benchmarks.
//!
//! Two TaskManagers, four partitions, commits every two seconds, and a killed TaskManager every so often. What it writes is what a long run
//! writes, as densely, or [`Day::coarse`].

mod kill;
mod probes;

use std::collections::VecDeque;
use std::path::Path;

use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use squall::clock::{ClockOffset, Timestamp};
use squall::delivery::Verdict;
use squall::journal::{Accounting, CheckpointRecord, Ending, EventKind, Furthest, Of, OutputBatch, Phase, RunFolder, SCHEMA, Writer};
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
}
