//! A series of repeats: each figure with its spread, the expectations over repeats, every run's verdict.

mod v1;

pub use v1::{ObservedV1, RepeatedRunV1, RepeatsV1, SpreadV1};

use super::html::parts::{Figure, Section, Table, highest, legend};
use super::sheet::{Check, Sheet};
use super::svg::{Bar, Frame, Line, Panel, Scale, Shade, bars, style};
use super::wording;
use crate::analysis::{Moment, Observed, Outcome, Repeats, Spread, Status, Verdict, Weight};
use crate::journal::Of;
use crate::metric::{Metric, Unit};

/// Seconds shown before and after the fault where runs lie over each other.
const BEFORE: f64 = 30.0;

/// The report of a series; `outcomes` are its runs, for the pictures.
pub fn sheet(repeats: &Repeats, outcomes: &[&Outcome]) -> Sheet {
    let asked = &repeats.asked;
    Sheet {
        about: repeats.about.clone(),
        meta: vec![format!("{} of {} runs", repeats.runs.len(), asked.repeats), repeats.cluster.clone(), format!("seed {}", asked.seed)],
        detail: detail(repeats),
        sentence: repeats.sentence.clone(),
        reasons: if repeats.verdict == Verdict::Met { Vec::new() } else { repeats.reasons.clone() },
        checks: repeats.expectations.iter().map(Check::from).collect(),
        pictures: pictures(repeats, outcomes),
        tables: vec![spreads(&repeats.spreads, true), runs(repeats)],
        sections: vec![all_figures(repeats)],
        id: asked.series.clone(),
        squall: repeats.squall.clone(),
        ..Sheet::new("repeats", &repeats.scenario, repeats.verdict)
    }
}

fn detail(repeats: &Repeats) -> String {
    let met = repeats.runs.iter().filter(|run| run.verdict == Verdict::Met).count();
    let all = repeats.runs.len();
    let over = &repeats.expectations[..repeats.asked.over.len().min(repeats.expectations.len())];
    let over_met = over.iter().filter(|expectation| expectation.status == Status::Met).count();
    let mut text = format!("{met} of {all} runs met");
    if !over.is_empty() {
        text.push_str(&format!(", {over_met} of {} expectations over the repeats", over.len()));
    }
    match (repeats.asked.repeats as usize).saturating_sub(all) {
        0 => {}
        1 => text.push_str("; 1 run was not made"),
        missing => text.push_str(&format!("; {missing} runs were not made")),
    }
    text
}

/// The figures with their spread; on the first screen only those by which runs are compared.
fn spreads(spreads: &[Spread], telling: bool) -> Table {
    let speaks = |spread: &Spread| match spread.weight {
        Weight::Decides => spread.observed.iter().any(|observed| !matches!(observed, Observed::NoData(_))),
        Weight::Exact => spread.max != Some(0.0),
        Weight::Shown => false,
    };
    let rows = spreads
        .iter()
        .filter(|spread| !telling || speaks(spread))
        .map(|spread| {
            let noisy = if spread.noisy { " noisy" } else { "" };
            vec![
                format!("{} {}", spread.of, spread.name),
                wording::maybe(spread.median, spread.unit),
                spread.interval.map_or_else(|| "–".to_owned(), |(low, high)| range(low, high, spread.unit)),
                match (spread.min, spread.max, longest(spread)) {
                    (Some(low), Some(high), _) => range(low, high, spread.unit),
                    (Some(low), None, Some(watched)) => {
                        format!("{} to > {}", wording::value(low, spread.unit), wording::value(watched, spread.unit))
                    }
                    (None, _, Some(watched)) => format!("> {}", wording::value(watched, spread.unit)),
                    _ => "–".to_owned(),
                },
                spread.variation.map_or_else(|| "–".to_owned(), |variation| format!("{:.0} %{noisy}", variation * 100.0)),
                format!("{} of {}", spread.values().len(), spread.observed.len()),
            ]
        })
        .collect();
    Table::figures(&["figure", "median", "95 % interval", "range", "variation", "runs"], rows)
        .captioned("The interval is of the median, by resampling. Noisy: standard deviation ÷ mean above 5 %.")
}

/// `14.0–15.9 s`, `801 ms – 1.20 s`.
fn range(low: f64, high: f64, unit: Unit) -> String {
    let (low, high) = (wording::value(low, unit), wording::value(high, unit));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, a)), Some((_, b))) if a == b => format!("{number}–{high}"),
        (None, None) => format!("{low}–{high}"),
        _ => format!("{low} – {high}"),
    }
}

/// The longest that was watched in vain.
fn longest(spread: &Spread) -> Option<f64> {
    spread
        .observed
        .iter()
        .filter_map(|observed| if let Observed::AtLeast(watched) = observed { Some(*watched) } else { None })
        .max_by(f64::total_cmp)
}

fn runs(repeats: &Repeats) -> Table {
    let recovery: Vec<&Spread> = repeats.spreads.iter().filter(|spread| spread.name == Metric::RecoveryTime.name()).collect();
    let mut head = vec!["run", "seed", "verdict"];
    let names: Vec<String> = recovery.iter().map(|spread| format!("{} {}", spread.of, spread.name)).collect();
    head.extend(names.iter().map(String::as_str));
    head.push("why");
    let rows = repeats
        .runs
        .iter()
        .enumerate()
        .map(|(index, run)| {
            let mut row = vec![run.run.clone(), run.seed.to_string(), run.verdict.word().to_owned()];
            row.extend(recovery.iter().map(|spread| observed(&spread.observed[index], spread.unit)));
            let unknown = || {
                recovery.iter().find_map(|spread| match &spread.observed[index] {
                    Observed::NoData(why) => Some(why.clone()),
                    Observed::Value(_) | Observed::AtLeast(_) => None,
                })
            };
            row.push(if run.reason.is_empty() { unknown().unwrap_or_default() } else { run.reason.clone() });
            row
        })
        .collect();
    Table::words(&head, rows)
}

/// What a run says of a figure.
pub(super) fn observed(observed: &Observed, unit: Unit) -> String {
    match observed {
        Observed::Value(figure) => crate::analysis::in_words(*figure, unit),
        Observed::AtLeast(watched) => format!("> {}", wording::value(*watched, unit)),
        Observed::NoData(_) => "no data".to_owned(),
    }
}

fn all_figures(repeats: &Repeats) -> Section {
    let mut head = vec!["figure".to_owned()];
    head.extend((1..=repeats.runs.len()).map(|run| format!("run {run}")));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows = repeats
        .spreads
        .iter()
        .map(|spread| {
            let mut row = vec![format!("{} {}", spread.of, spread.name)];
            row.extend(spread.observed.iter().map(|seen| observed(seen, spread.unit)));
            row
        })
        .collect();
    Section {
        id: "every-run",
        title: "Every run",
        intro: vec!["Each run has a report of its own, in the folder beside this one that bears its name.".to_owned()],
        tables: vec![Table::figures(&head, rows), spreads(&repeats.spreads, false)],
        ..Section::default()
    }
}

fn pictures(repeats: &Repeats, outcomes: &[&Outcome]) -> Vec<Figure> {
    let mut pictures = Vec::new();
    for spread in repeats.spreads.iter().filter(|spread| spread.name == Metric::RecoveryTime.name()) {
        pictures.push(per_run(spread));
    }
    let named: Vec<(String, &Outcome)> =
        outcomes.iter().enumerate().map(|(index, outcome)| (format!("run {}", index + 1), *outcome)).collect();
    pictures.extend(overlaid(&named));
    pictures
}

fn length(seen: &Observed) -> Option<f64> {
    match seen {
        Observed::Value(figure) => Some(figure.value),
        Observed::AtLeast(watched) => Some(*watched),
        Observed::NoData(_) => None,
    }
}

/// A bar a run.
fn per_run(spread: &Spread) -> Figure {
    let drawn: Vec<Bar> = spread
        .observed
        .iter()
        .enumerate()
        .map(|(index, seen)| Bar { name: format!("run {}", index + 1), value: length(seen), text: observed(seen, spread.unit) })
        .collect();
    let rows = drawn.iter().map(|bar| vec![bar.name.clone(), bar.text.clone()]).collect();
    Figure {
        title: format!("{} of {}, run by run", capital(&spread.name.replace('-', " ")), spread.of),
        note: "The dashed line is the mean.".to_owned(),
        parts: vec![(String::new(), bars(&spread.name, &drawn))],
        numbers: Table::figures(&["run", &spread.name], rows),
        ..Figure::default()
    }
}

fn capital(text: &str) -> String {
    super::html::capital(text)
}

/// Runs over each other, aligned at their first fault: what came out, and what had not come out yet.
pub(super) fn overlaid(named: &[(String, &Outcome)]) -> Option<Figure> {
    let zero = |outcome: &Outcome| match outcome.faults.first().map(|fault| &fault.timeline.t0_effective) {
        Some(Moment::Seen { at, .. }) => Some(*at),
        _ => None,
    };
    // Without a fault the beginning is what they share.
    let aligned = named.iter().all(|(_, outcome)| zero(outcome).is_some());
    let origin = |outcome: &Outcome| if aligned { zero(outcome).unwrap_or(0.0) } else { 0.0 };
    let end = named.iter().map(|(_, outcome)| outcome.traffic_end.unwrap_or(outcome.end) - origin(outcome)).fold(1.0, f64::max);
    let start = named.iter().map(|(_, outcome)| -origin(outcome)).fold(0.0, f64::min);
    let shades = if aligned {
        let fault = named.first().and_then(|(_, outcome)| outcome.faults.first()).map(|fault| wording::fault_name(&fault.fault));
        vec![Shade { name: fault.unwrap_or_default(), from: 0.0, to: 0.0, back: 0.0, gap: false }]
    } else {
        Vec::new()
    };
    let from = if aligned { start.max(-BEFORE) } else { 0.0 };
    let frame = Frame { from, to: end, shades };
    let lines = |metric: Metric| -> Vec<Line> {
        named
            .iter()
            .take(super::html::parts::MOST_LINES)
            .enumerate()
            .filter_map(|(index, (name, outcome))| {
                let series = outcome.series.iter().find(|series| series.metric == metric && series.of == Of::Run)?;
                let points =
                    smoothed(metric, outcome, &series.points).into_iter().map(|(at, value)| (at - origin(outcome), value)).collect();
                Some(Line { name: name.clone(), class: style(index), filled: false, stepped: false, points })
            })
            .collect()
    };
    let (output, lag) = (lines(Metric::Output), lines(Metric::OutputLag));
    if output.is_empty() && lag.is_empty() {
        return None;
    }
    let panel = |title: &str, unit, lines: &[Line], height, names, labels| {
        let scale = Scale::linear(highest(lines));
        Panel { title, frame: &frame, unit, scale, lines: lines.to_vec(), marks: Vec::new(), height, names, labels }.draw()
    };
    let columns: Vec<(&Line, Unit)> = lag.iter().map(|line| (line, Unit::Records)).collect();
    Some(Figure {
        title: if aligned { "All runs, aligned at the fault".to_owned() } else { "All runs".to_owned() },
        note: if aligned { "0:00 is the moment at which the first fault took effect.".to_owned() } else { String::new() },
        legend: legend(&lag),
        parts: vec![
            ("records per second that came out".to_owned(), panel("output", Unit::PerSecond, &output, 150.0, aligned, false)),
            (
                "output lag: records acknowledged, not yet visible in the sink".to_owned(),
                panel("output lag", Unit::Records, &lag, 150.0, false, true),
            ),
        ],
        numbers: super::html::parts::numbers(&frame, &columns),
        ..Figure::default()
    })
}

/// Output of commits spread over the time since the last one, as in the runs' own reports.
fn smoothed(metric: Metric, outcome: &Outcome, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    match super::html::rhythm::Rhythm::of(outcome).filter(|_| metric == Metric::Output) {
        Some(rhythm) => rhythm.spread(points),
        None => points.to_vec(),
    }
}

/// The series as `report.json`.
///
/// # Errors
/// None in practice.
pub fn json(repeats: &Repeats) -> Result<String, serde_json::Error> {
    super::json::write(&RepeatsV1::from(repeats))
}

/// The JSON Schema (draft-07) of a series' `report.json`.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<RepeatsV1>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::analysis::RepeatsAsked;
    use crate::report::html::tests::drawn;
    use crate::report::sample;
    use crate::report::terminal::Look;

    fn series() -> (Repeats, Vec<Outcome>) {
        let outcomes: Vec<Outcome> = (0..3)
            .map(|index| {
                let mut outcome = sample::kill();
                outcome.run = format!("run-{index}");
                if let crate::analysis::Recovery::Recovered { time } = &mut outcome.faults[0].recovery {
                    time.value += f64::from(index);
                }
                outcome
            })
            .collect();
        let refs: Vec<&Outcome> = outcomes.iter().collect();
        let asked = RepeatsAsked {
            series: "series-1".to_owned(),
            repeats: 4,
            seed: 42,
            over: Vec::new(),
            ended: Some((Verdict::Interrupted, "interrupted by SIGINT".to_owned())),
        };
        (Repeats::of(asked, &refs), outcomes.clone())
    }

    #[test]
    fn every_format_says_what_was_done() {
        let (repeats, outcomes) = series();
        let refs: Vec<&Outcome> = outcomes.iter().collect();
        let sheet = sheet(&repeats, &refs);
        assert_eq!(repeats.verdict, Verdict::Interrupted);
        let text = anstream::adapter::strip_str(&super::super::sheet::terminal(
            &sheet,
            Some("x/report.html"),
            &Look { columns: 120, ascii: false },
        ))
        .to_string();
        assert!(text.contains("lose-one recovery-time") && text.contains("18.2 s"), "{text}");
        assert!(text.ends_with("interrupted: 0 of 3 runs met; 1 run was not made\nreport: x/report.html\n"), "{text}");
        let html = super::super::sheet::html(&sheet).unwrap();
        assert!(html.contains("aligned at the fault") && !drawn(&html).contains("NaN"));
        assert!(super::super::sheet::markdown(&sheet).starts_with("## ✗ taskmanager-loss – repeats: interrupted\n"));
        assert!(super::super::sheet::junit(&sheet).unwrap().contains("repeats as a whole"));
        let json: serde_json::Value = serde_json::from_str(&json(&repeats).unwrap()).unwrap();
        assert_eq!((json["schema"].as_u64(), json["verdict"].as_str()), (Some(1), Some("interrupted")));
        assert_eq!(json["figures"][0]["median"], 18.2);
    }

    #[test]
    fn every_width_fits() {
        let (repeats, outcomes) = series();
        let refs: Vec<&Outcome> = outcomes.iter().collect();
        for columns in [50, 80, 140] {
            let text = super::super::sheet::terminal(&sheet(&repeats, &refs), None, &Look { columns, ascii: true });
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(text.is_ascii());
            for line in text.lines().filter(|line| !line.starts_with("interrupted: ")) {
                assert!(line.len() <= columns, "{} > {columns}: {line}", line.len());
            }
        }
    }
}
