//! The first picture: input, output and lag over time, the job's states, the faults; and the windows as a table.

use super::parts::{Figure, Table, legend, numbers, whole};
use super::rhythm::Rhythm;
use crate::analysis::{Moment, Outcome};
use crate::metric::{Metric, Unit};
use crate::report::svg::{Frame, Lane, Line, Panel, Scale, Shade, lane};
use crate::report::wording;
use crate::units::display;

/// The time axis of the page.
pub(super) fn frame(outcome: &Outcome) -> Frame {
    let mut shades: Vec<Shade> = outcome
        .faults
        .iter()
        .filter(|fault| fault.acted)
        .map(|fault| {
            let from = moment(&fault.timeline.t0_effective).unwrap_or(fault.planned);
            let running = moment(&fault.timeline.t4_all_running);
            let to = if fault.held { fault.removed } else { running.or(fault.removed) }.unwrap_or(from).max(from);
            let back = fault.phases.last().map_or(to, |phase| phase.to).max(to);
            Shade { name: wording::fault_name(&fault.fault), from, to, back, gap: false }
        })
        .collect();
    shades.extend(outcome.gaps.iter().map(|gap| Shade { name: "gap".to_owned(), from: gap.from, to: gap.to, back: gap.to, gap: true }));
    shades.sort_by(|a, b| a.from.total_cmp(&b.from));
    let busy = shades.iter().map(|shade| shade.back).fold(outcome.traffic_end.unwrap_or(outcome.end), f64::max);
    // The drain belongs to the picture, a long clean-up does not.
    Frame { from: 0.0, to: outcome.end.min(busy + 0.06 * busy).max(busy).max(1.0), shades }
}

/// When a moment was, where it was seen.
pub(super) fn moment(moment: &Moment) -> Option<f64> {
    match moment {
        Moment::Seen { at, .. } => Some(*at),
        Moment::NotSeen { .. } => None,
    }
}

pub(super) fn figure(outcome: &Outcome, frame: &Frame) -> Figure {
    let line = |metric, name: &str, class: &str, filled| {
        let points = whole(outcome, metric).map(|series| series.points.clone()).unwrap_or_default();
        Line { name: name.to_owned(), class: class.to_owned(), filled, stepped: false, points }
    };
    let mut rates = vec![line(Metric::Output, "output", "c1 solid", true), line(Metric::Input, "input", "c2", false)];
    let rhythm = Rhythm::of(outcome);
    if let Some(rhythm) = &rhythm {
        rates[0].points = rhythm.spread(&rates[0].points);
    }
    let lag = vec![line(Metric::OutputLag, "output lag", "c3 solid", true)];
    let legend = legend(&rates);
    let panel = |title, unit, lines: &[Line], height, names, labels| {
        let scale = Scale::linear(super::parts::highest(lines));
        Panel { title, frame, unit, scale, lines: lines.to_vec(), marks: Vec::new(), height, names, labels }.draw()
    };
    let states = states(outcome, frame);
    let table = numbers(frame, &[(&rates[1], Unit::PerSecond), (&rates[0], Unit::PerSecond), (&lag[0], Unit::Records)]);
    let mut parts = vec![
        ("records per second".to_owned(), panel("input and output over time", Unit::PerSecond, &rates, 170.0, true, false)),
        (
            "output lag: records acknowledged, not yet visible in the sink".to_owned(),
            panel("output lag over time", Unit::Records, &lag, 120.0, false, states.is_empty()),
        ),
    ];
    if !states.is_empty() {
        parts.push((String::new(), lane("job", frame, &states, true)));
    }
    let mut note = String::new();
    if let Some(rhythm) = &rhythm {
        note.push_str(&format!(
            "A commit's output is spread over the time since the last one, at most {}. ",
            display::seconds(rhythm.longest())
        ));
    }
    if frame.shades.iter().any(|shade| !shade.gap) {
        note.push_str("Shaded: a fault acts (dark), the pipeline recovers (light). ");
    }
    if !outcome.gaps.is_empty() {
        note.push_str("Grey: a gap, in which squall was dead and nobody looked.");
    }
    Figure { title: "What went in, what came out".to_owned(), note, legend, swatch: false, parts, numbers: table }
}

fn states(outcome: &Outcome, frame: &Frame) -> Vec<Lane> {
    let ends = outcome.states.iter().skip(1).map(|state| state.at).chain([frame.to]);
    outcome
        .states
        .iter()
        .zip(ends)
        .map(|(state, to)| Lane {
            from: state.at,
            to,
            name: state.state.clone(),
            class: match state.state.as_str() {
                "RUNNING" => "good",
                "UNKNOWN" | "CREATED" | "INITIALIZING" | "FINISHED" | "CANCELED" | "CANCELLING" => "unsure",
                _ => "bad",
            },
        })
        .collect()
}

/// The windows, one a row.
pub(super) fn windows(outcome: &Outcome) -> Table {
    let latencies: Vec<(Metric, &str)> =
        [(Metric::VisibleLatency, "visible p99"), (Metric::EndToEndLatency, "end-to-end p99"), (Metric::ProduceLatency, "produce p99")]
            .into_iter()
            .filter(|(metric, _)| outcome.windows.iter().any(|window| window.latency.contains_key(metric)))
            .collect();
    let mut head = vec!["window", "from", "length", "input", "output", "output lag max"];
    head.extend(latencies.iter().map(|(_, name)| *name));
    head.extend(["checkpoints ok/bad", "restarts"]);
    let rows = outcome
        .windows
        .iter()
        .map(|window| {
            let mut row = vec![
                window.name.clone(),
                display::clock(window.from),
                display::seconds(window.to - window.from),
                wording::maybe(window.input_per_second, Unit::PerSecond),
                wording::maybe(window.output_per_second, Unit::PerSecond),
                wording::maybe(window.max_output_lag, Unit::Records),
            ];
            row.extend(
                latencies.iter().map(|(metric, _)| wording::maybe(window.latency.get(metric).map(|points| points[1]), Unit::Seconds)),
            );
            row.extend([format!("{}/{}", window.checkpoints_completed, window.checkpoints_failed), window.restarts.to_string()]);
            row
        })
        .collect();
    Table::figures(&head, rows)
}
