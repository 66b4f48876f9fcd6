use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Curve;
use crate::traffic::check::{Problem, not_zero};
use crate::units::{Duration, Rate};

/// Up and down like a day; begins at `low`.
///
/// With mean m = (low + high)/2, amplitude a = (high − low)/2 and w = 2π/period:
/// rate(t) = m − a·cos(w·t), integral m·t − (a/w)·sin(w·t). Its inverse has no closed form: Newton's method from the
/// straight line, kept between bounds, until the integral is right to 10⁻⁹ records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sine {
    /// Lowest rate, at the start.
    pub low: Rate,
    /// Highest rate, half a period later.
    pub high: Rate,
    /// From low to low.
    pub period: Duration,
}

impl Sine {
    fn mean(&self) -> f64 {
        (self.low.0 + self.high.0) / 2.0
    }

    fn amplitude(&self) -> f64 {
        (self.high.0 - self.low.0) / 2.0
    }

    fn omega(&self) -> f64 {
        TAU / self.period.seconds()
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let order = (self.low > self.high).then(|| Problem::new("low", format!("{} is above high, {}", self.low, self.high)));
        order.into_iter().chain(not_zero("period", self.period)).collect()
    }
}

impl Curve for Sine {
    fn rate(&self, t: f64) -> f64 {
        self.mean() - self.amplitude() * (self.omega() * t).cos()
    }

    fn integral(&self, t: f64) -> f64 {
        self.mean() * t - self.amplitude() / self.omega() * (self.omega() * t).sin()
    }

    fn inverse(&self, count: f64) -> Option<f64> {
        let period = self.period.seconds();
        let each = self.mean() * period;
        if each <= 0.0 {
            return None;
        }
        let periods = (count / each).floor();
        let rest = (count - periods * each).clamp(0.0, each);
        let (mut low, mut high) = (0.0, period);
        let mut t = rest / self.mean();
        for _ in 0..64 {
            let off = self.integral(t) - rest;
            if off.abs() < 1e-9 {
                break;
            }
            if off > 0.0 {
                high = t
            } else {
                low = t
            }
            let step = t - off / self.rate(t);
            t = if step > low && step < high { step } else { (low + high) / 2.0 };
        }
        Some(periods * period + t)
    }

    fn bends(&self, _: f64) -> Vec<f64> {
        Vec::new()
    }
}
