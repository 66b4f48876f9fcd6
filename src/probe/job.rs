//! The job's state, its subtasks, and the JobManager's clock, from `/jobs/:id`.
//!
//! Moments come from the time stamps inside Flink's answers. With the adaptive scheduler a restart makes a new execution graph, so that
//! `RESTARTING` stays 0: there the subtasks' times and the exceptions tell.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{FlinkProbes, failed, ticks};
use crate::clock::{self, ClockOffset, OffsetEstimator, Timestamp};
use crate::flink::{Answered, JobDetail, JobState, TaskState, VertexDetail};
use crate::journal::{EventKind, Record, SubtaskTimes};

const PROBE: &str = "job";
const EVERY: Duration = Duration::from_millis(200);
/// Time stamps in Flink's JSON are whole milliseconds.
const RESOLUTION_NS: i64 = 1_000_000;

pub(super) async fn watch(probes: FlinkProbes) {
    let record = &*probes.record;
    let mut ticks = ticks(record, PROBE, EVERY, probes.detail_cache);
    let mut seen = Seen::default();
    loop {
        ticks.tick().await;
        let Some(job) = probes.current() else { continue };
        match probes.rest.job(&job).await {
            Ok(answered) => {
                let gap = seen.gap(answered.received);
                let look_closer = seen.take(&answered, gap, record);
                if look_closer {
                    for vertex in &answered.value.vertices {
                        match probes.rest.vertex(&job, &vertex.id).await {
                            Ok(detail) => seen.take_subtasks(&vertex.name, &detail.value, record),
                            Err(error) => failed(record, PROBE, &error),
                        }
                    }
                }
            }
            Err(error) => {
                let gap = seen.gap(clock::now());
                let state = if error.is_not_found() { "LOST" } else { "UNKNOWN" };
                seen.change_state(state, None, gap, record);
                if !error.is_not_found() {
                    failed(record, PROBE, &error);
                }
            }
        }
    }
}

/// A job and its graph, as the journal tells it.
pub fn runs(job: &JobDetail) -> EventKind {
    let vertices = job.topological().into_iter().map(|v| (v.id.as_str().to_owned(), v.name.clone(), v.parallelism)).collect();
    EventKind::JobRuns { id: job.id.as_str().to_owned(), name: job.name.clone(), vertices }
}

#[derive(Default)]
struct Seen {
    job: Option<String>,
    state: String,
    entered: BTreeMap<JobState, Timestamp>,
    subtasks: Option<(u32, u32)>,
    attempts: BTreeMap<(String, u32), (u32, String, Option<Timestamp>)>,
    looked: Option<Timestamp>,
    offsets: OffsetEstimator,
    offset: Option<ClockOffset>,
    settle: u8,
}

impl Seen {
    fn gap(&mut self, now: Timestamp) -> Duration {
        let gap = self.looked.map_or(EVERY, |looked| Duration::from_nanos(u64::try_from(now.0 - looked.0).unwrap_or(0)));
        self.looked = Some(now);
        gap
    }

    fn change_state(&mut self, state: &str, since: Option<Timestamp>, gap: Duration, record: &dyn Record) {
        if self.state != state {
            state.clone_into(&mut self.state);
            record.record(EventKind::JobState { state: state.to_owned(), since, poll_gap: gap.into() });
        }
    }

    /// Takes in an answer; true when the subtasks are worth a closer look.
    fn take(&mut self, answered: &Answered<JobDetail>, gap: Duration, record: &dyn Record) -> bool {
        let detail = &answered.value;
        if self.job.as_deref() != Some(detail.id.as_str()) {
            // The first is told by who submitted it or found it; a drill may put another in its place.
            if self.job.is_some() {
                record.record(runs(detail));
            }
            *self = Self { looked: self.looked, offsets: std::mem::take(&mut self.offsets), offset: self.offset, ..Self::default() };
            self.job = Some(detail.id.as_str().to_owned());
        }
        self.take_clock(answered, record);

        let mut entered: Vec<(Timestamp, JobState)> = JobState::ALL
            .iter()
            .filter_map(|state| Some((detail.entered(*state)?, *state)))
            .filter(|(at, state)| self.entered.get(state).is_none_or(|known| at > known))
            .collect();
        entered.sort();
        for (at, state) in entered {
            self.entered.insert(state, at);
            // A state that came and went between two looks is told by its time stamp alone.
            self.state.clear();
            self.change_state(state.as_str(), Some(at), gap, record);
        }
        self.change_state(detail.state.as_str(), detail.entered(detail.state), gap, record);

        let total: u32 = detail.vertices.iter().map(|vertex| vertex.parallelism).sum();
        let running: u32 = detail.vertices.iter().map(|vertex| vertex.tasks_in(TaskState::Running)).sum();
        let changed = self.subtasks != Some((running, total));
        if changed {
            self.subtasks = Some((running, total));
            record.record(EventKind::SubtasksRunning { running, total, poll_gap: gap.into() });
        }
        // Once more after all run: the vertex answer may come from an older cache entry than the job's.
        if changed || running < total {
            self.settle = 3;
        }
        let look = self.settle > 0;
        self.settle = self.settle.saturating_sub(1);
        look
    }

    fn take_clock(&mut self, answered: &Answered<JobDetail>, record: &dyn Record) {
        self.offsets.observe(answered.sent, answered.value.now, RESOLUTION_NS, answered.received);
        if let Some(offset) = self.offsets.estimate()
            && offset.is_news_after(self.offset)
        {
            self.offset = Some(offset);
            record.record(EventKind::Clock { of: "jobmanager".to_owned(), offset });
        }
    }

    fn take_subtasks(&mut self, vertex: &str, detail: &VertexDetail, record: &dyn Record) {
        for subtask in &detail.subtasks {
            let entered = subtask.entered();
            // The adaptive scheduler counts attempts from 0 in every new graph: only the moments tell them apart.
            let now = (subtask.attempt, subtask.status.as_str().to_owned(), entered.values().max().copied());
            let known = self.attempts.insert((vertex.to_owned(), subtask.index), now.clone());
            if known.as_ref() != Some(&now) {
                record.record(EventKind::SubtaskTimes(SubtaskTimes {
                    vertex: vertex.to_owned(),
                    index: subtask.index,
                    attempt: subtask.attempt,
                    state: now.1,
                    taskmanager: subtask.taskmanager().map(str::to_owned),
                    entered: entered.into_iter().map(|(state, at)| (state.as_str().to_owned(), at)).collect(),
                }));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<EventKind>>);

    impl Record for Kept {
        fn record_at(&self, _: Timestamp, event: EventKind) {
            self.0.lock().unwrap().push(event);
        }
    }

    /// What the JobManager says of a job of one vertex with two subtasks.
    fn answer(id: &str) -> Answered<JobDetail> {
        let value = serde_json::json!({
            "jid": id, "name": "enrich", "state": "RUNNING", "start-time": 1, "end-time": -1, "now": 1000, "timestamps": { "RUNNING": 5 },
            "vertices": [{ "id": "cbc357ccb763df2852fee8c4fc7d55f2", "name": "Source", "parallelism": 2, "maxParallelism": 128, "status": "RUNNING",
                "tasks": { "RUNNING": 2 }, "start-time": 1, "end-time": -1, "duration": 3 }],
            "plan": { "jid": id, "name": "enrich", "nodes": [{ "id": "cbc357ccb763df2852fee8c4fc7d55f2", "parallelism": 2 }] },
        });
        let value = serde_json::from_value(value).unwrap();
        Answered { sent: Timestamp::from_millis(999), received: Timestamp::from_millis(1001), value }
    }

    #[test]
    fn a_job_in_place_of_another_is_told_once() {
        let [first, second] = ["00000000000000000000000000000001", "00000000000000000000000000000002"];
        let (kept, mut seen) = (Kept::default(), Seen::default());
        for id in [first, first, second, second] {
            seen.take(&answer(id), EVERY, &kept);
        }
        let told: Vec<EventKind> = kept.0.into_inner().unwrap();
        let told: Vec<&EventKind> = told.iter().filter(|event| matches!(event, EventKind::JobRuns { .. })).collect();
        assert_eq!(told, [&runs(&answer(second).value)]);
    }
}
