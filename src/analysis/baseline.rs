//! The steady stretch before a fault, and the bands that it gives.

use super::Analysis;
use super::band::{Band, window_maxima};
use super::series::{Point, within};
use crate::metric::Metric;

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
    /// Whether it is a fault; else the rate changed.
    pub fault: bool,
}

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

    /// Faults and changes of the rate, in order.
    pub(super) fn disturbances(&self) -> Vec<Disturbance> {
        let mut found: Vec<Disturbance> = self
            .faults
            .all()
            .iter()
            .filter_map(|fault| {
                let at = fault.effective().ok()?.at;
                Some(Disturbance { at, what: fault.id.name.clone(), fault: true })
            })
            .collect();
        found.extend(self.rate_changes().into_iter().map(|(at, rate)| Disturbance {
            at,
            what: format!("a change of the rate to {}", crate::units::display::rate(rate)),
            fault: false,
        }));
        found.sort_by_key(|disturbance| disturbance.at);
        found
    }

    /// Moments at which the schedule's own rate, over all streams, had moved by more than 5 %, and the rate from then on.
    fn rate_changes(&self) -> Vec<(i64, f64)> {
        let mut streams: std::collections::BTreeMap<&str, f64> =
            self.asked.streams.iter().filter_map(|stream| Some((stream.name.as_str(), stream.per_second?))).collect();
        let mut level = if streams.is_empty() { None } else { Some(streams.values().sum::<f64>()) };
        let mut changes = Vec::new();
        for (at, stream, per_second) in &self.run.rates {
            streams.insert(stream, *per_second);
            let rate: f64 = streams.values().sum();
            let moved = level.is_none_or(|level| (rate - level).abs() > RATE_CHANGE * level.abs().max(f64::MIN_POSITIVE));
            if moved {
                level = Some(rate);
                if *at > self.origin() {
                    changes.push((*at, rate));
                }
            }
        }
        changes
    }

    /// Stretches of one rate: start, the first fault in it or its end, and the rate.
    fn steady_stretches(&self, before: i64) -> Vec<(i64, i64, f64)> {
        let disturbances = self.disturbances();
        let mut starts = vec![(self.origin(), self.asked.per_second().unwrap_or(f64::NAN))];
        starts.extend(self.rate_changes().into_iter().filter(|(at, _)| *at < before));
        starts
            .iter()
            .map(|(from, rate)| {
                let next = disturbances.iter().find(|disturbance| disturbance.at > *from).map_or(before, |disturbance| disturbance.at);
                (*from, next.min(before), *rate)
            })
            .collect()
    }

    /// The baseline of what happens at `before`: of the newest stretch at the rate that holds then which is long enough. The error says
    /// why there is none.
    pub(super) fn baseline(&self, before: i64) -> Result<Baseline, String> {
        let width = self.interval();
        let least = (30 * SECOND).max(6 * width);
        let most = (600 * SECOND).max(60 * width);
        let stretches = self.steady_stretches(before);
        let rate_then = stretches.last().map_or(f64::NAN, |(_, _, rate)| *rate);
        let same_rate = |rate: f64| rate.is_nan() || rate_then.is_nan() || (rate - rate_then).abs() <= RATE_CHANGE * rate_then.abs();
        let mut longest = 0;
        for (from, to, _) in stretches.iter().rev().filter(|(_, _, rate)| same_rate(*rate)) {
            // Two checkpoints until the saw-teeth are regular.
            let from = (from + (2 * width).max(2 * SECOND)).max(to - most);
            longest = longest.max(to - from);
            if to - from >= least {
                return Ok(self.steady(from, *to, least));
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
