use std::fmt;
use std::str::FromStr;

use super::parse::{QuantityError, split};
use super::written_quantity;

/// A length of time, written `250ms`, `2s`, `1m30s`, `8h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub std::time::Duration);

written_quantity!(Duration, "a duration such as 250ms, 2s, 1m30s or 8h", r"^([0-9._]+(ns|us|µs|ms|s|m|min|h|d))+$");

const KNOWN: &str = "ns, us, ms, s, m, h, d";

impl Duration {
    /// Zero.
    pub const ZERO: Self = Self(std::time::Duration::ZERO);

    /// Whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// Whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(std::time::Duration::from_millis(milliseconds))
    }

    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// In nanoseconds; saturates at 292 years.
    pub fn nanos(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Duration {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let mut rest = text.trim();
        let mut total = 0.0;
        loop {
            let (number, tail) = split(rest).map_err(|error| match error {
                QuantityError::NoNumber(_) => QuantityError::NoNumber(text.to_owned()),
                other => other,
            })?;
            let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let unit = tail[..end].trim();
            let seconds = match unit {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                "" => {
                    return Err(QuantityError::NoUnit { text: text.to_owned(), example: format!("{number}s") });
                }
                _ => {
                    return Err(QuantityError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), known: KNOWN });
                }
            };
            total += number * seconds;
            rest = &tail[end..];
            if rest.is_empty() {
                break;
            }
        }
        let nanos = (total * 1e9).round();
        // 100 years: longer than any run, short enough for signed nanoseconds.
        if !nanos.is_finite() || nanos > 3.2e18 {
            return Err(QuantityError::OutOfRange(text.to_owned()));
        }
        Ok(Self(std::time::Duration::from_nanos(nanos as u64)))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        for (unit, suffix) in [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ] {
            let whole = nanos / unit;
            if whole > 0 {
                write!(f, "{whole}{suffix}")?;
                nanos %= unit;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_people_write_and_prints_it_back() {
        for text in ["250ms", "2s", "1m30s", "8h", "1d2h", "0s"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        assert_eq!("1.5s".parse::<Duration>().unwrap(), Duration::from_millis(1500));
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!("10".parse::<Duration>().unwrap_err().to_string(), "`10` has no unit; write for example `10s`");
        assert_eq!("-2s".parse::<Duration>().unwrap_err().to_string(), "`-2s` is negative");
        assert!("5 parsecs".parse::<Duration>().unwrap_err().to_string().contains("unknown unit `parsecs`"));
        assert!("soon".parse::<Duration>().is_err());
        assert!("99999999999999d".parse::<Duration>().is_err());
    }
}
