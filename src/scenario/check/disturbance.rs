//! What disturbs the pipeline, by the clock.

use super::{Context, seconds};
use crate::diagnostic::Label;
use crate::scenario::yaml::way;
use crate::traffic::Schedule;

/// A rate that moves by less at once is no disturbance.
const JUMP: f64 = 0.1;

/// Something that begins at a known time and disturbs.
pub(super) struct Disturbance {
    /// Earliest time, in seconds since the first record.
    pub(super) from: f64,
    /// Latest time at which it is over: a held fault's removal.
    pub(super) until: f64,
    /// Line of the timeline; none is a jump of the rate, or the end of traffic.
    pub(super) entry: Option<usize>,
    pub(super) label: Label,
}

/// In the order of their beginning; the end of traffic is the last one.
pub(super) fn disturbances(context: &Context<'_>) -> Vec<Disturbance> {
    let scenario = context.scenario();
    let end = scenario.duration.seconds();
    let mut found = Vec::new();
    for (index, entry) in scenario.timeline.iter().enumerate() {
        let jitter = entry.jitter.unwrap_or_default().seconds();
        let lasts = entry.inject.lasts().unwrap_or_default().seconds();
        found.extend(entry.moments(scenario.duration).into_iter().map(|moment| Disturbance {
            from: (moment.seconds() - jitter).max(0.0),
            until: moment.seconds() + jitter + lasts,
            entry: Some(index),
            label: context.loaded.at(way!["timeline", index, "name"], format!("`{}` begins at {moment}", entry.name)),
        }));
    }
    for (name, stream) in &scenario.traffic {
        let mut stream = stream.clone();
        stream.resolve(context.folder);
        let Ok(schedule) = Schedule::new(&stream.rate, 0) else { continue };
        for (at, rate) in schedule.changes(scenario.duration.nanos()) {
            let before = schedule.rate(at - 1);
            if (rate - before).abs() > JUMP * before {
                let at = at as f64 / 1e9;
                let label = format!("the rate of `{name}` changes at {}", seconds(at));
                let label = context.loaded.at(way!["traffic", name, "rate"], label);
                found.push(Disturbance { from: at, until: at, entry: None, label });
            }
        }
    }
    let label = context.loaded.at(way!["duration"], format!("traffic ends at {}", scenario.duration));
    found.push(Disturbance { from: end, until: end, entry: None, label });
    found.sort_by(|one, other| one.from.total_cmp(&other.from));
    found
}
