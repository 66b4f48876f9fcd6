use std::fmt;
use std::str::FromStr;

use super::parse::{QuantityError, split, thousands, write_scaled};
use super::written_quantity;

/// A number of things, written `100`, `100k`, `5M`. The only quantity without a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Count(pub u64);

written_quantity!(Count, "a count such as 100, 100k or 5M", r"^[0-9._]+[kKMG]?$");

impl FromStr for Count {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split(text)?;
        let scale =
            thousands(unit).ok_or_else(|| QuantityError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), known: "k, M, G" })?;
        let count = number * scale;
        if count > 1e18 || (count - count.round()).abs() > 1e-6 {
            return Err(QuantityError::OutOfRange(text.to_owned()));
        }
        Ok(Self(count.round() as u64))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        write_scaled(f, self.0 as f64, &[(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        for text in ["0", "100", "100k", "5M", "1234567"] {
            assert_eq!(text.parse::<Count>().unwrap().0, text.replace('k', "000").replace('M', "000000").parse::<u64>().unwrap());
        }
        assert_eq!(Count(100_000).to_string(), "100k");
        assert!("1.5".parse::<Count>().is_err());
    }
}
