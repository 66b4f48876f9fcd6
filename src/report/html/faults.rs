//! Each fault: how it went, its phases, its moments, its evidence.

use askama::Template;

use super::overview::moment;
use super::parts::{Figure, Table, highest, legend, numbers, whole};
use crate::action::Strength;
use crate::analysis::{FaultOutcome, Moment, Outcome, Recovery};
use crate::metric::{Metric, Unit};
use crate::report::svg::{Frame, Line, Mark, Panel, Scale, phases};
use crate::report::wording;
use crate::units::display;

/// Faults that have a picture of their own; of a soak's hundreds those that went worst.
const MOST_PICTURES: usize = 24;

/// T0 to T9: name, meaning.
const MOMENTS: [(&str, &str); 10] = [
    ("T0", "fault effective"),
    ("T1", "last visible output before the gap"),
    ("T2", "first task left RUNNING"),
    ("T3", "slots back"),
    ("T4", "all subtasks RUNNING"),
    ("T5", "first visible output again"),
    ("T6", "first new record visible"),
    ("T7", "first checkpoint completed"),
    ("T8", "output lag back in its band"),
    ("T9", "latency back in its band"),
];

/// A fault as the page shows it.
#[derive(Debug, Template)]
#[template(path = "fault.html")]
pub(super) struct Fault {
    pub anchor: String,
    pub name: String,
    pub kind: String,
    pub target: String,
    pub at: String,
    pub how: String,
    pub class: &'static str,
    pub figures: Vec<(&'static str, String, String)>,
    pub bar: String,
    pub phases: Vec<(String, String, String)>,
    pub zoom: Option<Figure>,
    pub moments: Table,
    pub evidence: Vec<String>,
    pub shares: Table,
}

/// All faults, in the order in which they fired.
pub(super) fn all(outcome: &Outcome, frame: &Frame) -> Vec<Fault> {
    let mut worst: Vec<usize> = (0..outcome.faults.len()).collect();
    worst.sort_by(|a, b| badness(&outcome.faults[*b]).total_cmp(&badness(&outcome.faults[*a])));
    worst.truncate(MOST_PICTURES);
    outcome.faults.iter().enumerate().map(|(index, fault)| one(outcome, frame, fault, index, worst.contains(&index))).collect()
}

fn badness(fault: &FaultOutcome) -> f64 {
    match &fault.recovery {
        Recovery::Recovered { time } => time.value,
        Recovery::RodeThrough => 0.0,
        Recovery::NotRecovered { .. } | Recovery::Censored { .. } => f64::INFINITY,
        Recovery::Inconclusive { .. } => -1.0,
    }
}

fn one(outcome: &Outcome, frame: &Frame, fault: &FaultOutcome, index: usize, picture: bool) -> Fault {
    let parts: Vec<(String, String, f64, String)> = fault
        .phases
        .iter()
        .map(|phase| {
            (phase.name.clone(), phase_class(&phase.name).to_owned(), phase.to - phase.from, display::seconds(phase.to - phase.from))
        })
        .collect();
    Fault {
        anchor: format!("fault-{}", index + 1),
        name: wording::fault_name(&fault.fault),
        kind: fault.kind.clone(),
        target: fault.target.clone(),
        at: display::clock(moment(&fault.timeline.t0_effective).unwrap_or(fault.planned)),
        how: super::capital(&wording::recovery(fault)),
        class: match &fault.recovery {
            Recovery::Recovered { .. } | Recovery::RodeThrough => "met",
            Recovery::NotRecovered { .. } => "failed",
            Recovery::Censored { .. } | Recovery::Inconclusive { .. } => "inconclusive",
        },
        figures: key_figures(fault),
        bar: phases(&format!("phases of the recovery from {}", fault.fault.name), &parts),
        phases: parts.iter().map(|(name, class, _, text)| (name.clone(), class.clone(), text.clone())).collect(),
        zoom: picture.then(|| zoom(outcome, frame, fault)).flatten(),
        moments: moments(outcome, fault),
        evidence: evidence(fault).iter().map(|line| wording::plain_name(outcome, line)).collect(),
        shares: shares(fault),
    }
}

fn phase_class(name: &str) -> &'static str {
    match name {
        "detection" => "p1",
        "scheduling" => "p2",
        "restore" => "p3",
        "first output" => "p4",
        _ => "p5",
    }
}

fn key_figures(fault: &FaultOutcome) -> Vec<(&'static str, String, String)> {
    let mut figures = Vec::new();
    let error =
        |error: Option<f64>| error.filter(|error| *error > 0.0).map_or_else(String::new, |error| format!("± {}", display::seconds(error)));
    if let Recovery::Recovered { time } = &fault.recovery {
        let from = if fault.held { "from its removal" } else { "from T0" };
        figures.push(("recovery time", display::seconds(time.value), format!("{} {from}", error(time.error)).trim().to_owned()));
    }
    if let Some(outage) = fault.outage {
        figures.push(("output stopped for", display::seconds(outage.value), error(outage.error)));
    }
    if let Some((lag, at)) = fault.max_output_lag {
        figures.push(("highest output lag", display::count(lag), format!("at {}", display::clock(at))));
    }
    if let Some(rate) = fault.catch_up_rate {
        figures.push(("lag fell by", display::rate(rate), String::new()));
    }
    if let Some(replayed) = fault.replayed {
        figures.push((
            "records read again",
            format!("≤ {}", display::grouped(replayed.at_most)),
            format!("≥ {}", display::grouped(replayed.at_least)),
        ));
    }
    if let Some(age) = fault.checkpoint_age {
        figures.push(("newest checkpoint", display::seconds(age), "old at T0".to_owned()));
    }
    figures.push(("restarts", fault.restarts.to_string(), String::new()));
    figures
}

fn timeline(fault: &FaultOutcome) -> [&Moment; 10] {
    let t = &fault.timeline;
    [
        &t.t0_effective,
        &t.t1_last_output,
        &t.t2_departed_running,
        &t.t3_slots_back,
        &t.t4_all_running,
        &t.t5_first_output,
        &t.t6_first_new_output,
        &t.t7_first_checkpoint,
        &t.t8_lag_back,
        &t.t9_latency_back,
    ]
}

/// Output and lag around the fault, with its moments.
fn zoom(outcome: &Outcome, frame: &Frame, fault: &FaultOutcome) -> Option<Figure> {
    let seen: Vec<f64> = timeline(fault).into_iter().filter_map(moment).collect();
    let from = seen.iter().copied().fold(f64::INFINITY, f64::min);
    let to = seen.iter().copied().fold(fault.removed.unwrap_or(f64::NEG_INFINITY), f64::max);
    if !from.is_finite() || !to.is_finite() {
        return None;
    }
    let margin = (0.2 * (to - from)).max(4.0);
    let zoomed = frame.zoomed((from - margin).max(frame.from), (to + margin).min(frame.to));
    let line = |metric, name: &str, class: &str, filled| {
        let near = |point: &&(f64, f64)| point.0 >= zoomed.from && point.0 <= zoomed.to;
        let points = whole(outcome, metric).into_iter().flat_map(|series| &series.points).filter(near).copied().collect();
        Line { name: name.to_owned(), class: class.to_owned(), filled, stepped: false, points }
    };
    let rates = vec![line(Metric::Output, "output", "c1 solid", true), line(Metric::Input, "input", "c2", false)];
    let lag = vec![line(Metric::OutputLag, "output lag", "c3 solid", true)];
    let marks: Vec<Mark> = timeline(fault)
        .into_iter()
        .zip(MOMENTS)
        .filter_map(|(seen, (label, meaning))| {
            let at = moment(seen)?;
            Some(Mark { label: label.to_owned(), title: format!("{label}: {meaning}"), at })
        })
        .collect();
    let legend = legend(&rates);
    let panel = |title, unit, lines: &[Line], marks: &[Mark], height, labels| {
        let scale = Scale::linear(highest(lines));
        let marks = marks.to_vec();
        Panel { title, frame: &zoomed, unit, scale, lines: lines.to_vec(), marks, height, names: false, labels }.draw()
    };
    let parts = vec![
        ("records per second".to_owned(), panel("output around the fault", Unit::PerSecond, &rates, &marks, 130.0, false)),
        ("output lag".to_owned(), panel("output lag around the fault", Unit::Records, &lag, &[], 90.0, true)),
    ];
    let table = numbers(&zoomed, &[(&rates[1], Unit::PerSecond), (&rates[0], Unit::PerSecond), (&lag[0], Unit::Records)]);
    let title = format!("Around {}", wording::fault_name(&fault.fault));
    Some(Figure { title, note: String::new(), legend, swatch: false, parts, numbers: table })
}

fn moments(outcome: &Outcome, fault: &FaultOutcome) -> Table {
    let zero = moment(&fault.timeline.t0_effective);
    let rows = timeline(fault)
        .into_iter()
        .zip(MOMENTS)
        .map(|(seen, (name, meaning))| {
            let mut row = vec![name.to_owned(), meaning.to_owned()];
            match seen {
                Moment::Seen { at, error, source } => row.extend([
                    precise(*at),
                    zero.map_or_else(|| "–".to_owned(), |zero| since(at - zero)),
                    format!("± {}", display::seconds(*error)),
                    place(outcome, source),
                ]),
                Moment::NotSeen { reason } => {
                    row.extend(["not seen".to_owned(), "–".to_owned(), "–".to_owned(), reason.clone()]);
                }
            }
            row
        })
        .collect();
    Table::words(&["", "moment", "at", "since T0", "error", "read from, or why not seen"], rows)
}

/// Where a moment was read; a vertex in it by its short name.
fn place(outcome: &Outcome, source: &str) -> String {
    match source.split_once(" of ") {
        Some((what, vertex)) => format!("{what} of {}", wording::vertex(outcome, vertex)),
        None => wording::plain_name(outcome, source),
    }
}

/// `0:47.11`: a moment to the hundredth.
fn precise(at: f64) -> String {
    let hundredths = (at * 100.0).round() as i64;
    format!("{}.{:02}", display::clock(hundredths.div_euclid(100) as f64), hundredths.rem_euclid(100))
}

fn since(seconds: f64) -> String {
    if seconds < 0.0 { format!("− {}", display::seconds(-seconds)) } else { display::seconds(seconds) }
}

fn evidence(fault: &FaultOutcome) -> Vec<String> {
    let mut lines = Vec::new();
    let acted = if fault.acted { "The fault acted" } else { "The fault did not act" };
    lines.push(match fault.witness {
        Some(Strength::Strong) => format!("{acted}; the witness saw it by another way than the deed went."),
        Some(Strength::Weak) => format!("{acted}; the only witness is the answer of whoever did it."),
        None => format!("{acted}; nobody looked."),
    });
    for deed in &fault.deeds {
        let error = deed.error.as_ref().map_or_else(String::new, |error| format!(", failed: {error}"));
        let seen = deed.testimony.as_ref().map_or_else(|| "no witness".to_owned(), |testimony| testimony.what.clone());
        lines.push(format!("Done: {}{error}. Seen: {seen}.", deed.what));
        if let Some(undone) = &deed.undone {
            let at = undone.at.map_or_else(String::new, |at| format!(" at {}", display::clock(at)));
            let word = if undone.restored { "Taken back" } else { "Not read back as restored" };
            lines.push(format!("{word}{at}: {}.", undone.what));
        }
    }
    if fault.acted && fault.disturbed.is_empty() {
        lines.push("Nothing left its band.".to_owned());
    }
    lines.extend(fault.disturbed.iter().map(|what| format!("Disturbed: {what}.")));
    lines.extend(fault.notes.iter().cloned());
    lines
}

fn shares(fault: &FaultOutcome) -> Table {
    let rows = fault
        .achieved
        .iter()
        .map(|(of, asked, achieved)| vec![of.clone(), display::percent(*asked), display::percent(*achieved)])
        .collect();
    Table::figures(&["share of", "asked for", "achieved"], rows)
}

/// The faults of a long run at a glance.
pub(super) fn table(outcome: &Outcome) -> Table {
    let rows = outcome
        .faults
        .iter()
        .map(|fault| {
            vec![
                wording::fault_name(&fault.fault),
                display::clock(fault.planned),
                fault.kind.clone(),
                wording::recovery(fault),
                fault.outage.map_or_else(|| "–".to_owned(), |outage| display::seconds_with_error(outage.value, outage.error)),
                wording::maybe(fault.max_output_lag.map(|(lag, _)| lag), Unit::Records),
                fault.restarts.to_string(),
            ]
        })
        .collect();
    Table::words(&["fault", "at", "kind", "how it went", "outage", "output lag max", "restarts"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn moments_are_seen_or_say_why_not() {
        let outcome = sample::kill();
        let table = moments(&outcome, &outcome.faults[0]);
        assert_eq!(table.rows.len(), 10);
        assert_eq!(table.rows[2][2..5], ["0:47.11", "2.08 s", "± 1.00 ms"]);
        assert_eq!(table.rows[1][3], "− 830 ms");
        assert_eq!(table.rows[9][2], "not seen");
        assert_eq!(table.rows[9][5], "no baseline: latency has a trend");
    }
}
