//! What faults on squall's own traffic share.

use super::NoTarget;
use crate::action::{Action, Aim, Inverse, Step, TrafficChange, View, Witness};
use crate::units::{Duration, Ratio};

/// An aim that changes one stream, or all of them.
pub(super) fn aim(stream: Option<&str>, change: &TrafficChange, held_for: Duration, view: &View) -> Result<Aim, NoTarget> {
    let streams: Vec<&str> = view
        .topics
        .iter()
        .filter(|topic| topic.input)
        .map(|topic| topic.stream.as_str())
        .filter(|name| stream.is_none_or(|wanted| wanted == *name))
        .collect();
    if streams.is_empty() {
        return Err(NoTarget(
            stream.map_or_else(|| "squall sends no traffic".to_owned(), |name| format!("squall sends no stream `{name}`")),
        ));
    }
    let step = |stream: &&str| Step {
        action: Action::Traffic { stream: (*stream).to_owned(), change: change.clone() },
        inverse: Some(Inverse::RestoreTraffic { stream: (*stream).to_owned() }),
        witness: Witness::TrafficShares { stream: (*stream).to_owned() },
    };
    Ok(Aim {
        steps: streams.iter().map(step).collect(),
        undo_after: Some(held_for),
        held: true,
        target: format!("stream {}", streams.join(", ")),
    })
}

/// A share lies above 0 and at most at 1; 0 would be a fault that never acts.
pub(super) fn share_problems(share: Ratio) -> Vec<(&'static str, String)> {
    if share.0 > 0.0 && share.0 <= 1.0 { Vec::new() } else { vec![("share", format!("{share} is not above 0% and at most 100%"))] }
}
