//! Whether a stretch of time lies within the hours that an owner allows.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::consent::{Hours, Weekday};

/// A zone that this machine's time zone database does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no time zone `{0}` is known here")]
pub struct UnknownZone(pub String);

impl Hours {
    /// When the stretch that holds `at` ends; none when no stretch does.
    fn until(&self, at: Timestamp) -> Result<Option<Timestamp>, UnknownZone> {
        let zone = match &self.zone {
            Some(name) => TimeZone::get(name).map_err(|_| UnknownZone(name.clone()))?,
            None => TimeZone::system(),
        };
        let today = zone.to_datetime(at).date();
        // A stretch that ends before it begins has begun the day before.
        let days = [today.yesterday().ok(), Some(today)].into_iter().flatten();
        let stretches = days.filter(|day| self.begins_on(*day)).filter_map(|day| self.stretch(day, &zone));
        Ok(stretches.filter(|(from, to)| *from <= at && at < *to).map(|(_, to)| to).max())
    }

    fn begins_on(&self, day: Date) -> bool {
        let weekday = match day.weekday() {
            jiff::civil::Weekday::Monday => Weekday::Mon,
            jiff::civil::Weekday::Tuesday => Weekday::Tue,
            jiff::civil::Weekday::Wednesday => Weekday::Wed,
            jiff::civil::Weekday::Thursday => Weekday::Thu,
            jiff::civil::Weekday::Friday => Weekday::Fri,
            jiff::civil::Weekday::Saturday => Weekday::Sat,
            jiff::civil::Weekday::Sunday => Weekday::Sun,
        };
        self.days.is_empty() || self.days.contains(&weekday)
    }

    fn stretch(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let midnight = day.to_datetime(jiff::civil::Time::midnight());
        let overnight = if self.to <= self.from { 24 * 60 } else { 0 };
        let moment = |minutes: i64| -> Option<Timestamp> {
            let civil: DateTime = midnight.checked_add(minutes.minutes()).ok()?;
            Some(zone.to_zoned(civil).ok()?.timestamp())
        };
        Some((moment(self.from.minutes().into())?, moment(i64::from(self.to.minutes()) + overnight)?))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for day in &self.days {
            write!(f, "{} ", format!("{day:?}").to_lowercase())?;
        }
        write!(f, "{} to {}", self.from, self.to)?;
        match &self.zone {
            Some(zone) => write!(f, " {zone}"),
            None => Ok(()),
        }
    }
}

/// Whether a run that begins now and takes `lasts` seconds keeps within these hours; none at all allow every hour. Stretches that touch
/// are one.
///
/// # Errors
/// When a zone is unknown: then nobody can say.
pub fn cover(hours: &[Hours], now: Timestamp, lasts: f64) -> Result<bool, UnknownZone> {
    if hours.is_empty() {
        return Ok(true);
    }
    let end = SignedDuration::try_from_secs_f64(lasts).ok().and_then(|lasts| now.checked_add(lasts).ok()).unwrap_or(Timestamp::MAX);
    let mut at = now;
    // Each turn ends a stretch of at most a day.
    while at < end {
        let mut until = None;
        for stretch in hours {
            until = until.max(stretch.until(at)?);
        }
        match until {
            Some(until) => at = until,
            None => return Ok(false),
        }
    }
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hours(days: &[Weekday], from: &str, to: &str) -> Hours {
        Hours { days: days.to_vec(), from: from.parse().unwrap(), to: to.parse().unwrap(), zone: Some("Europe/Berlin".into()) }
    }

    fn covered(hours: &[Hours], now: &str, lasts: f64) -> bool {
        cover(hours, now.parse().unwrap(), lasts).unwrap()
    }

    #[test]
    fn a_run_must_begin_and_end_within() {
        // 21 November 2026 is a Saturday; Berlin is an hour ahead of UTC then.
        let week = hours(&[Weekday::Thu, Weekday::Fri], "08:00", "17:30");
        for (now, lasts, fits) in [
            ("2026-11-20T07:00:00Z", 60.0, true),
            ("2026-11-20T06:59:59Z", 60.0, false),
            ("2026-11-20T16:29:00Z", 60.0, true),
            ("2026-11-20T16:29:01Z", 60.0, false),
            ("2026-11-21T12:00:00Z", 60.0, false),
            ("2026-07-16T06:00:00Z", 60.0, true),
        ] {
            assert_eq!(covered(std::slice::from_ref(&week), now, lasts), fits, "{now}");
        }
        assert!(covered(&[], "2026-11-21T12:00:00Z", 1e12));
    }

    #[test]
    fn nights_belong_to_the_day_on_which_they_begin_and_stretches_join() {
        let night = hours(&[Weekday::Fri], "22:00", "04:00");
        assert!(covered(std::slice::from_ref(&night), "2026-11-21T02:00:00Z", 3000.0));
        assert!(!covered(std::slice::from_ref(&night), "2026-11-20T02:00:00Z", 60.0));
        let always = hours(&[], "00:00", "24:00");
        assert!(covered(std::slice::from_ref(&always), "2026-11-21T12:00:00Z", 400_000.0));
        let joined = [hours(&[], "08:00", "12:00"), hours(&[], "12:00", "18:00")];
        assert!(covered(&joined, "2026-11-21T09:00:00Z", 7200.0 * 2.0));
    }

    #[test]
    fn a_zone_that_nobody_knows_is_no_consent() {
        let mut stretch = hours(&[], "00:00", "24:00");
        stretch.zone = Some("Europe/Squall".into());
        let error = cover(&[stretch], Timestamp::UNIX_EPOCH, 1.0).unwrap_err();
        assert_eq!(error.to_string(), "no time zone `Europe/Squall` is known here");
    }
}
