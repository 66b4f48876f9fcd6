//! Whether a series drifts: by how much, with which certainty, and what could not have been seen. Which series are looked at is in
//! `drift_series`.

use serde::{Deserialize, Serialize};

use super::quantile::{median, sorted};
use super::strata::{Fit, fit};
use super::trend::normal_quantile;
use crate::metric::{Metric, Unit};
use crate::units::display;

/// Fewer points after warm-up say nothing.
pub(super) const FEWEST_POINTS: usize = 12;
/// Chance of calling a steady series a drift. A soak looks at some fifteen series: together their chance stays near 1 %.
const SIGNIFICANCE: f64 = 0.001;
/// Chance of seeing a drift of the smallest detectable size.
const POWER: f64 = 0.8;
/// A drift that changes a series by less than this share of its level over the time is none that matters.
const SMALLEST_SHARE: f64 = 0.02;
/// A series that says nothing for this share of the time before the end is not of this time.
const SILENT: f64 = 0.2;

/// What a series does over hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// It grows, where it must not.
    Grows,
    /// It falls.
    Falls,
    /// Neither, within what could be seen.
    Steady,
    /// Nothing can be said, and why.
    NoData(String),
}

/// The drift of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Of what: `heap of the TaskManagers after collections`.
    pub what: String,
    /// Metric.
    pub metric: Metric,
    /// Unit of the values.
    pub unit: Unit,
    /// How it was measured.
    pub how: String,
    /// What it does.
    pub trend: Trend,
    /// Value per second.
    pub per_second: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p-value of *no trend*.
    pub p_value: Option<f64>,
    /// The smallest growth per second that would have been seen in four of five runs.
    pub detectable: Option<f64>,
    /// The usual value.
    pub level: Option<f64>,
    /// Points that it rests on.
    pub points: usize,
    /// First moment after warm-up, in seconds since the schedule's zero.
    pub from: f64,
    /// Last moment.
    pub to: f64,
    /// Seconds until a limit is reached, and with the ends of the interval: soonest and latest; none of them: never.
    pub full_in: Option<(f64, f64, Option<f64>)>,
    /// What the limit is of: `heap full`.
    pub limit: Option<String>,
}

/// A series to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Watched {
    /// See [`Drift::what`].
    pub what: String,
    /// See [`Drift::metric`].
    pub metric: Metric,
    /// See [`Drift::how`].
    pub how: &'static str,
    /// Stretches of `(seconds since the schedule's zero, value)` that may be compared within each other.
    pub stretches: Vec<Vec<(f64, f64)>>,
    /// Growth over the whole time that is too small to matter, in the unit.
    pub floor: f64,
    /// Points that are enough.
    pub fewest: usize,
    /// Whether it must move: standing still, it is no data.
    pub moves: bool,
}

impl Watched {
    /// Looks at it over `from..to`, in seconds since the schedule's zero.
    pub fn judge(self, from: f64, to: f64) -> Drift {
        let mut drift = Drift {
            unit: self.metric.unit(),
            what: self.what,
            metric: self.metric,
            how: self.how.to_owned(),
            trend: Trend::Steady,
            per_second: None,
            interval: None,
            p_value: None,
            detectable: None,
            level: None,
            points: 0,
            from,
            to,
            full_in: None,
            limit: None,
        };
        let stretches = warm(self.stretches);
        let values: Vec<(f64, f64)> = stretches.iter().flatten().copied().collect();
        drift.points = values.len();
        let Some(last) = values.last() else {
            return Drift { trend: Trend::NoData("it was not seen after warm-up".to_owned()), ..drift };
        };
        // The stretch that ends first need not be the one that begins first.
        let first = values.iter().fold(last.0, |first, (at, _)| first.min(*at));
        (drift.from, drift.to) = (first, last.0);
        drift.level = median(&sorted(values.iter().map(|(_, value)| *value)));
        if to - last.0 > SILENT * (to - from) {
            let since = display::clock(last.0);
            return Drift { trend: Trend::NoData(format!("it was not seen after {since}")), ..drift };
        }
        if let (true, Some(since)) = (self.moves, stands_still(&values, to - from)) {
            return Drift { trend: Trend::NoData(format!("it stands still since {}", display::clock(since))), ..drift };
        }
        let found = if values.len() < self.fewest { None } else { fit(&stretches) };
        let Some(found) = found else {
            let trend = Trend::NoData(format!("{} points, {} are needed", values.len(), self.fewest));
            return Drift { trend, ..drift };
        };
        let level = drift.level.unwrap_or(0.0).abs();
        // Over the time from the first point to the last: what is between stretches drifts as well.
        let seconds = (last.0 - first).max(f64::MIN_POSITIVE);
        let matters = self.floor.max(SMALLEST_SHARE * level) / seconds;
        drift.per_second = Some(found.slope.per_second);
        drift.interval = Some((found.slope.low, found.slope.high));
        drift.p_value = Some(found.slope.p_value);
        drift.detectable = Some(detectable(&found).max(matters));
        drift.trend = match found.slope.per_second {
            _ if found.slope.p_value >= SIGNIFICANCE => Trend::Steady,
            slope if slope >= matters => Trend::Grows,
            slope if slope <= -matters => Trend::Falls,
            _ => Trend::Steady,
        };
        drift
    }
}

/// The smallest slope that the test finds with [`POWER`]: so many standard errors, of the interval's width.
fn detectable(found: &Fit) -> f64 {
    let error = (found.slope.high - found.slope.low) / (2.0 * normal_quantile(0.975));
    (normal_quantile(1.0 - SIGNIFICANCE / 2.0) + normal_quantile(POWER)) * error
}

/// Without the series' own warm-up: a line is laid through the last two thirds; what lies before, and further from it than its scatter
/// allows, was still on its way. At most the first third is left out, of the whole series and not of each stretch.
fn warm(stretches: Vec<Vec<(f64, f64)>>) -> Vec<Vec<(f64, f64)>> {
    let Some(first) = stretches.first().filter(|first| first.len() >= 12) else { return stretches };
    let third = first.len() / 3;
    let rest = first[third..].to_vec();
    let Some(found) = fit(std::slice::from_ref(&rest)) else { return stretches };
    let level = median(&sorted(rest.iter().map(|(at, value)| value - found.slope.per_second * at))).unwrap_or(0.0);
    let far = |points: &[(f64, f64)]| {
        let off = median(&sorted(points.iter().map(|(at, value)| value - found.slope.per_second * at - level)));
        off.is_some_and(|off| off.abs() > 4.0 * found.scatter)
    };
    // Three neighbours at a time: one outlier is no warm-up.
    let begins = (0..third).rev().find(|index| far(&first[*index..index + 3])).map_or(0, |index| index + 1);
    let mut stretches = stretches;
    if let Some(first) = stretches.first_mut() {
        first.drain(..begins);
    }
    stretches
}

/// Since when a series that must move has shown one value only, where that is long.
fn stands_still(values: &[(f64, f64)], seconds: f64) -> Option<f64> {
    let (last, value) = values.last()?;
    let same = values.iter().rev().take_while(|(_, other)| other == value).count();
    let since = values[values.len() - same].0;
    (same >= 5 && last - since > SILENT * seconds).then_some(since)
}

impl Drift {
    /// Whether something runs away.
    pub fn grows(&self) -> bool {
        self.trend == Trend::Grows
    }

    /// What is found, in words: `grows by 2.10 MiB/min (1.95 to 2.22 MiB/min), heap full in 3 h 40 min`.
    pub fn sentence(&self) -> String {
        let per = |value: f64| per_time(value, self.unit);
        match (&self.trend, self.per_second, self.interval) {
            (Trend::NoData(reason), ..) => format!("no data: {reason}"),
            (Trend::Grows | Trend::Falls, Some(slope), Some((low, high))) => {
                let (verb, slope, low, high) = if self.grows() { ("grows", slope, low, high) } else { ("falls", -slope, -high, -low) };
                let mut text = format!("{verb} by {} ({} to {})", per(slope), per(low), per(high));
                if let (Some((seconds, soonest, latest)), Some(limit)) = (self.full_in, &self.limit) {
                    let latest = latest.map_or_else(|| "never".to_owned(), display::seconds);
                    text.push_str(&format!(", {limit} in {} ({} to {latest})", display::seconds(seconds), display::seconds(soonest)));
                }
                text
            }
            _ => {
                let largest = self.interval.map_or(0.0, |(_, high)| high).max(self.detectable.unwrap_or(0.0));
                format!("no drift above {}", per(largest))
            }
        }
    }

    /// The smallest growth that would have been seen, in words.
    pub fn smallest(&self) -> Option<String> {
        self.detectable.map(|detectable| per_time(detectable, self.unit))
    }
}

/// A slope for people: bytes per minute, all else per hour.
pub fn per_time(per_second: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => format!("{}/min", display::bytes(per_second * 60.0)),
        Unit::Seconds => format!("{}/h", display::seconds(per_second * 3600.0)),
        Unit::Ratio => format!("{}/h", display::percent(per_second * 3600.0)),
        Unit::Count | Unit::Records | Unit::PerSecond | Unit::Factor => format!("{}/h", display::significant(per_second * 3600.0)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const MIB: f64 = 1_048_576.0;

    fn watched(stretches: Vec<Vec<(f64, f64)>>, moves: bool) -> Watched {
        let metric = Metric::HeapUsed;
        Watched { what: "heap".into(), metric, how: "", stretches, floor: MIB, fewest: FEWEST_POINTS, moves }
    }

    /// A heap of 100 MiB that leaks, by the minute, with ± 2 MiB of noise.
    fn heap(per_minute: f64, minutes: usize, seed: u64) -> Vec<(f64, f64)> {
        let mut random = StdRng::seed_from_u64(seed);
        let value = |minute: f64, random: &mut StdRng| MIB * (100.0 + per_minute * minute + random.random_range(-2.0..2.0));
        (0..minutes * 2).map(|half| (half as f64 * 30.0, value(half as f64 / 2.0, &mut random))).collect()
    }

    #[test]
    fn a_leak_is_named_with_its_interval() {
        let drift = watched(vec![heap(2.1, 45, 1)], true).judge(0.0, 2700.0);
        assert!(drift.grows());
        let slope = drift.per_second.unwrap() * 60.0 / MIB;
        assert!((slope - 2.1).abs() < 0.1, "{slope}");
        assert!(drift.sentence().starts_with("grows by 2.1"), "{}", drift.sentence());
    }

    #[test]
    fn silence_says_what_it_would_have_heard() {
        let drift = watched(vec![heap(0.0, 45, 2)], true).judge(0.0, 2700.0);
        assert_eq!(drift.trend, Trend::Steady);
        let smallest = drift.detectable.unwrap() * 60.0 / MIB;
        assert!((0.02..0.2).contains(&smallest), "{smallest}");
        assert!(drift.sentence().starts_with("no drift above "), "{}", drift.sentence());
        // A leak of twice that is found.
        let found = (0..50).filter(|seed| watched(vec![heap(2.0 * smallest, 45, *seed)], true).judge(0.0, 2700.0).grows()).count();
        assert!(found >= 45, "{found} of 50");
    }

    #[test]
    fn steady_series_are_called_steady() {
        let wrong = (0..300).filter(|seed| watched(vec![heap(0.0, 45, *seed)], true).judge(0.0, 2700.0).trend != Trend::Steady).count();
        assert!(wrong <= 2, "{wrong} of 300");
    }

    #[test]
    fn a_warm_up_is_no_drift() {
        let mut points = heap(0.0, 60, 3);
        for (at, value) in points.iter_mut().take(25) {
            *value -= MIB * 60.0 * (-*at / 200.0).exp();
        }
        let drift = watched(vec![points], true).judge(0.0, 3600.0);
        assert_eq!(drift.trend, Trend::Steady, "{}", drift.sentence());
        assert!(drift.from > 200.0, "{}", drift.from);
    }

    #[test]
    fn what_stands_still_or_stops_is_no_data() {
        let mut frozen = heap(2.0, 60, 4);
        let value = frozen[70].1;
        frozen.iter_mut().skip(70).for_each(|point| point.1 = value);
        let drift = watched(vec![frozen.clone()], true).judge(0.0, 3600.0);
        assert_eq!(drift.trend, Trend::NoData("it stands still since 35:00".to_owned()));
        // A count may rest.
        assert_eq!(watched(vec![frozen.iter().map(|(at, _)| (*at, 7.0)).collect()], false).judge(0.0, 3600.0).trend, Trend::Steady);
        frozen.truncate(70);
        let drift = watched(vec![frozen], true).judge(0.0, 3600.0);
        assert_eq!(drift.trend, Trend::NoData("it was not seen after 34:30".to_owned()));
        assert_eq!(watched(Vec::new(), true).judge(0.0, 3600.0).trend, Trend::NoData("it was not seen after warm-up".to_owned()));
        let few = watched(vec![heap(2.0, 3, 1)], true).judge(0.0, 180.0);
        assert_eq!(few.sentence(), "no data: 6 points, 12 are needed");
    }

    proptest! {
        #[test]
        fn known_drifts_are_found_within_a_fifth(per_minute in 1.0f64..8.0, seed in 0u64..1000) {
            let drift = watched(vec![heap(per_minute, 45, seed)], true).judge(0.0, 2700.0);
            prop_assert!(drift.grows());
            let found = drift.per_second.unwrap() * 60.0 / MIB;
            prop_assert!((found - per_minute).abs() <= 0.2 * per_minute, "{found} for {per_minute}");
        }
    }
}
