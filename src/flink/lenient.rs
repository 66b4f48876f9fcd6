//! Numbers and moments as Flink writes them: `"NaN"` as a text, −1 or 0 for *never*.

use std::fmt;

use serde::de::{self, Deserializer};

use crate::clock::Timestamp;

struct Number;

impl<'de> de::Visitor<'de> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_unit<E: de::Error>(self) -> Result<f64, E> {
        Ok(f64::NAN)
    }
}

/// A number, also as text (`"NaN"`) or `null`.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(Number)
}

/// A number that is absent when it is no number, or negative (−1 stands for *unknown*).
pub(super) fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Some(number(deserializer)?).filter(|number| *number >= 0.0))
}

/// A whole number that is absent when it is negative or no number.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(known(deserializer)?.map(|number| number as u64))
}

/// Milliseconds since the epoch.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Ok(Timestamp::from_millis(number(deserializer)? as i64))
}

/// Milliseconds since the epoch; 0, −1 and the smallest integer stand for *never*.
pub(super) fn moment_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Some(number(deserializer)? as i64).filter(|millis| *millis > 0).map(Timestamp::from_millis))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_what_flink_writes() {
        let read = |text: &str| number(&mut serde_json::Deserializer::from_str(text));
        assert_eq!(read("12.5").unwrap(), 12.5);
        assert!(read(r#""NaN""#).unwrap().is_nan());
        assert!(read("null").unwrap().is_nan());
        assert!(read(r#""many""#).is_err());
        assert_eq!(known(&mut serde_json::Deserializer::from_str("-1")).unwrap(), None);
        assert_eq!(whole(&mut serde_json::Deserializer::from_str(r#""NaN""#)).unwrap(), None);
        assert_eq!(moment_if_any(&mut serde_json::Deserializer::from_str("0")).unwrap(), None);
        assert_eq!(moment(&mut serde_json::Deserializer::from_str("1795251131736")).unwrap().millis(), 1_795_251_131_736);
    }
}
