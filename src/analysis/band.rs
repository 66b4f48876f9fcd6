//! The band that a series keeps to in its baseline, and when it is back in it.

use super::job_log::Seen;
use super::quantile::{MAD_TO_SIGMA, mad, median, quantile, sorted};
use super::series::{Point, spacing, within};
use super::trend::theil_sen;

/// Fewer points than this say nothing of the spread.
pub const FEWEST_POINTS: usize = 20;

/// Share of the level by which a baseline may drift from its start to its end; more is a trend.
const DRIFT: f64 = 0.25;

/// Where a series stays while nothing disturbs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Upper edge: 1.1 × max(p99, median + 3 × 1.4826 MAD, floor), plus what can grow between two samples.
    pub upper: f64,
    /// Median of the points.
    pub median: f64,
    /// How far points usually lie from it: 1.4826 MAD.
    pub spread: f64,
    /// Points that it rests on.
    pub points: usize,
}

impl Band {
    /// The band of the largest values of each window; see [`window_maxima`]. `floor` is the smallest level that counts, `unseen` how much
    /// the series can grow between two samples: tips are seen too low by up to that. The error says why there is no baseline.
    pub fn of(maxima: &[Point], floor: f64, unseen: f64) -> Result<Self, String> {
        let points = maxima.len();
        if points < FEWEST_POINTS {
            return Err(format!("{points} points, {FEWEST_POINTS} are needed"));
        }
        let ascending = sorted(maxima.iter().map(|(_, value)| *value));
        let (Some(median), Some(p99), Some(mad)) = (median(&ascending), quantile(&ascending, 0.99), mad(&ascending)) else {
            return Err("no values".to_owned());
        };
        if let Some((first, last)) = maxima.first().zip(maxima.last()) {
            // Neighbours overlap by half: only every second one is independent.
            let independent: Vec<(f64, f64)> = maxima.iter().step_by(2).map(|(at, value)| ((at - first.0) as f64 / 1e9, *value)).collect();
            if let Some(slope) = theil_sen(&independent, 0.99) {
                let drift = slope.per_second * ((last.0 - first.0) as f64 / 1e9);
                if slope.p_value < 0.01 && drift.abs() > DRIFT * median.abs().max(floor) {
                    return Err(format!("it {} by itself", if drift > 0.0 { "grows" } else { "falls" }));
                }
            }
        }
        Ok(Self { upper: 1.1 * p99.max(median + 3.0 * MAD_TO_SIGMA * mad).max(floor) + unseen, median, spread: MAD_TO_SIGMA * mad, points })
    }
}

impl Band {
    /// By how much more than usual something must be to be a disturbance at once: one late checkpoint is none.
    pub const FAR: f64 = 1.5;

    /// When a series first left the band: it stayed above it for `lasting`, or rose to 1.5 × the usual tip.
    pub fn left(&self, points: &[Point], lasting: i64) -> Option<i64> {
        let mut since = None;
        for (at, value) in points {
            if *value <= self.upper {
                since = None;
                continue;
            }
            let start = *since.get_or_insert(*at);
            if *value > Self::FAR * self.median || at - start >= lasting {
                return Some(start);
            }
        }
        None
    }
}

/// The largest value of each window of `width`, each beginning half a width after the one before: committed output makes saw-teeth of
/// one checkpoint interval, whose tips are what is steady. Windows without a point are left out.
pub fn window_maxima(points: &[Point], from: i64, to: i64, width: i64) -> Vec<Point> {
    let mut maxima = Vec::new();
    let step = (width / 2).max(1);
    let mut start = from;
    while start + width <= to {
        let window = within(points, start, start + width);
        if let Some(largest) = window.iter().map(|(_, value)| *value).max_by(f64::total_cmp) {
            maxima.push((start, largest));
        }
        start += step;
    }
    maxima
}

/// Why a series is not back in its band.
#[derive(Debug, Clone, PartialEq)]
pub enum NotBack {
    /// There were no samples to tell.
    NoData,
    /// Above it when the watching ended: the last value.
    Above(f64),
    /// In it when the watching ended, but not for long enough: seconds.
    TooShort(f64),
}

/// The start of the first stretch of at least `hold` within `from..until` in which every sample is at most `upper` and no two
/// are further apart than four times the usual distance (missing is unknown, not back).
pub fn back(points: &[Point], from: i64, until: i64, upper: f64, hold: i64) -> Result<Seen, NotBack> {
    let watched = within(points, from, until);
    let longest = spacing(watched).map_or(hold, |usual| usual.saturating_mul(4).max(1_500_000_000).min(hold));
    let mut candidate: Option<(i64, Seen)> = None;
    let mut before = from;
    let mut newest = None;
    for (at, value) in watched {
        if at - before > longest {
            candidate = None;
        }
        if *value <= upper {
            let (since, seen) = candidate.get_or_insert_with(|| (*at, Seen::between(before, *at, "samples")));
            if at - *since >= hold {
                return Ok(seen.clone());
            }
        } else {
            candidate = None;
        }
        before = *at;
        newest = Some(*value);
    }
    match (newest, candidate) {
        (None, _) => Err(NotBack::NoData),
        (Some(value), None) if value <= upper => Err(NotBack::TooShort(0.0)),
        (Some(value), None) => Err(NotBack::Above(value)),
        (Some(_), Some((since, _))) => Err(NotBack::TooShort((before - since) as f64 / 1e9)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// A saw-tooth that grows by 2000 a second and falls to 200 every 2 s, sampled every 250 ms.
    fn sawtooth(seconds: i64) -> Vec<Point> {
        (0..seconds * 4).map(|i| (i * SECOND / 4, 200.0 + (i % 8) as f64 * 500.0)).collect()
    }

    #[test]
    fn a_sawtooth_is_steady() {
        let points = sawtooth(45);
        let maxima = window_maxima(&points, 2 * SECOND, 45 * SECOND, 2 * SECOND);
        assert!(maxima.len() >= 2 * FEWEST_POINTS, "{}", maxima.len());
        let band = Band::of(&maxima, 1000.0, 500.0).unwrap();
        assert!((band.median - 3700.0).abs() < 1.0);
        assert!((band.upper - 1.1 * 3700.0 - 500.0).abs() < 1.0);
    }

    #[test]
    fn one_late_checkpoint_is_no_disturbance() {
        let band = Band { upper: 110.0, median: 100.0, spread: 0.0, points: 40 };
        let late: Vec<Point> = [90.0, 115.0, 120.0, 80.0].iter().zip(0..).map(|(value, i)| (i * SECOND, *value)).collect();
        assert_eq!(band.left(&late, 2 * SECOND), None);
        assert_eq!(band.left(&late, SECOND), Some(SECOND));
        let far: Vec<Point> = [90.0, 115.0, 160.0, 80.0].iter().zip(0..).map(|(value, i)| (i * SECOND, *value)).collect();
        assert_eq!(band.left(&far, 2 * SECOND), Some(SECOND));
    }

    #[test]
    fn few_points_or_a_trend_are_no_baseline() {
        assert!(Band::of(&window_maxima(&sawtooth(10), 0, 10 * SECOND, 2 * SECOND), 1.0, 0.0).unwrap_err().contains("points"));
        let growing: Vec<Point> = (0..60).map(|i| (i * SECOND, 1000.0 + 50.0 * i as f64)).collect();
        assert!(Band::of(&growing, 1.0, 0.0).unwrap_err().contains("grows"));
    }

    #[test]
    fn a_gap_is_not_back() {
        let mut points: Vec<Point> = (0..10).map(|i| (i * SECOND, 100.0)).collect();
        points.extend((10..13).map(|i| (i * SECOND, 1.0)));
        points.extend((20..30).map(|i| (i * SECOND, 1.0)));
        let seen = back(&points, 0, 30 * SECOND, 10.0, 5 * SECOND).unwrap();
        assert!(seen.at - seen.error <= 20 * SECOND && 20 * SECOND <= seen.at + seen.error);
        assert!(seen.error >= SECOND * 7 / 2, "the gap is part of the error: {seen:?}");
        assert_eq!(back(&points, 0, 13 * SECOND, 10.0, 5 * SECOND), Err(NotBack::TooShort(2.0)));
        assert_eq!(back(&points, 0, 9 * SECOND, 10.0, 5 * SECOND), Err(NotBack::Above(100.0)));
        assert_eq!(back(&points, 50 * SECOND, 60 * SECOND, 10.0, SECOND), Err(NotBack::NoData));
    }

    proptest! {
        #[test]
        fn the_true_moment_lies_within_the_error(returns_ms in 1000i64..20_000, spacing_ms in 50i64..900, phase_ms in 0i64..900) {
            let ms = 1_000_000;
            let points: Vec<Point> = (0..(40_000 / spacing_ms)).map(|i| phase_ms + i * spacing_ms)
                .map(|at| (at * ms, if at < returns_ms { 100.0 } else { 1.0 })).collect();
            let seen = back(&points, 0, 40_000 * ms, 10.0, 5000 * ms).unwrap();
            prop_assert!((seen.at - returns_ms * ms).abs() <= seen.error + 1, "{seen:?} {returns_ms}");
        }
    }
}
