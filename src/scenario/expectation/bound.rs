//! Bounds: in which unit a metric's are written, and what to say when they are not.

use crate::diagnostic::Span;
use crate::metric::{Behaviour, Metric, Unit};
use crate::units::{Bytes, Count, Duration, QuantityError, Rate, Ratio};

use super::Aggregate;
use super::parse::GrammarError;

/// What an aggregate of a metric is measured in; with whether it is per second on top of that.
pub fn measured_in(metric: Metric, aggregate: Option<Aggregate>) -> (Unit, bool) {
    measured(metric.unit(), metric.behaviour(), aggregate)
}

/// The same for a query in this unit.
pub fn query_measured_in(unit: Unit, aggregate: Option<Aggregate>) -> (Unit, bool) {
    measured(unit, Behaviour::Gauge, aggregate)
}

fn measured(unit: Unit, behaviour: Behaviour, aggregate: Option<Aggregate>) -> (Unit, bool) {
    match (aggregate, unit) {
        (Some(Aggregate::Rate | Aggregate::Slope), Unit::Count | Unit::Records) => (Unit::PerSecond, false),
        (Some(Aggregate::Rate | Aggregate::Slope), Unit::Bytes) => (Unit::Bytes, true),
        (Some(Aggregate::Rate | Aggregate::Slope), _) => (Unit::Factor, true),
        // For a counter, `count` is its growth; else the number of samples.
        (Some(Aggregate::Count), unit) if behaviour == Behaviour::Counter => (unit, false),
        (Some(Aggregate::Count), _) => (Unit::Count, false),
        (_, unit) => (unit, false),
    }
}

/// A bound on a metric's newest value, in its base unit.
///
/// # Errors
/// It is not written in the metric's unit.
pub fn bound_in(metric: Metric, written: &str) -> Result<f64, QuantityError> {
    bound_value(metric.unit(), false, written)
}

pub(super) fn bound_value(unit: Unit, per_second: bool, written: &str) -> Result<f64, QuantityError> {
    let plain = || {
        let number = written.strip_suffix("/s").filter(|_| per_second).unwrap_or(written).trim();
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
            Ok(_) => Err(QuantityError::OutOfRange(written.to_owned())),
            Err(_) => Err(QuantityError::NoNumber(written.to_owned())),
        }
    };
    match unit {
        Unit::Count | Unit::Records => written.parse::<Count>().map(|count| count.0 as f64),
        Unit::PerSecond => written.parse::<Rate>().map(|rate| rate.0),
        Unit::Seconds => written.parse::<Duration>().map(Duration::seconds),
        Unit::Bytes if per_second => {
            let missing = || QuantityError::NoUnit { text: written.to_owned(), example: format!("{written}/s") };
            written.strip_suffix("/s").ok_or_else(missing)?.parse::<Bytes>().map(|bytes| bytes.0 as f64)
        }
        Unit::Bytes => written.parse::<Bytes>().map(|bytes| bytes.0 as f64),
        Unit::Ratio => written.parse::<Ratio>().map(|ratio| ratio.0),
        Unit::Factor => plain(),
    }
}

pub(super) fn quantity_error(error: &QuantityError, span: Span) -> GrammarError {
    let message = error.to_string();
    match message.split_once("; ") {
        Some((title, help)) => GrammarError::new(span, title).help(help),
        None => GrammarError::new(span, message),
    }
}

/// What is said of a bound that is not written in the unit of `what`.
pub(super) fn wrong_bound(error: &QuantityError, what: &str, (unit, per_second): (Unit, bool), written: &str, span: Span) -> GrammarError {
    let error = quantity_error(error, span);
    // A bound that would do for another unit says that the metric was taken for another one.
    let other =
        [Unit::Seconds, Unit::Bytes, Unit::PerSecond, Unit::Count].into_iter().find(|other| bound_value(*other, false, written).is_ok());
    let measured = format!("`{what}` is measured in {}", in_words(unit, per_second));
    match other {
        Some(other) if unit != other => {
            GrammarError { title: measured, help: None, ..error }.label(format!("this is {}", amount_in_words(other)))
        }
        _ => GrammarError { help: Some(error.help.clone().map_or(measured.clone(), |help| format!("{help}; {measured}"))), ..error },
    }
}

fn in_words(unit: Unit, per_second: bool) -> &'static str {
    match (unit, per_second) {
        (Unit::Count, _) => "things, written `5` or `100k`",
        (Unit::Records, _) => "records, written `500` or `100k`",
        (Unit::PerSecond, _) => "records per second, written `500/s` or `2k/s`",
        (Unit::Seconds, _) => "time, written `250ms` or `60s`",
        (Unit::Bytes, false) => "bytes, written `512MiB`",
        (Unit::Bytes, true) => "bytes per second, written `1MiB/s`",
        (Unit::Ratio, _) => "shares, written `95%`",
        (Unit::Factor, false) => "plain numbers, written `1.5`",
        (Unit::Factor, true) => "change per second, written `0.1`",
    }
}

fn amount_in_words(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "a time",
        Unit::Bytes => "a size",
        Unit::PerSecond => "a rate",
        _ => "a bare number",
    }
}
