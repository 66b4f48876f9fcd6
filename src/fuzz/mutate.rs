//! Seeded mutations of what is valid: random bytes alone never get past the first line.

use std::collections::BTreeSet;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Longest input that is made.
const LONGEST: usize = 64 * 1024;
/// Most words that are taken from the corpus.
const WORDS: usize = 4096;

/// Values at the edges of what numbers, texts and nesting can be.
const EDGES: &[&str] = &[
    "0",
    "-1",
    "1",
    "-0.0",
    "1e308",
    "-1e308",
    "1e-320",
    "NaN",
    "inf",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "0.1",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "~",
    "1ns",
    "999999h",
    "1e300/s",
    "0B",
    "100%",
    "-5%",
    "\u{0}",
    "\u{1b}[31m",
    "\u{feff}",
    "\u{202e}",
    "é",
    "🦑",
    "\t",
    "\r\n",
    "- ",
    ": ",
    "#",
    "&a",
    "*a",
    "!!binary",
    "|",
    ">",
    "---",
    "...",
    "%YAML 9",
    "<<: ",
    "? ",
    "'",
    "\"",
    "\\u0000",
    "\\ud800",
    "${",
    "}",
    "${link.source}",
    "*",
];

/// Makes inputs out of a corpus: the same seed makes the same inputs.
#[derive(Debug)]
pub struct Mutator {
    rng: ChaCha8Rng,
    corpus: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Over a corpus of valid and invalid inputs.
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        let split = |text: &Vec<u8>| -> Vec<Vec<u8>> {
            let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            text.split(|byte| !word(byte)).filter(|word| !word.is_empty() && word.len() < 40).map(<[u8]>::to_vec).collect()
        };
        let words: BTreeSet<Vec<u8>> = corpus.iter().flat_map(split).collect();
        let words = words.into_iter().take(WORDS).chain(EDGES.iter().map(|edge| edge.as_bytes().to_vec())).collect();
        Self { rng: ChaCha8Rng::seed_from_u64(seed), corpus, words }
    }

    /// The next input: one of the corpus with a few changes.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.sample();
        for _ in 0..=self.below(5) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end.max(1))
    }

    fn sample(&mut self) -> Vec<u8> {
        let index = self.below(self.corpus.len());
        self.corpus.get(index).cloned().unwrap_or_default()
    }

    fn word(&mut self) -> Vec<u8> {
        // As often an edge as a word of the corpus.
        let edges = EDGES.len().min(self.words.len());
        let index = if self.rng.random_bool(0.5) { self.words.len() - 1 - self.below(edges) } else { self.below(self.words.len()) };
        self.words.get(index).cloned().unwrap_or_default()
    }

    /// A stretch of at most `longest` bytes.
    fn stretch(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(longest)).min(length)
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        match self.below(10) {
            0 => {
                let at = self.below(input.len());
                if let Some(byte) = input.get_mut(at) {
                    *byte = self.rng.random();
                }
            }
            1 => {
                let gone = self.stretch(input.len(), 16);
                input.drain(gone);
            }
            2 => {
                let again = self.stretch(input.len(), 200);
                let copy = input[again.clone()].to_vec();
                input.splice(again.end..again.end, copy);
            }
            3 => {
                let at = self.below(input.len() + 1);
                let word = self.word();
                input.splice(at..at, word);
            }
            4 | 5 => self.replace_word(input),
            6 => self.lines(input),
            7 => {
                let other = self.sample();
                let piece = self.stretch(other.len(), 400);
                let place = self.stretch(input.len(), 50);
                input.splice(place, other[piece].to_vec());
            }
            8 => {
                let end = self.below(input.len() + 1);
                input.truncate(end);
            }
            _ => {
                let opened: &[u8] = [&b"["[..], b"{a: ", b"- ", b"((", b"{\"a\":"][self.below(5)];
                let deep = opened.repeat(1 << self.below(13));
                let at = self.below(input.len() + 1);
                input.splice(at..at, deep);
            }
        }
    }

    /// Puts a word in the place of another.
    fn replace_word(&mut self, input: &mut Vec<u8>) {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let from = self.below(input.len());
        let Some(start) = input[from.min(input.len())..].iter().position(is_word).map(|at| from + at) else { return };
        let end = input[start..].iter().position(|byte| !is_word(byte)).map_or(input.len(), |at| start + at);
        let word = self.word();
        input.splice(start..end, word);
    }

    /// Drops, doubles or moves a line.
    fn lines(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        let line = lines.remove(self.below(lines.len()));
        let at = self.below(lines.len() + 1);
        match self.below(3) {
            0 => {}
            1 => lines.insert(at, line),
            _ => {
                lines.insert(at, line.clone());
                let again = self.below(lines.len() + 1);
                lines.insert(again, line);
            }
        }
        *input = lines.concat();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let corpus = || vec![b"name: a\nduration: 2m\n".to_vec(), b"expect: [ lag < 5 ]\n".to_vec()];
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed, corpus());
            (0..200).map(|_| mutator.input()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().collect::<BTreeSet<_>>().len() > 150);
    }
}
