//! Bars beside each other: the load of partitions and subtasks.

use std::fmt::Write;

use super::{escape, percent};

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Bar {
    /// Its name.
    pub name: String,
    /// Its length; none where nothing was measured.
    pub value: Option<f64>,
    /// The value as text.
    pub text: String,
}

/// Horizontal bars from zero, with a line at their mean.
pub(in crate::report) fn bars(title: &str, bars: &[Bar]) -> String {
    const ROW: f64 = 22.0;
    let known: Vec<f64> = bars.iter().filter_map(|bar| bar.value).collect();
    let highest = known.iter().copied().fold(0.0, f64::max).max(1e-9);
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    // Room for the value behind the longest bar.
    let reach = 0.64 / highest;
    let height = ROW * bars.len() as f64;
    let mut out = format!(r#"<svg class="plot bars" role="img" aria-label="{}" height="{height}">"#, escape(title));
    for (index, bar) in bars.iter().enumerate() {
        let y = ROW * index as f64;
        let _ = write!(
            out,
            r#"<text class="y" x="-8" y="{}">{}</text><rect class="load" y="{}" width="{}" height="{}"/>"#,
            y + 15.0,
            escape(&bar.name),
            y + 3.0,
            percent(bar.value.unwrap_or(0.0) * reach),
            ROW - 6.0
        );
    }
    let _ = write!(out, r#"<line class="mean" x1="{x}" x2="{x}" y2="{height}"><title>mean</title></line>"#, x = percent(mean * reach));
    // The figures last: their halo keeps them readable where the mean runs through them.
    for (index, bar) in bars.iter().enumerate() {
        let (x, y) = (percent(bar.value.unwrap_or(0.0) * reach), ROW * index as f64 + 15.0);
        let _ = write!(out, r#"<text class="value" x="{x}" dx="8" y="{y}">{}</text>"#, escape(&bar.text));
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_true_to_zero() {
        let bar = |value| Bar { name: "0".to_owned(), value: Some(value), text: "x".to_owned() };
        let svg = bars("load", &[bar(100.0), bar(50.0), bar(0.0)]);
        assert!(svg.contains(r#"width="64%""#) && svg.contains(r#"width="32%""#) && svg.contains(r#"width="0%""#), "{svg}");
    }
}
