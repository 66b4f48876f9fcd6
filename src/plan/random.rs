//! Randomness of a plan: one stream for each fault and occurrence, so that a fault that is added or left out changes no other one's.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The randomness with which an occurrence of a fault aims. ChaCha, since its output is fixed for all versions.
pub fn rng_for(seed: u64, name: &str, occurrence: u32) -> ChaCha8Rng {
    derived("aim", seed, name, occurrence)
}

/// The randomness of its time.
pub(super) fn jitter_for(seed: u64, name: &str, occurrence: u32) -> ChaCha8Rng {
    derived("jitter", seed, name, occurrence)
}

/// The randomness of a soak's turns.
pub(super) fn turns_for(seed: u64, round: u32) -> ChaCha8Rng {
    derived("turns", seed, "", round)
}

fn derived(purpose: &str, seed: u64, name: &str, occurrence: u32) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    // Lengths first, so that no two inputs run together to the same bytes.
    for part in [purpose, name] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(seed.to_le_bytes());
    hash.update(occurrence.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn streams_are_fixed_and_apart() {
        let first = |seed, name: &str, occurrence| rng_for(seed, name, occurrence).next_u64();
        assert_eq!(first(42, "lose-one", 0), first(42, "lose-one", 0));
        // Written down: a change would give every seed another meaning.
        assert_eq!(first(42, "lose-one", 0), 191_444_699_860_718_595);
        let all = [first(42, "lose-one", 0), first(42, "lose-one", 1), first(43, "lose-one", 0), first(42, "lose-two", 0)];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_ne!(first(42, "lose-one", 0), jitter_for(42, "lose-one", 0).next_u64());
    }
}
