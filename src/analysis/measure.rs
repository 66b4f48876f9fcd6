//! One value of a metric over stretches of time: what expectations compare.

use std::borrow::Cow;

use super::Analysis;
use super::outcome::Figure;
use super::quantile::{median, quantile, sorted};
use super::recovery::Course;
use super::series::{Point, spacing, within};
use super::trend::theil_sen;
use super::windows::Span;
use crate::delivery::{SecondTally, Verdict};
use crate::journal::Of;
use crate::metric::{Behaviour, Metric};
use crate::scenario::Aggregate;
use crate::units::display;

const SECOND: i64 = 1_000_000_000;

/// A value, where it was found, and whether something may have been missed.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The value with its error.
    pub figure: Figure,
    /// When it was observed, for extremes.
    pub at: Option<i64>,
    /// Why it may be more than what was seen: then it cannot be a pass.
    pub partial: Option<String>,
}

impl Measured {
    fn exact(value: f64) -> Self {
        Self { figure: Figure { value, error: None }, at: None, partial: None }
    }
}

impl Analysis {
    /// The value of a metric over spans. `larger_is_worse` chooses among its subjects. The error says why there is no data.
    pub(super) fn measure(
        &self,
        courses: &[Course],
        metric: Metric,
        aggregate: Option<Aggregate>,
        spans: &[Span],
        larger_is_worse: bool,
    ) -> Result<Measured, String> {
        // What a counter or Flink's stamps tell of a gap counts; what had to be looked at does not.
        let seen = self.without_gaps(spans);
        let mut measured = match metric.behaviour() {
            Behaviour::Counter => self.counter(courses, metric, aggregate, spans)?,
            Behaviour::Gauge => self.gauge(metric, aggregate, &seen, larger_is_worse)?,
            Behaviour::Distribution => self.distribution(metric, aggregate, &seen)?,
            Behaviour::Figure => return self.figure(courses, metric, spans),
        };
        measured.partial = measured.partial.or_else(|| spans.iter().find_map(|(from, to)| self.reduced(*from, *to)));
        Ok(measured)
    }

    fn counter(&self, courses: &[Course], metric: Metric, aggregate: Option<Aggregate>, spans: &[Span]) -> Result<Measured, String> {
        let seconds: f64 = self.without_gaps(spans).iter().map(|(from, to)| (to - from) as f64 / 1e9).sum();
        match aggregate {
            None | Some(Aggregate::Count) => self.grown(courses, metric, spans),
            Some(Aggregate::Rate) => {
                let mut grown = self.grown(courses, metric, spans)?;
                grown.figure.value /= seconds;
                Ok(grown)
            }
            Some(Aggregate::Max | Aggregate::Last) => {
                let newest = self.samples.whole(metric);
                let last = spans.iter().filter_map(|(from, to)| within(&newest, *from, *to).last()).next_back();
                last.map(|(_, value)| Measured::exact(*value)).ok_or_else(|| not_sampled(metric))
            }
            Some(Aggregate::Slope) => slope(&over(&self.samples.whole(metric), spans)).map(Measured::exact),
            Some(_) => Err(format!("{metric} only grows: use count() or rate()")),
        }
    }

    fn grown(&self, courses: &[Course], metric: Metric, spans: &[Span]) -> Result<Measured, String> {
        let sampled = || spans.iter().map(|(from, to)| self.samples.growth(metric, *from, *to)).sum::<Option<f64>>();
        let kept = |status| (!self.checkpoints.is_empty()).then(|| f64::from(self.checkpoints.count(status, spans, &self.clocks)));
        // Records may miss what the JobManager forgot, and the counter what lies beyond its restart; neither counts too much.
        let larger = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).max_by(f64::total_cmp);
        let value = match metric {
            Metric::Restarts => return self.count_restarts(courses, spans, |_| true),
            Metric::CompletedCheckpoints => larger(sampled(), kept("completed")),
            Metric::FailedCheckpoints => larger(sampled(), kept("failed")),
            _ => sampled(),
        };
        value.map(Measured::exact).ok_or_else(|| not_sampled(metric))
    }

    fn count_restarts(
        &self,
        courses: &[Course],
        spans: &[Span],
        counts: impl Fn(&super::restarts::Restarted) -> bool,
    ) -> Result<Measured, String> {
        if self.job.states.is_empty() && self.job.running.is_empty() {
            return Err("the job was not looked at".to_owned());
        }
        let value = self
            .restarted(courses)
            .iter()
            .filter(|restart| counts(restart) && spans.iter().any(|(from, to)| (*from..*to).contains(&restart.at)))
            .count();
        let mut measured = Measured::exact(value as f64);
        let unknown =
            self.job.states.iter().any(|state| state.state == "UNKNOWN" && spans.iter().any(|(from, to)| (*from..*to).contains(&state.at)));
        if unknown && !self.job.entered_any("RUNNING") {
            measured.partial = Some(super::moments::JOB_UNKNOWN.to_owned());
        }
        Ok(measured)
    }

    fn gauge(&self, metric: Metric, aggregate: Option<Aggregate>, spans: &[Span], larger_is_worse: bool) -> Result<Measured, String> {
        let from_records = self.checkpoints.values(metric, &self.clocks).filter(|points| !points.is_empty());
        let rare = from_records.is_some();
        let mut subjects: Vec<Cow<'_, [Point]>> = Vec::new();
        if let Some(points) = from_records {
            subjects.push(Cow::Owned(points));
        } else if let Some(run) = self.samples.get(metric, &Of::Run) {
            subjects.push(Cow::Borrowed(run.all()));
        } else {
            subjects.extend(self.samples.subjects(metric).map(|(_, samples)| Cow::Borrowed(samples.all())));
        }
        if subjects.is_empty() {
            subjects.extend(self.derived(metric).map(Cow::Owned));
        }
        let mut worst: Option<Measured> = None;
        for points in &subjects {
            let inside = over(points, spans);
            let Some((value, at)) = aggregated(&inside, aggregate, spans)? else { continue };
            let mut measured = Measured { figure: Figure { value, error: None }, at, partial: None };
            if !rare {
                measured.partial = sparse(points, spans);
            }
            let worse = worst.as_ref().is_none_or(|worst| (value > worst.figure.value) == larger_is_worse);
            if worse {
                worst = Some(measured);
            }
        }
        worst.ok_or_else(|| not_sampled(metric))
    }

    /// Input and output per second, where nobody sampled them: differences of the counters, per checkpoint interval.
    pub(super) fn derived(&self, metric: Metric) -> Option<Vec<Point>> {
        self.derived_per(metric, self.interval())
    }

    /// The same per stretch of `width` nanoseconds.
    pub(super) fn derived_per(&self, metric: Metric, width: i64) -> Option<Vec<Point>> {
        let (from, to) = self.whole_run();
        let mut points = Vec::new();
        let mut start = from;
        while start + width <= to {
            if self.without_gaps(&[(start, start + width)]) != [(start, start + width)] {
                start += width;
                continue;
            }
            let grown = match metric {
                Metric::Input => self.samples.growth(Metric::Acknowledged, start, start + width),
                Metric::Output if !self.output.is_empty() => Some(self.output.fresh(start, start + width) as f64),
                _ => return None,
            };
            if let Some(grown) = grown {
                points.push((start + width / 2, grown * 1e9 / width as f64));
            }
            start += width;
        }
        (!points.is_empty()).then_some(points)
    }

    fn distribution(&self, metric: Metric, aggregate: Option<Aggregate>, spans: &[Span]) -> Result<Measured, String> {
        let Some(merged) = self.latency.merged(metric, spans) else {
            let what = if self.latency.stretches(metric).is_empty() { "was not measured" } else { "has no value in this window" };
            return Err(format!("{metric} {what}"));
        };
        let seconds: f64 = spans.iter().map(|(from, to)| (to - from) as f64 / 1e9).sum();
        let points = || -> Vec<Point> {
            let stretches = self.latency.stretches(metric).iter();
            stretches
                .filter(|stretch| spans.iter().any(|(from, to)| (*from..*to).contains(&stretch.from)))
                .map(|stretch| (stretch.from, stretch.p50))
                .collect()
        };
        let value = match aggregate {
            None | Some(Aggregate::Max) => merged.max(),
            Some(Aggregate::Min) => merged.min(),
            Some(Aggregate::Mean) => merged.mean(),
            Some(Aggregate::Percentile(percentile)) => merged.percentile(percentile),
            Some(Aggregate::Count) => return Ok(Measured::exact(merged.count() as f64)),
            Some(Aggregate::Rate) => return Ok(Measured::exact(merged.count() as f64 / seconds)),
            Some(Aggregate::Slope) => return slope(&points()).map(Measured::exact),
            Some(Aggregate::Last) => points().last().map_or(f64::NAN, |(_, value)| *value),
        };
        // LogAppendTime is the broker's; the rest is stamped by squall.
        let error = if metric == Metric::EndToEndLatency { self.clocks.disagreement("broker").map(|clock| clock + 1e-3) } else { None };
        let partial = (merged.negative * 100 > merged.count())
            .then(|| format!("{} of {} values lie below zero: the clocks disagree", merged.negative, merged.count()));
        Ok(Measured { figure: Figure { value, error }, at: None, partial })
    }

    fn figure(&self, courses: &[Course], metric: Metric, spans: &[Span]) -> Result<Measured, String> {
        match metric {
            Metric::UnexplainedRestarts => self.count_restarts(courses, spans, |restart| restart.explained_by.is_none()),
            Metric::PartitionSkew => self.worst_skew(spans, true),
            Metric::SubtaskSkew => self.worst_skew(spans, false),
            _ => {
                let verdict = self.run.delivery.as_ref().ok_or("delivery was not verified")?;
                if let Some(reason) = &verdict.no_data {
                    return Err(reason.clone());
                }
                let value = self.records_within(verdict, metric, spans)?;
                let partial = (metric == Metric::Lost && verdict.pending > 0)
                    .then(|| format!("{} records are hidden by an open transaction", display::grouped(verdict.pending)));
                Ok(Measured { partial, ..Measured::exact(value as f64) })
            }
        }
    }

    /// Records that went wrong, by their intended time; of a window those of the seconds that it touches.
    fn records_within(&self, verdict: &Verdict, metric: Metric, spans: &[Span]) -> Result<u64, String> {
        let of: (u64, fn(&SecondTally) -> u64) = match metric {
            Metric::Lost => (verdict.lost, |second| second.lost),
            Metric::Duplicates => (verdict.duplicates, |second| second.duplicates),
            Metric::Reordered => (verdict.reordered, |second| second.reordered),
            Metric::Corrupt => (verdict.corrupt, |second| second.corrupt),
            _ => return Err(format!("{metric} is a figure of a fault")),
        };
        if spans == [self.whole_run()] {
            return Ok(of.0);
        }
        let touches = |second: i64, (from, to): &Span| second * SECOND < *to && (second + 1) * SECOND > *from;
        let seconds = verdict.seconds.iter().filter(|tally| spans.iter().any(|span| touches(tally.second, span)));
        Ok(seconds.map(of.1).sum())
    }

    fn worst_skew(&self, spans: &[Span], partitions: bool) -> Result<Measured, String> {
        let skews = spans.iter().flat_map(|(from, to)| self.skews_within(*from, *to)).filter(|load| load.partitions == partitions);
        let worst = skews.map(|load| load.skew()).max_by(f64::total_cmp);
        worst.map(Measured::exact).ok_or_else(|| "no records were counted in this window".to_owned())
    }
}

fn not_sampled(metric: Metric) -> String {
    format!("{metric} was not sampled in this window")
}

/// The points that lie in one of the spans.
pub(super) fn over(points: &[Point], spans: &[Span]) -> Vec<Point> {
    spans.iter().flat_map(|(from, to)| within(points, *from, *to)).copied().collect()
}

/// Whether samples cover less than half of the spans.
pub(super) fn sparse(points: &[Point], spans: &[Span]) -> Option<String> {
    let usual = spacing(points).unwrap_or(0).max(1_000_000_000) * 4;
    let (mut covered, mut all) = (0, 0);
    for (from, to) in spans {
        all += to - from;
        let mut before = *from;
        for (at, _) in within(points, *from, *to) {
            covered += (at - before).min(usual);
            before = *at;
        }
        covered += (to - before).min(usual);
    }
    (covered * 2 < all)
        .then(|| format!("sampled for {} of {} only", display::seconds(covered as f64 / 1e9), display::seconds(all as f64 / 1e9)))
}

/// The aggregate of points and the moment of an extreme; none without points.
pub(super) fn aggregated(points: &[Point], aggregate: Option<Aggregate>, spans: &[Span]) -> Result<Option<(f64, Option<i64>)>, String> {
    let Some(last) = points.last() else { return Ok(None) };
    let extreme = |found: Option<&Point>| found.map(|(at, value)| (*value, Some(*at)));
    let found = match aggregate.unwrap_or(Aggregate::Max) {
        Aggregate::Max => extreme(points.iter().max_by(|a, b| a.1.total_cmp(&b.1))),
        Aggregate::Min => extreme(points.iter().min_by(|a, b| a.1.total_cmp(&b.1))),
        Aggregate::Last => Some((last.1, Some(last.0))),
        Aggregate::Mean => Some((mean_over_time(points, spans), None)),
        Aggregate::Percentile(percentile) => {
            quantile(&sorted(points.iter().map(|(_, value)| *value)), percentile / 100.0).map(|value| (value, None))
        }
        Aggregate::Count => Some((points.len() as f64, None)),
        Aggregate::Rate => return Err("a rate is of counters; use mean() or slope()".to_owned()),
        Aggregate::Slope => Some((slope(points)?, None)),
    };
    Ok(found)
}

/// Mean in which each value counts for as long as it held, within its span.
fn mean_over_time(points: &[Point], spans: &[Span]) -> f64 {
    let (mut sum, mut time) = (0.0, 0.0);
    for (index, (at, value)) in points.iter().enumerate() {
        let end = spans.iter().find(|(from, to)| (*from..*to).contains(at)).map_or(*at, |(_, to)| *to);
        let until = points.get(index + 1).map_or(end, |(next, _)| (*next).min(end));
        let held = (until - at).max(0) as f64;
        sum += value * held;
        time += held;
    }
    if time > 0.0 { sum / time } else { points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64 }
}

fn slope(points: &[Point]) -> Result<f64, String> {
    let first = points.first().map_or(0, |(at, _)| *at);
    let seconds: Vec<(f64, f64)> = points.iter().map(|(at, value)| ((at - first) as f64 / 1e9, *value)).collect();
    theil_sen(&seconds, 0.95).map(|slope| slope.per_second).ok_or_else(|| "too few values for a slope".to_owned())
}

/// Median of values; `NaN` without any.
pub fn median_of(values: impl IntoIterator<Item = f64>) -> f64 {
    median(&sorted(values)).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_counts_time() {
        let second = 1_000_000_000;
        let points = [(0, 10.0), (second, 0.0)];
        assert!((mean_over_time(&points, &[(0, 10 * second)]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_window_without_samples_is_sparse() {
        let second = 1_000_000_000;
        let points: Vec<Point> = (0..20).map(|i| (i * second, 1.0)).collect();
        assert_eq!(sparse(&points, &[(0, 20 * second)]), None);
        assert!(sparse(&points, &[(0, 100 * second)]).is_some());
    }
}
