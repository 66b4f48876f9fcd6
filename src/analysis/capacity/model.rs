//! How long a recovery takes at a load: R = D + (D + a)·ρ ÷ (1 − ρ) + w.
//!
//! At T0 + D processing resumes from a checkpoint that is a old: λ·(D + a) records wait, λ more come every second, and the job serves μ of
//! them. So it has caught up after λ·(D + a) ÷ (μ − λ) = (D + a)·ρ ÷ (1 − ρ), with ρ = λ ÷ μ. w is what is the same at every load: the wait
//! for the commit that makes the last of it visible, less the backlog that the band allows.

use crate::analysis::quantile::{median, sorted};

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Offered, in records per second.
    pub rate: f64,
    /// D in seconds.
    pub resumed: f64,
    /// a in seconds.
    pub checkpoint_age: f64,
    /// R in seconds.
    pub time: f64,
    /// Records per second by which the lag fell.
    pub catch_up: Option<f64>,
}

/// The model with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoveryModel {
    /// D in seconds: median over the faults.
    pub resumed: f64,
    /// a in seconds: median over the faults.
    pub checkpoint_age: f64,
    /// μ in records per second.
    pub catch_up: f64,
    /// w in seconds; zero with fewer than three faults.
    pub wait: f64,
    /// Faults that it was fitted to.
    pub points: usize,
}

/// What the model says of a load that it was not fitted to, beside what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Load.
    pub rate: f64,
    /// Measured, in seconds.
    pub measured: f64,
    /// Predicted by μ and w as the other loads have them, with this fault's own D and a.
    pub predicted: Option<f64>,
}

impl Prediction {
    /// (predicted − measured) ÷ measured.
    pub fn residual(&self) -> Option<f64> {
        Some((self.predicted? - self.measured) / self.measured).filter(|residual| residual.is_finite())
    }
}

fn formula(resumed: f64, age: f64, rate: f64, catch_up: f64, wait: f64) -> f64 {
    let load = rate / catch_up;
    if load >= 1.0 { f64::INFINITY } else { resumed + (resumed + age) * load / (1.0 - load) + wait }
}

impl RecoveryModel {
    /// Fits μ, and with three points or more w, by least relative squares; D and a are what each fault had. None with fewer than two.
    pub fn fit(points: &[Point]) -> Option<Self> {
        if points.len() < 2 {
            return None;
        }
        let fastest = points.iter().map(|point| point.rate).fold(0.0, f64::max);
        let error = |catch_up: f64| -> (f64, f64) {
            let plain = |point: &Point| formula(point.resumed, point.checkpoint_age, point.rate, catch_up, 0.0);
            // For a given μ the best w is a weighted mean: least squares of (R − plain − w) ÷ R.
            let wait = if points.len() >= 3 {
                let weights: f64 = points.iter().map(|point| point.time.powi(-2)).sum();
                points.iter().map(|point| (point.time - plain(point)) * point.time.powi(-2)).sum::<f64>() / weights
            } else {
                0.0
            };
            let squares = points.iter().map(|point| ((point.time - plain(point) - wait) / point.time).powi(2)).sum();
            (squares, wait)
        };
        // μ lies above the highest load. The error has one valley there: a coarse look over the decades, then golden section.
        let candidates: Vec<f64> = (1..=200).map(|step| fastest * 1.06f64.powi(step)).collect();
        let best = candidates.iter().copied().min_by(|a, b| error(*a).0.total_cmp(&error(*b).0))?;
        let (mut low, mut high) = (best / 1.06, best * 1.06);
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        for _ in 0..60 {
            let (a, b) = (high - golden * (high - low), low + golden * (high - low));
            if error(a).0 < error(b).0 { high = b } else { low = a }
        }
        let catch_up = f64::midpoint(low, high);
        let middle = |value: fn(&Point) -> f64| median(&sorted(points.iter().map(value)));
        Some(Self {
            resumed: middle(|point| point.resumed)?,
            checkpoint_age: middle(|point| point.checkpoint_age)?,
            wait: error(catch_up).1,
            catch_up,
            points: points.len(),
        })
    }

    /// Recovery time at a load, in seconds; infinite from μ on.
    pub fn time(&self, rate: f64) -> f64 {
        formula(self.resumed, self.checkpoint_age, rate, self.catch_up, self.wait).max(0.0)
    }

    /// The highest load that recovers within `bound` seconds; none where none does.
    pub fn rate_for(&self, bound: f64) -> Option<f64> {
        let budget = bound - self.resumed - self.wait;
        let owed = self.resumed + self.checkpoint_age;
        // budget = owed·ρ ÷ (1 − ρ), solved for ρ.
        (budget > 0.0 && owed > 0.0).then(|| self.catch_up * budget / (budget + owed))
    }

    /// What the model says of each load when μ and w are fitted to the others only. D and a are this fault's own: how long Flink takes to
    /// notice and to restart is no matter of the load, and the model does not claim to know it.
    pub fn predictions(points: &[Point]) -> Vec<Prediction> {
        points
            .iter()
            .enumerate()
            .map(|(index, point)| {
                let others: Vec<Point> = points
                    .iter()
                    .enumerate()
                    .filter(|(other, candidate)| *other != index && (candidate.rate / point.rate - 1.0).abs() > 0.01)
                    .map(|(_, other)| other.clone())
                    .collect();
                let own = |model: Self| formula(point.resumed, point.checkpoint_age, point.rate, model.catch_up, model.wait);
                let predicted = Self::fit(&others).map(own).filter(|time| time.is_finite());
                Prediction { rate: point.rate, measured: point.time, predicted }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn points(catch_up: f64, wait: f64, rates: &[f64]) -> Vec<Point> {
        let point = |rate: &f64| Point {
            rate: *rate,
            resumed: 6.0,
            checkpoint_age: 1.2,
            time: formula(6.0, 1.2, *rate, catch_up, wait),
            catch_up: None,
        };
        rates.iter().map(point).collect()
    }

    #[test]
    fn the_model_finds_its_own_parameters() {
        let model = RecoveryModel::fit(&points(500.0, 1.5, &[150.0, 250.0, 350.0, 425.0])).unwrap();
        assert!((model.catch_up / 500.0 - 1.0).abs() < 1e-3 && (model.wait - 1.5).abs() < 0.02, "{model:?}");
        assert!((model.time(400.0) - formula(6.0, 1.2, 400.0, 500.0, 1.5)).abs() < 0.1);
        let rate = model.rate_for(30.0).unwrap();
        assert!((model.time(rate) - 30.0).abs() < 0.01);
        assert_eq!(model.rate_for(5.0), None);
        assert_eq!(model.time(600.0), f64::INFINITY);
    }

    #[test]
    fn predictions_come_from_the_other_loads() {
        for prediction in RecoveryModel::predictions(&points(500.0, 0.0, &[150.0, 250.0, 350.0, 425.0])) {
            assert!(prediction.residual().unwrap().abs() < 0.02, "{prediction:?}");
        }
        assert_eq!(RecoveryModel::predictions(&points(500.0, 0.0, &[150.0])).first().unwrap().predicted, None);
    }

    proptest! {
        #[test]
        fn more_load_never_recovers_sooner(catch_up in 100.0f64..1e5, a in 0.05f64..0.9, b in 0.05f64..0.9) {
            let model = RecoveryModel { resumed: 5.0, checkpoint_age: 2.0, catch_up, wait: 0.5, points: 3 };
            let (low, high) = (a.min(b) * catch_up, a.max(b) * catch_up);
            prop_assert!(model.time(low) <= model.time(high));
        }

        #[test]
        fn fitting_noisy_points_stays_near(noise in prop::collection::vec(-0.03f64..0.03, 5)) {
            let mut noisy = points(1000.0, 1.0, &[200.0, 400.0, 600.0, 750.0, 850.0]);
            for (point, noise) in noisy.iter_mut().zip(&noise) {
                point.time *= 1.0 + noise;
            }
            let model = RecoveryModel::fit(&noisy).unwrap();
            prop_assert!((model.catch_up / 1000.0 - 1.0).abs() < 0.05, "{model:?}");
        }
    }
}
