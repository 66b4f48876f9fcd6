//! What Prometheus answered: values of queries over windows, and now.

use super::Analysis;
use super::measure::{Measured, aggregated, over, sparse};
use super::outcome::Figure;
use super::series::{Point, Samples};
use super::windows::Span;
use crate::clock::Timestamp;
use crate::journal::{Of, query_probe};
use crate::metric::Metric;
use crate::scenario::Aggregate;

/// The newest answer to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewestAnswer {
    /// In the query's unit.
    pub value: f64,
    /// When it was evaluated.
    pub at: Timestamp,
}

impl Analysis {
    /// The newest answer to a query of the scenario.
    pub fn newest_answer(&self, query: &str) -> Option<NewestAnswer> {
        let (at, value) = self.answers(query).and_then(Samples::newest)?;
        Some(NewestAnswer { value, at: Timestamp(at) })
    }

    /// How often a query is asked, and how old its answers can be, in seconds.
    pub fn query_resolution(&self, query: &str) -> (f64, f64) {
        self.run.resolutions.get(&query_probe(query)).copied().unwrap_or_default()
    }

    /// Why a query had no answer when that was last so.
    pub fn last_unanswered(&self, query: &str) -> Option<&str> {
        self.run.probe_errors.get(&query_probe(query)).map(|(_, error)| error.as_str())
    }

    fn answers(&self, query: &str) -> Option<&Samples> {
        self.samples.get(Metric::Query, &Of::Query(query.to_owned()))
    }

    /// The value of a query over spans. An answer tells of a moment up to the scrape interval before it, so its error is what changes when the
    /// spans are looked at that much later.
    pub(super) fn measure_query(&self, query: &str, aggregate: Option<Aggregate>, spans: &[Span]) -> Result<Measured, String> {
        let points: &[Point] = self.answers(query).map(Samples::all).unwrap_or_default();
        let why = |text: String| self.last_unanswered(query).map_or(text.clone(), |error| format!("{text}; last: {error}"));
        let Some((value, at)) = aggregated(&over(points, spans), aggregate, spans)? else {
            return Err(why(format!("query {query} had no answer in this window")));
        };
        let older = (self.query_resolution(query).1 * 1e9) as i64;
        let later: Vec<Span> = spans.iter().map(|(from, to)| (from + older, to + older)).collect();
        let error = match aggregate {
            Some(Aggregate::Count) => None,
            _ => aggregated(&over(points, &later), aggregate, &later).ok().flatten().map(|(later, _)| (later - value).abs()),
        };
        let partial = sparse(points, spans).map(why);
        Ok(Measured { figure: Figure { value, error: error.filter(|error| *error > 0.0) }, at, partial })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::expectations::compare;
    use super::super::synthetic::{Pipeline, stamp};
    use super::super::{ExpectationOutcome, Status};
    use super::*;
    use crate::journal::{Event, EventKind};
    use crate::metric::Unit;
    use crate::scenario::{Bound, Comparison, Expectation, Subject, Window};
    use crate::units::Duration;

    /// A lag of 100 that becomes 500 at 60 s, asked every second, scraped every five; nobody answers from 70 s on.
    fn observed(expectations: Vec<Expectation>) -> Analysis {
        let pipeline = Pipeline::default();
        let mut asked = pipeline.asked(expectations);
        asked.queries.insert("lag".to_owned(), Unit::Records);
        let mut analysis = Analysis::of(asked);
        let probe = query_probe("lag");
        let event = |ms: i64, event| Event { seq: 0, at: stamp(ms), event };
        let (interval, cache) = (Duration::from_secs(1), Duration::from_secs(5));
        analysis.push(&event(0, EventKind::Resolution { probe: probe.clone(), interval, cache }));
        for told in pipeline.journal() {
            analysis.push(&told);
        }
        for second in 0..105 {
            let value = if second < 60 { 100.0 } else { 500.0 };
            let told = match second {
                0..70 => EventKind::Sample { metric: Metric::Query, of: Of::Query("lag".to_owned()), value },
                _ => EventKind::ProbeFailed { probe: probe.clone(), error: "connection refused".to_owned() },
            };
            analysis.push(&event(1000 * second, told));
        }
        analysis
    }

    fn at(seconds: i64) -> i64 {
        stamp(1000 * seconds).0
    }

    #[test]
    fn an_answer_can_be_as_old_as_the_scrape() {
        let analysis = observed(Vec::new());
        let max = |from, to| analysis.measure_query("lag", Some(Aggregate::Max), &[(at(from), at(to))]).unwrap().figure;
        assert_eq!(max(10, 40), Figure { value: 100.0, error: None });
        assert_eq!(max(40, 58), Figure { value: 100.0, error: Some(400.0) });
        assert_eq!(compare(max(40, 58), Comparison::Less, 200.0), Status::NoData);
        assert_eq!(compare(max(40, 58), Comparison::Less, 1000.0), Status::Met);
        assert_eq!(max(40, 70), Figure { value: 500.0, error: None });
        let count = analysis.measure_query("lag", Some(Aggregate::Count), &[(at(10), at(20))]).unwrap();
        assert_eq!(count.figure, Figure { value: 10.0, error: None });
    }

    #[test]
    fn what_nobody_answered_is_no_data_with_its_reason() {
        let analysis = observed(Vec::new());
        let whole = |from, to| analysis.measure_query("lag", None, &[(at(from), at(to))]);
        assert_eq!(whole(85, 100).unwrap_err(), "query lag had no answer in this window; last: connection refused");
        assert_eq!(whole(65, 100).unwrap().partial.unwrap(), "sampled for 8.00 s of 35.0 s only; last: connection refused");
        assert_eq!(whole(10, 70).unwrap().partial, None);
        assert_eq!(analysis.measure_query("other", None, &[(at(0), at(9))]).unwrap_err(), "query other had no answer in this window");
    }

    #[test]
    fn expectations_on_queries_are_judged_in_their_unit() {
        let line = |aggregate, window, comparison, bound| Expectation {
            text: String::new(),
            line: 1,
            subject: Subject::Query { query: "lag".to_owned(), unit: Unit::Records, aggregate, window },
            comparison,
            bound: Bound::Value(bound),
        };
        let after = || Some(Window::After("lose-one".to_owned()));
        let outcome = observed(vec![
            line(Some(Aggregate::Max), Some(Window::Baseline), Comparison::Less, 200.0),
            line(Some(Aggregate::Max), None, Comparison::Less, 200.0),
            line(None, after(), Comparison::Less, 10_000.0),
            line(Some(Aggregate::Slope), Some(Window::Baseline), Comparison::Less, 1.0),
        ])
        .outcome();
        let said = |outcome: &ExpectationOutcome| (outcome.status, outcome.unit, outcome.observed.split(" at ").next().unwrap().to_owned());
        let told: Vec<_> = outcome.expectations.iter().map(said).collect();
        assert_eq!(told[0], (Status::Met, Some(Unit::Records), "100".to_owned()));
        assert_eq!(told[1], (Status::Failed, Some(Unit::Records), "500".to_owned()));
        assert_eq!((told[2].0, outcome.expectations[2].reason.as_ref().unwrap().contains("connection refused")), (Status::NoData, true));
        assert_eq!((told[3].0, told[3].2.as_str()), (Status::Met, "0 per second"));
        let series = outcome.series.iter().find(|series| series.metric == Metric::Query).unwrap();
        assert_eq!((series.unit, series.points.len()), (Unit::Records, 70));
    }
}
