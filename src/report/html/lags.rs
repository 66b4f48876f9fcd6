//! The four lags, never mixed, per partition.

use super::parts::{Figure, Section, Table, highest, legend, line, most_telling, numbers, of, series};
use crate::analysis::Outcome;
use crate::journal::Of;
use crate::metric::{Metric, Unit};
use crate::report::svg::{Frame, Line, Panel, Scale};
use crate::report::wording;

const LAGS: [(Metric, &str); 4] = [
    (Metric::OutputLag, "Output lag"),
    (Metric::PositionLag, "Position lag"),
    (Metric::CommittedLag, "Committed lag"),
    (Metric::TimeLag, "Time lag"),
];

pub(super) fn section(outcome: &Outcome, frame: &Frame) -> Option<Section> {
    let figures: Vec<Figure> = LAGS.into_iter().filter_map(|(metric, title)| figure(outcome, frame, metric, title)).collect();
    if figures.is_empty() && outcome.lags.is_empty() {
        return None;
    }
    Some(Section {
        id: "lags",
        title: "Lag, four ways", wide: false,
        intro: vec![
            "Output lag is exact and needs nothing from Flink. Position lag comes from Flink's metrics, which can freeze. Committed lag is a sawtooth, \
             because Flink commits only on completed checkpoints. A gap is no data."
                .to_owned(),
        ],
        figures,
        tables: vec![table(outcome)],
    })
}

fn figure(outcome: &Outcome, frame: &Frame, metric: Metric, title: &str) -> Option<Figure> {
    let mut lines: Vec<Line> = series(outcome, metric, |of| matches!(of, Of::Partition { .. }))
        .enumerate()
        .map(|(index, series)| line(series, of(outcome, &series.of), index))
        .collect();
    if lines.is_empty() {
        lines = series(outcome, metric, |of| matches!(of, Of::Run)).map(|series| line(series, "all".to_owned(), 0)).collect();
    }
    let (lines, left_out) = most_telling(lines);
    if lines.is_empty() {
        return None;
    }
    let unit = metric.unit();
    let columns: Vec<(&Line, Unit)> = lines.iter().map(|line| (line, unit)).collect();
    let table = numbers(frame, &columns);
    let legend = legend(&lines);
    let svg = Panel {
        title: &format!("{title} per partition over time"),
        frame,
        unit,
        scale: Scale::linear(highest(&lines)),
        lines,
        marks: Vec::new(),
        height: 130.0,
        names: true,
        labels: true,
    }
    .draw();
    let note = if left_out > 0 { format!("the highest lines; {left_out} more partitions in the table below") } else { String::new() };
    let caption = if unit == Unit::Seconds { "seconds" } else { "records" };
    Some(Figure { title: title.to_owned(), note, legend, swatch: false, parts: vec![(caption.to_owned(), svg)], numbers: table })
}

fn table(outcome: &Outcome) -> Table {
    let rows = outcome
        .lags
        .iter()
        .map(|row| {
            let mut cells = vec![wording::plain_name(outcome, &row.partition)];
            for (values, unit) in
                [(&row.output, Unit::Records), (&row.position, Unit::Records), (&row.committed, Unit::Records), (&row.time, Unit::Seconds)]
            {
                let texts: Vec<String> = values.iter().map(|value| wording::maybe(*value, unit)).collect();
                cells.push(if values.iter().all(Option::is_none) { "–".to_owned() } else { texts.join(" / ") });
            }
            cells
        })
        .collect();
    Table::figures(&["partition", "output lag", "position lag", "committed lag", "time lag"], rows)
        .captioned("Baseline median / worst / last")
}
