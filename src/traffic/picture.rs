//! Pictures of shapes: what a schedule asks for over time, as text for a terminal and as SVG for pages.
//!
//! Each column is exact: records that are due within it ÷ its width. So independent arrivals show their noise.

use std::fmt::Write as _;

use super::Schedule;
use crate::units::display;

/// A schedule, seen from a distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Mean rate of each column, records per second.
    columns: Vec<f64>,
    /// How much time it shows, in seconds.
    seconds: f64,
}

const SECOND: f64 = 1e9;
/// Lowest to highest, in eighths of a row.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Picture {
    /// The first `seconds` of a schedule in so many columns.
    pub fn new(schedule: &Schedule, seconds: f64, columns: usize) -> Self {
        let columns = columns.max(1);
        let at = |column: usize| (seconds * SECOND * column as f64 / columns as f64).round() as i64;
        let counts: Vec<u64> = (0..=columns).map(|column| schedule.count_until(at(column))).collect();
        let width = seconds / columns as f64;
        Self { columns: counts.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / width).collect(), seconds }
    }

    /// The smallest of 1, 2, 2.5, 5 × 10ⁿ that holds every column.
    fn top(&self) -> f64 {
        let most = self.columns.iter().copied().fold(0.0, f64::max);
        if most <= 0.0 {
            return 1.0;
        }
        // A column that holds a record more than the mean must not double the axis.
        let most = most * 0.999;
        let decade = 10f64.powf(most.log10().floor());
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * decade).find(|top| *top >= most).unwrap_or(most)
    }

    /// `rows` lines of blocks with axes, for a terminal.
    pub fn text(&self, rows: usize) -> String {
        let rows = rows.max(2);
        let top = self.top();
        let label = |value: f64| format!("{:>9}", display::rate(value));
        let mut text = String::new();
        for row in (0..rows).rev() {
            text.push_str(&match row {
                _ if row + 1 == rows => label(top),
                0 => label(0.0),
                _ => " ".repeat(9),
            });
            text.push_str(" ┤");
            for column in &self.columns {
                let eighths = (column / top * rows as f64 * 8.0).round() as i64 - row as i64 * 8;
                text.push(BLOCKS[eighths.clamp(0, 8) as usize]);
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        let width = self.columns.len();
        let end = display::clock(self.seconds);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:10}└{}", "", "─".repeat(width));
        let _ = writeln!(text, "{:11}0:00{end:>rest$}", "", rest = width.saturating_sub(4));
        text
    }

    /// A drawing of its own, in the colour of the text around it.
    pub fn svg(&self, title: &str) -> String {
        const WIDTH: f64 = 480.0;
        const HEIGHT: f64 = 120.0;
        const LEFT: f64 = 64.0;
        const ABOVE: f64 = 12.0;
        let top = self.top();
        let step = WIDTH / self.columns.len() as f64;
        let y = |rate: f64| ABOVE + HEIGHT * (1.0 - (rate / top).min(1.0));
        let mut line = String::new();
        for (index, column) in self.columns.iter().enumerate() {
            let _ = write!(line, "V{:.1}H{:.1}", y(*column), LEFT + step * (index + 1) as f64);
        }
        let (bottom, right) = (ABOVE + HEIGHT, LEFT + WIDTH);
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        let (high, end) = (display::rate(top), display::clock(self.seconds));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 160" role="img" font-family="system-ui,sans-serif" font-size="11">
<title>{title}</title>
<style>svg{{color:#24292f}}@media(prefers-color-scheme:dark){{svg{{color:#d0d7de}}}}</style>
<path d="M{LEFT} {bottom}{line}V{bottom}Z" fill="#0072b2" fill-opacity=".25"/>
<path d="M{LEFT} {bottom}{line}" fill="none" stroke="#0072b2" stroke-width="1.5"/>
<path d="M{LEFT} {ABOVE}V{bottom}H{right}" fill="none" stroke="currentColor"/>
<g fill="currentColor"><text x="58" y="16" text-anchor="end">{high}</text><text x="58" y="{bottom}" text-anchor="end">0</text>
<text x="{LEFT}" y="148">0:00</text><text x="{right}" y="148" text-anchor="end">{end}</text></g>
</svg>
"##
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn picture(shape: &str, seconds: f64, columns: usize) -> Picture {
        Picture::new(&Schedule::new(&serde_json::from_str(shape).unwrap(), 1).unwrap(), seconds, columns)
    }

    #[test]
    fn columns_hold_what_is_due() {
        let ramp = picture(r#"{"ramp":{"from":"0/s","to":"1k/s","over":"10s"}}"#, 10.0, 5);
        assert_eq!(ramp.columns, [100.0, 300.0, 500.0, 700.0, 900.0]);
        assert_eq!(ramp.top(), 1000.0);
        assert_eq!(picture(r#"{"constant":"0/s"}"#, 10.0, 5).top(), 1.0);
    }

    #[test]
    fn a_ramp_in_the_terminal() {
        let text = picture(r#"{"ramp":{"from":"0/s","to":"1k/s","over":"10s"}}"#, 10.0, 20).text(4);
        insta::assert_snapshot!(text, @r"
        1.00 k/s ┤               ▁▂▄▆▇
                 ┤          ▁▂▄▆▇█████
                 ┤     ▁▂▄▆▇██████████
            0 /s ┤▁▂▄▆▇███████████████
                 └────────────────────
                  0:00            0:10
        ");
    }
}
