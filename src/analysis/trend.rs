//! Trends that outliers cannot fake: Theil–Sen slope with its interval, Mann–Kendall significance, bootstrap intervals.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::quantile::{median, quantile, sorted};

/// More points than this are first reduced to medians of equal stretches: both methods look at every pair.
const MOST_POINTS: usize = 1000;

/// A slope with its two-sided interval, in value per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Median of the slopes of all pairs (Theil 1950, Sen 1968).
    pub per_second: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Two-sided p-value of Mann–Kendall's test against *no trend*.
    pub p_value: f64,
}

/// Slope of `(seconds, value)` points with its interval at `confidence` (0.95), by Sen's normal approximation with ties. None
/// with fewer than 4 points, or when all have the same moment.
pub fn theil_sen(points: &[(f64, f64)], confidence: f64) -> Option<Slope> {
    let points = reduced(points, MOST_POINTS);
    if points.len() < 4 {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (index, (t1, v1)) in points.iter().enumerate() {
        for (t2, v2) in points.iter().skip(index + 1) {
            if t2 > t1 {
                slopes.push((v2 - v1) / (t2 - t1));
            }
        }
    }
    let slopes = sorted(slopes);
    let per_second = median(&slopes)?;
    let (s, variance) = kendall(&points);
    // Ranks of the interval's ends: (N ∓ z·σ_S) ÷ 2 of N ordered slopes.
    let spread = normal_quantile(0.5 + confidence / 2.0) * variance.sqrt() / slopes.len() as f64;
    let low = quantile(&slopes, (1.0 - spread) / 2.0)?;
    let high = quantile(&slopes, (1.0 + spread) / 2.0)?;
    Some(Slope { per_second, low, high, p_value: p_value(s, variance) })
}

/// Mann–Kendall's S of the values in their order, and its variance with ties.
pub(super) fn kendall(points: &[(f64, f64)]) -> (f64, f64) {
    let mut s = 0.0;
    for (index, (_, earlier)) in points.iter().enumerate() {
        for (_, later) in points.iter().skip(index + 1) {
            s += match later.total_cmp(earlier) {
                std::cmp::Ordering::Less => -1.0,
                std::cmp::Ordering::Equal => 0.0,
                std::cmp::Ordering::Greater => 1.0,
            };
        }
    }
    let n = points.len() as f64;
    let ties: f64 = sorted(points.iter().map(|(_, value)| *value))
        .chunk_by(|a, b| a == b)
        .map(|group| group.len() as f64)
        .map(|t| t * (t - 1.0) * (2.0 * t + 5.0))
        .sum();
    (s, (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0)
}

/// Two-sided p-value of Kendall's S, by its normal approximation.
pub(super) fn p_value(s: f64, variance: f64) -> f64 {
    if variance <= 0.0 || s == 0.0 {
        return 1.0;
    }
    let z = (s.abs() - 1.0) / variance.sqrt();
    (2.0 * (1.0 - normal_cdf(z))).clamp(0.0, 1.0)
}

/// Standard normal distribution function; error below 1.5e-7 (Abramowitz and Stegun 7.1.26).
fn normal_cdf(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let erf = 1.0 - poly * (-x * x).exp();
    if z >= 0.0 { 0.5 * (1.0 + erf) } else { 0.5 * (1.0 - erf) }
}

/// Inverse of [`normal_cdf`], by bisection: called once per slope.
pub(super) fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if normal_cdf(middle) < p { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// At most `most` points: medians of equal stretches where there are more.
pub(super) fn reduced(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let points: Vec<_> = points.iter().copied().filter(|(t, v)| t.is_finite() && v.is_finite()).collect();
    if points.len() <= most {
        return points;
    }
    let size = points.len().div_ceil(most.max(1));
    points
        .chunks(size)
        .filter_map(|chunk| {
            let at = chunk.iter().map(|(t, _)| t).sum::<f64>() / chunk.len() as f64;
            Some((at, median(&sorted(chunk.iter().map(|(_, v)| *v)))?))
        })
        .collect()
}

/// Percentile bootstrap of a statistic: its interval at `confidence` over `rounds` resamples drawn from `seed`. None without
/// values, or when the statistic has none.
pub fn bootstrap(
    values: &[f64],
    statistic: impl Fn(&[f64]) -> Option<f64>,
    rounds: usize,
    confidence: f64,
    seed: u64,
) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut found = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let resample = sorted((0..values.len()).filter_map(|_| values.get(random.random_range(0..values.len())).copied()));
        found.push(statistic(&resample)?);
    }
    let found = sorted(found);
    Some((quantile(&found, (1.0 - confidence) / 2.0)?, quantile(&found, (1.0 + confidence) / 2.0)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    fn line(slope: f64, noise: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
        (0..60).map(|i| (i as f64 * 2.0, 100.0 + slope * i as f64 * 2.0 + noise(i))).collect()
    }

    /// A fixed sequence without order: the fractional parts of multiples of the golden ratio.
    fn scatter(i: usize) -> f64 {
        (i as f64 * 0.618_033_988_75).fract() - 0.5
    }

    #[test]
    fn outliers_do_not_move_the_slope() {
        let mut points = line(0.5, |i| scatter(i) * 2.0);
        points[7].1 += 5000.0;
        let slope = theil_sen(&points, 0.95).unwrap();
        assert!((slope.per_second - 0.5).abs() < 0.01, "{slope:?}");
        assert!(slope.low < 0.5 && 0.5 < slope.high);
        assert!(slope.p_value < 1e-6);
    }

    #[test]
    fn no_trend_is_not_significant() {
        let slope = theil_sen(&line(0.0, scatter), 0.95).unwrap();
        assert!(slope.p_value > 0.05, "{slope:?}");
        assert!(slope.low <= 0.0 && 0.0 <= slope.high);
        assert!(theil_sen(&[(0.0, 1.0), (1.0, 2.0)], 0.95).is_none());
        let flat = theil_sen(&line(0.0, |_| 0.0), 0.95).unwrap();
        assert_eq!((flat.per_second, flat.p_value), (0.0, 1.0));
    }

    #[test]
    fn normal_distribution_by_its_table() {
        assert!((normal_cdf(1.959_964) - 0.975).abs() < 1e-6);
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-4);
    }

    #[test]
    fn bootstrap_holds_the_median_and_repeats() {
        let values: Vec<f64> = (0..40).map(|i| 10.0 + scatter(i)).collect();
        let interval = bootstrap(&values, median, 500, 0.95, 7).unwrap();
        assert!(interval.0 <= 10.0 && 10.0 <= interval.1);
        assert_eq!(bootstrap(&values, median, 500, 0.95, 7), Some(interval));
    }

    proptest! {
        #[test]
        fn an_exact_line_gives_its_slope(slope in -100.0f64..100.0) {
            let found = theil_sen(&line(slope, |_| 0.0), 0.95).unwrap();
            prop_assert!((found.per_second - slope).abs() < 1e-6);
        }
    }
}
