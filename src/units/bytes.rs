use std::fmt;
use std::str::FromStr;

use super::parse::{QuantityError, split};
use super::written_quantity;

/// A size, written `512B`, `16kB`, `1KiB`, `10MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

written_quantity!(Bytes, "a size such as 512B, 16kB or 1MiB", r"^[0-9._]+(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$");

impl FromStr for Bytes {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split(text)?;
        if unit.is_empty() {
            return Err(QuantityError::NoUnit { text: text.to_owned(), example: format!("{number}B") });
        }
        let scale = bytesize::ByteSize::from_str(&format!("1{unit}"))
            .map_err(|_| QuantityError::UnknownUnit {
                text: text.to_owned(),
                unit: unit.to_owned(),
                known: "B, kB, MB, GB, KiB, MiB, GiB",
            })?
            .as_u64();
        let bytes = (number * scale as f64).round();
        if bytes > 1e18 {
            return Err(QuantityError::OutOfRange(text.to_owned()));
        }
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (scale, suffix) in [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if self.0 >= scale && self.0.is_multiple_of(scale) {
                return write!(f, "{}{suffix}", self.0 / scale);
            }
        }
        write!(f, "{}B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        for text in ["512B", "1KiB", "10MiB"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
        assert_eq!("16kB".parse::<Bytes>().unwrap(), Bytes(16_000));
        assert!("512".parse::<Bytes>().unwrap_err().to_string().contains("512B"));
        assert!("512 bits".parse::<Bytes>().is_err());
    }
}
