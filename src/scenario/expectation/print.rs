//! Expectations as text that parses to the same.

use std::fmt;

use crate::metric::Unit;
use crate::units::{Bytes, Count, Duration, Rate, Ratio};

use super::{Aggregate, Bound, Expectation, Parsed, Subject, Window, measured_in, query_measured_in};

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Min => f.write_str("min"),
            Self::Mean => f.write_str("mean"),
            Self::Percentile(percentile) => write!(f, "p{percentile}"),
            Self::Count => f.write_str("count"),
            Self::Rate => f.write_str("rate"),
            Self::Slope => f.write_str("slope"),
            Self::Last => f.write_str("last"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Baseline => f.write_str("in baseline"),
            Self::During(name) => write!(f, "during {name}"),
            Self::RecoveryOf(name) => write!(f, "recovery of {name}"),
            Self::After(name) => write!(f, "after {name}"),
            Self::Under(name) => write!(f, "under {name}"),
            Self::Of(name) => write!(f, "of {name}"),
        }
    }
}

impl Window {
    /// The fault that it belongs to.
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Baseline => None,
            Self::During(name) | Self::RecoveryOf(name) | Self::After(name) | Self::Under(name) | Self::Of(name) => Some(name),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivery => f.write_str("delivery"),
            Self::Job => f.write_str("job"),
            Self::Query { query, aggregate, window, .. } => {
                match aggregate {
                    Some(aggregate) => write!(f, "{aggregate}(query {query})")?,
                    None => write!(f, "query {query}")?,
                }
                window.as_ref().map_or(Ok(()), |window| write!(f, " {window}"))
            }
            Self::Metric { metric, aggregate, window, over } => {
                match aggregate {
                    Some(aggregate) => write!(f, "{aggregate}({metric})")?,
                    None => write!(f, "{metric}")?,
                }
                if let Some(window) = window {
                    write!(f, " {window}")?;
                }
                match over {
                    Some(over) => write!(f, " over {over}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Subject {
    /// The part of the run that it looks at, where it says one.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Metric { window, .. } | Self::Query { window, .. } => window.as_ref(),
            Self::Delivery | Self::Job => None,
        }
    }

    /// A bound as it is written for this subject.
    pub fn written(&self, bound: &Bound) -> String {
        match (self, bound) {
            (_, Bound::Word(word)) => word.clone(),
            (Self::Metric { metric, aggregate, .. }, Bound::Value(value)) => {
                let (unit, per_second) = measured_in(*metric, *aggregate);
                written_in(unit, per_second, *value)
            }
            (Self::Query { unit, aggregate, .. }, Bound::Value(value)) => {
                let (unit, per_second) = query_measured_in(*unit, *aggregate);
                written_in(unit, per_second, *value)
            }
            (_, Bound::Value(value)) => value.to_string(),
        }
    }
}

/// A value in its base unit, as it is written.
pub fn written_in(unit: Unit, per_second: bool, value: f64) -> String {
    match unit {
        Unit::Count | Unit::Records => Count(value as u64).to_string(),
        Unit::PerSecond => Rate(value).to_string(),
        Unit::Seconds => Duration::from(std::time::Duration::try_from_secs_f64(value).unwrap_or_default()).to_string(),
        Unit::Bytes if per_second => format!("{}/s", Bytes(value as u64)),
        Unit::Bytes => Bytes(value as u64).to_string(),
        Unit::Ratio => Ratio(value).to_string(),
        Unit::Factor => value.to_string(),
    }
}

impl fmt::Display for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.subject, self.comparison.symbol(), self.subject.written(&self.bound))
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.subject, self.comparison.symbol(), self.subject.written(&self.bound))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::parse::parse_expectation;
    use crate::metric::Metric;
    use crate::scenario::Queries;

    fn queries() -> Queries {
        serde_json::from_str(r#"{ "up": { "promql": "sum(up)", "unit": "count" } }"#).unwrap()
    }

    proptest! {
        /// Whatever parses prints as a text that parses to the same.
        #[test]
        fn what_parses_prints_and_parses_again(
            metric in prop::sample::select(Metric::ALL),
            aggregate in prop::sample::select(&["", "max", "min", "mean", "p99.9", "p50", "count", "rate", "slope", "last"][..]),
            window in prop::sample::select(&["", "in baseline", "during a", "recovery of b-1", "after c", "under d", "of e", "of e over 5"][..]),
            comparison in prop::sample::select(&["<", "<=", ">", ">=", "==", "!="][..]),
            number in 1_u32..100_000,
            unit in prop::sample::select(&["", "k", "/s", "k/s", "ms", "s", "B", "MiB", "MiB/s", "%"][..]),
        ) {
            let metric = if metric == Metric::Query { "query up".to_owned() } else { metric.to_string() };
            let subject = if aggregate.is_empty() { metric } else { format!("{aggregate}({metric})") };
            let text = format!("{subject} {window} {comparison} {number}{unit}");
            if let Ok(parsed) = parse_expectation(&text, &queries()) {
                let again = parse_expectation(&parsed.to_string(), &queries()).unwrap();
                prop_assert_eq!((&again.subject, again.comparison, &again.bound), (&parsed.subject, parsed.comparison, &parsed.bound));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = parse_expectation(&text, &queries());
            let _ = super::super::parse::parse_condition(&text, &queries());
        }
    }

    #[test]
    fn every_metric_has_a_line_that_parses() {
        for metric in Metric::ALL {
            let metric = if *metric == Metric::Query { "query up".to_owned() } else { metric.to_string() };
            let parses =
                ["5", "5s", "5/s", "5MiB", "50%"].iter().any(|bound| parse_expectation(&format!("{metric} < {bound}"), &queries()).is_ok());
            assert!(parses, "{metric}");
        }
    }
}
