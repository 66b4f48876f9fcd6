//! The same shape within less time: rates stay, times shrink.

use super::{Shape, Stretch};
use crate::units::Duration;

impl Shape {
    /// All its times multiplied by `factor`, such as 1/24 for a day within an hour. Rates stay, so fewer records are sent; a backlog's
    /// records shrink with its time.
    #[must_use]
    pub fn compressed(&self, factor: f64) -> Self {
        let short = |time: Duration| Duration::from(time.0.mul_f64(factor));
        match self {
            Self::Constant(_) | Self::Poisson(_) | Self::Closed(_) => self.clone(),
            Self::Ramp(ramp) => Self::Ramp(super::Ramp { over: short(ramp.over), ..*ramp }),
            Self::Steps(steps) => Self::Steps(steps.iter().map(|step| super::Step { r#for: short(step.r#for), ..*step }).collect()),
            Self::Sine(sine) => Self::Sine(super::Sine { period: short(sine.period), ..*sine }),
            Self::Burst(burst) => Self::Burst(super::Burst { every: short(burst.every), r#for: short(burst.r#for), ..*burst }),
            Self::Spike(spike) => Self::Spike(super::Spike {
                at: short(spike.at),
                rise: short(spike.rise),
                r#for: short(spike.r#for),
                fall: short(spike.fall),
                ..*spike
            }),
            Self::Trace(trace) => Self::Trace(super::Trace { speed: trace.speed / factor, ..trace.clone() }),
            Self::Backlog(backlog) => {
                let records = crate::units::Count((backlog.records.0 as f64 * factor).round() as u64);
                Self::Backlog(super::Backlog { records, over: short(backlog.over), ..*backlog })
            }
            Self::Sequence(stretches) => Self::Sequence(
                stretches.iter().map(|stretch| Stretch { shape: stretch.shape.compressed(factor), r#for: short(stretch.r#for) }).collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::traffic::{Schedule, Shape};

    #[test]
    fn a_compressed_shape_has_the_same_rates_sooner() {
        for text in [
            r#"{"sine":{"low":"100/s","high":"1k/s","period":"24h"}}"#,
            r#"{"steps":[{"rate":"1k/s","for":"2h"},{"rate":"3k/s","for":"6h"}]}"#,
            r#"{"ramp":{"from":"1k/s","to":"9k/s","over":"8h"}}"#,
            r#"{"burst":{"base":"1k/s","peak":"9k/s","every":"4h","for":"1h"}}"#,
            r#"{"spike":{"base":"1k/s","peak":"9k/s","at":"4h","rise":"1h","for":"1h","fall":"2h"}}"#,
            r#"{"backlog":{"records":"40M","over":"2h","then":"1k/s"}}"#,
            r#"{"sequence":[{"shape":{"constant":"1k/s"},"for":"3h"},{"shape":{"sine":{"low":"1k/s","high":"2k/s","period":"2h"}},"for":"6h"}]}"#,
        ] {
            let shape: Shape = serde_json::from_str(text).unwrap();
            let (long, short) = (Schedule::new(&shape, 1).unwrap(), Schedule::new(&shape.compressed(1.0 / 24.0), 1).unwrap());
            for minute in [7, 61, 150, 300, 415, 700] {
                let at = minute * 60_000_000_000;
                let (then, soon) = (long.rate(at), short.rate(at / 24));
                assert!((then - soon).abs() <= 1e-6 * then.max(1.0), "{text}: {then} after {minute} min, {soon}");
            }
        }
    }
}
