use std::fmt;
use std::str::FromStr;

use super::parse::{QuantityError, split, thousands, write_scaled};
use super::written_quantity;

/// Records per second, written `500/s`, `2k/s`, `1.5M/s`, `30/min`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Rate(pub f64);

written_quantity!(Rate, "a rate such as 500/s, 2k/s or 30/min", r"^[0-9._]+[kKMG]?/(s|min|h)$");

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split(text)?;
        if unit.is_empty() {
            return Err(QuantityError::NoUnit { text: text.to_owned(), example: format!("{number}/s") });
        }
        let unknown =
            || QuantityError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), known: "/s, /min, /h, with k, M or G before" };
        let (prefix, per) = unit.split_once('/').ok_or_else(unknown)?;
        let seconds = match per.trim() {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(unknown()),
        };
        let rate = number * thousands(prefix.trim()).ok_or_else(unknown)? / seconds;
        if rate > 1e9 {
            return Err(QuantityError::OutOfRange(text.to_owned()));
        }
        Ok(Self(rate))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, &[(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        for text in ["500/s", "2k/s", "1.5M/s", "0.5/s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("30/min".parse::<Rate>().unwrap(), Rate(0.5));
        assert!("2000".parse::<Rate>().unwrap_err().to_string().contains("write for example `2000/s`"));
        assert!("2k".parse::<Rate>().is_err());
    }
}
