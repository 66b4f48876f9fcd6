//! Checkpoints as a strip: where the time of the slowest subtask went; failed ones marked.

use std::collections::BTreeSet;

use super::parts::{Figure, Section, Table};
use crate::analysis::Outcome;
use crate::journal::CheckpointRecord;
use crate::metric::Unit;
use crate::report::svg::{Column, Frame, Scale, columns};
use crate::report::wording;
use crate::units::display;

/// Columns that a screen can show; of a longer run each shows the slowest of its neighbours, a failed one first.
const MOST_COLUMNS: usize = 240;

const PARTS: [(&str, &str); 5] =
    [("part c5", "start delay"), ("part c4", "alignment"), ("part c1", "sync"), ("part c6", "async"), ("part rest", "other")];

pub(super) fn section(outcome: &Outcome, frame: &Frame) -> Option<Section> {
    if outcome.checkpoints.is_empty() {
        return None;
    }
    let zero = outcome.start.unwrap_or(outcome.started);
    let at = |checkpoint: &CheckpointRecord| checkpoint.triggered.seconds_since(zero);
    let shown: Vec<&CheckpointRecord> = outcome.checkpoints.iter().filter(|checkpoint| !checkpoint.savepoint).collect();
    let drawn = thinned(&shown);
    let all: Vec<Column> = drawn
        .iter()
        .map(|checkpoint| Column {
            at: at(checkpoint),
            parts: parts(checkpoint).into_iter().zip(PARTS).map(|(value, (class, _))| (value, class.to_owned())).collect(),
            failed: checkpoint.status == "failed",
            title: format!(
                "checkpoint {} at {}: {}, {}",
                checkpoint.id,
                display::clock(at(checkpoint)),
                checkpoint.status,
                wording::maybe(checkpoint.duration_s, Unit::Seconds)
            ),
        })
        .collect();
    let highest = drawn.iter().map(|checkpoint| parts(checkpoint).iter().sum::<f64>()).fold(0.0, f64::max);
    let svg = columns("checkpoint durations over time", frame, Unit::Seconds, Scale::linear(highest), &all, 150.0);
    let failed = shown.iter().filter(|checkpoint| checkpoint.status == "failed").count();
    let completed = shown.iter().filter(|checkpoint| checkpoint.status == "completed").count();
    let mut note = format!("{completed} completed, {failed} failed (✗)");
    if drawn.len() < shown.len() {
        note.push_str(&format!("; {} of {} drawn: of neighbours the slowest, a failed one first", drawn.len(), shown.len()));
    }
    let figure = Figure {
        title: "Where the time went in the slowest subtask".to_owned(),
        note,
        legend: PARTS.iter().map(|(class, name)| ((*class).to_owned(), (*name).to_owned())).collect(),
        swatch: true,
        parts: vec![("end-to-end duration".to_owned(), svg)],
        numbers: table(outcome, &at),
    };
    Some(Section {
        id: "checkpoints",
        title: "Checkpoints",
        wide: true,
        intro: vec!["Parts of one subtask, the slowest; never maxima of different subtasks on top of each other.".to_owned()],
        figures: vec![figure],
        tables: requests(outcome).into_iter().collect(),
    })
}

/// Start delay, alignment, sync, async, other; without a breakdown all is *other*.
fn parts(checkpoint: &CheckpointRecord) -> [f64; 5] {
    match &checkpoint.slowest {
        Some(parts) => [parts.start_delay_s, parts.alignment_s, parts.sync_s, parts.async_s, wording::checkpoint_rest(parts)],
        None => [0.0, 0.0, 0.0, 0.0, checkpoint.duration_s.unwrap_or(0.0)],
    }
}

fn thinned<'a>(all: &[&'a CheckpointRecord]) -> Vec<&'a CheckpointRecord> {
    let size = all.len().div_ceil(MOST_COLUMNS).max(1);
    let badness = |checkpoint: &CheckpointRecord| (checkpoint.status == "failed", checkpoint.duration_s.unwrap_or(0.0));
    all.chunks(size)
        .filter_map(|chunk| chunk.iter().copied().max_by(|a, b| badness(a).partial_cmp(&badness(b)).unwrap_or(std::cmp::Ordering::Equal)))
        .collect()
}

fn table(outcome: &Outcome, at: &impl Fn(&CheckpointRecord) -> f64) -> Table {
    let rows = outcome
        .checkpoints
        .iter()
        .map(|checkpoint| {
            let part = |index: usize| match &checkpoint.slowest {
                Some(_) => display::seconds(parts(checkpoint)[index]),
                None => "–".to_owned(),
            };
            // The operators' rule contains the alignment.
            let rule = checkpoint.slowest.as_ref().map(|parts| parts.end_to_end_s - parts.sync_s - parts.async_s);
            let kind = if checkpoint.savepoint { " savepoint" } else { "" };
            vec![
                format!("{}{kind}", checkpoint.id),
                display::clock(at(checkpoint)),
                checkpoint
                    .failure
                    .as_ref()
                    .map_or_else(|| checkpoint.status.clone(), |why| format!("{}: {}", checkpoint.status, super::parts::short(why))),
                wording::maybe(checkpoint.duration_s, Unit::Seconds),
                part(0),
                part(1),
                part(2),
                part(3),
                part(4),
                wording::maybe(rule, Unit::Seconds),
                display::bytes(checkpoint.checkpointed_bytes as f64),
                display::bytes(checkpoint.state_bytes as f64),
                checkpoint.slowest.as_ref().map_or_else(String::new, |parts| parts.subtask.clone()),
            ]
        })
        .collect();
    let head = [
        "id",
        "at",
        "status",
        "duration",
        "start delay",
        "alignment",
        "sync",
        "async",
        "other",
        "end-to-end − sync − async",
        "written",
        "state",
        "slowest subtask",
    ];
    Table::figures(&head, rows).captioned("The rule end-to-end − sync − async contains the alignment.")
}

/// What a checkpoint costs on the wire: requests over the sink's link for each checkpoint, window by window.
fn requests(outcome: &Outcome) -> Option<Table> {
    let windows: Vec<_> = outcome.windows.iter().filter(|window| window.checkpoints_completed > 0 && !window.requests.is_empty()).collect();
    let kinds: BTreeSet<_> =
        windows.iter().flat_map(|window| &window.requests).filter(|(link, ..)| link == "sink").map(|(_, request, _)| request).collect();
    if kinds.is_empty() {
        return None;
    }
    let mut head = vec!["window"];
    head.extend(kinds.iter().map(|kind| kind.as_str()));
    let rows = windows
        .iter()
        .map(|window| {
            let per_checkpoint = |kind: &String| {
                let (.., count) = window.requests.iter().find(|(link, request, _)| link == "sink" && request == kind)?;
                Some(display::count(*count as f64 / f64::from(window.checkpoints_completed)))
            };
            let counts = kinds.iter().map(|kind| per_checkpoint(kind).unwrap_or_else(|| "–".to_owned()));
            std::iter::once(window.name.clone()).chain(counts).collect()
        })
        .collect();
    Some(Table::figures(&head, rows).captioned("Kafka requests over the sink's link for each completed checkpoint, counted by its proxy."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn parts_add_up_to_the_subtasks_duration() {
        for checkpoint in sample::kill().checkpoints.iter().filter(|checkpoint| checkpoint.slowest.is_some()) {
            let whole = checkpoint.slowest.as_ref().unwrap().end_to_end_s;
            assert!((parts(checkpoint).iter().sum::<f64>() - whole).abs() < 1e-9);
        }
    }

    #[test]
    fn thinning_keeps_the_failed() {
        let mut many: Vec<CheckpointRecord> = (0..8640)
            .map(|id| CheckpointRecord { id, status: "completed".to_owned(), duration_s: Some(1.0), ..CheckpointRecord::default() })
            .collect();
        many[4321].status = "failed".to_owned();
        let drawn = thinned(&many.iter().collect::<Vec<_>>());
        assert!(drawn.len() <= MOST_COLUMNS);
        assert!(drawn.iter().any(|checkpoint| checkpoint.id == 4321));
    }
}
