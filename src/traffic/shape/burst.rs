use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Curve;
use super::linear::Linear;
use crate::traffic::check::{Problem, not_zero};
use crate::units::{Duration, Rate};

/// A base rate with a burst at the end of every period.
///
/// With period p, burst length b and records per period m = base·(p − b) + peak·b: for t = k·p + d,
/// integral = k·m + base·min(d, p − b) + peak·max(0, d − (p − b)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Burst {
    /// Between the bursts; zero without.
    #[serde(default)]
    pub base: Rate,
    /// In a burst.
    pub peak: Rate,
    /// From the end of one burst to the end of the next.
    pub every: Duration,
    /// How long a burst lasts.
    pub r#for: Duration,
}

/// A curve that repeats.
#[derive(Debug)]
pub struct Periodic {
    period: f64,
    each: f64,
    one: Linear,
}

impl Burst {
    pub(super) fn curve(&self) -> Periodic {
        let period = self.every.seconds();
        let rise = (period - self.r#for.seconds()).max(0.0);
        let one = Linear::through(&[(0.0, self.base.0), (rise, self.base.0), (rise, self.peak.0), (period, self.peak.0)]);
        Periodic { period, each: one.integral(period), one }
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let longer =
            (self.r#for > self.every).then(|| Problem::new("for", format!("{} is longer than the period, {}", self.r#for, self.every)));
        longer.into_iter().chain(not_zero("every", self.every)).chain(not_zero("for", self.r#for)).collect()
    }
}

impl Periodic {
    fn split(&self, t: f64) -> (f64, f64) {
        let periods = (t / self.period).floor();
        (periods, (t - periods * self.period).clamp(0.0, self.period))
    }
}

impl Curve for Periodic {
    fn rate(&self, t: f64) -> f64 {
        self.one.rate(self.split(t).1)
    }

    fn integral(&self, t: f64) -> f64 {
        let (periods, rest) = self.split(t);
        periods * self.each + self.one.integral(rest)
    }

    fn inverse(&self, count: f64) -> Option<f64> {
        if self.each <= 0.0 {
            return None;
        }
        let periods = (count / self.each).floor();
        let rest = (count - periods * self.each).clamp(0.0, self.each);
        // At the very end of a period the next one's first record is meant, which may have to wait for rate.
        if rest >= self.each {
            return Some((periods + 1.0) * self.period + self.one.inverse(0.0)?);
        }
        Some(periods * self.period + self.one.inverse(rest)?.min(self.period))
    }

    fn bends(&self, until: f64) -> Vec<f64> {
        let within: Vec<f64> = self.one.bends(self.period).into_iter().chain([self.period]).collect();
        let periods = (until / self.period).ceil().max(0.0) as u64;
        let all = (0..periods).flat_map(|k| within.iter().map(move |&bend| (k, bend)));
        all.map(|(k, bend)| k as f64 * self.period + bend).filter(|&bend| bend < until).collect()
    }
}
