//! The parser. `docs/expectations.md` has the grammar.

use crate::diagnostic::{Span, did_you_mean, listed};
use crate::metric::{Behaviour, Metric};
use crate::units::Duration;

use super::bound::{bound_value, quantity_error, wrong_bound};
use super::fits::{aggregate_fits, possible, window_fits};
use super::token::{Token, tokens};
use super::{Aggregate, Bound, Comparison, Condition, DELIVERY_WORDS, JOB_WORDS, Subject, Window, measured_in};

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

/// Parses a line of `expect:`.
///
/// # Errors
/// The first thing that is wrong with it, and where.
pub fn parse_expectation(text: &str) -> Result<Parsed, GrammarError> {
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

    let (aggregate, metric, metric_span) = if line.take(Token::Open) {
        let aggregate = parse_aggregate(word, &span)?;
        let (name, metric_span) = line.word("a metric")?;
        let metric = parse_metric(name, &metric_span)?;
        if !line.take(Token::Close) {
            return Err(GrammarError::new(line.here(), "a parenthesis is not closed").label("`)` is missing here"));
        }
        (Some(aggregate), metric, metric_span)
    } else {
        (None, parse_metric(word, &span)?, span.clone())
    };
    let (window, window_span, name_span) = line.window()?;
    let over = line.over()?;
    let (comparison, _) = line.comparison()?;
    let (written, bound_span) = line.rest("a bound")?;
    aggregate_fits(metric, aggregate, over, &span)?;
    if let Some(window) = &window {
        window_fits(metric, &metric_span, window, window_span)?;
    }
    let (unit, per_second) = measured_in(metric, aggregate);
    let value =
        bound_value(unit, per_second, written).map_err(|error| wrong_bound(&error, metric, aggregate, written, bound_span.clone()))?;
    possible(metric, unit, comparison, value, &bound_span)?;
    let subject = Subject::Metric { metric, aggregate, window, over };
    Ok(Parsed { subject, comparison, bound: Bound::Value(value), bound_span, name_span })
}

/// Parses a line of `abort-when:`: a condition and how long it must hold.
///
/// # Errors
/// The first thing that is wrong with it, and where.
pub fn parse_condition(text: &str) -> Result<(Condition, Duration), GrammarError> {
    let mut line = Line::new(text);
    let (word, span) = line.word("a metric or `job failed`")?;
    if word == "job" {
        return match line.rest("`failed`")? {
            ("failed", _) => Ok((Condition::JobFailed, Duration::default())),
            (_, at) => Err(GrammarError::new(at, "a condition on the job is `job failed`")),
        };
    }
    let metric = parse_metric(word, &span)?;
    match metric.behaviour() {
        Behaviour::Gauge | Behaviour::Counter => {}
        Behaviour::Figure => {
            return Err(GrammarError::new(span, format!("`{metric}` is known only when the run is over"))
                .help("watch something that is sampled, such as `output-lag` or `time-lag`"));
        }
        Behaviour::Distribution => {
            return Err(GrammarError::new(span, format!("`{metric}` is a distribution, not a level"))
                .help("watch a level, such as `time-lag` or `output-lag`"));
        }
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
    let value = bound_value(metric.unit(), false, written).map_err(|error| wrong_bound(&error, metric, None, written, bound_span))?;
    Ok((Condition::Metric { metric, comparison, value }, hold))
}

struct Line<'a> {
    text: &'a str,
    tokens: Vec<(Token<'a>, Span)>,
    next: usize,
}

impl<'a> Line<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, tokens: tokens(text), next: 0 }
    }

    /// The token to come, or the end of the line.
    fn here(&self) -> Span {
        self.tokens.get(self.next).map_or(self.text.len()..self.text.len(), |(_, span)| span.clone())
    }

    fn expected(&self, what: &str) -> GrammarError {
        let title = match self.tokens.get(self.next) {
            Some((_, span)) => format!("expected {what}, found `{}`", &self.text[span.clone()]),
            None => format!("expected {what} at the end of the line"),
        };
        GrammarError::new(self.here(), title)
    }

    fn peek_word(&self) -> Option<&'a str> {
        match self.tokens.get(self.next) {
            Some((Token::Word(word), _)) => Some(word),
            _ => None,
        }
    }

    fn word(&mut self, what: &str) -> Result<(&'a str, Span), GrammarError> {
        let word = self.peek_word().ok_or_else(|| self.expected(what))?;
        let span = self.here();
        self.next += 1;
        Ok((word, span))
    }

    fn take(&mut self, token: Token<'_>) -> bool {
        let found = self.tokens.get(self.next).is_some_and(|(next, _)| *next == token);
        self.next += usize::from(found);
        found
    }

    fn window(&mut self) -> Result<(Option<Window>, Span, Option<Span>), GrammarError> {
        let start = self.here();
        let make: fn(String) -> Window = match self.peek_word() {
            Some("in") => {
                self.next += 1;
                if !self.take(Token::Word("baseline")) {
                    return Err(self.expected("`baseline` after `in`"));
                }
                return Ok((Some(Window::Baseline), start, None));
            }
            Some("recovery") => {
                self.next += 1;
                if !self.take(Token::Word("of")) {
                    return Err(self.expected("`of` after `recovery`"));
                }
                self.next -= 1;
                Window::RecoveryOf
            }
            Some("during") => Window::During,
            Some("after") => Window::After,
            Some("under") => Window::Under,
            Some("of") => Window::Of,
            _ => return Ok((None, start, None)),
        };
        self.next += 1;
        let (name, span) = self.word("the name of a fault")?;
        Ok((Some(make(name.to_owned())), start.start..span.end, Some(span)))
    }

    fn over(&mut self) -> Result<Option<u32>, GrammarError> {
        if !self.take(Token::Word("over")) {
            return Ok(None);
        }
        let (number, span) = self.word("a number of repeats")?;
        match number.parse() {
            Ok(over) if over >= 1 => Ok(Some(over)),
            _ => Err(GrammarError::new(span, format!("`{number}` is no number of repeats"))),
        }
    }

    fn comparison(&mut self) -> Result<(Comparison, Span), GrammarError> {
        let span = self.here();
        match self.tokens.get(self.next) {
            Some((Token::Compare(comparison), _)) => {
                self.next += 1;
                Ok((*comparison, span))
            }
            Some((Token::Other('='), _)) => Err(GrammarError::new(span, "`=` is no comparison").label("did you mean `==`?")),
            _ => Err(self.expected("a comparison (`<`, `<=`, `>`, `>=`, `==` or `!=`)")),
        }
    }

    fn rest(&mut self, what: &str) -> Result<(&'a str, Span), GrammarError> {
        let start = self.here().start;
        let text = self.text[start..].trim_end();
        if text.is_empty() {
            return Err(self.expected(what));
        }
        self.next = self.tokens.len();
        Ok((text, start..start + text.len()))
    }
}

fn parse_metric(name: &str, span: &Span) -> Result<Metric, GrammarError> {
    if let Ok(metric) = name.parse() {
        return Ok(metric);
    }
    let error = GrammarError::new(span.clone(), format!("unknown metric `{name}`"));
    Err(match name {
        "lag" => GrammarError::new(span.clone(), "`lag` is four metrics").label("say which one").help(
            "`output-lag` (acknowledged, not yet in the sink), `position-lag` (by Flink's offsets), `committed-lag` (by the group's \
             commits, a sawtooth) or `time-lag` (in seconds)",
        ),
        "latency" => GrammarError::new(span.clone(), "`latency` is three metrics").label("say which one").help(
            "`produce-latency` (until Kafka has it), `end-to-end-latency` (until the sink has it) or `visible-latency` (until a \
             read_committed reader sees it)",
        ),
        _ => match did_you_mean(name, Metric::ALL.iter().map(|metric| metric.name())) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error.help("`squall explain metrics` lists them"),
        },
    })
}

fn parse_aggregate(name: &str, span: &Span) -> Result<Aggregate, GrammarError> {
    Ok(match name {
        "max" => Aggregate::Max,
        "min" => Aggregate::Min,
        "mean" => Aggregate::Mean,
        "count" => Aggregate::Count,
        "rate" => Aggregate::Rate,
        "slope" => Aggregate::Slope,
        "last" => Aggregate::Last,
        _ => {
            let percentile = name.strip_prefix('p').and_then(|number| number.parse::<f64>().ok());
            match percentile {
                Some(percentile) if (0.0..=100.0).contains(&percentile) => Aggregate::Percentile(percentile),
                _ => {
                    return Err(GrammarError::new(span.clone(), format!("unknown aggregate `{name}`"))
                        .help("known are `max`, `min`, `mean`, `p50`, `p99`, `p99.9`, `count`, `rate`, `slope` and `last`"));
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_lines_of_the_design_parse() {
        let window = |text: &str| match parse_expectation(text).unwrap().subject {
            Subject::Metric { window, .. } => window,
            _ => None,
        };
        assert_eq!(window("recovery-time of lose-one < 60s"), Some(Window::Of("lose-one".into())));
        assert_eq!(window("max(output-lag) during lose-one < 100k"), Some(Window::During("lose-one".into())));
        assert_eq!(window("p99(visible-latency) recovery of lose-one < 5s"), Some(Window::RecoveryOf("lose-one".into())));
        assert_eq!(window("mean(output) in baseline >= 1.9k/s"), Some(Window::Baseline));
        assert_eq!(window("failed-checkpoints <= 2"), None);
        let parsed = parse_expectation("p95(recovery-time) over 5 < 60s").unwrap();
        let metric = Metric::RecoveryTime;
        let subject = Subject::Metric { metric, aggregate: Some(Aggregate::Percentile(95.0)), window: None, over: Some(5) };
        assert_eq!((parsed.subject, parsed.bound), (subject, Bound::Value(60.0)));
        assert_eq!(parse_expectation("delivery == exactly-once").unwrap().bound, Bound::Word("exactly-once".into()));
        assert_eq!(parse_expectation("job == RUNNING").unwrap().subject, Subject::Job);
    }

    #[test]
    fn the_conditions_of_the_design_parse() {
        let metric = |text| match parse_condition(text).unwrap() {
            (Condition::Metric { metric, value, .. }, hold) => (metric, value, hold.seconds()),
            (Condition::JobFailed, hold) => (Metric::Restarts, 0.0, hold.seconds()),
        };
        assert_eq!(metric("output-lag > 5M for 30s"), (Metric::OutputLag, 5e6, 30.0));
        assert_eq!(metric("heap > 95% for 20s"), (Metric::Heap, 0.95, 20.0));
        assert_eq!(metric("under-min-isr > 0"), (Metric::UnderMinIsr, 0.0, 0.0));
        assert_eq!(parse_condition("job failed").unwrap().0, Condition::JobFailed);
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
            let error = parse_expectation(text).unwrap_err();
            assert_eq!((error.title.as_str(), &text[error.span.clone()]), (title, part), "{text}");
        }
        for (text, part, title) in [
            ("recovery-time > 5s", "recovery-time", "`recovery-time` is known only when the run is over"),
            ("slip > 5s", "slip", "`slip` is a distribution, not a level"),
            ("output-lag > 5M for 30", "30", "`30` has no unit"),
            ("output-lag > 5s for 30s", "5s", "`output-lag` is measured in records, written `500` or `100k`"),
            ("job fails", "fails", "a condition on the job is `job failed`"),
        ] {
            let error = parse_condition(text).unwrap_err();
            assert_eq!((error.title.as_str(), &text[error.span.clone()]), (title, part), "{text}");
        }
    }
}
