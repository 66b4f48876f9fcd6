use std::fmt;
use std::str::FromStr;

use super::parse::{QuantityError, split};
use super::written_quantity;

/// A share, written `10%` or `0.1`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Ratio(pub f64);

written_quantity!(Ratio, "a share such as 10% or 0.1", r"^[0-9._]+%?$");

impl FromStr for Ratio {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split(text)?;
        match unit {
            "" => Ok(Self(number)),
            "%" => Ok(Self(number / 100.0)),
            _ => Err(QuantityError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), known: "%" }),
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = (self.0 * 1e8).round() / 1e6;
        write!(f, "{percent}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        assert_eq!("10%".parse::<Ratio>().unwrap(), Ratio(0.1));
        assert_eq!("0.25".parse::<Ratio>().unwrap().to_string(), "25%");
        assert!("-1%".parse::<Ratio>().is_err());
    }
}
