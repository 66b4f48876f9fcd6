use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_distr::{Distribution as _, Normal, Pareto};

use crate::action::Distribution;
use crate::units::Duration;

/// Shape of the Pareto tail: mean and variance are finite, one chunk in a thousand waits nine jitters longer.
const PARETO_SHAPE: f64 = 3.0;
/// Where the Pareto tail is cut, in jitters.
const PARETO_END: f64 = 100.0;

/// Draws how long each chunk of one direction of one connection is delayed.
#[derive(Debug, Clone)]
pub(super) struct DelaySampler {
    add_ns: f64,
    jitter_ns: f64,
    spread: Spread,
    random: Xoshiro256PlusPlus,
}

#[derive(Debug, Clone, Copy)]
enum Spread {
    None,
    Uniform,
    Normal(Normal<f64>),
    Pareto(Pareto<f64>),
}

impl DelaySampler {
    /// `seed` tells the rule, the connection and the direction apart.
    pub(super) fn new(add: Duration, jitter: Duration, distribution: Distribution, seed: u64) -> Self {
        let jitter_ns = jitter.nanos() as f64;
        let spread = match distribution {
            _ if jitter_ns == 0.0 => Spread::None,
            Distribution::Uniform => Spread::Uniform,
            Distribution::Normal => Normal::new(0.0, 1.0).map_or(Spread::None, Spread::Normal),
            Distribution::Pareto => Pareto::new(1.0, PARETO_SHAPE).map_or(Spread::None, Spread::Pareto),
        };
        Self { add_ns: add.nanos() as f64, jitter_ns, spread, random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// The next delay in nanoseconds.
    pub(super) fn next_ns(&mut self) -> i64 {
        let jitters = match self.spread {
            Spread::None => 0.0,
            Spread::Uniform => self.random.random_range(-1.0..=1.0),
            Spread::Normal(normal) => normal.sample(&mut self.random),
            Spread::Pareto(pareto) => (pareto.sample(&mut self.random) - 1.0).min(PARETO_END),
        };
        (self.add_ns + jitters * self.jitter_ns).max(0.0).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draw(distribution: Distribution, add_ms: u64, jitter_ms: u64, seed: u64, count: usize) -> Vec<i64> {
        let mut sampler = DelaySampler::new(Duration::from_millis(add_ms), Duration::from_millis(jitter_ms), distribution, seed);
        (0..count).map(|_| sampler.next_ns()).collect()
    }

    proptest! {
        #[test]
        fn without_jitter_the_delay_is_exact(add in 0u64..100_000, seed: u64) {
            for distribution in [Distribution::Uniform, Distribution::Normal, Distribution::Pareto] {
                prop_assert!(draw(distribution, add, 0, seed, 20).iter().all(|ns| *ns == add as i64 * 1_000_000));
            }
        }

        #[test]
        fn each_spread_stays_within_its_bounds(add in 0u64..10_000, jitter in 1u64..10_000, seed: u64) {
            let (add_ns, jitter_ns) = (add as i64 * 1_000_000, jitter as i64 * 1_000_000);
            for ns in draw(Distribution::Uniform, add, jitter, seed, 200) {
                prop_assert!(ns >= 0 && (add_ns - jitter_ns..=add_ns + jitter_ns).contains(&ns));
            }
            prop_assert!(draw(Distribution::Normal, add, jitter, seed, 200).iter().all(|ns| *ns >= 0));
            for ns in draw(Distribution::Pareto, add, jitter, seed, 200) {
                prop_assert!((add_ns..=add_ns + 100 * jitter_ns).contains(&ns));
            }
        }
    }

    #[test]
    fn the_spreads_have_their_moments() {
        const COUNT: usize = 10_000;
        let mean_ms = |values: &[i64]| values.iter().sum::<i64>() as f64 / values.len() as f64 / 1e6;
        // Standard errors: 10/√3/100 = 0.06 ms, 10/100 = 0.1 ms, 10·√0.75/100 = 0.09 ms; the bounds are five of them.
        assert!((mean_ms(&draw(Distribution::Uniform, 100, 10, 1, COUNT)) - 100.0).abs() < 0.3);
        let normal = draw(Distribution::Normal, 100, 10, 2, COUNT);
        assert!((mean_ms(&normal) - 100.0).abs() < 0.5);
        let within = normal.iter().filter(|ns| (90_000_000..=110_000_000).contains(*ns)).count() as f64 / COUNT as f64;
        assert!((within - 0.6827).abs() < 0.025);
        let pareto = draw(Distribution::Pareto, 100, 10, 3, COUNT);
        assert!((mean_ms(&pareto) - 105.0).abs() < 0.5);
        // P(X > 2) = 2⁻³.
        let beyond = pareto.iter().filter(|ns| **ns > 110_000_000).count() as f64 / COUNT as f64;
        assert!((beyond - 0.125).abs() < 0.02);
    }

    #[test]
    fn one_seed_one_sequence() {
        assert_eq!(draw(Distribution::Normal, 50, 20, 7, 100), draw(Distribution::Normal, 50, 20, 7, 100));
        assert_ne!(draw(Distribution::Normal, 50, 20, 7, 100), draw(Distribution::Normal, 50, 20, 8, 100));
    }
}
