use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::traffic::dice::Dice;

/// Lines of a file as values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lines {
    /// The file.
    pub file: PathBuf,
    /// Which line comes next.
    #[serde(default)]
    pub order: Order,
}

/// Which line comes next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// One after the other, from the first again after the last.
    #[default]
    InOrder,
    /// Any.
    Random,
}

/// Why lines cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The file.
    #[error("cannot read values from `{path}`")]
    Read {
        /// The file.
        path: String,
        /// What happened.
        source: std::io::Error,
    },
    /// It holds none.
    #[error("`{path}` holds no line")]
    Empty {
        /// The file.
        path: String,
    },
    /// The identity is to travel in a JSON field, and a line is no object.
    #[error("`{path}`, line {line}: not a JSON object, so that it cannot carry the identity in a field")]
    NoObject {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
    },
}

/// The lines of a file, in memory.
#[derive(Debug)]
pub struct Loaded {
    text: Vec<u8>,
    lines: Vec<(usize, usize)>,
    order: Order,
}

impl Lines {
    /// Reads the file. Empty lines do not count.
    ///
    /// # Errors
    /// [`LinesError`]; with `objects`, also a line that is no JSON object.
    pub fn load(&self, objects: bool) -> Result<Loaded, LinesError> {
        let path = || self.file.display().to_string();
        let text = std::fs::read(&self.file).map_err(|source| LinesError::Read { path: path(), source })?;
        let mut lines = Vec::new();
        let mut from = 0;
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let shown = line.strip_suffix(b"\r").unwrap_or(line);
            if objects && !shown.is_empty() && !serde_json::from_slice(shown).is_ok_and(|value: serde_json::Value| value.is_object()) {
                return Err(LinesError::NoObject { path: path(), line: number + 1 });
            }
            if !shown.is_empty() {
                lines.push((from, from + shown.len()));
            }
            from += line.len() + 1;
        }
        if lines.is_empty() {
            return Err(LinesError::Empty { path: path() });
        }
        Ok(Loaded { text, lines, order: self.order })
    }
}

impl Loaded {
    /// The line of record `n`.
    pub fn line(&self, n: u64, dice: Dice) -> &[u8] {
        let count = self.lines.len() as u64;
        let index = match self.order {
            Order::InOrder => n % count,
            Order::Random => dice.below(n, count),
        };
        let (from, to) = self.lines[index as usize];
        &self.text[from..to]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn goes_round_or_draws() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\r\n\ntwo\nthree").unwrap();
        let load = |order, objects| Lines { file: file.path().to_owned(), order }.load(objects);
        let dice = Dice::new(1, "lines");
        let loaded = load(Order::InOrder, false).unwrap();
        let lines: Vec<_> = (0..4).map(|n| loaded.line(n, dice)).collect();
        assert_eq!(lines, [&b"one"[..], b"two", b"three", b"one"]);
        let random = load(Order::Random, false).unwrap();
        let ones = (0..3000).filter(|&n| random.line(n, dice) == b"one").count();
        assert!((850..1150).contains(&ones), "{ones}");
        assert!(load(Order::InOrder, true).unwrap_err().to_string().contains("line 1: not a JSON object"));
    }
}
