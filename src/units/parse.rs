//! Splitting a written quantity into its number and its unit.

use std::fmt;
use std::str::FromStr;

use serde::de;

/// Why a text is not the quantity that it should be. Lower-case fragments, for the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// No number at the start.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// A number without a unit where one is needed.
    #[error("`{text}` has no unit; write for example `{example}`")]
    NoUnit {
        /// What was written.
        text: String,
        /// The same quantity with a unit.
        example: String,
    },
    /// A unit that this kind of quantity does not have.
    #[error("unknown unit `{unit}` in `{text}`; known are {known}")]
    UnknownUnit {
        /// What was written.
        text: String,
        /// The unit in it.
        unit: String,
        /// The units that would do.
        known: &'static str,
    },
    /// Below zero.
    #[error("`{0}` is negative")]
    Negative(String),
    /// Too large, not finite, or a fraction where a whole number is needed.
    #[error("`{0}` is out of range")]
    OutOfRange(String),
}

/// The number and the unit of `text`; the unit may be empty.
pub(super) fn split(text: &str) -> Result<(f64, &str), QuantityError> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(QuantityError::Negative(text.to_owned()));
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_' || c == ',')).unwrap_or(text.len());
    let digits: String = text[..end].chars().filter(|c| *c != '_' && *c != ',').collect();
    let number: f64 = digits.parse().map_err(|_| QuantityError::NoNumber(text.to_owned()))?;
    Ok((number, text[end..].trim()))
}

/// `k`, `M`, `G` as powers of a thousand; empty is one.
pub(super) fn thousands(prefix: &str) -> Option<f64> {
    Some(match prefix {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    })
}

/// Prints `value` with the largest of `steps` that divides it into a short number, so that it parses back to the same.
pub(super) fn write_scaled(f: &mut fmt::Formatter<'_>, value: f64, steps: &[(f64, &str)]) -> fmt::Result {
    for (scale, suffix) in steps {
        let scaled = value / scale;
        if value >= *scale && (scaled * 1e3).round() / 1e3 * scale == value {
            return write!(f, "{scaled}{suffix}");
        }
    }
    let suffix = steps.last().map_or("", |last| last.1);
    write!(f, "{value}{suffix}")
}

/// Deserialises text through [`FromStr`]; bare numbers are handed on as their text, so that the error can say which unit is missing.
pub(crate) fn deserialize_written<'de, T, D>(deserializer: D, expecting: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err = QuantityError>,
    D: de::Deserializer<'de>,
{
    struct Written<T>(&'static str, std::marker::PhantomData<T>);

    impl<T: FromStr<Err = QuantityError>> de::Visitor<'_> for Written<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }
    }

    deserializer.deserialize_any(Written(expecting, std::marker::PhantomData))
}
