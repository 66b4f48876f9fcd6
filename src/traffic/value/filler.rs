use std::sync::Arc;

use crate::traffic::dice::Dice;

/// Text for values that stand for nothing: slices of one pool, so that a value costs no more than its copy.
///
/// The pool is random base64 text, which an entropy coder shrinks by a quarter and matching not at all. Of each 64 bytes
/// a share, the compressibility, is one letter instead. Neighbouring records take neighbouring slices: within 4 MiB
/// of values, more than a batch holds, nothing repeats.
#[derive(Debug, Clone)]
pub struct Filler {
    pool: Arc<[u8]>,
    stride: usize,
    slots: u64,
}

const POOL: usize = 4 << 20;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Filler {
    /// For values up to `largest` bytes, `compressible` of which are one letter.
    pub fn new(largest: usize, compressible: f64, seed: u64) -> Self {
        let mut throws = Dice::new(seed, "filler").from(0);
        let same = (compressible.clamp(0.0, 1.0) * 64.0).round() as usize;
        let mut pool = vec![b'a'; POOL + largest];
        for block in pool.chunks_mut(64) {
            let random = same.min(block.len());
            for ten in block[random..].chunks_mut(10) {
                let mut draw = throws.next();
                for letter in ten {
                    *letter = LETTERS[(draw & 63) as usize];
                    draw >>= 6;
                }
            }
        }
        let stride = largest.clamp(1, POOL).next_multiple_of(64);
        Self { pool: pool.into(), stride, slots: (POOL / stride).max(1) as u64 }
    }

    /// Text of `size` bytes for record `n`. `size` is at most the largest.
    pub fn text(&self, n: u64, size: usize) -> &[u8] {
        let from = (n % self.slots) as usize * self.stride;
        &self.pool[from..from + size]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn shrunk_to(compressible: f64) -> f64 {
        let filler = Filler::new(512, compressible, 7);
        let batch: Vec<u8> = (0..1000).flat_map(|n| filler.text(n, 512).to_vec()).collect();
        zstd::encode_all(&batch[..], 3).unwrap().len() as f64 / batch.len() as f64
    }

    #[test]
    fn compresses_as_asked() {
        let (none, half, all) = (shrunk_to(0.0), shrunk_to(0.5), shrunk_to(1.0));
        assert!((0.70..0.80).contains(&none), "{none}");
        assert!((0.35..0.45).contains(&half), "{half}");
        assert!(all < 0.01, "{all}");
    }

    #[test]
    fn is_text_of_any_size() {
        let filler = Filler::new(1 << 20, 0.0, 7);
        for n in [0, 1, 7, u64::MAX] {
            assert_eq!(std::str::from_utf8(filler.text(n, 1 << 20)).unwrap().len(), 1 << 20);
        }
        assert!(filler.text(3, 0).is_empty());
    }
}
