//! Busy and backpressured per vertex, as heat over time.

use std::collections::BTreeMap;

use super::parts::{Figure, Section, Table};
use crate::analysis::Outcome;
use crate::journal::Of;
use crate::metric::Metric;
use crate::report::svg::{Frame, HeatRow, heat};
use crate::report::wording;
use crate::units::display;

/// Stretches of a strip.
const CELLS: usize = 160;
/// Rows of the numbers.
const ROWS: usize = 40;

/// Mean and max over the subtasks of a vertex, in each stretch.
struct Strip {
    mean: Vec<f64>,
    highest: Vec<f64>,
}

pub(super) fn section(outcome: &Outcome, frame: &Frame) -> Option<Section> {
    // Vertices in the order in which the analysis lists them: that of the job's graph.
    let mut vertices: Vec<&str> = Vec::new();
    for series in &outcome.series {
        if let (Metric::Busy | Metric::Backpressure, Of::Subtask { vertex, .. }) = (series.metric, &series.of)
            && !vertices.contains(&vertex.as_str())
        {
            vertices.push(vertex);
        }
    }
    if vertices.is_empty() {
        return None;
    }
    let figures = [
        (Metric::Busy, "Busy", "h1", "share of the time that the busiest subtask worked"),
        (Metric::Backpressure, "Backpressured", "h2", "share of the time that a subtask waited for those behind it"),
    ]
    .into_iter()
    .map(|(metric, title, class, note)| figure(outcome, frame, &vertices, metric, title, class, note))
    .collect();
    Some(Section {
        id: "backpressure",
        title: "Backpressure", wide: true,
        intro: vec![
            "The darker, the more; a dashed stretch is no data. The bottleneck is the most downstream busy vertex whose upstream is backpressured. \
             Flink's values lag by up to a minute."
                .to_owned(),
        ],
        figures,
        tables: Vec::new(),
    })
}

fn figure(outcome: &Outcome, frame: &Frame, vertices: &[&str], metric: Metric, title: &str, class: &str, note: &str) -> Figure {
    let strips: Vec<Strip> = vertices.iter().map(|vertex| strip(outcome, frame, metric, vertex, cells(frame))).collect();
    let rows: Vec<HeatRow> = vertices
        .iter()
        .zip(&strips)
        .map(|(vertex, strip)| HeatRow { name: wording::vertex(outcome, vertex), cells: strip.highest.clone() })
        .collect();
    let mut head = vec!["at".to_owned()];
    head.extend(vertices.iter().map(|vertex| wording::vertex(outcome, vertex)));
    let coarse: Vec<Strip> = vertices.iter().map(|vertex| strip(outcome, frame, metric, vertex, ROWS)).collect();
    let table = (0..ROWS)
        .map(|index| {
            let mut row = vec![display::clock(frame.from + frame.length() * index as f64 / ROWS as f64)];
            row.extend(coarse.iter().map(|strip| match strip.highest[index].is_finite() {
                true => format!("{} / {}", display::percent(strip.highest[index]), display::percent(strip.mean[index])),
                false => "–".to_owned(),
            }));
            row
        })
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    Figure {
        title: title.to_owned(),
        note: note.to_owned(),
        legend: ["0 %", "25 %", "50 %", "75 %", "100 %"]
            .into_iter()
            .enumerate()
            .map(|(quarter, name)| (format!("{class} q{quarter}"), name.to_owned()))
            .collect(),
        swatch: true,
        parts: vec![(String::new(), heat(&format!("{title} per vertex over time"), frame, &rows, class))],
        numbers: Table::figures(&head, table).captioned("Max / mean over the subtasks"),
    }
}

/// No finer than a second: probes look about as often.
fn cells(frame: &Frame) -> usize {
    (frame.length() as usize).clamp(1, CELLS)
}

fn strip(outcome: &Outcome, frame: &Frame, metric: Metric, vertex: &str, cells: usize) -> Strip {
    let mut sums = vec![BTreeMap::<u32, (f64, u32)>::new(); cells];
    for series in &outcome.series {
        let Of::Subtask { vertex: of, index } = &series.of else { continue };
        if series.metric != metric || of != vertex {
            continue;
        }
        for (at, value) in series.points.iter().filter(|(at, value)| *at >= frame.from && *at <= frame.to && value.is_finite()) {
            let cell = ((frame.share(*at) * cells as f64) as usize).min(cells - 1);
            let (sum, count) = sums[cell].entry(*index).or_default();
            (*sum, *count) = (*sum + value, *count + 1);
        }
    }
    let means: Vec<Vec<f64>> =
        sums.iter().map(|subtasks| subtasks.values().map(|(sum, count)| sum / f64::from(*count)).collect()).collect();
    let or_missing = |values: &Vec<f64>, value: f64| if values.is_empty() { f64::NAN } else { value };
    Strip {
        mean: means.iter().map(|values| or_missing(values, values.iter().sum::<f64>() / values.len() as f64)).collect(),
        highest: means.iter().map(|values| or_missing(values, values.iter().copied().fold(0.0, f64::max))).collect(),
    }
}
