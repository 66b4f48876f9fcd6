//! What became of the records.

use super::parts::{Section, Table};
use crate::analysis::Outcome;
use crate::units::display;

pub(super) fn section(outcome: &Outcome) -> Option<Section> {
    let verdict = outcome.delivery.as_ref()?;
    let mut intro = Vec::new();
    if let Some(why) = &verdict.no_data {
        intro.push(format!("No verdict on delivery: {why}."));
    }
    intro.push("The input topic is the reference; every record carries its identity and a checksum.".to_owned());
    let rows = [
        ("acknowledged", verdict.acknowledged, "acknowledged to squall by Kafka"),
        ("in the input topic", verdict.in_input, "records of this run, each once"),
        ("seen in the sink", verdict.seen, "read committed, each once"),
        ("lost", verdict.lost, "in the input topic, not in the sink"),
        ("duplicate", verdict.duplicates, "seen more often than in the input"),
        ("corrupt", verdict.corrupt, "checksum does not match"),
        ("reordered", verdict.reordered, "out of order per input partition and key"),
        ("lost by Kafka", verdict.lost_by_kafka, "acknowledged, but not in the input topic"),
        ("unexpected", verdict.unexpected, "carries this run's identity, but was never sent"),
        ("foreign", verdict.foreign, "of other runs or producers"),
        ("unresolved, in the input", verdict.unresolved_in_input, "outcome of the send unknown; settled by reading the input"),
        ("unresolved, not in the input", verdict.unresolved_absent, "outcome of the send unknown; never arrived"),
        ("pending", verdict.pending, "hidden by an open transaction when draining ended"),
    ];
    let counts = Table::words(
        &["", "records", "meaning"],
        rows.into_iter().map(|(name, count, meaning)| vec![name.to_owned(), display::grouped(count), meaning.to_owned()]).collect(),
    );
    let zero = outcome.start.unwrap_or(outcome.started);
    let offenders = verdict
        .offenders
        .iter()
        .map(|offender| {
            let at = offender.intended.seconds_since(zero);
            let window = outcome.windows.iter().find(|window| at >= window.from && at < window.to);
            vec![
                offender.kind.clone(),
                offender.stream.clone(),
                offender.partition.map_or_else(|| "–".to_owned(), |partition| partition.to_string()),
                display::grouped(offender.sequence),
                display::clock(at),
                window.map_or_else(|| "–".to_owned(), |window| window.name.clone()),
            ]
        })
        .collect();
    let offenders = Table::words(&["first offenders", "stream", "partition", "sequence", "due at", "window"], offenders);
    Some(Section { id: "delivery", title: "Delivery", wide: false, intro, figures: Vec::new(), tables: vec![counts, offenders] })
}
