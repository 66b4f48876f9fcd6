//! Which aggregates, windows and bounds make sense for a metric.

use crate::diagnostic::Span;
use crate::metric::{Behaviour, Metric, Unit};

use super::parse::GrammarError;
use super::{Aggregate, Comparison, Window};

pub(super) fn aggregate_fits(metric: Metric, aggregate: Option<Aggregate>, over: Option<u32>, span: &Span) -> Result<(), GrammarError> {
    let wrong = |title: String, help: &str| Err(GrammarError::new(span.clone(), title).help(help));
    let Some(aggregate) = aggregate else {
        return match over {
            Some(_) => wrong(format!("`{metric}` over repeats needs an aggregate"), "write for example `max(…) over 5` or `p95(…) over 5`"),
            None => Ok(()),
        };
    };
    if over.is_some() {
        return match metric.behaviour() {
            Behaviour::Figure if matches!(aggregate, Aggregate::Rate | Aggregate::Slope) => wrong(
                format!("`{metric}` over repeats has no {aggregate}"),
                "`max`, `min`, `mean`, percentiles, `last` and `count` say something",
            ),
            Behaviour::Figure => Ok(()),
            _ => wrong(format!("`{metric}` is no figure of a run"), "`over` looks at one figure of each repeat, such as `recovery-time`"),
        };
    }
    match (metric.behaviour(), aggregate) {
        (Behaviour::Figure, Aggregate::Max) => Ok(()),
        (Behaviour::Figure, _) => {
            wrong(format!("`{metric}` is one number"), "leave the aggregate out, or say over how many repeats it is taken: `p95(…) over 5`")
        }
        (Behaviour::Gauge, Aggregate::Rate) => {
            wrong(format!("`{metric}` is a level: it has no rate"), "`slope` says how fast a level rises")
        }
        (Behaviour::Distribution, Aggregate::Rate | Aggregate::Slope | Aggregate::Last) => {
            wrong(format!("`{metric}` is a distribution"), "take `max`, `min`, `mean`, a percentile or `count` of it")
        }
        (Behaviour::Counter, Aggregate::Min | Aggregate::Mean | Aggregate::Percentile(_) | Aggregate::Slope) => {
            wrong(format!("`{metric}` is a counter"), "its growth (no aggregate), `rate`, `max` and `last` say something")
        }
        _ => Ok(()),
    }
}

/// Figures that belong to one fault.
fn of_a_fault(metric: Metric) -> bool {
    matches!(metric, Metric::RecoveryTime | Metric::DetectionTime | Metric::TimeToRunning | Metric::Outage)
}

pub(super) fn window_fits(metric: Metric, metric_span: &Span, window: &Window, span: Span) -> Result<(), GrammarError> {
    let of = matches!(window, Window::Of(_));
    if of_a_fault(metric) {
        return if of {
            Ok(())
        } else {
            Err(GrammarError::new(span, format!("`{metric}` is a figure of a fault")).help(format!("write `{metric} of NAME`")))
        };
    }
    if of {
        let help = format!("write `{metric} during NAME`, `recovery of NAME`, `under NAME` or `after NAME`");
        return Err(GrammarError::new(span, format!("`{metric}` is no figure of a fault")).help(help));
    }
    let skew = matches!(metric, Metric::PartitionSkew | Metric::SubtaskSkew);
    if metric.behaviour() == Behaviour::Figure && !(skew && matches!(window, Window::During(_) | Window::Baseline)) {
        return Err(GrammarError::new(metric_span.clone(), format!("`{metric}` is a figure of the whole run")).help("leave the window out"));
    }
    Ok(())
}

/// What cannot be said of a query: it is a level, over the time of one run.
pub(super) fn query_fits(
    name: &str,
    aggregate: Option<(Aggregate, Span)>,
    over: Option<u32>,
    window: Option<&Window>,
    (span, window_span): (&Span, Span),
) -> Result<(), GrammarError> {
    if let Some((Aggregate::Rate, at)) = aggregate {
        return Err(GrammarError::new(at, format!("`query {name}` is a level: it has no rate"))
            .help("write `rate(…[1m])` into its PromQL, or take `slope`"));
    }
    if over.is_some() {
        return Err(GrammarError::new(span.clone(), format!("`query {name}` is no figure of a run"))
            .help("`over` looks at one figure of each repeat, such as `recovery-time`"));
    }
    if matches!(window, Some(Window::Of(_))) {
        return Err(GrammarError::new(window_span, format!("`query {name}` is no figure of a fault"))
            .help("write `during NAME`, `recovery of NAME`, `under NAME` or `after NAME`"));
    }
    Ok(())
}

/// Refuses bounds on the far side of what the metric can be.
pub(super) fn possible(metric: Metric, unit: Unit, comparison: Comparison, value: f64, span: &Span) -> Result<(), GrammarError> {
    let never_below = comparison == Comparison::Less && value == 0.0 && !matches!(unit, Unit::Factor);
    let most = (unit == Unit::Ratio).then_some(1.0);
    let never_above = most.is_some_and(|most| match comparison {
        Comparison::Greater => value >= most,
        Comparison::GreaterOrEqual | Comparison::Equal => value > most,
        _ => false,
    });
    if never_below || never_above {
        let range = if never_below { "is never below zero" } else { "is never above 100 %" };
        return Err(GrammarError::new(span.clone(), format!("`{metric}` {range}")).label("this can never be met"));
    }
    Ok(())
}
