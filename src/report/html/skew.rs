//! How evenly the load was spread.

use super::parts::{Figure, Section, Table};
use crate::analysis::{Outcome, SkewOutcome};
use crate::report::svg::{Bar, bars};
use crate::report::wording;
use crate::units::display;

/// Bars of one picture; of more partitions those with most.
const MOST_BARS: usize = 32;

pub(super) fn section(outcome: &Outcome) -> Option<Section> {
    if outcome.skews.is_empty() {
        return None;
    }
    Some(Section {
        id: "skew",
        title: "Skew",
        wide: false,
        intro: vec!["Skew is max ÷ mean; the dashed line is the mean. Asked for: what the scenario's settings should give.".to_owned()],
        figures: outcome.skews.iter().map(|skew| figure(outcome, skew)).collect(),
        tables: Vec::new(),
    })
}

fn figure(outcome: &Outcome, skew: &SkewOutcome) -> Figure {
    let total = skew.records.iter().sum::<u64>().max(1) as f64;
    let share = |records: u64| display::percent(records as f64 / total);
    let mut order: Vec<usize> = (0..skew.records.len()).collect();
    if order.len() > MOST_BARS {
        order.sort_by_key(|index| std::cmp::Reverse(skew.records[*index]));
        order.truncate(MOST_BARS);
    }
    let drawn: Vec<Bar> = order
        .iter()
        .map(|index| {
            let records = skew.records[*index];
            Bar {
                name: index.to_string(),
                value: Some(records as f64),
                text: format!("{} · {}", display::count(records as f64), share(records)),
            }
        })
        .collect();
    let asked = skew.asked.map_or_else(String::new, |asked| format!(", asked for {}", display::significant(asked)));
    let rows = skew
        .records
        .iter()
        .enumerate()
        .map(|(index, records)| vec![index.to_string(), display::grouped(*records), share(*records)])
        .collect();
    let of = match skew.of.split_once(" of ") {
        Some((what, name)) => format!("{what} of {}", wording::vertex(outcome, name)),
        None => skew.of.clone(),
    };
    let title = super::capital(&of);
    Figure {
        note: format!("in {}: {}{asked}", skew.window, display::significant(skew.skew)),
        legend: Vec::new(),
        swatch: false,
        parts: vec![("records".to_owned(), bars(&format!("{}: records of each", skew.of), &drawn))],
        numbers: Table::figures(&["index", "records", "share"], rows),
        title,
    }
}
