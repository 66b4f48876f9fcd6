//! Out of the band and back: of the output lag, and of the latency.

use super::Analysis;
use super::band::{NotBack, back};
use super::baseline::Baseline;
use super::fault_log::Fault;
use super::job_log::{Found, Seen};
use super::series::{Point, spacing, within};
use crate::metric::Metric;
use crate::units::display;

/// What was out of its band, and whether it is back.
pub(super) struct Excursion {
    /// When it first left its band.
    pub(super) left: Option<i64>,
    /// When it was back.
    pub(super) back: Found,
    /// How far it is from its band, where it is not back though there are data.
    pub(super) how_far: Option<String>,
    /// Why it may have left its band unseen.
    pub(super) unknown: Option<String>,
}

impl Analysis {
    pub(super) fn lag_excursion(
        &self,
        fault: &Fault,
        baseline: &Result<Baseline, String>,
        t0: &Seen,
        removal: Option<&Seen>,
        until: i64,
        noticed_by: i64,
    ) -> Excursion {
        let band = match baseline.as_ref().map(|baseline| &baseline.lag) {
            Ok(Ok(band)) => band,
            Ok(Err(reason)) | Err(reason) => return Excursion::unknown(format!("no baseline: {reason}")),
        };
        let points = self.samples.whole(Metric::OutputLag);
        let left = band.left(within(&points, t0.at, noticed_by), self.interval());
        let describe = |value: f64| format!("output lag {}, its band ends at {}", display::count(value), display::count(band.upper));
        let mut found = Excursion::find(&points, fault, left, removal, until, band.upper, self.hold(), "output lag", describe);
        if left.is_none() && !self.watched(&points, t0.at, noticed_by) {
            found.unknown = Some("output lag was not sampled all the time after it".to_owned());
        }
        found
    }

    /// Whether there are samples all the time: none further apart than a hold, or four times the usual distance.
    fn watched(&self, points: &[Point], from: i64, to: i64) -> bool {
        let seen = within(points, from, to);
        let longest = spacing(seen).map_or(0, |usual| 4 * usual).max(self.hold());
        let mut edges = vec![from];
        edges.extend(seen.iter().map(|(at, _)| *at));
        edges.push(to);
        edges.windows(2).all(|pair| pair[1] - pair[0] <= longest)
    }

    pub(super) fn latency_excursion(
        &self,
        fault: &Fault,
        baseline: &Result<Baseline, String>,
        t0: &Seen,
        removal: Option<&Seen>,
        until: i64,
        noticed_by: i64,
    ) -> Excursion {
        let band = match baseline.as_ref().map(|baseline| &baseline.latency) {
            Ok(Ok(band)) => band,
            Ok(Err(reason)) | Err(reason) => return Excursion::unknown(format!("no baseline: {reason}")),
        };
        let Some(metric) = self.latency.judged_by() else { return Excursion::unknown("latency was not measured".to_owned()) };
        // Records that were on their way when the fault came are the first to be late.
        let from = t0.at - 2 * self.interval();
        let mut points = self.latency.p99(metric, from, until);
        points.retain(|(at, seconds)| at + (seconds * 1e9) as i64 >= t0.at);
        let left = band.left(within(&points, from, noticed_by), self.interval());
        let describe = |value: f64| format!("{metric} p99 {}, its band ends at {}", display::seconds(value), display::seconds(band.upper));
        Excursion::find(&points, fault, left, removal, until, band.upper, self.hold(), metric.name(), describe)
    }
}

impl Excursion {
    fn unknown(reason: String) -> Self {
        Self { left: None, back: Err(reason), how_far: None, unknown: None }
    }

    #[allow(clippy::too_many_arguments, reason = "called twice, side by side")]
    fn find(
        points: &[Point],
        fault: &Fault,
        left: Option<i64>,
        removal: Option<&Seen>,
        until: i64,
        upper: f64,
        hold: i64,
        name: &str,
        describe: impl Fn(f64) -> String,
    ) -> Self {
        let from = match (fault.held(), removal, left) {
            (true, Some(removal), Some(left)) => removal.at.max(left),
            (true, None, Some(_)) => return Self { left, back: Err("the fault was not removed".to_owned()), how_far: None, unknown: None },
            (false, _, Some(left)) => left,
            (_, _, None) => return Self::unknown(format!("{name} never left its band")),
        };
        match back(points, from, until, upper, hold) {
            Ok(mut seen) => {
                seen.source = name.to_owned();
                Self { left, back: Ok(seen), how_far: None, unknown: None }
            }
            Err(NotBack::NoData) => Self { left, back: Err(format!("{name} was not measured afterwards")), how_far: None, unknown: None },
            Err(NotBack::Above(value)) => {
                let how_far = describe(value);
                Self { left, back: Err(format!("not back: {how_far}")), how_far: Some(how_far), unknown: None }
            }
            Err(NotBack::TooShort(seconds)) => {
                let how_far = format!(
                    "{name} was in its band for {} of the {} that count",
                    display::seconds(seconds),
                    display::seconds(hold as f64 / 1e9)
                );
                Self { left, back: Err(how_far.clone()), how_far: Some(how_far), unknown: None }
            }
        }
    }
}
