//! The steady stretch before a fault, and the bands that it gives.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Analysis;
use super::asked::Asked;
use super::band::{Band, window_maxima};
use super::fault_log::Fault;
use super::series::{Point, within};
use crate::metric::Metric;
use crate::scenario::baseline;

const SECOND: i64 = 1_000_000_000;

/// A change of the schedule's own rate by more than this share is a disturbance.
const RATE_CHANGE: f64 = 0.05;

/// Something that ends what can be said of the fault before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Disturbance {
    /// When.
    pub at: i64,
    /// What, in words.
    pub what: String,
}

/// The schedule's own rate, over all streams.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    streams: BTreeMap<String, f64>,
    level: Option<f64>,
    /// When it had moved by more than 5 %, and the rate from then on.
    changes: Vec<(i64, f64)>,
}

impl Rates {
    /// As asked for at the start.
    pub fn of(asked: &Asked) -> Self {
        let streams: BTreeMap<String, f64> =
            asked.streams.iter().filter_map(|stream| Some((stream.name.clone(), stream.per_second?))).collect();
        let level = (!streams.is_empty()).then(|| streams.values().sum());
        Self { streams, level, changes: Vec::new() }
    }

    /// A stream's rate changes.
    pub fn change(&mut self, at: i64, stream: &str, per_second: f64) {
        match self.streams.get_mut(stream) {
            Some(rate) => *rate = per_second,
            None => drop(self.streams.insert(stream.to_owned(), per_second)),
        }
        let rate: f64 = self.streams.values().sum();
        if self.level.is_none_or(|level| (rate - level).abs() > RATE_CHANGE * level.abs().max(f64::MIN_POSITIVE)) {
            self.level = Some(rate);
            self.changes.push((at, rate));
        }
    }
}

/// Baselines that were worked out, by the stretch that they are of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baselines(BTreeMap<(i64, i64), Baseline>);

/// The steady stretch that a fault is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Start.
    pub from: i64,
    /// End.
    pub to: i64,
    /// End for what is measured per record: those due later were on their way when the fault came.
    pub complete: i64,
    /// Band of the output lag, in records.
    pub lag: Result<Band, String>,
    /// Band of the longest wait for visible output, in seconds.
    pub gap: Result<Band, String>,
    /// Band of the latency, in seconds.
    pub latency: Result<Band, String>,
}

impl Analysis {
    /// The job's checkpoint interval, at least a second: as the scenario sets it, as Flink says, as it was seen.
    pub(super) fn interval(&self) -> i64 {
        let told = self.asked.checkpoint_interval_s.map(|seconds| (seconds * 1e9) as i64);
        let flink = || {
            let milliseconds = self.run.facts.get("checkpoint-config")?.get("interval-ms")?;
            milliseconds.parse::<i64>().ok().map(|milliseconds| milliseconds.saturating_mul(1_000_000))
        };
        told.or_else(flink).or_else(|| self.checkpoints.interval()).unwrap_or(SECOND).clamp(SECOND, 3600 * SECOND)
    }

    /// How long a series must be back in its band: max(5 s, 2 checkpoints).
    pub(super) fn hold(&self) -> i64 {
        (2 * self.interval()).max(5 * SECOND)
    }

    /// The schedule's zero, or the first line of the journal.
    pub(super) fn origin(&self) -> i64 {
        self.run.start.unwrap_or(self.run.started)
    }

    /// The end of what can be judged: of the schedule, or of the traffic where it was stopped before; until then the newest event. What
    /// is flushed after the schedule's end makes every lag fall.
    pub(super) fn end(&self) -> i64 {
        let planned = self.run.start.zip(self.asked.duration_s).map(|(start, seconds)| start + (seconds * 1e9) as i64);
        let last = self.run.traffic_end.unwrap_or(self.run.last);
        planned.map_or(last, |planned| planned.min(last))
    }

    /// The first fault, change of the rate or gap after a moment.
    pub(super) fn disturbed_after(&self, moment: i64) -> Option<Disturbance> {
        let faults = self.faults.all().iter().filter_map(|fault| Some((fault.effective_at()?, fault)));
        let fault = faults.filter(|(at, _)| *at > moment).min_by_key(|(at, _)| *at);
        let fault = fault.map(|(at, fault)| Disturbance { at, what: fault.id.name.clone() });
        let rate = self.rate_changes_after(moment).next();
        let rate =
            rate.map(|(at, rate)| Disturbance { at, what: format!("a change of the rate to {}", crate::units::display::rate(rate)) });
        let gap = self.gap_disturbances().find(|gap| gap.at > moment);
        // Of several at one moment the fault is named.
        [fault, gap, rate].into_iter().flatten().min_by_key(|disturbance| disturbance.at)
    }

    /// Moments after `moment` at which the schedule's own rate, over all streams, had moved by more than 5 %, and the rate from then on.
    fn rate_changes_after(&self, moment: i64) -> impl Iterator<Item = (i64, f64)> {
        let first = moment.max(self.origin());
        self.run.rates.changes.iter().copied().skip_while(move |(at, _)| *at <= first)
    }

    /// Stretches of one rate: start, the first fault in it or its end, and the rate.
    fn steady_stretches(&self, before: i64) -> Vec<(i64, i64, f64)> {
        let mut starts = vec![(self.origin(), self.asked.per_second().unwrap_or(f64::NAN))];
        starts.extend(self.rate_changes_after(i64::MIN));
        // Behind a gap one begins anew, at the rate that holds then.
        for gap in &self.run.gaps {
            let rate = starts.iter().rev().find(|(at, _)| *at <= gap.to).map_or(f64::NAN, |(_, rate)| *rate);
            starts.retain(|(at, _)| !(gap.from..gap.to).contains(at));
            starts.push((gap.to, rate));
            starts.sort_by_key(|(at, _)| *at);
        }
        starts.retain(|(at, _)| *at < before);
        let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([before]);
        let mut disturbances: Vec<i64> = self.faults.all().iter().filter_map(Fault::effective_at).collect();
        disturbances.extend(self.run.gaps.iter().map(|gap| gap.from));
        disturbances.sort_unstable();
        let first = |from: i64| disturbances.get(disturbances.partition_point(|at| *at <= from)).copied().unwrap_or(before);
        starts.iter().zip(ends).map(|((from, rate), end)| (*from, end.min(first(*from)), *rate)).collect()
    }

    /// What a rule of baselines says at this job's checkpoint interval, in nanoseconds.
    fn by(&self, rule: fn(Duration) -> Duration) -> i64 {
        crate::units::Duration::from(rule(Duration::from_nanos(self.interval().unsigned_abs()))).nanos()
    }

    /// No baseline is longer.
    pub(super) fn longest_baseline(&self) -> i64 {
        (600 * SECOND).max(60 * self.interval())
    }

    /// Where a stretch can be a baseline from: once the saw-teeth are regular, and no longer than the longest.
    fn regular_from(&self, from: i64, to: i64) -> i64 {
        (from + self.by(baseline::settling)).max(to - self.longest_baseline())
    }

    /// Works out every stretch that was disturbed by now, since a later fault may be compared with it.
    pub(super) fn learn_baselines(&self, now: i64, known: &mut Baselines) {
        let least = self.by(baseline::shortest);
        for (from, to, _) in self.steady_stretches(now).into_iter().filter(|(_, to, _)| *to < now) {
            let from = self.regular_from(from, to);
            if to - from >= least {
                known.0.entry((from, to)).or_insert_with(|| self.steady(from, to, least));
            }
        }
    }

    /// The baseline of what happens at `before`: of the newest stretch at the rate that holds then which is long enough. Those in `known` are not worked out
    /// again. The error says why there is none.
    pub(super) fn baseline(&self, before: i64, known: &mut Baselines) -> Result<Baseline, String> {
        let least = self.by(baseline::shortest);
        let stretches = self.steady_stretches(before);
        let rate_then = stretches.last().map_or(f64::NAN, |(_, _, rate)| *rate);
        let same_rate = |rate: f64| rate.is_nan() || rate_then.is_nan() || (rate - rate_then).abs() <= RATE_CHANGE * rate_then.abs();
        let mut longest = 0;
        for (from, to, _) in stretches.iter().rev().filter(|(_, _, rate)| same_rate(*rate)) {
            let from = self.regular_from(*from, *to);
            if self.reduced(from, *to).is_some() {
                continue;
            }
            longest = longest.max(to - from);
            if to - from >= least {
                return Ok(known.0.entry((from, *to)).or_insert_with(|| self.steady(from, *to, least)).clone());
            }
        }
        Err(format!(
            "{} steady before it at its rate, {} are needed",
            crate::units::display::seconds(longest.max(0) as f64 / 1e9),
            crate::units::display::seconds(least as f64 / 1e9)
        ))
    }

    /// Bands over `from..to`, or over its last three quarters or half where the start was not steady yet.
    fn steady(&self, from: i64, to: i64, least: i64) -> Baseline {
        let lag = self.samples.whole(Metric::OutputLag);
        let mut first = None;
        for quarters in [4, 3, 2] {
            let from = to - (to - from) / 4 * quarters;
            if first.is_some() && to - from < least {
                break;
            }
            let baseline = self.bands(&lag, from, to);
            if baseline.lag.is_ok() {
                return baseline;
            }
            first.get_or_insert(baseline);
        }
        first.unwrap_or_else(|| self.bands(&lag, from, to))
    }

    fn bands(&self, lag: &[Point], from: i64, to: i64) -> Baseline {
        let width = self.interval();
        let seconds = (to - from) as f64 / 1e9;
        let rate = self.samples.growth(Metric::Acknowledged, from, to).map(|grown| grown / seconds).or(self.asked.per_second());
        let lag = if within(lag, from, to).is_empty() {
            Err("output lag was not sampled".to_owned())
        } else {
            let rate = rate.unwrap_or(0.0);
            let unseen = rate * super::series::spacing(within(lag, from, to)).unwrap_or(0) as f64 / 1e9;
            Band::of(&window_maxima(lag, from, to, width), 0.5 * rate, unseen)
        };
        let gap = if self.output.is_empty() {
            Err("no output was seen".to_owned())
        } else {
            Band::of(&self.longest_gaps(from, to, width), 0.5, 0.0)
        };
        let complete = to - 2 * width - SECOND;
        let latency = match self.latency.judged_by() {
            None => Err("latency was not measured".to_owned()),
            Some(metric) => Band::of(&window_maxima(&self.latency.p99(metric, from, complete), from, complete, width), 0.05, 0.0),
        };
        Baseline { from, to, complete, lag, gap, latency }
    }

    /// The longest wait for visible output, in seconds, that meets each window (see [`window_maxima`]), worst partition.
    fn longest_gaps(&self, from: i64, to: i64, width: i64) -> Vec<Point> {
        let gaps: Vec<(i64, i64)> =
            self.output.gaps(from, to, to).into_iter().filter_map(|gap| Some((gap.from, gap.to.filter(|end| *end <= to)?))).collect();
        let mut starts = gaps;
        starts.sort_unstable();
        let mut maxima = Vec::new();
        let mut window = from;
        let mut first = 0;
        while window + width <= to {
            // Gaps are ascending by start; those that ended a while ago never count again.
            while starts.get(first).is_some_and(|(start, end)| *end <= window && *start + 10 * width < window) {
                first += 1;
            }
            let longest = starts[first..]
                .iter()
                .take_while(|(start, _)| *start < window + width)
                .filter(|(_, end)| *end > window)
                .map(|(start, end)| (end - start) as f64 / 1e9)
                .max_by(f64::total_cmp);
            if let Some(longest) = longest {
                maxima.push((window, longest));
            }
            window += (width / 2).max(1);
        }
        maxima
    }
}
