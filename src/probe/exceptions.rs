//! Flink's exception history, entry by entry.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{FlinkProbes, failed, ticks};
use crate::clock::Timestamp;
use crate::flink::ExceptionEntry;
use crate::journal::{EventKind, Record};

const PROBE: &str = "exceptions";
const EVERY: Duration = Duration::from_millis(500);
/// More than a restart loop makes between two looks.
const AT_MOST: u32 = 64;

pub(super) async fn watch(probes: FlinkProbes) {
    let record = &*probes.record;
    let mut ticks = ticks(record, PROBE, EVERY, probes.detail_cache);
    let mut known = BTreeSet::new();
    let mut first = true;
    loop {
        ticks.tick().await;
        let Some(job) = probes.current() else { continue };
        match probes.rest.exceptions(&job, AT_MOST).await {
            Ok(answered) => {
                let is_old = |thrown: Timestamp| first && probes.exceptions_since.is_none_or(|since| thrown < since);
                for entry in answered.value.entries.iter().rev() {
                    for entry in std::iter::once(entry).chain(&entry.concurrent_exceptions) {
                        take(entry, is_old(entry.timestamp), &mut known, record);
                    }
                }
                first = false;
            }
            // Without a JobManager there is no history; the job probe says so already.
            Err(error) if error.is_not_found() => {}
            Err(error) => failed(record, PROBE, &error),
        }
    }
}

/// What a job threw before the run began is not of this run.
fn take(entry: &ExceptionEntry, before_the_run: bool, known: &mut BTreeSet<(i64, String, Option<String>)>, record: &dyn Record) {
    let key = (entry.timestamp.0, entry.exception_name.clone(), entry.task_name.clone());
    if known.insert(key) && !before_the_run {
        record.record(EventKind::Exception {
            thrown: entry.timestamp,
            name: entry.exception_name.clone(),
            task: entry.task_name.clone(),
            taskmanager: entry.task_manager_id.clone(),
            cause: entry.root_cause(),
            thrown_in: entry.thrown_in().map(str::to_owned),
        });
    }
}
