//! Taking in events, and the questions that the engine asks while a run goes on.

use std::collections::BTreeMap;

use super::Analysis;
use super::asked::Asked;
use super::baseline::{Baselines, Rates};
use super::checkpoints::{CheckpointLog, EVER};
use super::fault_log::FaultLog;
use super::gap::Gap;
use super::job_log::{Clocks, JobLog, Running, State, Thrown};
use super::latency::LatencyLog;
use super::outcome::Recovery;
use super::output_log::OutputLog;
use super::series::{Samples, Store};
use crate::clock::Timestamp;
use crate::delivery::Verdict;
use crate::journal::{Accounting, Ending, Event, EventKind, FaultId, Of, Phase, UndoId};
use crate::metric::{Behaviour, Metric};
use crate::scenario::Comparison;

/// How often an undecided fault is looked at anew.
const LOOK_EVERY: i64 = 1_000_000_000;

/// A source that had something to read for this long has read it, if it reads.
const LOOK_FROZEN: i64 = 10_000_000_000;

/// Counters of squall's own.
const OWN_COUNTERS: [Metric; 5] = [Metric::Scheduled, Metric::Sent, Metric::Acknowledged, Metric::SendFailed, Metric::Seen];

/// Hints that are kept.
const MOST_HINTS: usize = 200;

/// What was said of the run itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RunLog {
    pub run: String,
    pub squall: String,
    pub started: i64,
    pub start: Option<i64>,
    pub last: i64,
    pub traffic_end: Option<i64>,
    pub cleaning: Option<i64>,
    pub ending: Option<Ending>,
    pub clean: Option<bool>,
    pub accounting: Option<Accounting>,
    /// Streams of the traffic: name, topic, partitions.
    pub streams: Vec<(String, String, u32)>,
    /// The schedule's own rate.
    pub rates: Rates,
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
    pub resolutions: BTreeMap<String, (f64, f64)>,
    pub probe_errors: BTreeMap<String, (u32, String)>,
    pub hints: Vec<String>,
    pub delivery: Option<Verdict>,
    /// Stretches in which squall was dead.
    pub gaps: Vec<Gap>,
    /// Whether it can be resumed, once squall is dead.
    pub resumable: bool,
    /// Of this stretch only each minute's extremes are left.
    pub thinned: Option<(i64, i64)>,
    seen_anything: bool,
}

impl Analysis {
    /// Over the journal of a run of this plan.
    pub fn new(plan: &crate::plan::Plan) -> Self {
        Self::of(Asked::from(plan))
    }

    /// Over the journal of a run of which this was asked.
    pub fn of(asked: Asked) -> Self {
        Self {
            run: RunLog { rates: Rates::of(&asked), ..RunLog::default() },
            asked,
            samples: Store::default(),
            latency: LatencyLog::default(),
            output: OutputLog::default(),
            job: JobLog::default(),
            clocks: Clocks::default(),
            checkpoints: CheckpointLog::default(),
            faults: FaultLog::default(),
            happenings: Vec::new(),
            decided: BTreeMap::new(),
            settled: 0,
            baselines: Baselines::default(),
            forgets: false,
            forgot: i64::MIN,
            next_look: i64::MIN,
        }
    }

    /// Takes in the next event of the journal.
    pub fn push(&mut self, event: &Event) {
        let at = event.at.0;
        self.began(at);
        // The probes of a squall that goes on tell once more what Flink remembers.
        if self.run.gaps.is_empty() || !self.job.knows(&event.event) {
            self.tell(at, &event.event);
            self.take(at, &event.event);
        }
        self.look(at);
    }

    pub(super) fn began(&mut self, at: i64) {
        if !self.run.seen_anything {
            self.run.seen_anything = true;
            self.run.started = at;
        }
        self.run.last = self.run.last.max(at);
    }

    pub(super) fn look(&mut self, at: i64) {
        if at >= self.next_look {
            self.next_look = at + LOOK_EVERY;
            self.decide(at);
            self.forget(at);
        }
    }

    fn take(&mut self, at: i64, event: &EventKind) {
        match event {
            EventKind::Sample { metric, of, value } => self.take_sample(at, *metric, of, *value),
            EventKind::Output(batch) => self.output.push(batch),
            // While a run goes on, no window is that long.
            EventKind::Histogram { sum: true, .. } if self.forgets => {}
            EventKind::Histogram { metric, from, to, negative, histogram, summary, sum, .. } => {
                let push = if *sum { LatencyLog::push_sum } else { LatencyLog::push };
                if let Err(error) = push(&mut self.latency, *metric, (from.0, to.0), *negative, histogram, *summary) {
                    self.probe_failed(&format!("histograms of {metric}"), &error);
                }
            }
            EventKind::RunStarted { run, squall, .. } => {
                self.run.run.clone_from(run);
                self.run.squall.clone_from(squall);
            }
            EventKind::Facts { section, facts } => self.run.facts.entry(section.clone()).or_default().extend(facts.clone()),
            EventKind::Phase(Phase::CleaningUp) => (self.run.cleaning, self.run.resumable) = (Some(at), false),
            EventKind::Resumable { .. } => self.run.resumable = true,
            EventKind::Resumed { .. } | EventKind::TrafficResumed { .. } => self.take_gap(at, event),
            EventKind::TrafficStarted { start, streams } => {
                self.run.start = Some(start.0);
                self.run.streams.clone_from(streams);
            }
            EventKind::RateChanged { stream, per_second } => self.run.rates.change(at, stream, *per_second),
            EventKind::TrafficStopped(books) => {
                self.run.traffic_end = Some(at);
                self.run.accounting = Some(books.clone());
            }
            EventKind::Resolution { probe, interval, cache } => {
                self.run.resolutions.insert(probe.clone(), (interval.seconds(), cache.seconds()));
            }
            EventKind::ProbeFailed { probe, error } => self.probe_failed(probe, error),
            EventKind::Frozen { metric, of, since } => self.take_frozen(at, *metric, of, since.0),
            EventKind::Clock { of, offset } => self.clocks.set(of, *offset),
            EventKind::Hint { topic, line } => {
                // A log can say the same a million times.
                if self.run.hints.len() < MOST_HINTS {
                    self.run.hints.push(format!("{topic}: {line}"));
                }
            }
            EventKind::Delivery(verdict) => self.run.delivery = Some(verdict.clone()),
            EventKind::RunEnded { ending, clean } => {
                self.run.ending = Some(ending.clone());
                self.run.clean = Some(*clean);
            }
            EventKind::SamplesThinned { from, before } => {
                let (first, last) = self.run.thinned.unwrap_or((i64::MAX, i64::MIN));
                self.run.thinned = Some((first.min(from.0), last.max(before.0)));
            }
            EventKind::Made { .. }
            | EventKind::SamplesNearBudget { .. }
            | EventKind::Removed { .. }
            | EventKind::Reading { .. }
            | EventKind::Phase(_)
            | EventKind::Abort { .. } => {}
            EventKind::JobRuns { .. }
            | EventKind::JobState { .. }
            | EventKind::SubtasksRunning { .. }
            | EventKind::SubtaskTimes(_)
            | EventKind::Exception { .. }
            | EventKind::Checkpoint(_)
            | EventKind::Restored { .. } => self.take_job(at, event),
            EventKind::FaultDue { .. }
            | EventKind::FaultAimed { .. }
            | EventKind::FaultNotAimed { .. }
            | EventKind::UndoRecorded { .. }
            | EventKind::ActionPerformed { .. }
            | EventKind::Witnessed { .. }
            | EventKind::UndoStarted { .. }
            | EventKind::UndoPerformed { .. }
            | EventKind::FaultRemoved { .. } => self.take_fault(at, event),
        }
    }

    pub(super) fn take_sample(&mut self, at: i64, metric: Metric, of: &Of, mut value: f64) {
        // A squall that goes on counts from what had arrived, which may be less than what was under way: nothing was counted anew.
        if self.goes_on_counting(metric) {
            value = self.samples.get(metric, of).and_then(Samples::newest).map_or(value, |(_, before)| before.max(value));
        }
        self.samples.push(metric, of, at, value);
        // Position lag is the log's end less the source's next offset, whose value is the older one.
        if metric == Metric::SourcePosition
            && let Some((_, end)) = self.samples.get(Metric::LogEnd, of).and_then(Samples::newest)
        {
            self.samples.push(Metric::PositionLag, of, at, (end - value).max(0.0));
        }
    }

    /// Whether a counter is squall's own, and squall is not the first.
    pub(super) fn goes_on_counting(&self, metric: Metric) -> bool {
        !self.run.gaps.is_empty() && OWN_COUNTERS.contains(&metric)
    }

    /// A value stood still. A position at the end of its log has to; any other value is no data from then on.
    fn take_frozen(&mut self, at: i64, metric: Metric, of: &Of, since: i64) {
        if metric == Metric::SourcePosition {
            let position = self.samples.get(metric, of).and_then(|samples| samples.at(since)).map(|(_, value)| value);
            let end = self.samples.get(Metric::LogEnd, of).and_then(|samples| samples.at(at - LOOK_FROZEN)).map(|(_, value)| value);
            if position.zip(end).is_some_and(|(position, end)| position >= end) {
                return;
            }
            self.samples.freeze(Metric::PositionLag, of, since);
        }
        if self.samples.freeze(metric, of, since) {
            // Of all partitions it is found with the same look.
            let sentence = format!("{metric} stands still: no data until it moves");
            let told = self.happenings.last().is_some_and(|last| last.sentence == sentence && at - last.at < LOOK_EVERY);
            if !told {
                self.happen(at, "frozen", sentence);
            }
        }
    }

    fn take_job(&mut self, at: i64, event: &EventKind) {
        match event {
            EventKind::JobRuns { id, vertices, .. } => {
                self.job.submitted.push((at, id.clone()));
                self.job.vertices = vertices.iter().map(|(_, name, parallelism)| (name.clone(), *parallelism)).collect();
            }
            EventKind::JobState { state, since, poll_gap } => {
                self.job.states.push(State { at, since: *since, poll_gap: poll_gap.nanos(), state: state.clone() });
            }
            EventKind::SubtasksRunning { running, total, poll_gap } => {
                self.job.running.push(Running { at, running: *running, total: *total, poll_gap: poll_gap.nanos() });
            }
            EventKind::SubtaskTimes(times) => self.job.subtask(times),
            EventKind::Exception { thrown, name, cause, thrown_in, .. } => {
                let (name, cause, thrown_in) = (name.clone(), cause.clone(), thrown_in.clone());
                self.job.exceptions.push(Thrown { thrown: *thrown, name, cause, thrown_in });
            }
            EventKind::Checkpoint(record) => {
                self.checkpoints.push(self.job.submitted.len(), record);
            }
            EventKind::Restored { checkpoint, savepoint, at } => self.job.restored.push((*checkpoint, *savepoint, *at)),
            _ => {}
        }
    }

    fn take_fault(&mut self, at: i64, event: &EventKind) {
        match event {
            EventKind::FaultDue { fault, planned } => self.faults.entry(fault, at).planned = planned.0,
            // A crash loop aims again; what it is, and where it began, the first aim says.
            EventKind::FaultAimed { fault, aim, .. } => {
                self.faults.entry(fault, at).aimed.get_or_insert_with(|| aim.clone());
            }
            EventKind::FaultNotAimed { fault, reason } => self.faults.entry(fault, at).not_aimed = Some(reason.clone()),
            EventKind::UndoRecorded { undo, fault, step, inverse, .. } => self.faults.undo_recorded(*undo, fault, *step, inverse, at),
            EventKind::ActionPerformed { fault, step, effective, what, error } => {
                self.faults.performed(fault, *step, at, effective.map(|effective| effective.0), what, error.as_ref());
            }
            EventKind::Witnessed { fault, step, testimony } => {
                self.faults.entry(fault, at).testimonies.insert(*step, testimony.clone());
            }
            EventKind::UndoStarted { undo, .. } => {
                if let Some(undo) = self.faults.undo_mut(*undo) {
                    undo.started = Some(at);
                }
            }
            EventKind::UndoPerformed { undo, restored, effective, what, error } => {
                if let Some(undo) = self.faults.undo_mut(*undo) {
                    undo.effective = effective.map(|effective| effective.0);
                    undo.ended = Some((at, *restored, error.clone().unwrap_or_else(|| what.clone())));
                }
            }
            EventKind::FaultRemoved { fault } => self.faults.entry(fault, at).removed = Some(at),
            _ => {}
        }
    }

    fn probe_failed(&mut self, probe: &str, error: &str) {
        let entry = self.run.probe_errors.entry(probe.to_owned()).or_default();
        entry.0 += 1;
        error.clone_into(&mut entry.1);
    }

    /// The newest value of a metric and its moment, of the subject for which `comparison` holds first (the largest for `>`). None where
    /// there is none, or the value stands still. The moment says its age.
    pub fn latest(&self, metric: Metric, comparison: Comparison) -> Option<(f64, Timestamp)> {
        let larger = !matches!(comparison, Comparison::Less | Comparison::LessOrEqual);
        if metric.behaviour() == Behaviour::Distribution {
            let newest = self.latency.newest(metric)?;
            return Some((if larger { newest.max } else { newest.p50 }, Timestamp(newest.to)));
        }
        let (at, value) = self.samples.newest(metric, larger)?;
        Some((value, Timestamp(at)))
    }

    /// The newest value of a metric over the whole pipeline; input and output are counted over the last checkpoint interval.
    pub fn newest(&self, metric: Metric) -> Option<f64> {
        let (from, to) = (self.run.last - self.interval(), self.run.last);
        let per_second = |grown: f64| grown * 1e9 / (to - from) as f64;
        match metric {
            Metric::Input if self.samples.subjects(metric).next().is_none() => {
                self.samples.growth(Metric::Acknowledged, from, to).map(per_second)
            }
            Metric::Output if self.samples.subjects(metric).next().is_none() => {
                (!self.output.is_empty()).then(|| per_second(self.output.fresh(from, to) as f64))
            }
            _ => self
                .samples
                .get(metric, &Of::Run)
                .map_or_else(|| self.samples.newest(metric, true), Samples::newest)
                .map(|(_, value)| value),
        }
    }

    /// Whether a checkpoint that was triggered after a moment has completed.
    pub fn checkpoint_began_after(&self, moment: Timestamp) -> bool {
        self.checkpoints.ended("completed", EVER, &self.clocks).any(|(_, record)| {
            let triggered = self.clocks.jobmanager(record.triggered, "");
            triggered.at - triggered.error > moment.0
        })
    }

    /// The job's state as last seen; none before it was looked at.
    pub fn job_state(&self) -> Option<&str> {
        self.job.state()
    }

    /// Whether a checkpoint is under way.
    pub fn checkpoint_in_progress(&self) -> bool {
        self.checkpoints.in_progress()
    }

    /// When the next checkpoint is likely to be triggered after a moment, and how long checkpoints usually take, in nanoseconds. For those
    /// that are over before a poll can see them.
    pub fn next_checkpoint(&self, after: Timestamp) -> Option<(Timestamp, i64)> {
        self.checkpoints.next(after.0, &self.clocks).map(|(at, takes)| (Timestamp(at), takes))
    }

    /// Whether a subtask restores its state.
    pub fn restoring(&self) -> bool {
        let missing = self.job.running.last().is_some_and(|seen| seen.running < seen.total);
        self.job.any_in("INITIALIZING") || missing && self.job.state() == Some("RUNNING") && !self.job.exceptions.is_empty()
    }

    /// When the last occurrence of a fault was over: back in its band, or ridden through. None while one is undecided.
    pub fn recovered(&self, name: &str) -> Option<Timestamp> {
        let occurrences: Vec<&FaultId> = self.faults.all().iter().map(|fault| &fault.id).filter(|id| id.name == name).collect();
        let mut last = None;
        for id in occurrences {
            match self.decided.get(id) {
                Some((when, Recovery::Recovered { .. } | Recovery::RodeThrough)) => last = last.max(Some(*when)),
                _ => return None,
            }
        }
        last.map(Timestamp)
    }

    /// The newest moment of the journal.
    pub fn last(&self) -> Timestamp {
        Timestamp(self.run.last)
    }

    /// Undos that are owed, and their faults, oldest first.
    pub fn active_undos(&self) -> Vec<(UndoId, FaultId)> {
        self.faults.open_undos().map(|(id, undo)| (id, undo.fault.clone())).collect()
    }

    /// Seconds since the schedule's zero; since the first line before there is one.
    pub fn seconds(&self, at: i64) -> f64 {
        (at - self.origin()) as f64 / 1e9
    }
}
