//! Lines over time.

use std::fmt::Write;

use super::{Frame, Scale, escape, lttb, percent};
use crate::metric::Unit;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its class, `c1` to `c8`.
    pub class: String,
    /// Whether the space below it is filled.
    pub filled: bool,
    /// Whether it goes in steps: a value holds until the next one.
    pub stepped: bool,
    /// `(seconds, value)`; a `NaN` value is a gap.
    pub points: Vec<(f64, f64)>,
}

/// A moment to point at.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Mark {
    /// `T4`.
    pub label: String,
    /// What it is.
    pub title: String,
    /// When, in seconds since the schedule's zero.
    pub at: f64,
}

/// Lines of one unit over a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Panel<'a> {
    /// What is seen, for those who cannot see it.
    pub title: &'a str,
    /// Time axis.
    pub frame: &'a Frame,
    /// Unit of the values.
    pub unit: Unit,
    /// Value axis.
    pub scale: Scale,
    /// Lines, drawn in this order.
    pub lines: Vec<Line>,
    /// Moments.
    pub marks: Vec<Mark>,
    /// Height of the plot in pixels.
    pub height: f64,
    /// Whether the faults are named above it.
    pub names: bool,
    /// Whether the time axis has labels: not where another panel follows on the same axis.
    pub labels: bool,
}

/// Points of a line that a screen can show.
const MOST_POINTS: usize = 480;
/// Size of the inner picture that holds the curves.
const INNER: f64 = 10_000.0;

impl Panel<'_> {
    /// The panel as an `<svg>`.
    pub(in crate::report) fn draw(&self) -> String {
        let height = self.height;
        let mut out = String::new();
        let log = matches!(self.scale, Scale::Logarithmic { .. });
        let range = match self.scale {
            Scale::Linear { top, .. } => format!(r#"data-low="0" data-high="{top}""#),
            Scale::Logarithmic { low, high } => format!(r#"data-low="{low}" data-high="{high}" data-log="""#),
        };
        let unit = match self.unit {
            Unit::Count | Unit::Records => "records",
            Unit::PerSecond => "rate",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::Ratio => "ratio",
            Unit::Factor => "factor",
        };
        let mut class = "plot".to_owned();
        for (on, name) in [(self.names, " named"), (self.labels, " labelled"), (!self.marks.is_empty(), " marked")] {
            class.push_str(if on { name } else { "" });
        }
        let _ = write!(
            out,
            r#"<svg class="{class}" role="img" aria-label="{}" height="{height}" {} {range} data-unit="{unit}">"#,
            escape(self.title),
            self.frame.data()
        );
        self.frame.shades(&mut out, height);
        for (position, label) in self.scale.ticks(self.unit) {
            let y = (height * (1.0 - position) * 10.0).round() / 10.0;
            let class = if position == 0.0 { "axis" } else { "grid" };
            let _ =
                write!(out, r#"<line class="{class}" x2="100%" y1="{y}" y2="{y}"/><text class="y" x="-8" y="{}">{label}</text>"#, y + 4.0);
        }
        let _ = write!(out, r#"<svg class="curves" height="{height}" viewBox="0 0 {INNER} {INNER}" preserveAspectRatio="none">"#);
        for line in &self.lines {
            self.curve(&mut out, line);
        }
        out.push_str("</svg>");
        self.points(&mut out);
        if log {
            let _ = write!(out, r#"<text class="scale" x="4" y="12">log scale</text>"#);
        }
        self.marks(&mut out);
        if self.names {
            self.frame.names(&mut out);
        }
        self.frame.axis(&mut out, height, self.labels);
        out.push_str("</svg>");
        out
    }

    fn place(&self, at: f64, value: f64) -> (i64, i64) {
        let x = (at - self.frame.from) / self.frame.length() * INNER;
        ((x.round() as i64), ((1.0 - self.scale.position(value)) * INNER).round() as i64)
    }

    /// The points of a line within the frame, thinned.
    fn shown(&self, line: &Line) -> Vec<(f64, f64)> {
        let inside = |point: &&(f64, f64)| point.0 >= self.frame.from && point.0 <= self.frame.to;
        lttb(&line.points.iter().filter(inside).copied().collect::<Vec<_>>(), MOST_POINTS)
    }

    fn curve(&self, out: &mut String, line: &Line) {
        let mut path = String::new();
        let mut area = String::new();
        let mut start: Option<i64> = None;
        let mut last: Option<(i64, i64)> = None;
        for (at, value) in self.shown(line) {
            if !value.is_finite() {
                close(&mut area, start.take(), last.take());
                continue;
            }
            let (x, y) = self.place(at, value);
            match last {
                None => {
                    let _ = write!(path, "M{x} {y}");
                    let _ = write!(area, "M{x} {y}");
                    start = Some(x);
                }
                Some((before_x, before_y)) => {
                    // Drawn straight where nothing changed: a flat line is two points.
                    if line.stepped && before_y != y && before_x != x {
                        let _ = write!(path, "H{x}");
                        let _ = write!(area, "H{x}");
                    }
                    let _ = write!(path, "L{x} {y}");
                    let _ = write!(area, "L{x} {y}");
                }
            }
            last = Some((x, y));
        }
        close(&mut area, start, last);
        if line.filled && !area.is_empty() {
            let _ = write!(out, r#"<path class="area {}" d="{area}"/>"#, line.class);
        }
        let _ = write!(out, r#"<path class="line {}" data-name="{}" d="{path}"/>"#, line.class, escape(&line.name));
    }

    /// A value between two gaps has no line: it becomes a dot.
    fn points(&self, out: &mut String) {
        for line in &self.lines {
            let shown = self.shown(line);
            for (index, (at, value)) in shown.iter().enumerate() {
                let alone = |neighbour: Option<&(f64, f64)>| neighbour.is_none_or(|point| !point.1.is_finite());
                if value.is_finite() && alone(index.checked_sub(1).and_then(|before| shown.get(before))) && alone(shown.get(index + 1)) {
                    let _ = write!(
                        out,
                        r#"<circle class="dot {}" cx="{}" cy="{:.1}" r="2"/>"#,
                        line.class,
                        percent(self.frame.share(*at)),
                        self.height * (1.0 - self.scale.position(*value))
                    );
                }
            }
        }
    }

    fn marks(&self, out: &mut String) {
        // Labels below the plot; each in the first of four rows where it meets no other.
        let mut ends = [f64::NEG_INFINITY; 4];
        let mut marks: Vec<&Mark> = self.marks.iter().filter(|mark| mark.at >= self.frame.from && mark.at <= self.frame.to).collect();
        marks.sort_by(|a, b| a.at.total_cmp(&b.at));
        for mark in marks {
            let share = self.frame.share(mark.at);
            let row = ends.iter().position(|end| share >= *end).unwrap_or(3);
            ends[row] = share + 0.08;
            let y = -6.0 - 12.0 * row as f64;
            let x = percent(share);
            let _ = write!(
                out,
                r#"<g class="mark"><line x1="{x}" x2="{x}" y1="{}" y2="{}"/><text x="{x}" y="{y}">{}</text><title>{}</title></g>"#,
                y + 3.0,
                self.height,
                escape(&mark.label),
                escape(&mark.title)
            );
        }
    }
}

fn close(area: &mut String, start: Option<i64>, last: Option<(i64, i64)>) {
    if let (Some(start), Some((x, _))) = (start, last) {
        let _ = write!(area, "L{x} {INNER}L{start} {INNER}Z");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel<'a>(frame: &'a Frame, points: Vec<(f64, f64)>) -> Panel<'a> {
        let line = Line { name: "out\"put".to_owned(), class: "c1".to_owned(), filled: true, stepped: false, points };
        Panel {
            title: "a < b",
            frame,
            unit: Unit::Records,
            scale: Scale::linear(10.0),
            lines: vec![line],
            marks: Vec::new(),
            height: 100.0,
            names: true,
            labels: true,
        }
    }

    #[test]
    fn a_gap_lifts_the_pen() {
        let frame = Frame { from: 0.0, to: 10.0, shades: Vec::new() };
        let svg = panel(&frame, vec![(0.0, 0.0), (2.0, 10.0), (4.0, f64::NAN), (6.0, 5.0), (8.0, 5.0)]).draw();
        assert!(svg.contains(r#"d="M0 10000L2000 0M6000 5000L8000 5000""#), "{svg}");
        assert!(svg.contains("L2000 10000L0 10000Z"), "{svg}");
        assert!(svg.contains(r#"data-name="out&quot;put""#) && svg.contains("a &lt; b"));
    }

    #[test]
    fn points_outside_the_frame_are_not_drawn() {
        let frame = Frame { from: 5.0, to: 10.0, shades: Vec::new() };
        let svg = panel(&frame, vec![(0.0, 1.0), (6.0, 1.0), (7.0, 2.0), (20.0, 1.0)]).draw();
        assert!(svg.contains(r#"d="M2000 9000L4000 8000""#), "{svg}");
    }

    #[test]
    fn a_lonely_value_is_a_dot() {
        let frame = Frame { from: 0.0, to: 10.0, shades: Vec::new() };
        let svg = panel(&frame, vec![(1.0, f64::NAN), (5.0, 5.0), (6.0, f64::NAN)]).draw();
        assert!(svg.contains("<circle"), "{svg}");
    }
}
