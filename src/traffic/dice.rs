use std::convert::Infallible;

use rand::rand_core::TryRng;

/// One purpose's stream of randomness: the n-th number is a pure function of seed, purpose and n, so that any record
/// can be made without those before it.
///
/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), which is a counter behind
/// a mixing function and therefore has random access.
#[derive(Debug, Clone, Copy)]
pub struct Dice {
    seed: u64,
}

/// 2^64 ÷ golden ratio, odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The mixing function of SplitMix64 (Stafford's variant 13).
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    /// The dice for `purpose`; other purposes of the same seed are independent of it.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let purpose = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| mix(hash ^ u64::from(byte)));
        Self { seed: mix(seed ^ purpose) }
    }

    /// The n-th number.
    pub const fn at(self, n: u64) -> u64 {
        mix(self.seed.wrapping_add(n.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// The n-th number, in [0, 1) with 53 bits.
    pub const fn unit(self, n: u64) -> f64 {
        (self.at(n) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// The n-th number, in 0..`below`; the bias is below `below` ÷ 2^64.
    pub const fn below(self, n: u64, below: u64) -> u64 {
        scale(self.at(n), below)
    }

    /// Whether the n-th throw is among `share` of all: never for 0, always for 1.
    pub const fn hits(self, n: u64, share: f64) -> bool {
        self.unit(n) < share
    }

    /// A generator that starts at the n-th number, for distributions that need an unknown number of them.
    pub const fn from(self, n: u64) -> Throws {
        Throws { state: self.at(n) }
    }

    /// Dice of their own for the n-th of something.
    pub const fn split(self, n: u64) -> Self {
        Self { seed: self.at(n) }
    }
}

/// `draw` of 2^64 as a number in 0..`below` (Lemire's multiply-shift).
pub const fn scale(draw: u64, below: u64) -> u64 {
    ((draw as u128 * below as u128) >> 64) as u64
}

/// A sequence of numbers; see [`Dice::from`].
#[derive(Debug, Clone)]
pub struct Throws {
    state: u64,
}

impl Throws {
    /// The next one.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }
}

impl TryRng for Throws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_splitmix64() {
        // First outputs of the reference implementation for the seed 1234567.
        let dice = Dice { seed: 1_234_567 };
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        for (n, number) in expected.into_iter().enumerate() {
            assert_eq!(dice.at(n as u64), number);
        }
    }

    #[test]
    fn shares_of_nothing_and_all_are_exact() {
        let dice = Dice::new(7, "share");
        assert!((0..100_000).all(|n| !dice.hits(n, 0.0) && dice.hits(n, 1.0)));
        let hits = (0..100_000).filter(|&n| dice.hits(n, 0.3)).count();
        assert!((29_000..31_000).contains(&hits), "{hits}");
        assert!((0..1000).all(|n| dice.below(n, 3) < 3));
    }
}
