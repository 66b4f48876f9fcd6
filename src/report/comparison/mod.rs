//! Sides against each other: each figure with its interval, how it stands, and the charts over each other.

mod v1;

pub use v1::{CellV1, ComparisonV1, DifferenceV1, RowV1, SideV1};

use super::html::parts::{Section, Table};
use super::repeats::overlaid;
use super::sheet::{Check, Sheet};
use super::wording;
use crate::analysis::{Against, Better, Cell, Comparison, Outcome, Row, Standing, Status, Verdict, Weight};
use crate::metric::Unit;
use crate::units::display;

/// What a comparison is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Whether the later side is worse: that would be a failure.
    Regression,
    /// Which setting is better for what.
    Settings,
}

/// What a comparison is a report of.
#[derive(Debug, Clone)]
pub struct Extras<'a> {
    /// What for.
    pub purpose: Purpose,
    /// Its id.
    pub id: String,
    /// A typical run of each side that has its journal, for the pictures.
    pub typical: Vec<(String, &'a Outcome)>,
    /// What must not be missed: what the runs' verdicts were, that runs are missing.
    pub alarms: Vec<String>,
    /// Verdict over the runs themselves, where they were made for this.
    pub verdict: Verdict,
}

/// `worse`, `better`, `same`, …
pub const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Worse => "worse",
        Standing::Better => "better",
        Standing::Same => "same",
        Standing::Different => "different",
        Standing::NotComparable => "not comparable",
        Standing::NoData => "no data",
    }
}

const fn sign(standing: Standing) -> &'static str {
    match standing {
        Standing::Worse => "✗",
        Standing::Better => "✓",
        Standing::Same => "=",
        Standing::Different => "≠",
        Standing::NotComparable | Standing::NoData => "?",
    }
}

/// The report of a comparison.
pub fn sheet(comparison: &Comparison, extras: &Extras<'_>) -> Sheet {
    let standing = comparison.standing();
    let mut sheet = Sheet::new("comparison", &title(comparison), extras.verdict);
    if extras.purpose == Purpose::Regression {
        word(standing).clone_into(&mut sheet.word);
        sheet.status = match standing {
            Standing::Same | Standing::Better | Standing::Different => Status::Met,
            Standing::Worse => Status::Failed,
            Standing::NotComparable | Standing::NoData => Status::NoData,
        };
    } else if extras.verdict == Verdict::Met {
        "compared".clone_into(&mut sheet.word);
    }
    sheet.meta = comparison.sides.iter().map(|side| format!("{}: {}", side.name, runs_in_words(side.runs.len()))).collect();
    sheet.detail = detail(comparison, extras.purpose);
    sheet.sentence = comparison.sentence.clone();
    sheet.alarms = extras.alarms.clone();
    sheet.checks = if extras.purpose == Purpose::Regression { checks(comparison) } else { Vec::new() };
    sheet.tables = vec![rows(comparison, true)];
    sheet.pictures = overlaid(&extras.typical).into_iter().collect();
    sheet.sections = vec![every_figure(comparison), circumstances(comparison)];
    sheet.id = extras.id.clone();
    env!("CARGO_PKG_VERSION").clone_into(&mut sheet.squall);
    sheet
}

fn runs_in_words(runs: usize) -> String {
    match runs {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    }
}

fn title(comparison: &Comparison) -> String {
    let mut names: Vec<&str> = comparison.sides.iter().map(|side| side.scenario.as_str()).collect();
    names.dedup();
    names.join(" and ")
}

fn detail(comparison: &Comparison, purpose: Purpose) -> String {
    let names: Vec<&str> = comparison.sides.iter().map(|side| side.name.as_str()).collect();
    if purpose == Purpose::Settings {
        return names.join(", ");
    }
    let unmeant = comparison.differences.iter().filter(|difference| !difference.accepted).count();
    if unmeant > 0 {
        return format!("{unmeant} circumstances differ; where that is meant, say so with --accept");
    }
    let deciding = comparison.rows.iter().filter(|row| row.weight != Weight::Shown).count();
    format!("{} against {}, by {deciding} figures that decide", names[1..].join(", "), names.first().copied().unwrap_or_default())
}

/// A line for each figure that decides.
fn checks(comparison: &Comparison) -> Vec<Check> {
    let mut checks = Vec::new();
    for row in comparison.rows.iter().filter(|row| row.weight != Weight::Shown) {
        for (side, cell) in comparison.sides.iter().zip(&row.cells) {
            let Some(against) = &cell.against else { continue };
            if against.standing == Standing::NoData && row.weight == Weight::Exact {
                continue;
            }
            let status = match against.standing {
                Standing::Worse => Status::Failed,
                Standing::NoData | Standing::NotComparable => Status::NoData,
                _ => Status::Met,
            };
            let of = if comparison.sides.len() > 2 { format!("{}: ", side.name) } else { String::new() };
            let observed = format!("{}{}", word(against.standing), in_words(row, &row.cells[0], cell, against));
            checks.push(Check { status, text: format!("{of}{} {}", row.of, row.name), observed });
        }
    }
    checks
}

/// `: 17.2 s → 19.9 s (+16 %; counts from 5 % on)`.
fn in_words(row: &Row, first: &Cell, cell: &Cell, against: &Against) -> String {
    if let Some(reason) = &against.reason {
        return format!(": {reason}");
    }
    let noise = noise(row, first, against).map_or(String::new(), |noise| format!("; {noise}"));
    let change = against.change.map_or(String::new(), |change| format!(" ({}{noise})", percent(change)));
    format!(": {} → {}{change}", wording::maybe(first.median, row.unit), wording::maybe(cell.median, row.unit))
}

fn noise(row: &Row, first: &Cell, against: &Against) -> Option<String> {
    let base = first.median.filter(|base| base.abs() > 1e-12 && row.weight == Weight::Decides)?;
    let seen = if against.seen { "" } else { ", noise assumed" };
    Some(format!("counts from {:.0} % on{seen}", against.noise / base.abs() * 100.0))
}

fn percent(change: f64) -> String {
    if change.abs() < 0.0005 { "± 0 %".to_owned() } else { format!("{:+.1} %", change * 100.0) }
}

fn value(cell: &Cell, unit: Unit) -> String {
    match (cell.median, cell.at_least, cell.interval) {
        (Some(middle), _, Some((low, high))) => {
            format!("{} ({} – {})", wording::value(middle, unit), wording::value(low, unit), wording::value(high, unit))
        }
        (Some(middle), _, None) => wording::value(middle, unit),
        (None, Some(watched), _) => format!("> {}", wording::value(watched, unit)),
        (None, None, _) => "–".to_owned(),
    }
}

/// The figures, one a row. On the first screen those that decide, and those that differ.
fn rows(comparison: &Comparison, telling: bool) -> Table {
    let mut head = vec!["figure".to_owned()];
    for (index, side) in comparison.sides.iter().enumerate() {
        head.push(side.name.clone());
        if index > 0 {
            head.push("change".to_owned());
            head.push("stands".to_owned());
        }
    }
    let speaks = |row: &Row| {
        let differs = row
            .cells
            .iter()
            .filter_map(|cell| cell.against.as_ref())
            .any(|against| !matches!(against.standing, Standing::Same | Standing::NoData));
        let nothing = row.cells.iter().all(|cell| cell.median.is_none_or(|median| median == 0.0) && cell.at_least.is_none());
        differs || row.weight == Weight::Decides && !nothing
    };
    let shown = comparison.rows.iter().filter(|row| !telling || speaks(row));
    let cells = |row: &Row| {
        let mut cells = vec![format!("{} {}", row.of, row.name)];
        for cell in &row.cells {
            cells.push(value(cell, row.unit));
            if let Some(against) = &cell.against {
                cells.push(against.change.map_or_else(|| "–".to_owned(), percent));
                cells.push(format!("{} {}", sign(against.standing), word(against.standing)));
            }
        }
        cells
    };
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    Table::figures(&head, shown.map(cells).collect())
        .captioned("Medians, with the 95 % interval where there are three runs or more; the change is that of the medians.")
}

fn every_figure(comparison: &Comparison) -> Section {
    let noise_rows = comparison
        .rows
        .iter()
        .filter(|row| row.better != Better::Neither)
        .filter_map(|row| {
            let against = row.cells.last()?.against.as_ref()?;
            let first = row.cells.first()?;
            let relative = first.median.filter(|base| base.abs() > 1e-12).map(|base| display::percent(against.noise / base.abs()));
            Some(vec![
                format!("{} {}", row.of, row.name),
                relative.unwrap_or_else(|| wording::value(against.noise, row.unit)),
                if against.seen { "seen in the repeats" } else { "assumed: too few repeats" }.to_owned(),
                match row.weight {
                    Weight::Decides => "decides",
                    Weight::Exact => "decides: any increase",
                    Weight::Shown => "shown",
                }
                .to_owned(),
            ])
        })
        .collect();
    Section {
        id: "every-figure",
        title: "Every figure",
        intro: vec![
            "A difference counts when it is larger than the noise: Student's interval over the repeats, shared among the figures that decide so that \
             the same thing compared with itself is called different once in twenty times; at least 5 %, and at least the error of measurement."
                .to_owned(),
        ],
        tables: vec![
            rows(comparison, false),
            Table::words(&["figure", "difference that counts", "noise", ""], noise_rows).captioned("The smallest difference that counts, for the last side."),
        ],
        ..Section::default()
    }
}

fn circumstances(comparison: &Comparison) -> Section {
    let mut head = vec!["what"];
    head.extend(comparison.sides.iter().map(|side| side.name.as_str()));
    let mut names: Vec<&String> = comparison.sides.iter().flat_map(|side| side.circumstances.keys()).collect();
    names.sort();
    names.dedup();
    head.push("");
    let rows = names
        .iter()
        .map(|name| {
            let mut row = vec![(*name).clone()];
            row.extend(comparison.sides.iter().map(|side| side.circumstances.get(*name).cloned().unwrap_or_else(|| "–".to_owned())));
            let difference = comparison.differences.iter().find(|difference| difference.what == **name);
            row.push(difference.map_or("", |difference| if difference.accepted { "differs, as meant" } else { "differs" }).to_owned());
            row
        })
        .collect();
    let runs = comparison.sides.iter().map(|side| vec![side.name.clone(), side.runs.join(", ")]).collect();
    Section {
        id: "circumstances",
        title: "What was compared",
        intro: vec!["Figures are comparable where all of this is the same, or the difference is meant.".to_owned()],
        tables: vec![Table::words(&head, rows), Table::words(&["side", "runs"], runs)],
        ..Section::default()
    }
}

/// The comparison as `report.json`.
///
/// # Errors
/// None in practice.
pub fn json(comparison: &Comparison, id: &str) -> Result<String, serde_json::Error> {
    super::json::write(&ComparisonV1::of(comparison, id))
}

/// The JSON Schema (draft-07) of a comparison's `report.json`.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<ComparisonV1>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::analysis::{Side, SideFigure, spreads};
    use crate::report::sample;
    use crate::report::terminal::Look;

    fn side(name: &str, outcomes: &[&Outcome]) -> Side {
        Side {
            name: name.to_owned(),
            scenario: outcomes[0].scenario.clone(),
            runs: outcomes.iter().map(|outcome| outcome.run.clone()).collect(),
            circumstances: [("parallelism".to_owned(), "2".to_owned())].into(),
            figures: spreads(outcomes).iter().map(SideFigure::from).collect(),
        }
    }

    #[test]
    fn a_regression_is_plain_in_every_format() {
        let before = sample::kill();
        let mut after = sample::kill();
        if let crate::analysis::Recovery::Recovered { time } = &mut after.faults[0].recovery {
            time.value *= 3.0;
        }
        let comparison = Comparison::of(vec![side("A", &[&before]), side("B", &[&after])], &[]);
        let extras = Extras {
            purpose: Purpose::Regression,
            id: "x".to_owned(),
            typical: vec![("A".to_owned(), &before), ("B".to_owned(), &after)],
            alarms: Vec::new(),
            verdict: Verdict::Met,
        };
        let sheet = sheet(&comparison, &extras);
        let text =
            anstream::adapter::strip_str(&super::super::sheet::terminal(&sheet, None, &Look { columns: 110, ascii: false })).to_string();
        assert!(text.contains("✗ lose-one recovery-time") && text.contains("+200.0 %"), "{text}");
        assert!(text.trim_end().lines().last().unwrap().starts_with("worse: B against A"), "{text}");
        let html = super::super::sheet::html(&sheet).unwrap();
        assert!(html.contains("aligned at the fault") && html.contains("noise assumed"));
        let junit = super::super::sheet::junit(&sheet).unwrap();
        assert!(junit.contains(r#"failures="1""#), "{junit}");
        let json: serde_json::Value = serde_json::from_str(&json(&comparison, "x").unwrap()).unwrap();
        assert_eq!(json["standing"], "worse");
        assert_eq!(json["rows"][0]["cells"][1]["standing"], "worse");
    }
}
