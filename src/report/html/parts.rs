//! What pages are made of: tables, figures, sections.

use askama::Template;

use crate::analysis::{Outcome, Series};
use crate::journal::Of;
use crate::metric::{Metric, Unit};
use crate::report::svg::{Frame, Line, style};
use crate::report::{text, wording};
use crate::units::display;

/// Rows that a table shows; the rest is in `report.json`.
const MOST_ROWS: usize = 400;
/// Rows of a chart's numbers.
const MOST_MOMENTS: f64 = 60.0;
/// Lines that a chart can show apart.
pub(in crate::report) const MOST_LINES: usize = 8;

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Template)]
#[template(path = "table.html")]
pub(in crate::report) struct Table {
    /// Above it; may be empty.
    pub caption: String,
    /// Heads of the columns.
    pub head: Vec<String>,
    /// Cells; the first of a row is its head.
    pub rows: Vec<Vec<String>>,
    /// Class: figures stand to the right, words to the left.
    pub kind: &'static str,
    /// Rows that were left out.
    pub omitted: usize,
}

impl Table {
    /// A table of figures.
    pub(in crate::report) fn figures(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::new("figures-of", head, rows)
    }

    /// A table of words.
    pub(in crate::report) fn words(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::new("words", head, rows)
    }

    fn new(kind: &'static str, head: &[&str], mut rows: Vec<Vec<String>>) -> Self {
        let omitted = rows.len().saturating_sub(MOST_ROWS);
        rows.truncate(MOST_ROWS);
        Self { caption: String::new(), head: head.iter().map(|cell| (*cell).to_owned()).collect(), rows, kind, omitted }
    }

    /// With a caption.
    pub(in crate::report) fn captioned(self, caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..self }
    }
}

/// A picture with its title, legend and numbers.
#[derive(Debug, Clone, Default, PartialEq, Template)]
#[template(path = "figure.html")]
pub(in crate::report) struct Figure {
    /// What is seen.
    pub title: String,
    /// How it is to be read; may be empty.
    pub note: String,
    /// `(class, name)`.
    pub legend: Vec<(String, String)>,
    /// Whether the legend's keys are areas instead of lines.
    pub swatch: bool,
    /// Captions and `<svg>`s on one axis, from above.
    pub parts: Vec<(String, String)>,
    /// The numbers.
    pub numbers: Table,
}

/// A part of the page.
#[derive(Debug, Clone, Default, PartialEq, Template)]
#[template(path = "section.html")]
pub(in crate::report) struct Section {
    /// Anchor.
    pub id: &'static str,
    /// Title.
    pub title: &'static str,
    /// Paragraphs before the pictures.
    pub intro: Vec<String>,
    /// Whether pictures take the whole width, one below the other.
    pub wide: bool,
    /// Pictures.
    pub figures: Vec<Figure>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// The legend of lines; one alone needs none.
pub(in crate::report) fn legend(lines: &[Line]) -> Vec<(String, String)> {
    if lines.len() < 2 {
        return Vec::new();
    }
    lines.iter().map(|line| (line.class.clone(), line.name.clone())).collect()
}

/// A chart's numbers: a row for each of at most sixty equal stretches; the mean of what is a rate or a share, else the highest.
pub(in crate::report) fn numbers(frame: &Frame, columns: &[(&Line, Unit)]) -> Table {
    let step = round_step(frame.length() / MOST_MOMENTS);
    let count = (frame.length() / step).ceil() as usize;
    let mut head = vec!["at"];
    head.extend(columns.iter().map(|(line, _)| line.name.as_str()));
    let cells: Vec<Vec<Option<f64>>> = columns
        .iter()
        .map(|(line, unit)| {
            let mut stretches = vec![(0.0f64, 0u32, f64::NEG_INFINITY); count];
            for (at, value) in &line.points {
                let index = ((at - frame.from) / step).floor();
                if index >= 0.0 && (index as usize) < count && value.is_finite() {
                    let (sum, points, highest) = &mut stretches[index as usize];
                    (*sum, *points, *highest) = (*sum + value, *points + 1, highest.max(*value));
                }
            }
            let of = |&(sum, points, highest): &(f64, u32, f64)| match (points, unit) {
                (0, _) => None,
                (_, Unit::PerSecond | Unit::Ratio) => Some(sum / f64::from(points)),
                _ => Some(highest),
            };
            stretches.iter().map(of).collect()
        })
        .collect();
    let rows = (0..count)
        .map(|index| {
            let mut row = vec![display::clock(frame.from + index as f64 * step)];
            row.extend(cells.iter().zip(columns).map(|(cells, (_, unit))| wording::maybe(cells[index], *unit)));
            row
        })
        .collect();
    let length = display::seconds(step);
    Table::figures(&head, rows)
        .captioned(format!("Each row is {length} long: the mean of rates and shares, the highest of the rest. – is no data."))
}

fn round_step(least: f64) -> f64 {
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
    steps.into_iter().find(|step| *step >= least).unwrap_or(((least / 3600.0).ceil()).max(1.0) * 3600.0)
}

/// Series of a metric on what `keep` keeps.
pub(super) fn series<'a>(outcome: &'a Outcome, metric: Metric, keep: impl Fn(&Of) -> bool + 'a) -> impl Iterator<Item = &'a Series> {
    outcome.series.iter().filter(move |series| series.metric == metric && keep(&series.of))
}

/// The series of a metric over the whole run.
pub(in crate::report) fn whole(outcome: &Outcome, metric: Metric) -> Option<&Series> {
    series(outcome, metric, |of| matches!(of, Of::Run)).next()
}

/// A series as a line.
pub(super) fn line(series: &Series, name: String, index: usize) -> Line {
    Line { name, class: style(index), filled: false, stepped: false, points: series.points.clone() }
}

/// Of what, in words.
pub(super) fn of(outcome: &Outcome, of: &Of) -> String {
    match of {
        Of::Run => "all".to_owned(),
        Of::Stream(name) | Of::Node(name) | Of::Query(name) => name.clone(),
        Of::Partition { topic, partition } => wording::plain_name(outcome, &format!("{topic}-{partition}")),
        Of::Subtask { vertex, index } => format!("{} ({index})", wording::vertex(outcome, vertex)),
        Of::Request { link, request } => format!("{request} over {link}"),
        Of::Change(undo) => format!("change {}", undo.0),
    }
}

/// The highest value of lines.
pub(in crate::report) fn highest(lines: &[Line]) -> f64 {
    lines.iter().flat_map(|line| &line.points).map(|point| point.1).filter(|value| value.is_finite()).fold(0.0, f64::max)
}

/// The lines that reach highest, at most as many as can be told apart, in their old order, and how many were left out.
pub(super) fn most_telling(lines: Vec<Line>) -> (Vec<Line>, usize) {
    let left_out = lines.len().saturating_sub(MOST_LINES);
    if left_out == 0 {
        return (lines, 0);
    }
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| highest(std::slice::from_ref(&lines[*b])).total_cmp(&highest(std::slice::from_ref(&lines[*a]))));
    order.truncate(MOST_LINES);
    order.sort_unstable();
    let kept = order.iter().enumerate().map(|(index, line)| Line { class: style(index), ..lines[*line].clone() }).collect();
    (kept, left_out)
}

/// A long name for a narrow place.
pub(super) fn short(name: &str) -> String {
    text::shortened(name, 28).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(name: &str, points: Vec<(f64, f64)>) -> Line {
        Line { name: name.to_owned(), class: style(0), filled: false, stepped: false, points }
    }

    #[test]
    fn numbers_are_means_of_rates_and_heights_of_the_rest() {
        let frame = Frame { from: 0.0, to: 120.0, shades: Vec::new() };
        let line = plain("x", vec![(0.0, 1.0), (1.0, 3.0), (2.0, f64::NAN), (4.0, 8.0)]);
        let table = numbers(&frame, &[(&line, Unit::PerSecond), (&line, Unit::Records)]);
        assert_eq!(table.rows.len(), 60);
        assert_eq!(table.rows[0], ["0:00", "2 /s", "3"]);
        assert_eq!(table.rows[1], ["0:02", "–", "–"]);
        assert_eq!(table.rows[2], ["0:04", "8 /s", "8"]);
    }

    #[test]
    fn of_many_lines_the_highest_stay() {
        let lines = (0..20).map(|index| plain(&index.to_string(), vec![(0.0, f64::from(index % 10))])).collect();
        let (kept, left_out) = most_telling(lines);
        let names: Vec<&str> = kept.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["6", "7", "8", "9", "16", "17", "18", "19"]);
        assert_eq!(left_out, 12);
    }
}
