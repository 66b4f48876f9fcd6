//! The tables: settings, everything that was tried, the model beside what was measured, what follows.

use super::{edge, maybe};
use crate::analysis::Sustained;
use crate::analysis::capacity::{Advice, Capacity, Leg, Purpose, RecoveryModel};
use crate::metric::Unit;
use crate::report::html::parts::Table;
use crate::units::display;

/// One row a setting.
pub(super) fn legs(capacity: &Capacity) -> Table {
    let objective = capacity.asked.objective.is_some();
    let mut head = vec!["setting", "sustained", "above it fails", "saturated, it served"];
    if objective {
        head.extend(["recovers in time", "above it fails"]);
    }
    let rows = capacity
        .legs
        .iter()
        .map(|leg| {
            let (sustained, recovered) = (leg.sustainable(), leg.recoverable());
            let why = |edge: &crate::analysis::capacity::Edge| edge.fail.as_ref().map_or_else(|| "–".to_owned(), |(_, why)| why.clone());
            let mut row = vec![leg.label(), edge(&sustained), why(&sustained), maybe(leg.saturated, Unit::PerSecond)];
            if objective {
                row.extend([edge(&recovered), why(&recovered)]);
            }
            row
        })
        .collect();
    Table::words(&head, rows).captioned("Each from the highest rate that passed to the lowest that failed.")
}

/// Lines of advice.
pub(super) fn advice(lines: &[Advice], caption: String) -> Table {
    let rows = lines
        .iter()
        .map(|line| {
            let mark = if line.extrapolated { " (extrapolated)" } else { "" };
            vec![line.what.clone(), format!("{}{mark}", line.value), line.evidence.clone()]
        })
        .collect();
    Table::words(&["", "", "evidence"], rows).captioned(caption)
}

/// Everything that was tried with a setting.
pub(super) fn probes(leg: &Leg) -> Table {
    let head = ["at", "rate", "why", "length", "served", "lag slope", "p99 latency", "checkpoints ok/bad", "busiest", "result"];
    let rows = leg
        .probes
        .iter()
        .map(|probe| {
            let hold = &probe.hold;
            let why = match probe.purpose {
                Purpose::Grow => "look",
                Purpose::Narrow => "hold",
                Purpose::Confirm => "hold again",
                Purpose::Recover => "fault",
            };
            let result = match (&probe.recovery, &probe.sustained) {
                (Some(recovery), _) => {
                    let met = match recovery.met {
                        Some(true) => "✓",
                        Some(false) => "✗",
                        None => "?",
                    };
                    format!("{met} {}", recovery.how)
                }
                (None, Sustained::Yes) => "✓".to_owned(),
                (None, Sustained::No(why)) => format!("✗ {}", why.join("; ")),
                (None, Sustained::Unclear(why)) => format!("? {why}"),
            };
            vec![
                display::clock(probe.at),
                display::rate(probe.rate),
                why.to_owned(),
                display::seconds(hold.seconds),
                maybe(hold.served, Unit::PerSecond),
                hold.slope.map_or_else(|| "–".to_owned(), |(slope, low, high)| format!("{slope:+.1}/s ({low:+.1} to {high:+.1})")),
                maybe(hold.latency.map(|(_, p99)| p99), Unit::Seconds),
                format!("{}/{}", hold.checkpoints, hold.failed_checkpoints),
                hold.busiest.as_ref().map_or_else(|| "–".to_owned(), |(_, busy)| display::percent(*busy)),
                result,
            ]
        })
        .collect();
    let runs = if leg.runs.is_empty() { String::new() } else { format!(", in {}", leg.runs.join(", ")) };
    Table::words(&head, rows).captioned(format!("{}{runs}", leg.label()))
}

/// The model's parameters, and what it says of each load from the others.
pub(super) fn model(leg: &Leg) -> Vec<Table> {
    let Some(model) = leg.model() else { return Vec::new() };
    let parameters = vec![
        vec!["D, processing resumes after".to_owned(), display::seconds(model.resumed), format!("median of {} faults", model.points)],
        vec![
            "a, age of the last checkpoint".to_owned(),
            display::seconds(model.checkpoint_age),
            format!("median of {} faults", model.points),
        ],
        vec!["μ, served while it catches up".to_owned(), display::rate(model.catch_up), "fitted".to_owned()],
        vec![
            "w, wait for the commit".to_owned(),
            format!("{:+.1} s", model.wait),
            if model.points >= 3 { "fitted" } else { "left out: fewer than three faults" }.to_owned(),
        ],
    ];
    let predictions = RecoveryModel::predictions(&leg.points());
    let rows = predictions
        .iter()
        .map(|prediction| {
            vec![
                display::rate(prediction.rate),
                display::seconds(prediction.measured),
                prediction.predicted.map_or_else(|| "–".to_owned(), display::seconds),
                prediction.residual().map_or_else(|| "–".to_owned(), |residual| format!("{:+.0} %", residual * 100.0)),
            ]
        })
        .collect();
    vec![
        Table::words(&["model of the recovery time", "", ""], parameters),
        Table::figures(&["load", "measured", "predicted from the other loads", "residual"], rows),
    ]
}

/// The law's parameters, or why there are none.
pub(super) fn scaling(capacity: &Capacity) -> Table {
    let scaling = capacity.scaling();
    match &scaling.fit {
        Ok(fit) => {
            let row = |name: &str, (value, low, high): (f64, f64, f64), unit: &str| {
                vec![name.to_owned(), format!("{value:.4}{unit}"), format!("{low:.4} to {high:.4}")]
            };
            let mut rows = vec![
                row("λ, one subtask alone", fit.single, " /s"),
                row("σ, contention", fit.contention, ""),
                row("κ, coherence", fit.coherence, ""),
            ];
            let peak = fit.peak().map_or_else(|| "nothing shows one".to_owned(), |peak| format!("parallelism {peak:.0}"));
            rows.push(vec!["peak".to_owned(), peak, String::new()]);
            Table::words(&["Universal Scalability Law", "value", "95 % interval"], rows)
        }
        Err(why) if scaling.points.len() > 1 => {
            let rows = scaling
                .points
                .iter()
                .map(|(n, pass, fail)| vec![n.to_string(), display::rate(*pass), maybe(*fail, Unit::PerSecond)])
                .collect();
            Table::figures(&["parallelism", "highest that passed", "lowest that failed"], rows)
                .captioned(format!("No scalability law is fitted: {why}."))
        }
        Err(_) => Table::default(),
    }
}
