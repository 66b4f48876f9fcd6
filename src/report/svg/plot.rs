//! One figure against another: points with their errors, curves, and the ranges between rates.

use std::fmt::Write;

use super::{Scale, escape, percent};
use crate::metric::Unit;

/// A measured point.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Spot {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// From where to where the truth lies.
    pub range: Option<(f64, f64)>,
    /// `met`, `failed`, `unsure`, or a colour `c1` to `c8`.
    pub class: &'static str,
    /// For whoever points at it.
    pub title: String,
}

/// A curve; its class is that of a line.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Curve {
    /// Class, `c1` to `c8`.
    pub class: String,
    /// `(x, y)`.
    pub points: Vec<(f64, f64)>,
}

/// The whole picture, from a true zero on both axes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Plot<'a> {
    /// What is seen, for those who cannot see it.
    pub title: &'a str,
    /// Unit across.
    pub across: Unit,
    /// Unit upwards.
    pub up: Unit,
    /// Points.
    pub spots: Vec<Spot>,
    /// Curves.
    pub curves: Vec<Curve>,
    /// Values across to point at, and what they are called.
    pub uprights: Vec<(f64, String)>,
    /// Values upwards to point at.
    pub levels: Vec<(f64, String)>,
    /// Ranges across with a class: `good`, `unsure`, `bad`.
    pub ranges: Vec<(f64, f64, &'static str)>,
    /// Height of the plot in pixels.
    pub height: f64,
}

const INNER: f64 = 10_000.0;

impl Plot<'_> {
    /// The picture as an `<svg>`.
    pub(in crate::report) fn draw(&self) -> String {
        let far = self
            .spots
            .iter()
            .map(|spot| spot.x)
            .chain(self.uprights.iter().map(|upright| upright.0))
            .chain(self.ranges.iter().map(|range| range.1).filter(|end| end.is_finite()))
            .fold(0.0, f64::max);
        // Curves may rise without end: they are cut, the points are not.
        let high = self
            .spots
            .iter()
            .map(|spot| spot.range.map_or(spot.y, |range| range.1.min(2.0 * spot.y.max(range.0))))
            .chain(self.levels.iter().map(|level| level.0))
            .fold(0.0, f64::max);
        let (across, up) = (Scale::fitting(far * 1.04, self.across), Scale::fitting(high * 1.1, self.up));
        let height = self.height;
        let x = |value: f64| percent(across.position(value));
        let y = |value: f64| height * (1.0 - up.position(value));
        let mut out = format!(r#"<svg class="plot labelled marked" role="img" aria-label="{}" height="{height}">"#, escape(self.title));
        for (from, to, class) in &self.ranges {
            let (from, to) = (across.position(*from), if to.is_finite() { across.position(*to) } else { 1.0 });
            let _ = write!(
                out,
                r#"<rect class="range {class}" x="{}" width="{}" height="{height}"/>"#,
                percent(from),
                percent((to - from).max(0.0))
            );
        }
        for (position, label) in up.ticks(self.up) {
            let at = height * (1.0 - position);
            let class = if position == 0.0 { "axis" } else { "grid" };
            let _ = write!(
                out,
                r#"<line class="{class}" x2="100%" y1="{at:.1}" y2="{at:.1}"/><text class="y" x="-8" y="{:.1}">{label}</text>"#,
                at + 4.0
            );
        }
        for (index, (position, label)) in across.ticks(self.across).into_iter().enumerate() {
            let class = if index % 2 == 1 { "minor" } else { "major" };
            let at = percent(position);
            let _ = write!(
                out,
                r#"<line class="tick" x1="{at}" x2="{at}" y1="{height}" y2="{}"/><text class="x {class}" x="{at}" y="{}">{label}</text>"#,
                height + 4.0,
                height + 17.0
            );
        }
        let _ = write!(out, r#"<svg class="curves" height="{height}" viewBox="0 0 {INNER} {INNER}" preserveAspectRatio="none">"#);
        for curve in &self.curves {
            let mut path = String::new();
            for (at, value) in curve.points.iter().filter(|point| point.1.is_finite()) {
                let letter = if path.is_empty() { 'M' } else { 'L' };
                // Beyond the upper edge the picture cuts it.
                let raw = match up {
                    Scale::Linear { top, .. } => 1.0 - value / top,
                    Scale::Logarithmic { .. } => 1.0 - up.position(*value),
                };
                let _ = write!(path, "{letter}{:.0} {:.0}", across.position(*at) * INNER, raw.max(-1.0) * INNER);
            }
            let _ = write!(out, r#"<path class="line {}" d="{path}"/>"#, curve.class);
        }
        out.push_str("</svg>");
        for (level, name) in &self.levels {
            let at = y(*level);
            let _ = write!(
                out,
                r#"<line class="level" x2="100%" y1="{at:.1}" y2="{at:.1}"/><text class="scale" x="6" y="{:.1}">{}</text>"#,
                at - 5.0,
                escape(name)
            );
        }
        for (index, (value, name)) in self.uprights.iter().enumerate() {
            // Names take turns in three rows, so that neighbours do not meet.
            let top = -8.0 - 14.0 * (index % 3) as f64;
            let flip = if across.position(*value) > 0.7 { r#" text-anchor="end""# } else { "" };
            let _ = write!(
                out,
                r#"<line class="upright" x1="{at}" x2="{at}" y1="{}" y2="{height}"/><text class="upright-name" x="{at}" y="{top}"{flip}>{}</text>"#,
                top + 3.0,
                escape(name),
                at = x(*value)
            );
        }
        for spot in &self.spots {
            let (at, height) = (x(spot.x), y(spot.y));
            let _ = write!(out, "<g>");
            if let Some((low, high)) = spot.range {
                let _ = write!(out, r#"<line class="error" x1="{at}" x2="{at}" y1="{:.1}" y2="{:.1}"/>"#, y(high), y(low));
            }
            // The sign says what the colour says.
            let _ = match spot.class {
                "failed" => write!(out, r#"<text class="spot failed" x="{at}" y="{:.1}">✗</text>"#, height + 5.0),
                "unsure" => write!(out, r#"<text class="spot unsure" x="{at}" y="{:.1}">?</text>"#, height + 5.0),
                class => write!(out, r#"<circle class="spot {class}" cx="{at}" cy="{height:.1}" r="5"/>"#),
            };
            let _ = write!(out, "<title>{}</title></g>", escape(&spot.title));
        }
        out.push_str("</svg>");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_picture_and_names_are_escaped() {
        let plot = Plot {
            title: "recovery",
            across: Unit::PerSecond,
            up: Unit::Seconds,
            spots: vec![
                Spot { x: 250.0, y: 12.0, range: Some((11.0, 13.0)), class: "met", title: "a<b".to_owned() },
                Spot { x: 400.0, y: 60.0, range: Some((60.0, f64::INFINITY)), class: "failed", title: String::new() },
            ],
            curves: vec![Curve { class: "c1".to_owned(), points: vec![(0.0, 6.0), (300.0, 20.0), (499.0, 1e6), (500.0, f64::INFINITY)] }],
            uprights: vec![(485.0, "λ*".to_owned())],
            levels: vec![(30.0, "objective".to_owned())],
            ranges: vec![(0.0, 400.0, "good"), (400.0, f64::INFINITY, "bad")],
            height: 200.0,
        };
        let svg = plot.draw();
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("a<b"), "{svg}");
        assert_eq!(svg.matches("✗").count(), 1);
    }
}
