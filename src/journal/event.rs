//! What a journal holds. Written once by the engine, read by analysis, the guard and `undo`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::{Aim, Inverse, Testimony, View};
use crate::clock::{ClockOffset, Timestamp};
use crate::delivery::TopicStart;
use crate::metric::Metric;
use crate::units::{Bytes, Duration};

use super::{CheckpointRecord, FaultId, Of, OutputBatch, SubtaskTimes, UndoId};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Dense from 0, over `journal.ndjson` and `samples/` together: the order in which analysis takes them in.
    pub seq: u64,
    /// When it was written, on squall's clock.
    pub at: Timestamp,
    /// What happened.
    pub event: EventKind,
}

/// A phase of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Cluster, topics and job are made ready.
    Preparing,
    /// Traffic flows; the timeline goes.
    Running,
    /// Traffic has stopped; the sink is read to its end.
    Draining,
    /// What is left of faults is undone, and what squall made is removed.
    CleaningUp,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// As planned.
    Completed,
    /// By an `abort-when`: the condition and what was seen.
    Aborted(String),
    /// By a signal: its name.
    Interrupted(String),
    /// By an error of squall's, or a lost cluster.
    Failed(String),
}

/// What happened. Externally tagged: `{"fault-aimed": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum EventKind {
    /// First line of every journal.
    RunStarted {
        /// Version of this format; a newer one is refused.
        schema: u32,
        /// Run id.
        run: String,
        /// Version of squall.
        squall: String,
        /// Process id and start ticks of the engine, for the guard and for `status`.
        engine: (i32, u64),
    },
    /// A fact for whoever doubts: versions, addresses, effective configuration, by section.
    Facts {
        /// `versions`, `flink-config`, `checkpoint-config`, `kafka-config`, `machine`, …
        section: String,
        /// Name → value; secrets never come here.
        facts: BTreeMap<String, String>,
    },
    /// Something that this run made and will remove: `topic`, `group`, `job`, `file`, and its name.
    Made {
        /// What kind of thing.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A thing that this run made was removed.
    Removed {
        /// What kind of thing.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A phase begins.
    Phase(Phase),
    /// The job under test runs (again): after submit, attach or restore.
    JobRuns {
        /// Flink's id.
        id: String,
        /// Its name.
        name: String,
        /// Vertices in topological order: id, name, parallelism.
        vertices: Vec<(String, String, u32)>,
    },
    /// Where this run's records begin: what is needed to judge it again from the topics alone.
    Reading {
        /// Names of the streams, in the order of their index.
        streams: Vec<String>,
        /// Input topics that are sent to.
        inputs: Vec<TopicStart>,
        /// Sink topics.
        sinks: Vec<TopicStart>,
    },
    /// The schedule's zero.
    TrafficStarted {
        /// Intended time of the first record.
        start: Timestamp,
        /// Stream → topic and partitions, in stream order.
        streams: Vec<(String, String, u32)>,
    },
    /// The rate of a stream's schedule changes by itself (ramp, step).
    RateChanged {
        /// The stream.
        stream: String,
        /// Records per second from now on.
        per_second: f64,
    },
    /// From here on the death of squall does not end the run: what it made is kept, so that it can be resumed.
    Resumable {
        /// The scenario's folder, as an absolute path: relative files count from it.
        base: String,
    },
    /// Another squall goes on with a run whose squall had died.
    Resumed {
        /// Its version.
        squall: String,
        /// Process id and start ticks of the engine from now on.
        engine: (i32, u64),
        /// Last line before the death: the gap begins here.
        since: Timestamp,
    },
    /// Traffic flows again: the gap ends.
    TrafficResumed {
        /// Intended time of the first record from now on.
        start: Timestamp,
        /// Records that were due in the gap, and never sent.
        unsent: u64,
    },
    /// Traffic has stopped.
    TrafficStopped(Accounting),
    /// A moment of the timeline has come.
    FaultDue {
        /// Which.
        fault: FaultId,
        /// When it was to fire.
        planned: Timestamp,
    },
    /// It has chosen its targets.
    FaultAimed {
        /// Which.
        fault: FaultId,
        /// The cluster as it saw it.
        view: View,
        /// Its choice.
        aim: Aim,
    },
    /// It found no target, was not allowed, or its moment never came.
    FaultNotAimed {
        /// Which.
        fault: FaultId,
        /// Why.
        reason: String,
    },
    /// An undo, synced before its deed.
    UndoRecorded {
        /// Its id.
        undo: UndoId,
        /// The fault that it belongs to.
        fault: FaultId,
        /// The step of the aim that it takes back.
        step: u32,
        /// What to do.
        inverse: Inverse,
        /// When the fault's own settings want it.
        due: Option<Timestamp>,
    },
    /// A deed was done, or failed.
    ActionPerformed {
        /// Which fault.
        fault: FaultId,
        /// Which step of its aim.
        step: u32,
        /// When the world changed, as near as the deed can tell.
        effective: Option<Timestamp>,
        /// What was done.
        what: String,
        /// Why it failed, where it did.
        error: Option<String>,
    },
    /// A witness has looked.
    Witnessed {
        /// Which fault.
        fault: FaultId,
        /// Which step of its aim.
        step: u32,
        /// What it saw.
        testimony: Testimony,
    },
    /// An undo begins.
    UndoStarted {
        /// Which.
        undo: UndoId,
        /// `engine`, `guard`, `undo command`.
        by: String,
    },
    /// An undo was done and looked at, or failed.
    UndoPerformed {
        /// Which.
        undo: UndoId,
        /// Whether looking at the target showed it restored.
        restored: bool,
        /// When the world changed back, as near as the undo can tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effective: Option<Timestamp>,
        /// What was seen.
        what: String,
        /// Why it failed, where it did.
        error: Option<String>,
    },
    /// Every deed of a fault is taken back or was over at once.
    FaultRemoved {
        /// Which.
        fault: FaultId,
    },
    /// The job's state changed, or is unknown.
    JobState {
        /// `RUNNING`, `RESTARTING`, …; `UNKNOWN` while no JobManager answers, `LOST` when it knows the job no more.
        state: String,
        /// When, by the JobManager's clock, where its answer says.
        since: Option<Timestamp>,
        /// How long nobody had looked: the error of the moment without `since`.
        poll_gap: Duration,
    },
    /// Subtasks running of all, when that changed.
    SubtasksRunning {
        /// Running.
        running: u32,
        /// All.
        total: u32,
        /// How long nobody had looked (poll gap and cache age).
        poll_gap: Duration,
    },
    /// An attempt of a subtask entered a state.
    SubtaskTimes(SubtaskTimes),
    /// An entry of Flink's exception history that was not there before.
    Exception {
        /// When, by the JobManager's clock.
        thrown: Timestamp,
        /// Class name.
        name: String,
        /// The task that reported it.
        task: Option<String>,
        /// The TaskManager of that task, often a survivor.
        taskmanager: Option<String>,
        /// The innermost cause, one line.
        cause: String,
        /// The method that threw it, with its class and package.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thrown_in: Option<String>,
    },
    /// A checkpoint, new or changed.
    Checkpoint(CheckpointRecord),
    /// The job was restored.
    Restored {
        /// The checkpoint.
        checkpoint: u64,
        /// Whether it is a savepoint.
        savepoint: bool,
        /// When state restore began, by the JobManager's clock.
        at: Timestamp,
    },
    /// One value.
    Sample {
        /// What.
        metric: Metric,
        /// Of what.
        of: Of,
        /// In the metric's base unit.
        value: f64,
    },
    /// A distribution over the time since the last one of the same metric and subject: HdrHistogram V2, compressed, base64;
    /// values in microseconds. The window is of *intended* times.
    Histogram {
        /// What.
        metric: Metric,
        /// Of what.
        of: Of,
        /// Start of the window.
        from: Timestamp,
        /// End of the window.
        to: Timestamp,
        /// Values below zero, which the histogram cannot hold.
        negative: u64,
        /// The histogram.
        histogram: String,
        /// What it comes to: values, median, 99th percentile and maximum, in microseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<[u64; 4]>,
        /// Whether it only repeats, as their sum, the values of others from the same minute: long windows are read from these.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sum: bool,
    },
    /// Records became visible in the sink.
    Output(OutputBatch),
    /// A probe's resolution, once per probe and when it changes.
    Resolution {
        /// Name of the probe.
        probe: String,
        /// Poll interval.
        interval: Duration,
        /// Age that its source's cache adds at most.
        cache: Duration,
    },
    /// A probe could not look. Missing is unknown, not zero.
    ProbeFailed {
        /// Name of the probe.
        probe: String,
        /// Why.
        error: String,
    },
    /// A value that must move has stood still for so long that it is no data.
    Frozen {
        /// What.
        metric: Metric,
        /// Of what.
        of: Of,
        /// Since when.
        since: Timestamp,
    },
    /// Offset of another clock.
    Clock {
        /// `jobmanager`, `broker`.
        of: String,
        /// Theirs minus ours.
        offset: ClockOffset,
    },
    /// A line of a log that hints at something; never a verdict.
    Hint {
        /// `transaction`, `fencing`, …
        topic: String,
        /// Escaped by whoever shows it.
        line: String,
    },
    /// The samples of the run have taken most of the disk that they may take.
    SamplesNearBudget {
        /// What they take.
        used: Bytes,
        /// What they may take.
        budget: Bytes,
    },
    /// Samples of a stretch are reduced to each minute's extremes, to take less of the disk: nothing can be judged by them any more.
    SamplesThinned {
        /// The first of them.
        from: Timestamp,
        /// Behind the last of them.
        before: Timestamp,
    },
    /// An abort condition held.
    Abort {
        /// Its text.
        condition: String,
        /// What was seen.
        seen: String,
    },
    /// What the verifier found, after draining.
    Delivery(crate::delivery::Verdict),
    /// Last line of a run that came to its end.
    RunEnded {
        /// How.
        ending: Ending,
        /// Whether every undo was read back as restored.
        clean: bool,
    },
}

/// The generator's books; they always add up: scheduled = sent + unsent, sent = acknowledged + failed + unresolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accounting {
    /// Records that the schedule asked for.
    pub scheduled: u64,
    /// Handed to the producer.
    pub sent: u64,
    /// Never handed over: the generator was behind when it stopped.
    pub unsent: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Refused for good, certainly not written.
    pub failed: u64,
    /// Outcome unknown.
    pub unresolved: u64,
    /// What limited the generator, where it was behind.
    pub limited_by: Option<String>,
}
