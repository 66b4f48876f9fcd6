//! Heap and garbage collection of the nodes.

use super::parts::{Figure, Section, highest, legend, line, most_telling, numbers, of, series};
use crate::analysis::{Outcome, Series};
use crate::metric::{Behaviour, Metric, Unit};
use crate::report::svg::{Frame, Line, Panel, Scale};

pub(super) fn section(outcome: &Outcome, frame: &Frame) -> Option<Section> {
    let lines = |metric: Metric| -> Vec<Line> {
        series(outcome, metric, |_| true).enumerate().map(|(index, series)| line(series, of(outcome, &series.of), index)).collect()
    };
    let collecting: Vec<Line> = series(outcome, Metric::GcTime, |_| true)
        .enumerate()
        .map(|(index, series)| Line { points: share(series), ..line(series, of(outcome, &series.of), index) })
        .collect();
    let figures: Vec<Figure> = [
        (lines(Metric::Heap), Unit::Ratio, "Heap in use", "of its limit", Some(Scale::share())),
        (collecting, Unit::Ratio, "Collecting garbage", "share of the time", None),
        (lines(Metric::ResidentMemory), Unit::Bytes, "Resident memory", "", None),
    ]
    .into_iter()
    .filter(|(lines, ..)| !lines.is_empty())
    .map(|(lines, unit, title, note, scale)| figure(frame, lines, unit, title, note, scale))
    .collect();
    if figures.is_empty() {
        return None;
    }
    Some(Section { id: "memory", title: "Memory and garbage collection", wide: false, intro: Vec::new(), figures, tables: Vec::new() })
}

fn figure(frame: &Frame, lines: Vec<Line>, unit: Unit, title: &str, note: &str, scale: Option<Scale>) -> Figure {
    let (lines, left_out) = most_telling(lines);
    let columns: Vec<(&Line, Unit)> = lines.iter().map(|line| (line, unit)).collect();
    let numbers = numbers(frame, &columns);
    let legend = legend(&lines);
    let scale = scale.unwrap_or_else(|| Scale::fitting(highest(&lines), unit));
    let svg = Panel { title, frame, unit, scale, lines, marks: Vec::new(), height: 130.0, names: true, labels: true }.draw();
    let note = if left_out > 0 { format!("{note}; the highest lines, {left_out} more not drawn") } else { note.to_owned() };
    Figure { title: title.to_owned(), note, legend, swatch: false, parts: vec![(String::new(), svg)], numbers }
}

/// A counter of seconds as the share of the time that passed: its slope. It falls where its process started anew: a gap.
fn share(series: &Series) -> Vec<(f64, f64)> {
    if series.metric.behaviour() != Behaviour::Counter {
        return series.points.clone();
    }
    series
        .points
        .windows(2)
        .map(|pair| {
            let (before, after) = (pair[0], pair[1]);
            let slope = (after.1 - before.1) / (after.0 - before.0);
            (after.0, if slope >= 0.0 && slope.is_finite() { slope.min(1.0) } else { f64::NAN })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Of;

    #[test]
    fn a_restart_is_a_gap() {
        let points = vec![(0.0, 1.0), (2.0, 1.2), (4.0, 0.0), (6.0, 0.4)];
        let series = Series { metric: Metric::GcTime, of: Of::Run, unit: Unit::Seconds, points };
        let share = share(&series);
        assert!((share[0].1 - 0.1).abs() < 1e-12);
        assert!(share[1].1.is_nan());
        assert!((share[2].1 - 0.2).abs() < 1e-12);
    }
}
