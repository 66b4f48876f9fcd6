//! One slope over several stretches of a series whose levels need not agree, as the heap's before and after a restart: only points of one
//! stretch are compared with each other. This is the seasonal Kendall test and slope of Hirsch, Slack and Smith (1982), with stretches for
//! seasons; of one stretch it is Theil–Sen and Mann–Kendall.

use super::quantile::{MAD_TO_SIGMA, mad, median, quantile, sorted};
use super::trend::{Slope, kendall, normal_quantile, p_value, reduced};

/// More points than this are first reduced to medians of equal stretches.
const MOST_POINTS: usize = 400;
/// Neighbours that are more alike than this say nothing of their own.
const MOST_ALIKE: f64 = 0.9;

/// A slope over stretches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// With its 95 % interval and the p-value of *no trend*, both widened for neighbours that are alike.
    pub slope: Slope,
    /// How far points usually lie from their stretch's line: 1.4826 MAD.
    pub scatter: f64,
    /// Points that it rests on.
    pub points: usize,
    /// Seconds that the stretches last together.
    pub seconds: f64,
}

/// The slope of stretches of `(seconds, value)`. None with fewer than 4 points in all stretches, or without any time between them.
///
/// Points near each other are often alike (collections, caches), which would make any wave significant: the variance of Kendall's S is
/// multiplied by (1 + r) ÷ (1 − r), where r is the correlation of neighbours about their line, as Yue and Wang (2004) do it.
pub fn fit(stretches: &[Vec<(f64, f64)>]) -> Option<Fit> {
    let all: usize = stretches.iter().map(Vec::len).sum();
    let most = |length: usize| if all > MOST_POINTS { (MOST_POINTS * length).div_ceil(all).max(4) } else { length };
    let stretches: Vec<Vec<(f64, f64)>> = stretches.iter().map(|points| reduced(points, most(points.len()))).collect();
    let stretches: Vec<Vec<(f64, f64)>> = stretches.into_iter().filter(|points| points.len() >= 4).collect();
    let mut slopes = Vec::new();
    let (mut s, mut variance) = (0.0, 0.0);
    for points in &stretches {
        for (index, (t1, v1)) in points.iter().enumerate() {
            slopes.extend(points.iter().skip(index + 1).filter(|(t2, _)| t2 > t1).map(|(t2, v2)| (v2 - v1) / (t2 - t1)));
        }
        let (its, its_variance) = kendall(points);
        (s, variance) = (s + its, variance + its_variance);
    }
    let slopes = sorted(slopes);
    let per_second = median(&slopes)?;
    let residuals: Vec<Vec<f64>> = stretches.iter().map(|points| about_line(points, per_second)).collect();
    let alike = neighbours(&residuals).clamp(0.0, MOST_ALIKE);
    let variance = variance * (1.0 + alike) / (1.0 - alike);
    let spread = normal_quantile(0.975) * variance.sqrt() / slopes.len() as f64;
    Some(Fit {
        slope: Slope {
            per_second,
            low: quantile(&slopes, (1.0 - spread) / 2.0)?,
            high: quantile(&slopes, (1.0 + spread) / 2.0)?,
            p_value: p_value(s, variance),
        },
        scatter: mad(&sorted(residuals.iter().flatten().copied())).unwrap_or(0.0) * MAD_TO_SIGMA,
        points: stretches.iter().map(Vec::len).sum(),
        seconds: stretches.iter().filter_map(|points| Some(points.last()?.0 - points.first()?.0)).sum(),
    })
}

/// What a line of this slope through the middle of a stretch leaves.
fn about_line(points: &[(f64, f64)], slope: f64) -> Vec<f64> {
    let flat: Vec<f64> = points.iter().map(|(at, value)| value - slope * at).collect();
    let level = median(&sorted(flat.iter().copied())).unwrap_or(0.0);
    flat.into_iter().map(|value| value - level).collect()
}

/// Correlation of neighbours within stretches.
fn neighbours(residuals: &[Vec<f64>]) -> f64 {
    let whole: f64 = residuals.iter().flatten().map(|value| value * value).sum();
    let pairs: f64 = residuals.iter().flat_map(|values| values.windows(2)).map(|pair| pair[0] * pair[1]).sum();
    if whole > 0.0 { pairs / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Stretches of one slope, each from a level of its own, with noise of ± `noise` from a seed; `alike` is what stays of it.
    fn saw(slope: f64, noise: f64, alike: f64, stretches: usize, seed: u64) -> Vec<Vec<(f64, f64)>> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut wave = 0.0;
        (0..stretches)
            .map(|stretch| {
                let from = stretch as f64 * 300.0;
                let level = random.random_range(50.0..150.0);
                (0..24)
                    .map(|index| {
                        wave = alike * wave + noise * random.random_range(-1.0..1.0);
                        let at = index as f64 * 10.0;
                        (from + at, level + slope * at + wave)
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn restarts_hide_no_slope() {
        let found = fit(&saw(0.05, 1.0, 0.0, 12, 1)).unwrap();
        assert!((found.slope.per_second - 0.05).abs() < 0.003, "{found:?}");
        assert!(found.slope.low < 0.05 && 0.05 < found.slope.high && found.slope.p_value < 1e-6);
        assert_eq!(found.points, 288);
        assert_eq!(found.seconds, 12.0 * 230.0);
    }

    #[test]
    fn waves_are_seldom_taken_for_a_drift() {
        let significant = |alike| (0..200).filter(|seed| fit(&saw(0.0, 1.0, alike, 4, *seed)).unwrap().slope.p_value < 0.01).count();
        assert!(significant(0.0) <= 8, "{}", significant(0.0));
        assert!(significant(0.6) <= 20, "{}", significant(0.6));
    }

    #[test]
    fn intervals_hold_the_true_slope() {
        let held = (0..200)
            .filter(|seed| {
                let found = fit(&saw(0.02, 1.0, 0.3, 6, *seed)).unwrap().slope;
                (found.low..=found.high).contains(&0.02)
            })
            .count();
        assert!(held >= 180, "{held} of 200");
    }

    #[test]
    fn a_few_points_say_nothing() {
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&[vec![(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]]), None);
    }

    proptest! {
        #[test]
        fn an_exact_line_gives_its_slope(slope in -100.0f64..100.0, stretches in 1usize..6) {
            let found = fit(&saw(slope, 0.0, 0.0, stretches, 7)).unwrap();
            prop_assert!((found.slope.per_second - slope).abs() < 1e-6);
        }

        #[test]
        fn many_points_are_reduced_and_keep_the_slope(slope in -1.0f64..1.0) {
            let points: Vec<(f64, f64)> = (0..20_000).map(|index| (f64::from(index), slope * f64::from(index))).collect();
            let found = fit(&[points]).unwrap();
            prop_assert!(found.points <= MOST_POINTS && (found.slope.per_second - slope).abs() < 1e-6);
        }
    }
}
