//! What was seen of the job under test: its states, its subtasks, its exceptions. Flink's stamps are kept as they came and put on
//! our clock when they are asked for, since the offset becomes better known as the run goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::{ClockOffset, Timestamp};
use crate::journal::{EventKind, SubtaskTimes};

/// The grain of Flink's time stamps.
const MILLISECOND: i64 = 1_000_000;

/// A moment on our clock with its error, in nanoseconds, and where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Nanoseconds since the epoch.
    pub at: i64,
    /// The true moment lies within `at ± error`.
    pub error: i64,
    /// `Flink exception time stamp`, `sink partition 3`, …
    pub source: String,
}

impl Seen {
    /// A moment that lies between two looks.
    pub fn between(before: i64, after: i64, source: impl Into<String>) -> Self {
        let half = (after - before).max(0) / 2;
        Self { at: after - half, error: half, source: source.into() }
    }
}

/// A moment, or why it was not seen.
pub type Found = Result<Seen, String>;

/// Offsets of the other clocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clocks {
    offsets: BTreeMap<String, ClockOffset>,
}

impl Clocks {
    /// A better offset.
    pub fn set(&mut self, of: &str, offset: ClockOffset) {
        self.offsets.insert(of.to_owned(), offset);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ClockOffset)> {
        self.offsets.iter().map(|(of, offset)| (of.as_str(), offset))
    }

    /// A JobManager's stamp on our clock, without its error.
    pub fn ours(&self, stamp: Timestamp) -> i64 {
        self.offsets.get("jobmanager").map_or(stamp, |offset| offset.to_ours(stamp)).0
    }

    /// What the JobManager's clock showed at a moment of ours.
    pub fn theirs(&self, at: i64) -> Timestamp {
        Timestamp(at.saturating_add(self.offsets.get("jobmanager").map_or(0, |offset| offset.offset_ns)))
    }

    /// A JobManager's stamp on our clock.
    pub fn jobmanager(&self, stamp: Timestamp, source: &str) -> Seen {
        let offset = self.offsets.get("jobmanager");
        let at = offset.map_or(stamp, |offset| offset.to_ours(stamp)).0;
        Seen { at, error: offset.map_or(0, |offset| offset.uncertainty_ns) + MILLISECOND, source: source.to_owned() }
    }

    /// How far a clock can be from ours, in seconds; none where its offset was never measured.
    pub fn disagreement(&self, of: &str) -> Option<f64> {
        self.offsets.get(of).map(|offset| (offset.offset_ns.abs() + offset.uncertainty_ns) as f64 / 1e9)
    }
}

/// A state of the job from a moment on.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// When it was written down.
    pub at: i64,
    /// By the JobManager's clock.
    pub since: Option<Timestamp>,
    /// How long nobody had looked.
    pub poll_gap: i64,
    /// `RUNNING`, …
    pub state: String,
}

impl State {
    /// When it began.
    pub fn began(&self, clocks: &Clocks) -> Seen {
        match self.since {
            Some(since) => clocks.jobmanager(since, "Flink job state time stamp"),
            None => Seen::between(self.at - self.poll_gap, self.at, "polled job state"),
        }
    }

    /// Whether the job is known to have left RUNNING. Nobody knows when no JobManager answers.
    pub fn departed(&self) -> bool {
        !matches!(self.state.as_str(), "RUNNING" | "UNKNOWN" | "FINISHED")
    }
}

/// An entry of the exception history.
#[derive(Debug, Clone, PartialEq)]
pub struct Thrown {
    /// By the JobManager's clock.
    pub thrown: Timestamp,
    /// Class name.
    pub name: String,
    /// Innermost cause, one line.
    pub cause: String,
    /// The method that threw it.
    pub thrown_in: Option<String>,
}

/// Subtasks running of all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Running {
    /// When it was written down.
    pub at: i64,
    /// Running.
    pub running: u32,
    /// All.
    pub total: u32,
    /// How long nobody had looked.
    pub poll_gap: i64,
}

/// Everything seen of the job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobLog {
    /// Its states.
    pub states: Vec<State>,
    /// Subtasks running, whenever that changed.
    pub running: Vec<Running>,
    /// Its exceptions.
    pub exceptions: Vec<Thrown>,
    /// Restores: checkpoint, whether a savepoint, when by the JobManager's clock.
    pub restored: Vec<(u64, bool, Timestamp)>,
    /// When the job was (re)submitted, and its Flink id.
    pub submitted: Vec<(i64, String)>,
    /// Name and parallelism of its vertices, in topological order.
    pub vertices: Vec<(String, u32)>,
    /// State → moments at which a subtask entered it, by the JobManager's clock.
    entered: BTreeMap<String, BTreeSet<(Timestamp, String, u32)>>,
    newest: BTreeMap<(String, u32), String>,
}

impl JobLog {
    /// Whether Flink's stamps in an event say that it was taken in before.
    pub fn knows(&self, event: &EventKind) -> bool {
        match event {
            EventKind::JobState { state, since: Some(since), .. } => {
                self.states.iter().any(|known| known.state == *state && known.since == Some(*since))
            }
            EventKind::Exception { thrown, name, cause, .. } => {
                self.exceptions.iter().any(|known| known.thrown == *thrown && known.name == *name && known.cause == *cause)
            }
            EventKind::Restored { checkpoint, savepoint, at } => self.restored.contains(&(*checkpoint, *savepoint, *at)),
            _ => false,
        }
    }

    /// Takes in the times of an attempt.
    pub fn subtask(&mut self, times: &SubtaskTimes) {
        for (state, at) in &times.entered {
            if at.0 > 0 {
                self.entered.entry(state.clone()).or_default().insert((*at, times.vertex.clone(), times.index));
            }
        }
        self.newest.insert((times.vertex.clone(), times.index), times.state.clone());
    }

    /// Moments within `from..=to` at which subtasks entered a state, with `name (index)`, ascending; all by the JobManager's clock.
    pub fn entered(&self, state: &str, from: Timestamp, to: Timestamp) -> impl DoubleEndedIterator<Item = (Timestamp, String)> {
        let first = (from.min(to), String::new(), 0);
        let after = (Timestamp(to.0.saturating_add(1)), String::new(), 0);
        let entries = self.entered.get(state).into_iter().flat_map(move |entries| entries.range(first.clone()..after.clone()));
        entries.map(|(at, vertex, index)| (*at, format!("{vertex} ({index})")))
    }

    /// Whether any subtask was ever seen to enter a state.
    pub fn entered_any(&self, state: &str) -> bool {
        self.entered.get(state).is_some_and(|entries| !entries.is_empty())
    }

    /// Lets go of states that were entered before a moment of our clock.
    pub fn forget_before(&mut self, moment: i64, clocks: &Clocks) {
        let first = (clocks.theirs(moment), String::new(), 0);
        self.entered.values_mut().for_each(|entries| *entries = entries.split_off(&first));
    }

    /// Whether any subtask's newest attempt is in this state.
    pub fn any_in(&self, state: &str) -> bool {
        self.newest.values().any(|newest| newest == state)
    }

    /// The job's state as last seen.
    pub fn state(&self) -> Option<&str> {
        self.states.last().map(|state| state.state.as_str())
    }

    /// The state that held at a moment of our clock.
    pub fn state_at(&self, moment: i64) -> Option<&str> {
        self.states.iter().rev().find(|state| state.at <= moment).map(|state| state.state.as_str())
    }
}
