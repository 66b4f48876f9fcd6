//! A line of `expect:` or `abort-when:`, read word by word.

use std::fmt;

use crate::diagnostic::{Span, did_you_mean, listed};
use crate::metric::{Metric, Unit};

use super::super::name::Name;
use super::super::query::Queries;
use super::parse::GrammarError;
use super::token::{Token, tokens};
use super::{Aggregate, Comparison, Window, measured_in, query_measured_in};

/// What a line looks at.
pub(super) enum Measure {
    Metric(Metric),
    /// Its name and unit.
    Query(String, Unit),
}

impl Measure {
    pub(super) fn measured_in(&self, aggregate: Option<Aggregate>) -> (Unit, bool) {
        match self {
            Self::Metric(metric) => measured_in(*metric, aggregate),
            Self::Query(_, unit) => query_measured_in(*unit, aggregate),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(metric) => write!(f, "{metric}"),
            Self::Query(name, _) => write!(f, "query {name}"),
        }
    }
}

/// A line, word by word.
pub(super) struct Line<'a> {
    text: &'a str,
    tokens: Vec<(Token<'a>, Span)>,
    next: usize,
}

impl<'a> Line<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, tokens: tokens(text), next: 0 }
    }

    /// The token to come, or the end of the line.
    pub(super) fn here(&self) -> Span {
        self.tokens.get(self.next).map_or(self.text.len()..self.text.len(), |(_, span)| span.clone())
    }

    pub(super) fn expected(&self, what: &str) -> GrammarError {
        let title = match self.tokens.get(self.next) {
            Some((_, span)) => format!("expected {what}, found `{}`", &self.text[span.clone()]),
            None => format!("expected {what} at the end of the line"),
        };
        GrammarError::new(self.here(), title)
    }

    pub(super) fn peek_word(&self) -> Option<&'a str> {
        match self.tokens.get(self.next) {
            Some((Token::Word(word), _)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn word(&mut self, what: &str) -> Result<(&'a str, Span), GrammarError> {
        let word = self.peek_word().ok_or_else(|| self.expected(what))?;
        let span = self.here();
        self.next += 1;
        Ok((word, span))
    }

    pub(super) fn take(&mut self, token: Token<'_>) -> bool {
        let found = self.tokens.get(self.next).is_some_and(|(next, _)| *next == token);
        self.next += usize::from(found);
        found
    }

    /// The metric of this word, or the query whose name follows it.
    pub(super) fn measure(&mut self, word: &str, span: Span, queries: &Queries) -> Result<(Measure, Span), GrammarError> {
        if word != Metric::Query.name() {
            return Ok((Measure::Metric(parse_metric(word, &span)?), span));
        }
        let (name, at) = self.word("the name of a query")?;
        let Some((name, query)) = queries.iter().find(|(known, _)| known.as_str() == name) else {
            return Err(unknown_query(name, at, queries));
        };
        Ok((Measure::Query(name.to_string(), query.unit), span.start..at.end))
    }

    pub(super) fn window(&mut self) -> Result<(Option<Window>, Span, Option<Span>), GrammarError> {
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

    pub(super) fn over(&mut self) -> Result<Option<u32>, GrammarError> {
        if !self.take(Token::Word("over")) {
            return Ok(None);
        }
        let (number, span) = self.word("a number of repeats")?;
        match number.parse() {
            Ok(over) if over >= 1 => Ok(Some(over)),
            _ => Err(GrammarError::new(span, format!("`{number}` is no number of repeats"))),
        }
    }

    pub(super) fn comparison(&mut self) -> Result<(Comparison, Span), GrammarError> {
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

    pub(super) fn rest(&mut self, what: &str) -> Result<(&'a str, Span), GrammarError> {
        let start = self.here().start;
        let text = self.text[start..].trim_end();
        if text.is_empty() {
            return Err(self.expected(what));
        }
        self.next = self.tokens.len();
        Ok((text, start..start + text.len()))
    }
}

pub(super) fn unknown_query(name: &str, at: Span, queries: &Queries) -> GrammarError {
    let names = || queries.keys().map(Name::as_str);
    let error = GrammarError::new(at, format!("no query is called `{name}`"));
    match did_you_mean(name, names()) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None if queries.is_empty() => {
            error.help(format!("name it in the scenario: `queries: {{ {name}: {{ promql: 'sum(…)', unit: records }} }}`"))
        }
        None => error.help(format!("the scenario has {}", listed(names()))),
    }
}

pub(super) fn parse_metric(name: &str, span: &Span) -> Result<Metric, GrammarError> {
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

pub(super) fn parse_aggregate(name: &str, span: &Span) -> Result<Aggregate, GrammarError> {
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
