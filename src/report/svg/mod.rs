//! Small SVG charts that need no script, no font and no other file.
//!
//! A chart stretches to any width: positions along time are percentages, curves lie in an inner picture that is scaled without
//! its strokes, and text keeps its size. Colours are classes (`c1` … `c8`), so that the page's style decides them for light,
//! dark and paper; each class has its dash pattern too, so that colour is never the only sign.

mod bars;
mod downsample;
mod frame;
mod panel;
mod plot;
mod scale;
mod strips;

pub(super) use bars::{Bar, bars};
pub(super) use downsample::lttb;
pub(super) use frame::{Frame, Shade};
pub(super) use panel::{Line, Mark, Panel};
pub(super) use plot::{Curve, Plot, Spot};
pub(super) use scale::Scale;
pub(super) use strips::{Column, HeatRow, Lane, columns, heat, lane, phases};

/// How many line styles there are before they repeat.
pub(super) const STYLES: usize = 8;

/// The class of the nth line.
pub(super) fn style(index: usize) -> String {
    format!("c{}", index % STYLES + 1)
}

/// Text for SVG and HTML, in elements and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in super::text::visible(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A share of the width, 0 to 1, as a percentage with as many digits as a wide screen can show.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}
