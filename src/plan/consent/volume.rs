//! `max-rate:` and `max-duration:`.

use super::{Asked, Limits};
use crate::scenario::yaml::way;
use crate::units::Duration;

pub(super) fn check(asked: &Asked<'_>, limits: &mut Limits) {
    let scenario = asked.checked.scenario();
    if let Some(most) = asked.spec().max_rate {
        let peak = asked.peak;
        if peak > most {
            let owner = asked.cluster.at(way!["max-rate"], "");
            let here = asked.checked.loaded.at_key(way!["traffic"], format!("up to {peak} over all topics"));
            limits.broken.push(asked.refused(format!("{peak} is more than the {most} that may be sent"), here, owner));
        } else {
            limits.kept.push(format!("max-rate: {most} ({peak} at most)"));
        }
    }
    if let Some(most) = asked.spec().max_duration {
        let drain = if scenario.traffic.is_empty() { Duration::default() } else { scenario.drain.within };
        let lasts = Duration::from(scenario.duration.0 + drain.0);
        if lasts > most {
            let owner = asked.cluster.at(way!["max-duration"], "");
            let here = asked.checked.loaded.at(way!["duration"], format!("{lasts} with draining"));
            limits.broken.push(asked.refused(format!("{lasts} is longer than the {most} that a run may take"), here, owner));
        } else {
            limits.kept.push(format!("max-duration: {most} ({lasts} with draining)"));
        }
    }
}
