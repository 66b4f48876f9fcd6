//! TaskManagers and slots, as the JobManager counts them. Always fresh: `/overview` is not cached.

use std::time::Duration;

use super::{FlinkProbes, failed, ticks};
use crate::clock;
use crate::journal::Of;
use crate::metric::Metric;

const PROBE: &str = "taskmanagers";
const EVERY: Duration = Duration::from_millis(500);

pub(super) async fn watch(probes: FlinkProbes) {
    let record = &*probes.record;
    let mut ticks = ticks(record, PROBE, EVERY, Duration::ZERO);
    loop {
        ticks.tick().await;
        match probes.rest.overview().await {
            Ok(answered) => {
                let (at, overview) = (clock::now(), answered.value);
                for (metric, value) in [
                    (Metric::Taskmanagers, overview.taskmanagers),
                    (Metric::Slots, overview.slots_total),
                    (Metric::FreeSlots, overview.slots_available),
                ] {
                    record.sample_at(at, metric, Of::Run, f64::from(value));
                }
            }
            Err(error) => failed(record, PROBE, &error),
        }
    }
}
