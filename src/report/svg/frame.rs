//! The time axis that the charts share, with the faults on it.

use std::fmt::Write;

use super::{escape, percent};
use crate::report::text::shortened;
use crate::units::display;

/// A fault, or a gap, on the time axis, in seconds since the schedule's zero.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Shade {
    /// Its name.
    pub name: String,
    /// Effective.
    pub from: f64,
    /// Removed, or all subtasks running again.
    pub to: f64,
    /// Recovered.
    pub back: f64,
    /// Whether it is a gap: nothing is known of its time.
    pub gap: bool,
}

/// A stretch of time, the same for all charts of a page.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Frame {
    /// Left edge, in seconds since the schedule's zero.
    pub from: f64,
    /// Right edge.
    pub to: f64,
    /// Faults and gaps, by their beginning.
    pub shades: Vec<Shade>,
}

/// Distances between ticks, in seconds: round ones for a clock.
const STEPS: [f64; 16] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0];
/// More faults than these are numbered instead of named.
const MOST_NAMES: usize = 6;
/// Widths on a phone, as shares of its plot: a letter of a label, and the least width of a shade.
const LETTER: f64 = 0.021;
const LEAST: f64 = 0.004;

impl Frame {
    /// Where a moment lies, 0 to 1.
    pub(in crate::report) fn share(&self, at: f64) -> f64 {
        ((at - self.from) / self.length()).clamp(0.0, 1.0)
    }

    /// Length in seconds, above zero.
    pub(in crate::report) fn length(&self) -> f64 {
        (self.to - self.from).max(1e-3)
    }

    /// This frame's faults on another stretch.
    pub(in crate::report) fn zoomed(&self, from: f64, to: f64) -> Self {
        let shades = self.shades.iter().filter(|shade| shade.from < to && shade.back > from).cloned().collect();
        Self { from, to, shades }
    }

    /// Moments of the ticks.
    pub(in crate::report) fn ticks(&self) -> Vec<f64> {
        let least = self.length() / 10.0;
        let step = STEPS.into_iter().find(|step| *step >= least).unwrap_or_else(|| (least / 86_400.0).ceil() * 86_400.0);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    /// The shades behind a plot of this height in pixels.
    pub(super) fn shades(&self, out: &mut String, height: f64) {
        for shade in &self.shades {
            let (from, to, back) = (self.share(shade.from), self.share(shade.to), self.share(shade.back));
            let width = (to - from).max(LEAST);
            let class = if shade.gap { "gap" } else { "fault" };
            let _ = write!(out, r#"<rect class="{class}" x="{}" width="{}" height="{height}"/>"#, percent(from), percent(width));
            if back > from + width {
                let _ = write!(
                    out,
                    r#"<rect class="recovery" x="{}" width="{}" height="{height}"/>"#,
                    percent(from + width),
                    percent(back - from - width)
                );
            }
            let _ = write!(out, r#"<line class="fault-edge" x1="{x}" x2="{x}" y2="{height}"/>"#, x = percent(from));
        }
    }

    /// The faults' names above a plot, in two rows where they would meet.
    pub(super) fn names(&self, out: &mut String) {
        let many = self.shades.iter().filter(|shade| !shade.gap).count() > MOST_NAMES;
        let mut ends = [f64::NEG_INFINITY; 2];
        let mut number = 0;
        for shade in &self.shades {
            number += usize::from(!shade.gap);
            let numbered = many && !shade.gap;
            let label = if numbered { number.to_string() } else { shortened(&shade.name, 16).into_owned() };
            let (from, width) = (self.share(shade.from), label.chars().count() as f64 * LETTER);
            let flipped = from + width > 1.0;
            let start = if flipped { from - width } else { from };
            let row = usize::from(start < ends[0] && (start >= ends[1] || ends[1] < ends[0]));
            if numbered && start < ends[row] {
                continue;
            }
            ends[row] = start + width + LETTER;
            let _ = write!(
                out,
                r#"<text class="fault-name" x="{}" y="{}"{}>{}<title>{}</title></text>"#,
                percent(from),
                if row == 0 { -5 } else { -18 },
                if flipped { r#" text-anchor="end""# } else { "" },
                escape(&label),
                escape(&format!("{}: {} to {}", shade.name, display::clock(shade.from), display::clock(shade.to)))
            );
        }
    }

    /// Ticks and their labels below a plot. Every other label disappears on a phone.
    pub(super) fn axis(&self, out: &mut String, height: f64, labels: bool) {
        for (index, at) in self.ticks().into_iter().enumerate() {
            let x = percent(self.share(at));
            let _ = write!(out, r#"<line class="tick" x1="{x}" x2="{x}" y1="{height}" y2="{}"/>"#, height + 4.0);
            if labels {
                let class = if index % 2 == 1 { "minor" } else { "major" };
                let _ = write!(out, r#"<text class="x {class}" x="{x}" y="{}">{}</text>"#, height + 17.0, display::clock(at));
            }
        }
    }

    /// `data-from="0" data-to="240"`: for the script that shows values under the pointer.
    pub(super) fn data(&self) -> String {
        format!(r#"data-from="{}" data-to="{}""#, self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let frame = |to| Frame { from: 0.0, to, shades: Vec::new() };
        assert_eq!(frame(105.0).ticks()[..3], [0.0, 15.0, 30.0]);
        for length in [3.0, 30.0, 240.0, 3600.0, 86_400.0, 700_000.0] {
            let count = frame(length).ticks().len();
            assert!((4..=11).contains(&count), "{length}: {count}");
        }
    }

    #[test]
    fn a_hundred_faults_are_numbered_where_they_fit() {
        let shades = (0..100).map(|n| Shade {
            name: "a<b".to_owned(),
            from: f64::from(n),
            to: f64::from(n) + 0.2,
            back: f64::from(n) + 0.5,
            gap: false,
        });
        let frame = Frame { from: 0.0, to: 100.0, shades: shades.collect() };
        let mut out = String::new();
        frame.names(&mut out);
        let shown = out.matches("<text").count();
        assert!((20..=100).contains(&shown), "{shown}");
        let mut with_a_gap = frame.clone();
        with_a_gap.shades.insert(51, Shade { name: "gap".to_owned(), from: 50.6, to: 52.0, back: 52.0, gap: true });
        let mut drawn = String::new();
        with_a_gap.shades(&mut drawn, 10.0);
        with_a_gap.names(&mut drawn);
        assert!(drawn.contains(r#"class="gap""#) && drawn.contains(">gap<"), "{drawn}");
        // The gap has no number of its own: the fault at n is still number n + 1.
        let numbered = |n: u32| [-5, -18].iter().any(|y| drawn.contains(&format!(r#"name" x="{n}%" y="{y}">{}<"#, n + 1)));
        assert!((0..100).all(|n| !drawn.contains(&format!(r#"name" x="{n}%""#)) || numbered(n)), "{drawn}");
        assert!(!out.contains("a<b"));
    }
}
