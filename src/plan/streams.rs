//! How much will be sent: the schedules, with the planned faults that change the rate.

use std::path::Path;

use super::{PlannedFault, PlannedStream, Trigger};
use crate::fault::{FaultSpec, Reach};
use crate::scenario::Scenario;
use crate::traffic::{Schedule, Value};
use crate::units::{Bytes, Count, Duration, Rate};

/// What is sent, by stream, and the highest rate of all together.
pub(super) struct Sent {
    pub(super) streams: Vec<PlannedStream>,
    pub(super) peak: Rate,
}

pub(super) fn sent(scenario: &Scenario, folder: &Path, seed: u64, timeline: &[PlannedFault]) -> Sent {
    let end = scenario.duration.nanos();
    let mut schedules = Vec::new();
    for (name, stream) in &scenario.traffic {
        let mut stream = stream.clone();
        stream.resolve(folder);
        // A closed loop has no schedule: how much it sends is Kafka's to say.
        let Ok(mut schedule) = Schedule::new(&stream.rate, seed) else { continue };
        for (at, lasts, factor) in timeline.iter().filter_map(|fault| change_of_rate(fault, name)) {
            schedule.scale_from(at.nanos(), factor);
            schedule.scale_from(at.nanos().saturating_add(lasts.nanos()), 1.0);
        }
        schedules.push((name, stream, schedule));
    }
    let mut moments: Vec<i64> = schedules.iter().flat_map(|(_, _, schedule)| schedule.changes(end)).map(|(at, _)| at).collect();
    moments.push(0);
    let peak = |schedules: &[&Schedule]| {
        let rates = moments.iter().map(|at| schedules.iter().map(|schedule| schedule.rate(*at)).sum::<f64>());
        Rate(rates.fold(0.0, f64::max))
    };
    let streams = schedules
        .iter()
        .map(|(name, stream, schedule)| {
            let records = schedule.count_until(end);
            let bytes = mean_size(&stream.value).map(|size| Bytes((size * records as f64).round() as u64));
            PlannedStream { name: (*name).clone(), records: Count(records), bytes, peak: peak(&[schedule]) }
        })
        .collect();
    let all: Vec<&Schedule> = schedules.iter().map(|(_, _, schedule)| schedule).collect();
    Sent { streams, peak: peak(&all) }
}

fn change_of_rate(fault: &PlannedFault, stream: &str) -> Option<(Duration, Duration, f64)> {
    let Trigger::At(at) = fault.trigger else { return None };
    let factor = match &fault.fault {
        FaultSpec::Surge(surge) => surge.factor,
        FaultSpec::StopTraffic(_) => 0.0,
        _ => return None,
    };
    let Reach::Streams(only) = fault.fault.reach() else { return None };
    only.is_none_or(|only| only == stream).then_some((at, fault.fault.lasts()?, factor))
}

/// Bytes of a value, on average, where the settings say it.
fn mean_size(value: &Value) -> Option<f64> {
    match value {
        Value::Size(size) => Some(size.0 as f64),
        Value::SizeBetween(between) => Some((between.from.0 + between.to.0) as f64 / 2.0),
        // Of the uncut distribution: at most what is sent.
        Value::SizeLognormal(sizes) => Some((sizes.median.0 as f64 * (sizes.sigma * sizes.sigma / 2.0).exp()).min(sizes.at_most.0 as f64)),
        Value::Json(_) | Value::Lines(_) => None,
    }
}
