//! Flink's metrics: positions of the source, load of the subtasks, memory, and hints of the sink.
//!
//! Metric endpoints can freeze for good after TaskManagers were killed, and then serve old numbers, a dead TaskManager's among them. A
//! value that must move while its job runs, and stands still, is recorded as [`EventKind::Frozen`] besides; analysis, which knows whether
//! there was anything to read, takes it for no data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{FlinkProbes, failed, ticks};
use crate::clock::{self, Timestamp};
use crate::flink::{Error, JobId, MetricScope, VertexOverview};
use crate::journal::{EventKind, Of, Record};
use crate::metric::Metric;

const PROBE: &str = "metrics";
const EVERY: Duration = Duration::from_secs(1);
/// Ids come and go with restarts, and listing them is the dear part.
const LIST_EVERY: u32 = 5;
/// Longer than any cache of Flink's own, with a minute's moving averages left out.
const FROZEN_AFTER: Duration = Duration::from_secs(20);

pub(super) async fn watch(probes: FlinkProbes) {
    let record = &*probes.record;
    let mut ticks = ticks(record, PROBE, EVERY, probes.metric_cache);
    let mut names = Names::default();
    let mut moving = Moving::default();
    let mut round = 0u32;
    loop {
        ticks.tick().await;
        let Some(job) = probes.current() else { continue };
        if let Err(error) = look(&probes, &job, round.is_multiple_of(LIST_EVERY), &mut names, &mut moving).await
            && !error.is_not_found()
        {
            failed(record, PROBE, &error);
        }
        round = round.wrapping_add(1);
    }
}

async fn look(probes: &FlinkProbes, job: &JobId, list: bool, names: &mut Names, moving: &mut Moving) -> Result<(), Error> {
    let record = &*probes.record;
    let detail = probes.rest.job(job).await?.value;
    let of_job = MetricScope::Job(job.clone());
    let restarts = probes.rest.metrics(&of_job, &["numRestarts".to_owned()]).await?.value;
    if let Some(value) = restarts.number("numRestarts") {
        record.sample_at(clock::now(), Metric::Restarts, Of::Run, value);
    }
    for vertex in &detail.vertices {
        let scope = MetricScope::Vertex(job.clone(), vertex.id.clone());
        if list || !names.vertices.contains_key(vertex.id.as_str()) {
            let wanted = probes.rest.metric_names(&scope).await?.into_iter().filter(|name| Wanted::of(name).is_some()).collect();
            names.vertices.insert(vertex.id.as_str().to_owned(), wanted);
        }
        let Some(wanted) = names.vertices.get(vertex.id.as_str()).filter(|wanted| !wanted.is_empty()) else { continue };
        let values = probes.rest.metrics(&scope, wanted).await?.value;
        take_vertex(vertex, &values, clock::now(), moving, record);
    }
    if list {
        names.taskmanagers = probes.rest.taskmanagers().await?.value.into_iter().map(|taskmanager| taskmanager.id).collect();
    }
    for id in &names.taskmanagers {
        let wanted =
            ["Status.JVM.Memory.Heap.Used", "Status.JVM.Memory.Heap.Max", "Status.JVM.GarbageCollector.All.Time"].map(str::to_owned);
        let values = match probes.rest.metrics(&MetricScope::TaskManager(id.clone()), &wanted).await {
            Ok(values) => values.value,
            // It has just gone.
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        let (used, max) = (values.number(&wanted[0]), values.number(&wanted[1]));
        let at = clock::now();
        let of = || Of::Node(id.clone());
        if let Some(value) = used {
            record.sample_at(at, Metric::HeapUsed, of(), value);
        }
        if let (Some(used), Some(max)) = (used, max)
            && max > 0.0
        {
            record.sample_at(at, Metric::Heap, of(), used / max);
        }
        if let Some(milliseconds) = values.number(&wanted[2]) {
            record.sample_at(at, Metric::GcTime, of(), milliseconds / 1e3);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Names {
    vertices: BTreeMap<String, Vec<String>>,
    taskmanagers: BTreeSet<String>,
}

/// A metric of a vertex that is worth asking for.
enum Wanted<'a> {
    Busy,
    Backpressured,
    Idle,
    RecordsIn,
    SourceRecords,
    Position { topic: &'a str, partition: u32 },
    LateDropped,
    FailedCommittables,
}

impl<'a> Wanted<'a> {
    /// What a name behind the subtask's index means.
    fn of(name: &'a str) -> Option<Self> {
        let (_, name) = name.split_once('.')?;
        Some(match name {
            "busyTimeMsPerSecond" => Self::Busy,
            "backPressuredTimeMsPerSecond" => Self::Backpressured,
            "idleTimeMsPerSecond" => Self::Idle,
            "numRecordsIn" => Self::RecordsIn,
            _ if name.starts_with("Source__") && name.ends_with(".numRecordsIn") => Self::SourceRecords,
            _ if name.ends_with(".numLateRecordsDropped") => Self::LateDropped,
            _ if name.ends_with(".failedCommittables") => Self::FailedCommittables,
            _ => {
                let (_, rest) = name.split_once(".KafkaSourceReader.topic.")?;
                let (topic, rest) = rest.rsplit_once(".partition.")?;
                let partition = rest.strip_suffix(".currentOffset")?.parse().ok()?;
                Self::Position { topic, partition }
            }
        })
    }
}

fn take_vertex(vertex: &VertexOverview, values: &crate::flink::Metrics, at: Timestamp, moving: &mut Moving, record: &dyn Record) {
    let mut late = 0.0;
    let mut late_known = false;
    let mut uncommitted = 0.0;
    let mut uncommitted_known = false;
    for name in values.0.keys() {
        let (Some(wanted), Some(value)) = (Wanted::of(name), values.number(name)) else { continue };
        let Some(index) = name.split_once('.').and_then(|(index, _)| index.parse().ok()) else { continue };
        let subtask = || Of::Subtask { vertex: vertex.name.clone(), index };
        match wanted {
            Wanted::Busy => record.sample_at(at, Metric::Busy, subtask(), value / 1e3),
            Wanted::Backpressured => record.sample_at(at, Metric::Backpressure, subtask(), value / 1e3),
            Wanted::Idle => record.sample_at(at, Metric::Idle, subtask(), value / 1e3),
            // A source takes in records by its reader; its task's own counter stays 0.
            Wanted::RecordsIn if value == 0.0 => {}
            Wanted::RecordsIn | Wanted::SourceRecords => moving.take(at, Metric::SubtaskRecords, subtask(), value, false, record),
            Wanted::Position { topic, partition } if value >= 0.0 => {
                let of = Of::Partition { topic: topic.to_owned(), partition };
                moving.take(at, Metric::SourcePosition, of, value + 1.0, true, record);
            }
            Wanted::Position { .. } => {}
            Wanted::LateDropped => {
                late += value;
                late_known = true;
            }
            Wanted::FailedCommittables => {
                uncommitted += value;
                uncommitted_known = true;
            }
        }
    }
    if late_known {
        record.sample_at(at, Metric::LateDropped, Of::Run, late);
    }
    if uncommitted_known {
        record.sample_at(at, Metric::FailedCommittables, Of::Run, uncommitted);
    }
}

/// Values that must move while records flow.
#[derive(Default)]
struct Moving {
    /// The value, since when it holds, and when that was last said.
    last: BTreeMap<(Metric, Of), (f64, Timestamp, Timestamp)>,
}

impl Moving {
    /// Records a value, and that it has stood still for so long that it may be no data. `must_move` says whether standing still means
    /// anything: an idle subtask's counter may rest.
    fn take(&mut self, now: Timestamp, metric: Metric, of: Of, value: f64, must_move: bool, record: &dyn Record) {
        record.sample_at(now, metric, of.clone(), value);
        let entry = self.last.entry((metric, of.clone())).or_insert((value, now, now));
        if entry.0 != value {
            *entry = (value, now, now);
        } else if must_move && now >= entry.2.plus(FROZEN_AFTER) {
            entry.2 = now;
            record.record(EventKind::Frozen { metric, of, since: entry.1 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let position = "0.Source__orders[1].KafkaSourceReader.topic.squall-1.orders.partition.3.currentOffset";
        assert!(matches!(Wanted::of(position), Some(Wanted::Position { topic: "squall-1.orders", partition: 3 })));
        assert!(matches!(Wanted::of("1.busyTimeMsPerSecond"), Some(Wanted::Busy)));
        assert!(matches!(Wanted::of("1.Source__orders[1].numRecordsIn"), Some(Wanted::SourceRecords)));
        assert!(Wanted::of("0.Source__orders[1].KafkaSourceReader.commitsFailed").is_none());
        assert!(Wanted::of("uptime").is_none());
    }
}
