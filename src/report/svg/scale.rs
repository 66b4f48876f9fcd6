//! From values to heights.

use crate::metric::Unit;
use crate::report::wording;

/// The vertical scale of a panel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) enum Scale {
    /// From a true zero.
    Linear {
        /// Upper end.
        top: f64,
        /// Distance of the ticks.
        step: f64,
    },
    /// Powers of ten; says so on its axis.
    Logarithmic {
        /// Exponent of the lower end.
        low: i32,
        /// Exponent of the upper end.
        high: i32,
    },
}

/// The nearest of 1, 2, 5 × 10ⁿ from `step` up.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|nice| *nice >= step * (1.0 - 1e-9)).unwrap_or(step)
}

impl Scale {
    /// From zero to at least `highest`, in three to five steps.
    pub(in crate::report) fn linear(highest: f64) -> Self {
        let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
        let step = nice_step(highest / 4.0);
        Self::Linear { top: (highest / step).ceil() * step, step }
    }

    /// From zero, in the steps that read well in this unit.
    pub(in crate::report) fn fitting(highest: f64, unit: Unit) -> Self {
        if unit != Unit::Bytes || !highest.is_finite() || highest <= 4096.0 {
            return Self::linear(highest);
        }
        let scale = 1024f64.powf((highest / 4.0).log(1024.0).floor());
        let step = nice_step(highest / 4.0 / scale) * scale;
        Self::Linear { top: (highest / step).ceil() * step, step }
    }

    /// Zero to one, as percentages.
    pub(in crate::report) fn share() -> Self {
        Self::Linear { top: 1.0, step: 0.25 }
    }

    /// The decades around the values above zero.
    pub(in crate::report) fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite() && *value > 0.0)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return Self::Logarithmic { low: -3, high: 0 };
        }
        let (low, high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        Self::Logarithmic { low, high: high.max(low + 1) }
    }

    /// Where `value` lies, 0 at the lower end, 1 at the upper; outside values at the edges.
    pub(in crate::report) fn position(&self, value: f64) -> f64 {
        match *self {
            Self::Linear { top, .. } => value / top,
            Self::Logarithmic { low, high } => {
                if value <= 0.0 {
                    0.0
                } else {
                    (value.log10() - f64::from(low)) / f64::from(high - low)
                }
            }
        }
        .clamp(0.0, 1.0)
    }

    /// Ticks with their labels, upwards.
    pub(in crate::report) fn ticks(&self, unit: Unit) -> Vec<(f64, String)> {
        match *self {
            Self::Linear { top, step } => {
                let count = (top / step).round() as usize;
                (0..=count).map(|index| index as f64 * step).map(|value| (self.position(value), label(value, unit))).collect()
            }
            Self::Logarithmic { low, high } => {
                let every = ((high - low) / 5 + 1) as usize;
                (low..=high).step_by(every).map(|power| 10f64.powi(power)).map(|value| (self.position(value), label(value, unit))).collect()
            }
        }
    }
}

/// A tick's label: as short as the value is round.
fn label(value: f64, unit: Unit) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = wording::value(value, unit);
    let Some((number, rest)) = text.split_once(' ') else { return text };
    if number.contains('.') { format!("{} {rest}", number.trim_end_matches('0').trim_end_matches('.')) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_start_at_zero_and_hold_the_highest() {
        assert_eq!(Scale::linear(14_100.0), Scale::Linear { top: 15_000.0, step: 5000.0 });
        assert_eq!(Scale::linear(2018.0), Scale::Linear { top: 3000.0, step: 1000.0 });
        assert_eq!(Scale::linear(0.0), Scale::linear(1.0));
        assert_eq!(Scale::linear(f64::NAN), Scale::linear(1.0));
        let labels: Vec<String> = Scale::linear(14_100.0).ticks(Unit::Records).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "5 k", "10 k", "15 k"]);
    }

    #[test]
    fn bytes_go_in_binary_steps() {
        let labels: Vec<String> =
            Scale::fitting(330.0 * 1_048_576.0, Unit::Bytes).ticks(Unit::Bytes).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "100 MiB", "200 MiB", "300 MiB", "400 MiB"]);
    }

    #[test]
    fn decades_hold_the_values() {
        let scale = Scale::logarithmic([0.0021, 9.4, f64::NAN, 0.0].into_iter());
        assert_eq!(scale, Scale::Logarithmic { low: -3, high: 1 });
        assert_eq!(scale.position(0.1), 0.5);
        let labels: Vec<String> = scale.ticks(Unit::Seconds).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
    }
}
