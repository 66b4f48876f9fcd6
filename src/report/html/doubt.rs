//! For whoever doubts: resolutions, clocks, the generator's books, restarts, what happened when, versions, configuration.

use super::parts::{Section, Table};
use crate::analysis::Outcome;
use crate::report::wording;
use crate::units::display;

pub(super) fn section(outcome: &Outcome) -> Section {
    let generator = match &outcome.generator {
        Ok(()) => "The generator kept its schedule.".to_owned(),
        Err(why) => format!("The generator did not keep its schedule: {why}."),
    };
    Section {
        id: "doubt",
        title: "How sure is this",
        wide: false,
        intro: vec![generator],
        figures: Vec::new(),
        tables: [books(outcome), probes(outcome), clocks(outcome), restarts(outcome), happenings(outcome)].into_iter().flatten().collect(),
    }
}

fn books(outcome: &Outcome) -> Option<Table> {
    let books = outcome.accounting.as_ref()?;
    let row = [books.scheduled, books.sent, books.unsent, books.acknowledged, books.failed, books.unresolved];
    let mut cells = vec!["records".to_owned()];
    cells.extend(row.map(display::grouped));
    let head = ["generator", "scheduled", "sent", "never sent", "acknowledged", "refused", "unresolved"];
    Some(Table::figures(&head, vec![cells]))
}

fn probes(outcome: &Outcome) -> Option<Table> {
    let mut rows: Vec<Vec<String>> = outcome
        .resolutions
        .iter()
        .map(|(name, &(interval, cache))| {
            let (failures, error) = outcome.probe_errors.get(name).cloned().unwrap_or_default();
            vec![name.clone(), display::seconds(interval), display::seconds(cache), failures.to_string(), error]
        })
        .collect();
    let unresolved = outcome.probe_errors.iter().filter(|(name, _)| !outcome.resolutions.contains_key(*name));
    rows.extend(
        unresolved.map(|(name, (failures, error))| vec![name.clone(), "–".into(), "–".into(), failures.to_string(), error.clone()]),
    );
    (!rows.is_empty()).then(|| Table::words(&["probe", "looks every", "its source caches for", "could not look", "last error"], rows))
}

fn clocks(outcome: &Outcome) -> Option<Table> {
    let rows: Vec<Vec<String>> = outcome
        .clocks
        .iter()
        .map(|(name, &(offset, error))| {
            // A difference smaller than its error is no difference.
            let offset = if offset.abs() <= error {
                format!("≤ {}", display::seconds(error))
            } else {
                display::seconds_with_error(offset, Some(error))
            };
            vec![name.clone(), offset]
        })
        .collect();
    (!rows.is_empty()).then(|| Table::words(&["clock", "theirs minus ours"], rows))
}

fn restarts(outcome: &Outcome) -> Option<Table> {
    let rows: Vec<Vec<String>> = outcome
        .restarts
        .iter()
        .map(|restart| {
            let by = restart.explained_by.as_ref().map_or_else(|| "unexplained".to_owned(), wording::fault_name);
            vec![display::clock(restart.at), by, restart.cause.clone()]
        })
        .collect();
    (!rows.is_empty()).then(|| Table::words(&["restart at", "explained by", "cause"], rows))
}

fn happenings(outcome: &Outcome) -> Option<Table> {
    let rows: Vec<Vec<String>> =
        outcome.happenings.iter().map(|(at, word, sentence)| vec![display::clock(*at), word.clone(), sentence.clone()]).collect();
    (!rows.is_empty()).then(|| Table::words(&["at", "what", ""], rows).captioned("What happened when"))
}

/// Versions, effective configuration and what else was noted, by section.
pub(super) fn facts(outcome: &Outcome) -> Vec<(String, Table)> {
    outcome
        .facts
        .iter()
        .map(|(section, facts)| {
            let rows = facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
            (section.clone(), Table::words(&["name", "value"], rows))
        })
        .collect()
}
