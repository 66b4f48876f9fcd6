//! What a soak found to drift, and what it could not have seen.

use super::parts::{Section, Table};
use crate::analysis::Outcome;
use crate::report::wording;

pub(super) fn section(outcome: &Outcome) -> Option<Section> {
    if outcome.drifts.is_empty() {
        return None;
    }
    let rows = outcome
        .drifts
        .iter()
        .map(|drift| {
            vec![
                format!("{} {}", wording::drift_sign(drift), drift.what),
                drift.sentence(),
                drift.smallest().unwrap_or_else(|| "–".to_owned()),
                wording::maybe(drift.level, drift.unit),
                drift.points.to_string(),
                format!("{} – {}", crate::units::display::clock(drift.from), crate::units::display::clock(drift.to)),
                drift.how.clone(),
            ]
        })
        .collect();
    let head = ["series", "what it does", "smallest drift that would show", "usual value", "points", "looked at", "measured"];
    let intro = [
        "Slopes by Theil and Sen, with their 95 % intervals, of what lies between the faults' recoveries; each series without its own warm-up. \
         Stretches with a restart between them are compared only within each other.",
        "A drift is named where the chance of it in a steady series is below 0.1 % (Mann and Kendall, neighbours that are alike allowed for) and \
         it is more than 2 % of the usual value over the time. Pictures are thinned; these figures rest on every sample.",
    ];
    Some(Section {
        id: "drift",
        title: "Drift",
        wide: false,
        intro: intro.iter().map(|line| (*line).to_owned()).collect(),
        figures: Vec::new(),
        tables: vec![Table::words(&head, rows)],
    })
}
