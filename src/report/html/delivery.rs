//! What became of the records.

use super::parts::{Section, Table};
use crate::analysis::Outcome;
use crate::delivery::Offender;
use crate::report::wording;
use crate::units::display;

const OF_A_VERDICT: [&str; 6] = ["lost", "duplicate", "their copies", "corrupt", "reordered", "unexpected"];

pub(super) fn section(outcome: &Outcome) -> Option<Section> {
    let verdict = outcome.delivery.as_ref()?;
    let mut intro = Vec::new();
    if let Some(why) = &verdict.no_data {
        intro.push(format!("No verdict on delivery: {why}."));
    }
    intro.push("The input topic is the reference; every record carries its identity and a checksum.".to_owned());
    intro.extend(verdict.no_order.iter().map(|why| format!("Order was not judged: {why}.")));
    intro.extend(verdict.no_contents.iter().map(|why| format!("Contents were not judged: {why}.")));
    if verdict.forgotten_keys > 0 {
        intro.push(format!(
            "There were more keys than are remembered: {} were forgotten, and a reordering across that moment is not seen.",
            display::grouped(verdict.forgotten_keys)
        ));
    }
    if let Some(share) = verdict.share {
        intro.push(format!("{} of the records came out of the filter.", display::percent(share)));
    }
    intro.extend(verdict.violations.iter().map(|violation| format!("Does not hold: {}.", violation.text)));
    let rows = [
        ("acknowledged", verdict.acknowledged, "acknowledged to squall by Kafka"),
        ("in the input topic", verdict.in_input, "records of this run, each once"),
        ("seen in the sink", verdict.seen, "read committed, each once"),
        ("lost", verdict.lost, "in the input topic, not in the sink"),
        ("duplicate", verdict.duplicates, "seen more often than in the input"),
        ("their copies", verdict.duplicate_copies, "beyond those in the input"),
        ("corrupt", verdict.corrupt, "checksum does not match"),
        ("reordered", verdict.reordered, "out of order per input partition and key"),
        ("lost by Kafka", verdict.lost_by_kafka, "acknowledged, but not in the input topic"),
        ("unexpected", verdict.unexpected, "carries this run's identity, but was never sent"),
        ("foreign", verdict.foreign, "of other runs or producers"),
        ("without identity", verdict.unidentified, "of them, records that nobody can tell apart"),
        ("with a damaged identity", verdict.damaged, "of them, records whose identity was changed on the way"),
        ("unresolved, in the input", verdict.unresolved_in_input, "outcome of the send unknown; settled by reading the input"),
        ("unresolved, not in the input", verdict.unresolved_absent, "outcome of the send unknown; never arrived"),
        ("pending", verdict.pending, "hidden by an open transaction when draining ended"),
    ];
    let counts = Table::words(
        &["", "records", "meaning"],
        rows.into_iter()
            .map(|(name, count, meaning)| {
                // Without a verdict a count of what went wrong means nothing.
                let count =
                    if verdict.no_data.is_some() && OF_A_VERDICT.contains(&name) { "–".to_owned() } else { display::grouped(count) };
                vec![name.to_owned(), count, meaning.to_owned()]
            })
            .collect(),
    );
    let zero = outcome.start.unwrap_or(outcome.started);
    let offenders = verdict
        .offenders
        .iter()
        .map(|offender| {
            let at = offender.intended.seconds_since(zero);
            vec![
                offender.kind.clone(),
                offender.stream.clone(),
                offender.partition.map_or_else(|| "–".to_owned(), |partition| partition.to_string()),
                display::grouped(offender.sequence),
                display::clock(at),
                wording::window_at(outcome, at).unwrap_or("–").to_owned(),
                place(outcome, offender),
                offender.key.clone().unwrap_or_else(|| "–".to_owned()),
            ]
        })
        .collect();
    let offenders = Table::words(&["first offenders", "stream", "partition", "sequence", "due at", "window", "found at", "key"], offenders);
    Some(Section { id: "delivery", title: "Delivery", wide: false, intro, figures: Vec::new(), tables: vec![counts, offenders] })
}

/// Topic, partition and offset, as far as they are known.
fn place(outcome: &Outcome, offender: &Offender) -> String {
    match (offender.found_partition, offender.offset) {
        (Some(partition), Some(offset)) => format!("{}-{partition} at {offset}", wording::plain_name(outcome, &offender.topic)),
        _ => "–".to_owned(),
    }
}
