//! Latencies from the intended send time, as percentiles over time.

use super::parts::{Figure, Section, legend, numbers};
use crate::analysis::{LatencySeries, Outcome};
use crate::metric::{Metric, Unit};
use crate::report::svg::{Frame, Line, Panel, Scale, style};

pub(super) fn section(outcome: &Outcome, frame: &Frame) -> Option<Section> {
    let order = [Metric::VisibleLatency, Metric::EndToEndLatency, Metric::ProduceLatency, Metric::Slip];
    let mut series: Vec<&LatencySeries> = outcome.latency.iter().filter(|series| !series.points.is_empty()).collect();
    series.sort_by_key(|series| order.iter().position(|metric| *metric == series.metric).unwrap_or(order.len()));
    let figures: Vec<Figure> = series.into_iter().map(|series| figure(frame, series)).collect();
    if figures.is_empty() {
        return None;
    }
    Some(Section {
        id: "latency",
        title: "Latency",
        wide: false,
        intro: vec![
            "Counted from the moment at which the schedule wanted a record sent, so that a stalled generator hides nothing.".to_owned(),
        ],
        figures,
        tables: Vec::new(),
    })
}

fn figure(frame: &Frame, series: &LatencySeries) -> Figure {
    let line = |index: usize, name: &str, value: fn(&(f64, f64, f64, f64)) -> f64| Line {
        name: name.to_owned(),
        class: style(index),
        filled: false,
        stepped: false,
        points: series.points.iter().map(|point| (point.0, value(point))).collect(),
    };
    let lines = vec![line(0, "p50", |point| point.1), line(1, "p99", |point| point.2), line(2, "max", |point| point.3)];
    let scale = Scale::logarithmic(lines.iter().flat_map(|line| &line.points).map(|point| point.1));
    let columns: Vec<(&Line, Unit)> = lines.iter().map(|line| (line, Unit::Seconds)).collect();
    let numbers = numbers(frame, &columns);
    let legend = legend(&lines);
    let name = series.metric.name().replace('-', " ");
    let svg = Panel {
        title: &format!("{name}: percentiles over time"),
        frame,
        unit: Unit::Seconds,
        scale,
        lines,
        marks: Vec::new(),
        height: 150.0,
        names: true,
        labels: true,
    }
    .draw();
    let note = series.metric.meaning().trim().to_owned();
    Figure { title: super::capital(&name), note, legend, swatch: false, parts: vec![(String::new(), svg)], numbers }
}
