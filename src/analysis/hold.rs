//! A stretch at one offered rate: what the pipeline did, and whether it could go on like that. The definition of *sustainable rate* is in
//! `ARCHITECTURE.md`, *Measures*.

use serde::{Deserialize, Serialize};

use super::Analysis;
use super::outcome::FaultOutcome;
use super::quantile::{median, quantile, sorted};
use super::series::within;
use super::trend::theil_sen;
use crate::clock::Timestamp;
use crate::journal::{FaultId, Of};
use crate::metric::Metric;

/// Output lag may grow by this share of the offered rate: what the slope's error is after a minute.
pub const FLAT: f64 = 0.005;
/// Less than this share of the offered records acknowledged: the generator, or Kafka, was the limit.
const LEAST_INPUT: f64 = 0.985;
/// Brokers may still owe the acknowledgements of so many seconds at the end of a stretch, which weighs in a short one.
const ON_THEIR_WAY: f64 = 1.0;
/// Slip p99 beyond this, in seconds: a latency says more of the generator than of the job.
const MOST_SLIP: f64 = 0.5;
/// Commits that come closer together than this share of an interval are one.
const ONE_COMMIT: i64 = 3;

/// What was seen of a stretch at one rate. Rates in records per second, times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hold {
    /// Length.
    pub seconds: f64,
    /// What the schedule asked for.
    pub offered: f64,
    /// What Kafka acknowledged.
    pub input: Option<f64>,
    /// What became visible, from commit to commit.
    pub served: Option<f64>,
    /// Slope of the output lag, its lower and upper bound at 95 %, in records per second.
    pub slope: Option<(f64, f64, f64)>,
    /// Median output lag.
    pub lag: Option<f64>,
    /// p50 and p99 of visible (else end-to-end) latency.
    pub latency: Option<(f64, f64)>,
    /// Checkpoints completed.
    pub checkpoints: u32,
    /// Checkpoints failed.
    pub failed_checkpoints: u32,
    /// The longest checkpoint.
    pub longest_checkpoint: Option<f64>,
    /// Restarts of the job.
    pub restarts: u32,
    /// p99 of the generator's slip.
    pub slip: Option<f64>,
    /// The busiest vertex: name, share of the time that its busiest subtask was busy.
    pub busiest: Option<(String, f64)>,
    /// max ÷ mean of the records over the subtasks of the most skewed vertex.
    pub subtask_skew: Option<f64>,
}

/// How a hold is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldLimits {
    /// Checkpoint interval, in seconds.
    pub interval: f64,
    /// Highest p99 latency, in seconds; none: any.
    pub latency: Option<f64>,
}

/// Whether a rate can be sustained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sustained {
    /// Yes.
    Yes,
    /// No, and why: the plainest reason first.
    No(Vec<String>),
    /// Nobody can say, and why.
    Unclear(String),
}

impl Hold {
    /// Judges the stretch.
    pub fn judged(&self, limits: &HoldLimits) -> Sustained {
        let mut why = Vec::new();
        if let Some((slope, low, _)) = self.slope.filter(|(_, low, _)| *low > FLAT * self.offered) {
            let bottleneck = self
                .busiest
                .as_ref()
                .filter(|(_, busy)| *busy > 0.7)
                .map_or(String::new(), |(vertex, busy)| format!("; {vertex} is {:.0} % busy", busy * 100.0));
            why.push(format!("output lag grew by {slope:.1} records/s (at least {low:.1}){bottleneck}"));
        }
        if self.restarts > 0 {
            why.push(format!("the job restarted {} times", self.restarts));
        }
        if self.failed_checkpoints > 0 {
            why.push(format!("{} checkpoints failed", self.failed_checkpoints));
        }
        if let Some(longest) = self.longest_checkpoint.filter(|longest| *longest > limits.interval) {
            why.push(format!("a checkpoint took {longest:.1} s, longer than its interval of {:.1} s", limits.interval));
        }
        let late = self.latency.zip(limits.latency).filter(|((_, p99), most)| p99 > most);
        let behind = self.slip.filter(|slip| *slip > MOST_SLIP);
        if let (Some(((_, p99), most)), None) = (late, behind) {
            why.push(format!("p99 latency was {p99:.2} s, above {most:.2} s"));
        }
        // What is too much stays too much where the generator offered less than it should; what is carried does not.
        if !why.is_empty() {
            return Sustained::No(why);
        }
        let least = self.offered * LEAST_INPUT.min(1.0 - ON_THEIR_WAY / self.seconds);
        if let Some(input) = self.input.filter(|input| *input < least) {
            return Sustained::Unclear(format!(
                "the generator was the limit: {input:.0} of {:.0} records/s were acknowledged",
                self.offered
            ));
        }
        if let (Some(((_, p99), most)), Some(slip)) = (late, behind) {
            return Sustained::Unclear(format!(
                "the generator was behind by {slip:.2} s (p99 of its slip), so that nobody knows whose the latency of {p99:.2} s is; {most:.2} s is the limit"
            ));
        }
        match self.slope {
            None => Sustained::Unclear("output lag was not sampled for long enough".to_owned()),
            Some((_, _, high)) if high > FLAT * self.offered => Sustained::Unclear(format!(
                "output lag may grow by up to {high:.1} records/s, and {:.1} is the most for flat",
                FLAT * self.offered
            )),
            Some(_) => Sustained::Yes,
        }
    }
}

impl Analysis {
    /// What was seen between two moments.
    pub fn held(&self, from: Timestamp, to: Timestamp) -> Hold {
        let (from, to) = (from.0, to.0.max(from.0 + 1));
        let seconds = (to - from) as f64 / 1e9;
        let grown = |metric| self.samples.growth(metric, from, to).map(|grown| grown / seconds);
        let spans = [(from, to)];
        let lag = self.samples.whole(Metric::OutputLag);
        let latency = [Metric::VisibleLatency, Metric::EndToEndLatency].into_iter().find_map(|metric| {
            // Records due in the last interval were still on their way.
            let merged = self.latency.merged(metric, &[(from, to - self.interval())])?;
            Some((merged.percentile(50.0), merged.percentile(99.0)))
        });
        let longest = self.checkpoints.ended("completed", (from, to), &self.clocks);
        let restarts = self.restarted(&[]).iter().filter(|restart| (from..to).contains(&restart.at)).count();
        let skew = self.skews_within(from, to).into_iter().filter(|load| !load.partitions).map(|load| load.skew()).max_by(f64::total_cmp);
        Hold {
            seconds,
            offered: self.scheduled(from, to),
            input: grown(Metric::Acknowledged),
            served: self.served(from, to),
            slope: self.lag_slope(from, to),
            lag: median(&sorted(within(&lag, from, to).iter().map(|(_, value)| *value))),
            latency,
            checkpoints: self.checkpoints.count("completed", &spans, &self.clocks),
            failed_checkpoints: self.checkpoints.count("failed", &spans, &self.clocks),
            longest_checkpoint: longest.filter_map(|(_, record)| record.duration_s).max_by(f64::total_cmp),
            restarts: u32::try_from(restarts).unwrap_or(u32::MAX),
            slip: self.latency.merged(Metric::Slip, &spans).map(|merged| merged.percentile(99.0)),
            busiest: self.busiest(from, to),
            subtask_skew: skew,
        }
    }

    /// Records per second that the schedule asks for, as it was last set.
    fn scheduled(&self, from: i64, to: i64) -> f64 {
        let scheduled = self.samples.growth(Metric::Scheduled, from, to).map(|grown| grown * 1e9 / (to - from) as f64);
        scheduled.or_else(|| self.asked.per_second()).unwrap_or(0.0)
    }

    /// Theil–Sen slope of the medians of the output lag per checkpoint interval, with its bounds at 95 %.
    fn lag_slope(&self, from: i64, to: i64) -> Option<(f64, f64, f64)> {
        let lag = self.samples.whole(Metric::OutputLag);
        let width = self.interval();
        let medians: Vec<(f64, f64)> = (0..(to - from) / width)
            .filter_map(|index| {
                let start = from + index * width;
                let middle = median(&sorted(within(&lag, start, start + width).iter().map(|(_, value)| *value)))?;
                Some((index as f64 * width as f64 / 1e9, middle))
            })
            .collect();
        let slope = theil_sen(&medians, 0.95)?;
        Some((slope.per_second, slope.low, slope.high))
    }

    /// Visible records per second, from one commit to a later one, so that the saw-tooth of commits does not enter: least squares through
    /// the counts after each commit. None with fewer than three commits, unless output flows all the time.
    fn served(&self, from: i64, to: i64) -> Option<f64> {
        let seen = self.samples.get(Metric::Seen, &Of::Run)?;
        let mut commits: Vec<(i64, f64)> = Vec::new();
        let mut last_step = i64::MIN;
        for pair in seen.within(from, to).windows(2) {
            if pair[1].1 <= pair[0].1 {
                continue;
            }
            let at = pair[1].0;
            match commits.last_mut() {
                Some(commit) if at - last_step < self.interval() / ONE_COMMIT => *commit = (at, pair[1].1),
                _ => commits.push((at, pair[1].1)),
            }
            last_step = at;
        }
        // Partitions commit one after the other; what never pauses is one long commit.
        let points: Vec<(i64, f64)> = if commits.len() >= 3 { commits } else { seen.within(from, to).to_vec() };
        if points.len() < 3 {
            return None;
        }
        slope_by_least_squares(&points)
    }

    /// The vertex with the busiest subtask, by the upper quartile of its samples: Flink's values lag.
    fn busiest(&self, from: i64, to: i64) -> Option<(String, f64)> {
        let mut worst: Option<(String, f64)> = None;
        for (of, samples) in self.samples.subjects(Metric::Busy) {
            let Of::Subtask { vertex, .. } = of else { continue };
            let busy = quantile(&sorted(samples.within(from, to).iter().map(|(_, value)| *value)), 0.75);
            if let Some(busy) = busy.filter(|busy| worst.as_ref().is_none_or(|(_, most)| busy > most)) {
                worst = Some((vertex.clone(), busy));
            }
        }
        worst
    }

    /// Output lag as last sampled, in records.
    pub fn output_lag(&self) -> Option<f64> {
        self.newest(Metric::OutputLag)
    }

    /// Median output lag between two moments.
    pub fn median_lag(&self, from: Timestamp, to: Timestamp) -> Option<f64> {
        let lag = self.samples.whole(Metric::OutputLag);
        median(&sorted(within(&lag, from.0, to.0).iter().map(|(_, value)| *value)))
    }

    /// The job's checkpoint interval in seconds, at least one.
    pub fn checkpoint_interval(&self) -> f64 {
        self.interval() as f64 / 1e9
    }

    /// A fault as it stands now, judged as in a report.
    pub fn fault_now(&self, id: &FaultId) -> Option<FaultOutcome> {
        self.fault_as_it_stands(id)
    }
}

fn slope_by_least_squares(points: &[(i64, f64)]) -> Option<f64> {
    let zero = points.first()?.0;
    let n = points.len() as f64;
    let at = |point: &(i64, f64)| (point.0 - zero) as f64 / 1e9;
    let (mean_t, mean_v) = (points.iter().map(at).sum::<f64>() / n, points.iter().map(|point| point.1).sum::<f64>() / n);
    let spread: f64 = points.iter().map(|point| (at(point) - mean_t).powi(2)).sum();
    let shared: f64 = points.iter().map(|point| (at(point) - mean_t) * (point.1 - mean_v)).sum();
    (spread > 0.0).then(|| shared / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold() -> Hold {
        Hold {
            seconds: 60.0,
            offered: 500.0,
            input: Some(500.0),
            served: Some(500.0),
            slope: Some((0.1, -0.5, 0.6)),
            lag: Some(700.0),
            latency: Some((1.2, 2.4)),
            checkpoints: 30,
            failed_checkpoints: 0,
            longest_checkpoint: Some(0.2),
            restarts: 0,
            slip: Some(0.002),
            busiest: Some(("defect".to_owned(), 0.95)),
            subtask_skew: None,
        }
    }

    const LIMITS: HoldLimits = HoldLimits { interval: 2.0, latency: Some(5.0) };

    #[test]
    fn each_reason_is_named() {
        assert_eq!(hold().judged(&LIMITS), Sustained::Yes);
        let growing = Hold { slope: Some((20.0, 15.0, 25.0)), ..hold() };
        let Sustained::No(why) = growing.judged(&LIMITS) else { unreachable!() };
        assert_eq!(why, ["output lag grew by 20.0 records/s (at least 15.0); defect is 95 % busy"]);
        assert!(matches!(Hold { restarts: 1, ..hold() }.judged(&LIMITS), Sustained::No(_)));
        assert!(matches!(Hold { failed_checkpoints: 1, ..hold() }.judged(&LIMITS), Sustained::No(_)));
        assert!(matches!(Hold { longest_checkpoint: Some(3.0), ..hold() }.judged(&LIMITS), Sustained::No(_)));
        assert!(matches!(Hold { latency: Some((1.0, 9.0)), ..hold() }.judged(&LIMITS), Sustained::No(_)));
    }

    #[test]
    fn what_is_not_known_is_neither() {
        assert!(matches!(Hold { slope: None, ..hold() }.judged(&LIMITS), Sustained::Unclear(_)));
        assert!(matches!(Hold { slope: Some((1.0, -2.0, 4.0)), ..hold() }.judged(&LIMITS), Sustained::Unclear(_)));
        // A generator that was behind offered less than it says: no pass, and its latency is not the job's.
        assert!(matches!(Hold { input: Some(480.0), ..hold() }.judged(&LIMITS), Sustained::Unclear(_)));
        // In a short look, a second's records that are still on their way are no small share.
        assert_eq!(Hold { seconds: 10.0, input: Some(480.0), ..hold() }.judged(&LIMITS), Sustained::Yes);
        assert!(matches!(Hold { seconds: 10.0, input: Some(440.0), ..hold() }.judged(&LIMITS), Sustained::Unclear(_)));
        assert!(matches!(Hold { input: Some(480.0), slope: Some((20.0, 15.0, 25.0)), ..hold() }.judged(&LIMITS), Sustained::No(_)));
        assert!(matches!(Hold { slip: Some(2.0), latency: Some((1.0, 9.0)), ..hold() }.judged(&LIMITS), Sustained::Unclear(_)));
    }

    #[test]
    fn a_staircase_has_the_slope_of_its_steps() {
        let points: Vec<(i64, f64)> = (0..8).map(|step| (step * 2_000_000_000, step as f64 * 1000.0)).collect();
        assert_eq!(slope_by_least_squares(&points), Some(500.0));
        assert_eq!(slope_by_least_squares(&[]), None);
    }
}
