//! The parser. `docs/expectations.md` has the grammar.

use crate::diagnostic::{Span, did_you_mean, listed};
use crate::metric::Behaviour;
use crate::units::Duration;

use super::super::query::Queries;
use super::bound::{bound_value, quantity_error, wrong_bound};
use super::fits::{aggregate_fits, possible, query_fits, window_fits};
use super::line::{Line, Measure, parse_aggregate};
use super::token::Token;
use super::{Bound, Comparison, Condition, DELIVERY_WORDS, JOB_WORDS, Subject};

/// Why a line is no expectation or condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{title}")]
pub struct GrammarError {
    /// Lower-case fragment.
    pub title: String,
    /// Bytes of the line.
    pub span: Span,
    /// Said at the place.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

impl GrammarError {
    pub(super) fn new(span: Span, title: impl Into<String>) -> Self {
        Self { title: title.into(), span, label: String::new(), help: None }
    }

    pub(super) fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// A line of `expect:` and where its parts stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What is compared.
    pub subject: Subject,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub bound: Bound,
    /// Bytes of the bound.
    pub bound_span: Span,
    /// Bytes of the fault's name in the window, where there is one.
    pub name_span: Option<Span>,
}

/// Parses a line of `expect:` of a scenario with these queries.
///
/// # Errors
/// The first thing that is wrong with it, and where.
pub fn parse_expectation(text: &str, queries: &Queries) -> Result<Parsed, GrammarError> {
    let mut line = Line::new(text);
    let (word, span) = line.word("a metric, `delivery` or `job`")?;
    let words = match word {
        "delivery" => Some((Subject::Delivery, DELIVERY_WORDS)),
        "job" => Some((Subject::Job, JOB_WORDS)),
        _ => None,
    };
    if let Some((subject, known)) = words {
        let (comparison, at) = line.comparison()?;
        if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return Err(GrammarError::new(at, format!("`{word}` has no order")).label("compare with `==` or `!=`"));
        }
        let (bound, bound_span) = line.rest("a word")?;
        if !known.contains(&bound) {
            let near = did_you_mean(bound, known.iter().copied());
            return Err(GrammarError::new(bound_span, format!("`{word}` is never `{bound}`"))
                .label(near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default())
                .help(format!("it can be {}", listed(known.iter().copied()))));
        }
        return Ok(Parsed { subject, comparison, bound: Bound::Word(bound.to_owned()), bound_span, name_span: None });
    }

    let (aggregate, measure, measure_span) = if line.take(Token::Open) {
        let aggregate = parse_aggregate(word, &span)?;
        let (name, at) = line.word("a metric")?;
        let (measure, measure_span) = line.measure(name, at, queries)?;
        if !line.take(Token::Close) {
            return Err(GrammarError::new(line.here(), "a parenthesis is not closed").label("`)` is missing here"));
        }
        (Some(aggregate), measure, measure_span)
    } else {
        let (measure, measure_span) = line.measure(word, span.clone(), queries)?;
        (None, measure, measure_span)
    };
    let (window, window_span, name_span) = line.window()?;
    let over = line.over()?;
    let (comparison, _) = line.comparison()?;
    let (written, bound_span) = line.rest("a bound")?;
    let (unit, per_second) = measure.measured_in(aggregate);
    match &measure {
        Measure::Metric(metric) => {
            aggregate_fits(*metric, aggregate, over, &span)?;
            if let Some(window) = &window {
                window_fits(*metric, &measure_span, window, window_span)?;
            }
        }
        Measure::Query(name, _) => {
            let aggregate = aggregate.map(|aggregate| (aggregate, span.clone()));
            query_fits(name, aggregate, over, window.as_ref(), (&measure_span, window_span))?;
        }
    }
    let value = bound_value(unit, per_second, written)
        .map_err(|error| wrong_bound(&error, &measure.to_string(), (unit, per_second), written, bound_span.clone()))?;
    let subject = match measure {
        Measure::Metric(metric) => {
            possible(metric, unit, comparison, value, &bound_span)?;
            Subject::Metric { metric, aggregate, window, over }
        }
        Measure::Query(query, unit) => Subject::Query { query, unit, aggregate, window },
    };
    Ok(Parsed { subject, comparison, bound: Bound::Value(value), bound_span, name_span })
}

/// Parses a line of `abort-when:` of a scenario with these queries: a condition and how long it must hold.
///
/// # Errors
/// The first thing that is wrong with it, and where.
pub fn parse_condition(text: &str, queries: &Queries) -> Result<(Condition, Duration), GrammarError> {
    let mut line = Line::new(text);
    let (word, span) = line.word("a metric or `job failed`")?;
    if word == "job" {
        return match line.rest("`failed`")? {
            ("failed", _) => Ok((Condition::JobFailed, Duration::default())),
            (_, at) => Err(GrammarError::new(at, "a condition on the job is `job failed`")),
        };
    }
    let (measure, span) = line.measure(word, span, queries)?;
    match &measure {
        Measure::Metric(metric) if metric.behaviour() == Behaviour::Figure => {
            return Err(GrammarError::new(span, format!("`{metric}` is known only when the run is over"))
                .help("watch something that is sampled, such as `output-lag` or `time-lag`"));
        }
        Measure::Metric(metric) if metric.behaviour() == Behaviour::Distribution => {
            return Err(GrammarError::new(span, format!("`{metric}` is a distribution, not a level"))
                .help("watch a level, such as `time-lag` or `output-lag`"));
        }
        Measure::Metric(_) | Measure::Query(..) => {}
    }
    let (comparison, _) = line.comparison()?;
    let (rest, rest_span) = line.rest("a bound")?;
    let (written, hold) = match rest.split_once(" for ") {
        None => (rest.trim(), Duration::default()),
        Some((bound, hold)) => {
            let end = rest_span.end;
            let hold_span = end - hold.trim_start().len()..end;
            let hold = hold.trim().parse().map_err(|error| quantity_error(&error, hold_span))?;
            (bound.trim(), hold)
        }
    };
    let bound_span = rest_span.start..rest_span.start + written.len();
    let unit = measure.measured_in(None);
    let value =
        bound_value(unit.0, false, written).map_err(|error| wrong_bound(&error, &measure.to_string(), unit, written, bound_span))?;
    let condition = match measure {
        Measure::Metric(metric) => Condition::Metric { metric, comparison, value },
        Measure::Query(query, unit) => Condition::Query { query, unit, comparison, value },
    };
    Ok((condition, hold))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{Aggregate, Window};
    use super::*;
    use crate::metric::{Metric, Unit};

    #[test]
    fn the_lines_of_the_design_parse() {
        let window = |text: &str| match parse_expectation(text, &Queries::new()).unwrap().subject {
            Subject::Metric { window, .. } => window,
            _ => None,
        };
        assert_eq!(window("recovery-time of lose-one < 60s"), Some(Window::Of("lose-one".into())));
        assert_eq!(window("max(output-lag) during lose-one < 100k"), Some(Window::During("lose-one".into())));
        assert_eq!(window("p99(visible-latency) recovery of lose-one < 5s"), Some(Window::RecoveryOf("lose-one".into())));
        assert_eq!(window("mean(output) in baseline >= 1.9k/s"), Some(Window::Baseline));
        assert_eq!(window("failed-checkpoints <= 2"), None);
        let parsed = parse_expectation("p95(recovery-time) over 5 < 60s", &Queries::new()).unwrap();
        let metric = Metric::RecoveryTime;
        let subject = Subject::Metric { metric, aggregate: Some(Aggregate::Percentile(95.0)), window: None, over: Some(5) };
        assert_eq!((parsed.subject, parsed.bound), (subject, Bound::Value(60.0)));
        assert_eq!(parse_expectation("delivery == exactly-once", &Queries::new()).unwrap().bound, Bound::Word("exactly-once".into()));
        assert_eq!(parse_expectation("job == RUNNING", &Queries::new()).unwrap().subject, Subject::Job);
    }

    #[test]
    fn the_conditions_of_the_design_parse() {
        let metric = |text| match parse_condition(text, &Queries::new()).unwrap() {
            (Condition::Metric { metric, value, .. }, hold) => (metric, value, hold.seconds()),
            (_, hold) => (Metric::Restarts, 0.0, hold.seconds()),
        };
        assert_eq!(metric("output-lag > 5M for 30s"), (Metric::OutputLag, 5e6, 30.0));
        assert_eq!(metric("heap > 95% for 20s"), (Metric::Heap, 0.95, 20.0));
        assert_eq!(metric("under-min-isr > 0"), (Metric::UnderMinIsr, 0.0, 0.0));
        assert_eq!(parse_condition("job failed", &Queries::new()).unwrap().0, Condition::JobFailed);
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (text, part, title) in [
            ("lag < 5s", "lag", "`lag` is four metrics"),
            ("max(lag) < 5s", "lag", "`lag` is four metrics"),
            ("outputlag < 5", "outputlag", "unknown metric `outputlag`"),
            ("recovery-time of x < 60", "60", "`recovery-time` is measured in time, written `250ms` or `60s`"),
            ("output-lag < 60s", "60s", "`output-lag` is measured in records, written `500` or `100k`"),
            ("heap < 5 parsecs", "5 parsecs", "unknown unit `parsecs` in `5 parsecs`"),
            ("recovery-time during x < 60s", "during x", "`recovery-time` is a figure of a fault"),
            ("output-lag of x < 6", "of x", "`output-lag` is no figure of a fault"),
            ("lost during x == 0", "lost", "`lost` is a figure of the whole run"),
            ("rate(heap) < 1", "rate", "`heap` is a level: it has no rate"),
            ("most(heap) < 1", "most", "unknown aggregate `most`"),
            ("p95(recovery-time) < 60s", "p95", "`recovery-time` is one number"),
            ("recovery-time over 5 < 60s", "recovery-time", "`recovery-time` over repeats needs an aggregate"),
            ("max(output-lag < 5", "<", "a parenthesis is not closed"),
            ("output-lag = 5", "=", "`=` is no comparison"),
            ("output-lag", "", "expected a comparison (`<`, `<=`, `>`, `>=`, `==` or `!=`) at the end of the line"),
            ("output-lag <", "", "expected a bound at the end of the line"),
            ("output-lag in recovery < 5", "recovery", "expected `baseline` after `in`, found `recovery`"),
            ("delivery < exactly-once", "<", "`delivery` has no order"),
            ("delivery == exactly-twice", "exactly-twice", "`delivery` is never `exactly-twice`"),
            ("failed-checkpoints < 0", "0", "`failed-checkpoints` is never below zero"),
            ("heap > 100%", "100%", "`heap` is never above 100 %"),
            ("", "", "expected a metric, `delivery` or `job` at the end of the line"),
        ] {
            let error = parse_expectation(text, &Queries::new()).unwrap_err();
            assert_eq!((error.title.as_str(), &text[error.span.clone()]), (title, part), "{text}");
        }
        for (text, part, title) in [
            ("recovery-time > 5s", "recovery-time", "`recovery-time` is known only when the run is over"),
            ("slip > 5s", "slip", "`slip` is a distribution, not a level"),
            ("output-lag > 5M for 30", "30", "`30` has no unit"),
            ("output-lag > 5s for 30s", "5s", "`output-lag` is measured in records, written `500` or `100k`"),
            ("job fails", "fails", "a condition on the job is `job failed`"),
        ] {
            let error = parse_condition(text, &Queries::new()).unwrap_err();
            assert_eq!((error.title.as_str(), &text[error.span.clone()]), (title, part), "{text}");
        }
    }

    fn queries() -> Queries {
        serde_json::from_str(
            r#"{ "consumer-lag": { "promql": "sum(lag)", "unit": "records" }, "up": { "promql": "avg(up)", "unit": "ratio" } }"#,
        )
        .unwrap()
    }

    #[test]
    fn queries_are_levels_in_their_own_unit() {
        let parsed = parse_expectation("max(query consumer-lag) during lose-one < 10k", &queries()).unwrap();
        let (query, aggregate, window) = ("consumer-lag".to_owned(), Some(Aggregate::Max), Some(Window::During("lose-one".into())));
        assert_eq!(parsed.subject, Subject::Query { query, unit: Unit::Records, aggregate, window });
        assert_eq!((&parsed.bound, parsed.to_string().as_str()), (&Bound::Value(1e4), "max(query consumer-lag) during lose-one < 10k"));
        assert_eq!(parse_expectation("min(query up) >= 90%", &queries()).unwrap().bound, Bound::Value(0.9));
        assert_eq!(parse_expectation("slope(query consumer-lag) < 5/s", &queries()).unwrap().bound, Bound::Value(5.0));
        let (condition, hold) = parse_condition("query consumer-lag > 5M for 30s", &queries()).unwrap();
        let query = "consumer-lag".to_owned();
        assert_eq!(condition, Condition::Query { query, unit: Unit::Records, comparison: Comparison::Greater, value: 5e6 });
        assert_eq!(hold.seconds(), 30.0);
    }

    #[test]
    fn mistakes_about_queries_are_shown_where_they_are() {
        for (text, part, title, more) in [
            ("max(query consumer-lagg) < 5", "consumer-lagg", "no query is called `consumer-lagg`", "did you mean `consumer-lag`?"),
            ("query heap < 5", "heap", "no query is called `heap`", "the scenario has `consumer-lag` and `up`"),
            ("query < 5", "<", "expected the name of a query, found `<`", ""),
            ("max(query up) < 5s", "5s", "`query up` is measured in shares, written `95%`", "this is a time"),
            ("rate(query up) < 5", "rate", "`query up` is a level: it has no rate", "write `rate(…[1m])` into its PromQL"),
            ("query up of x < 5%", "of x", "`query up` is no figure of a fault", "write `during NAME`"),
            ("max(query up) over 5 < 5%", "query up", "`query up` is no figure of a run", "`over` looks at one figure"),
        ] {
            let error = parse_expectation(text, &queries()).unwrap_err();
            assert_eq!((error.title.as_str(), &text[error.span.clone()]), (title, part), "{text}");
            assert!(format!("{} {}", error.label, error.help.unwrap_or_default()).contains(more), "{text}");
        }
        let none = parse_condition("query lag > 5", &Queries::new()).unwrap_err();
        assert!(none.help.unwrap().contains("queries: { lag: { promql:"));
    }
}
