//! The one table of metrics: name, unit, meaning, Prometheus name. A metric that is not here cannot be sampled,
//! expected, aborted on or exported.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a value of a metric is measured in; decides how it prints and how a bound is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Things.
    Count,
    /// Records.
    Records,
    /// Records per second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 1.
    Ratio,
    /// A bare factor: max ÷ mean.
    Factor,
}

/// How the samples of a metric behave over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// A level at the moment of the sample.
    Gauge,
    /// Grows; falls only when its process starts anew. Rates are differences.
    Counter,
    /// A distribution, recorded as merged histograms.
    Distribution,
    /// One number for a fault, a window or the run; made by analysis, never sampled.
    Figure,
}

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $unit:ident, $behaviour:ident;)+) => {
        /// A metric of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Metric {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Metric {
            /// All metrics, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in scenarios, journals and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What its values are measured in.
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)+ }
            }

            /// How its samples behave.
            pub const fn behaviour(self) -> Behaviour {
                match self { $(Self::$variant => Behaviour::$behaviour,)+ }
            }

            /// What it means, in one or two sentences.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

metrics! {
    /// Records that the schedule has asked for so far.
    Scheduled = "scheduled", Records, Counter;
    /// Records handed to the producer so far.
    Sent = "sent", Records, Counter;
    /// Records acknowledged by Kafka so far.
    Acknowledged = "acknowledged", Records, Counter;
    /// Records that Kafka refused for good.
    SendFailed = "send-failed", Records, Counter;
    /// Records seen in the sink by a read_committed reader so far, each once.
    Seen = "seen", Records, Counter;
    /// Acknowledged records per second.
    Input = "input", PerSecond, Gauge;
    /// Records that became visible in the sink per second.
    Output = "output", PerSecond, Gauge;
    /// Acknowledged records not yet seen in the sink. Exact; needs nothing from Flink.
    OutputLag = "output-lag", Records, Gauge;
    /// Log end minus the source's next offset, by Flink's metrics, which can freeze.
    PositionLag = "position-lag", Records, Gauge;
    /// Next offset that the source would read, by Flink's metrics.
    SourcePosition = "source-position", Records, Counter;
    /// High watermark of a partition.
    LogEnd = "log-end", Records, Counter;
    /// Log end minus the group's committed offset. Flink commits only on completed checkpoints, so it is a sawtooth.
    CommittedLag = "committed-lag", Records, Gauge;
    /// Now minus the intended time of the oldest acknowledged record not yet seen; 0 when there is none.
    TimeLag = "time-lag", Seconds, Gauge;
    /// High watermark minus last stable offset of the sink: records that open transactions hide.
    HiddenByTransactions = "hidden-by-transactions", Records, Gauge;
    /// Actual enqueue minus intended time.
    Slip = "slip", Seconds, Distribution;
    /// Acknowledgement minus intended time.
    ProduceLatency = "produce-latency", Seconds, Distribution;
    /// The sink record's LogAppendTime minus its intended time.
    EndToEndLatency = "end-to-end-latency", Seconds, Distribution;
    /// First seen by a read_committed reader minus intended time.
    VisibleLatency = "visible-latency", Seconds, Distribution;
    /// Checkpoints completed so far.
    CompletedCheckpoints = "completed-checkpoints", Count, Counter;
    /// Checkpoints failed so far.
    FailedCheckpoints = "failed-checkpoints", Count, Counter;
    /// End-to-end duration of a checkpoint.
    CheckpointDuration = "checkpoint-duration", Seconds, Gauge;
    /// Bytes that a checkpoint wrote.
    CheckpointSize = "checkpoint-size", Bytes, Gauge;
    /// Full size of the state in a checkpoint.
    StateSize = "state-size", Bytes, Gauge;
    /// Seconds since the newest completed checkpoint was triggered.
    CheckpointAge = "checkpoint-age", Seconds, Gauge;
    /// Restarts of the job so far, by Flink's count where it has one, else by its state changes.
    Restarts = "restarts", Count, Counter;
    /// Share of the time that a subtask was busy.
    Busy = "busy", Ratio, Gauge;
    /// Share of the time that a subtask was backpressured. Lags by up to a minute.
    Backpressure = "backpressure", Ratio, Gauge;
    /// Share of the time that a subtask was idle.
    Idle = "idle", Ratio, Gauge;
    /// Records that a subtask took in so far.
    SubtaskRecords = "subtask-records", Records, Counter;
    /// Kafka requests that went over a link so far, counted by its proxy.
    LinkRequests = "link-requests", Count, Counter;
    /// Late records that Flink dropped so far.
    LateDropped = "late-dropped", Records, Counter;
    /// Committables that Flink's Kafka sink gave up so far. A hint only: clean recoveries have some too.
    FailedCommittables = "failed-committables", Count, Counter;
    /// TaskManagers registered with the JobManager.
    Taskmanagers = "taskmanagers", Count, Gauge;
    /// Slots, all.
    Slots = "slots", Count, Gauge;
    /// Slots without a task.
    FreeSlots = "free-slots", Count, Gauge;
    /// Heap in use ÷ heap limit of a TaskManager or JobManager.
    Heap = "heap", Ratio, Gauge;
    /// Heap in use of a TaskManager or JobManager.
    HeapUsed = "heap-used", Bytes, Gauge;
    /// Heap in use of a TaskManager right after a full collection that a soak asked for.
    HeapAfterCollection = "heap-after-collection", Bytes, Gauge;
    /// Time that a process spent collecting garbage so far.
    GcTime = "gc-time", Seconds, Counter;
    /// Resident memory of a process.
    ResidentMemory = "resident-memory", Bytes, Gauge;
    /// Open files of a process.
    OpenFiles = "open-files", Count, Gauge;
    /// Threads of a process.
    Threads = "threads", Count, Gauge;
    /// Bytes on disk of state and checkpoints.
    CheckpointDisk = "checkpoint-disk", Bytes, Gauge;
    /// Partitions with fewer in-sync replicas than `min.insync.replicas`.
    UnderMinIsr = "under-min-isr", Count, Gauge;
    /// Partitions with fewer in-sync replicas than replicas.
    UnderReplicated = "under-replicated", Count, Gauge;
    /// Share of the acknowledged records that a change of the traffic met, since it began.
    AchievedShare = "achieved-share", Ratio, Gauge;
    /// The newest answer of Prometheus to a query that the scenario names, in the unit that it says there; written `query NAME`.
    Query = "query", Factor, Gauge;
    /// CPU time that squall itself uses, in cores.
    OwnCpu = "own-cpu", Factor, Gauge;
    /// Resident memory of squall itself.
    OwnMemory = "own-memory", Bytes, Gauge;
    /// max(T8, T9) − T0 of a fault, for a held fault from its removal.
    RecoveryTime = "recovery-time", Seconds, Figure;
    /// T2 − T0: until Flink noticed.
    DetectionTime = "detection-time", Seconds, Figure;
    /// T4 − T0: until all subtasks ran again.
    TimeToRunning = "time-to-running", Seconds, Figure;
    /// (T6 − T1) less the baseline's usual gap between visible outputs.
    Outage = "outage", Seconds, Figure;
    /// Acknowledged, in the input topic, not in the sink by the end of draining.
    Lost = "lost", Records, Figure;
    /// Seen more often than in the input.
    Duplicates = "duplicates", Records, Figure;
    /// Out of order per input partition and key.
    Reordered = "reordered", Records, Figure;
    /// Checksum of key and value does not match.
    Corrupt = "corrupt", Records, Figure;
    /// Restarts that no fault of squall's explains.
    UnexplainedRestarts = "unexplained-restarts", Count, Figure;
    /// max ÷ mean of the records over the partitions of an input topic.
    PartitionSkew = "partition-skew", Factor, Figure;
    /// max ÷ mean of the records over the subtasks of the most skewed vertex.
    SubtaskSkew = "subtask-skew", Factor, Figure;
}

impl Metric {
    /// Its name for Prometheus: `squall_output_lag_records`, counters with `_total`.
    pub fn prometheus_name(self) -> String {
        let unit = match self.unit() {
            Unit::Count | Unit::Factor => "",
            Unit::Records => "_records",
            Unit::PerSecond => "_records_per_second",
            Unit::Seconds => "_seconds",
            Unit::Bytes => "_bytes",
            Unit::Ratio => "_ratio",
        };
        let total = if self.behaviour() == Behaviour::Counter { "_total" } else { "" };
        format!("squall_{}{unit}{total}", self.name().replace('-', "_"))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{0}`")]
pub struct UnknownMetric(pub String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        Self::ALL.iter().copied().find(|metric| metric.name() == name).ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse::<Metric>(), Ok(*metric));
            assert!(!metric.meaning().is_empty());
        }
        let mut names: Vec<_> = Metric::ALL.iter().map(|metric| metric.prometheus_name()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Metric::ALL.len());
        assert!("lag".parse::<Metric>().is_err());
    }
}
