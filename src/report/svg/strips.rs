//! What is not a line over time: lanes of states, stacked columns, heat rows, the bar of phases.

use std::fmt::Write;

use super::{Frame, Scale, escape, percent};
use crate::metric::Unit;

/// A state from a moment on.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Lane {
    /// Start, in seconds since the schedule's zero.
    pub from: f64,
    /// End.
    pub to: f64,
    /// Its name.
    pub name: String,
    /// Its class: `good`, `bad`, `unsure`.
    pub class: &'static str,
}

/// The class of a text within a rectangle of this share of the width; none: it does not fit. `minor` texts fit on a desk only:
/// a letter takes 0.9 % of its width, and 2.5 % of a phone's.
fn fits(text: &str, share: f64) -> Option<&'static str> {
    let letters = text.chars().count() as f64;
    if share > letters * 0.025 + 0.02 {
        Some("inside")
    } else if share > letters * 0.009 + 0.01 {
        Some("inside minor")
    } else {
        None
    }
}

/// States along time.
pub(in crate::report) fn lane(title: &str, frame: &Frame, states: &[Lane], labels: bool) -> String {
    const HEIGHT: f64 = 18.0;
    let class = if labels { "plot strip labelled" } else { "plot strip" };
    let mut out = format!(r#"<svg class="{class}" role="img" aria-label="{}" height="{HEIGHT}" {}>"#, escape(title), frame.data());
    let _ = write!(out, r#"<text class="y" x="-8" y="13">{}</text>"#, escape(title));
    for state in states.iter().filter(|state| state.to > frame.from && state.from < frame.to) {
        let (from, to) = (frame.share(state.from), frame.share(state.to));
        let _ = write!(
            out,
            r#"<g><rect class="state {}" x="{}" width="{}" height="{HEIGHT}"/>"#,
            state.class,
            percent(from),
            percent((to - from).max(0.003))
        );
        if let Some(class) = fits(&state.name, to - from) {
            let _ = write!(out, r#"<text class="{class}" x="{}" y="13" dx="6">{}</text>"#, percent(from), escape(&state.name));
        }
        let _ = write!(out, "<title>{}</title></g>", escape(&state.name));
    }
    frame.axis(&mut out, HEIGHT, labels);
    out.push_str("</svg>");
    out
}

/// A stacked column at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Column {
    /// When, in seconds since the schedule's zero.
    pub at: f64,
    /// Heights from below, with their classes.
    pub parts: Vec<(f64, String)>,
    /// Whether it failed: drawn as an open column with a cross.
    pub failed: bool,
    /// For whoever points at it.
    pub title: String,
}

/// Stacked columns along time.
pub(in crate::report) fn columns(title: &str, frame: &Frame, unit: Unit, scale: Scale, columns: &[Column], height: f64) -> String {
    let mut out =
        format!(r#"<svg class="plot named labelled" role="img" aria-label="{}" height="{height}" {}>"#, escape(title), frame.data());
    frame.shades(&mut out, height);
    for (position, label) in scale.ticks(unit) {
        let y = (height * (1.0 - position) * 10.0).round() / 10.0;
        let class = if position == 0.0 { "axis" } else { "grid" };
        let _ = write!(out, r#"<line class="{class}" x2="100%" y1="{y}" y2="{y}"/><text class="y" x="-8" y="{}">{label}</text>"#, y + 4.0);
    }
    // Two thirds of the space between columns, at most 1.2 % of the width.
    let width = (0.66 / columns.len().max(1) as f64).min(0.012);
    for column in columns.iter().filter(|column| column.at >= frame.from && column.at <= frame.to) {
        let x = percent((frame.share(column.at) - width / 2.0).max(0.0));
        let wide = percent(width);
        out.push_str("<g>");
        let mut below = 0.0;
        for (value, class) in &column.parts {
            let (low, high) = (scale.position(below), scale.position(below + value));
            below += value;
            if high - low > 1e-4 {
                let _ = write!(
                    out,
                    r#"<rect class="part {class}" x="{x}" width="{wide}" y="{:.1}" height="{:.1}"/>"#,
                    height * (1.0 - high),
                    height * (high - low)
                );
            }
        }
        if column.failed {
            let top = height * (1.0 - scale.position(below.max(0.0))).min(0.9);
            let middle = percent(frame.share(column.at));
            let _ = write!(
                out,
                r#"<rect class="failed" x="{x}" width="{wide}" y="{top:.1}" height="{:.1}"/><text class="cross" x="{middle}" y="12">✗</text>"#,
                height - top
            );
        }
        let _ = write!(out, "<title>{}</title></g>", escape(&column.title));
    }
    frame.names(&mut out);
    frame.axis(&mut out, height, true);
    out.push_str("</svg>");
    out
}

/// A row of a heat strip.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct HeatRow {
    /// Its name.
    pub name: String,
    /// Values 0 to 1 of stretches of equal length over the frame; `NaN` is no data.
    pub cells: Vec<f64>,
}

/// Rows of shares along time; the darker, the more. Equal neighbours are one rectangle.
pub(in crate::report) fn heat(title: &str, frame: &Frame, rows: &[HeatRow], class: &str) -> String {
    const ROW: f64 = 20.0;
    const LEVELS: f64 = 10.0;
    let height = ROW * rows.len() as f64;
    let mut out =
        format!(r#"<svg class="plot heat named labelled" role="img" aria-label="{}" height="{height}" {}>"#, escape(title), frame.data());
    for (index, row) in rows.iter().enumerate() {
        let y = ROW * index as f64;
        let count = row.cells.len().max(1) as f64;
        let mut from = 0;
        let level = |value: f64| if value.is_finite() { (value.clamp(0.0, 1.0) * LEVELS).round() as i32 } else { -1 };
        while from < row.cells.len() {
            let here = level(row.cells[from]);
            let to = (from..row.cells.len()).find(|cell| level(row.cells[*cell]) != here).unwrap_or(row.cells.len());
            let (x, width) = (percent(from as f64 / count), percent((to - from) as f64 / count));
            let _ = match here {
                -1 => write!(out, r#"<rect class="missing" x="{x}" width="{width}" y="{}" height="{}"/>"#, y + 1.0, ROW - 2.0),
                here => write!(
                    out,
                    r#"<rect class="{class}" x="{x}" width="{width}" y="{}" height="{}" fill-opacity="{:.2}"/>"#,
                    y + 1.0,
                    ROW - 2.0,
                    0.04 + 0.96 * f64::from(here) / LEVELS
                ),
            };
            from = to;
        }
        let _ = write!(
            out,
            r#"<text class="y" x="-8" y="{}">{}<title>{}</title></text>"#,
            y + 14.0,
            escape(&crate::report::text::shortened(&row.name, 22)),
            escape(&row.name)
        );
    }
    for shade in &frame.shades {
        for (class, at) in [("fault-edge", shade.from), ("fault-edge", shade.to), ("recovery-edge", shade.back)] {
            let _ = write!(out, r#"<line class="{class}" x1="{x}" x2="{x}" y1="-3" y2="{height}"/>"#, x = percent(frame.share(at)));
        }
    }
    frame.names(&mut out);
    frame.axis(&mut out, height, true);
    out.push_str("</svg>");
    out
}

/// Lengths side by side, as shares of their sum: `(name, class, seconds, text)`.
pub(in crate::report) fn phases(title: &str, parts: &[(String, String, f64, String)]) -> String {
    const HEIGHT: f64 = 34.0;
    let total: f64 = parts.iter().map(|part| part.2.max(0.0)).sum::<f64>().max(1e-9);
    let mut out = format!(r#"<svg class="bar" role="img" aria-label="{}" height="{HEIGHT}">"#, escape(title));
    let mut from = 0.0;
    for (name, class, seconds, text) in parts {
        let share = seconds.max(0.0) / total;
        let _ = write!(out, r#"<g><rect class="phase {class}" x="{}" width="{}" height="{HEIGHT}"/>"#, percent(from), percent(share));
        let label = [name, text].into_iter().find_map(|label| Some((label, fits(label, share)?)));
        if let Some((label, class)) = label {
            let _ = write!(out, r#"<text class="{class}" x="{}" y="21">{}</text>"#, percent(from + share / 2.0), escape(label));
        }
        let _ = write!(out, "<title>{}</title></g>", escape(&format!("{name}: {text}")));
        from += share;
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_rectangle() {
        let frame = Frame { from: 0.0, to: 4.0, shades: Vec::new() };
        let row = HeatRow { name: "enrich".to_owned(), cells: vec![0.5, 0.51, f64::NAN, 1.0] };
        let svg = heat("busy", &frame, &[row], "h1");
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains(r#"<rect class="missing" x="50%" width="25%""#), "{svg}");
    }

    #[test]
    fn columns_stack_and_failures_show() {
        let frame = Frame { from: 0.0, to: 10.0, shades: Vec::new() };
        let column =
            |failed| Column { at: 5.0, parts: vec![(1.0, "c1".to_owned()), (3.0, "c2".to_owned())], failed, title: "x".to_owned() };
        let svg = columns("d", &frame, Unit::Seconds, Scale::linear(4.0), &[column(false)], 100.0);
        assert!(svg.contains(r#"y="75.0" height="25.0""#) && svg.contains(r#"y="0.0" height="75.0""#), "{svg}");
        assert!(columns("d", &frame, Unit::Seconds, Scale::linear(4.0), &[column(true)], 100.0).contains('✗'));
    }

    #[test]
    fn phases_fill_the_bar() {
        let part = |seconds| ("restore".to_owned(), "p3".to_owned(), seconds, "3 s".to_owned());
        let svg = phases("recovery", &[part(1.0), part(3.0)]);
        assert!(svg.contains(r#"x="25%" width="75%""#), "{svg}");
    }
}
