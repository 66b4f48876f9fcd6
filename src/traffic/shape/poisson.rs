use rand_distr::{Binomial, Distribution, Poisson};

use crate::traffic::dice::Dice;

/// How records lie within a curve's integral: the n-th is due when the integral passes [`Arrivals::position`] of n.
///
/// A Poisson process with rate λ(t) is a unit-rate Poisson process in the "time" Λ(t) = ∫λ, so independent arrivals need
/// nothing but the positions of a unit-rate process. Those are made so that each is a pure function of seed and n:
/// the number of arrivals in [0, 2⁴⁴) is drawn from Poisson(2⁴⁴), and split between the halves of an interval by
/// Binomial(count, ½), again and again down to blocks of 1024, within which positions are uniform. That is the
/// conditional law of a Poisson process, so the result is exact, not an approximation.
#[derive(Debug, Clone, Copy)]
pub enum Arrivals {
    /// Record n at n: evenly.
    Even,
    /// Independent of each other.
    Poisson(Dice),
}

const LEVELS: u32 = 44;
const BLOCK_LEVEL: u32 = 10;
const BLOCK: f64 = (1u64 << BLOCK_LEVEL) as f64;

/// Arrivals of one block of a unit-rate Poisson process.
#[derive(Debug, Clone, Default)]
pub struct Block {
    first: u64,
    positions: Vec<f64>,
}

impl Block {
    fn get(&self, n: u64) -> Option<f64> {
        self.positions.get(usize::try_from(n.checked_sub(self.first)?).ok()?).copied()
    }
}

impl Arrivals {
    /// Where record n lies. `block` keeps what the neighbours of n need, too.
    pub fn position(&self, n: u64, block: &mut Block) -> f64 {
        match self {
            Self::Even => n as f64,
            Self::Poisson(dice) => {
                if let Some(position) = block.get(n) {
                    return position;
                }
                *block = descend(*dice, |_, left, before| n < before + left);
                block.get(n).unwrap_or(f64::INFINITY)
            }
        }
    }

    /// How many records lie before `position`.
    pub fn count(&self, position: f64) -> u64 {
        match self {
            // Rounding of the integral must not add a record at a border.
            Self::Even => (position - 1e-6).ceil().max(0.0) as u64,
            Self::Poisson(dice) => {
                let block = descend(*dice, |middle, _, _| position < middle);
                block.first + block.positions.partition_point(|&p| p < position) as u64
            }
        }
    }
}

/// Walks down the tree of halves; `left(middle, arrivals of the left half, arrivals before this interval)` says where to go.
fn descend(dice: Dice, left: impl Fn(f64, u64, u64) -> bool) -> Block {
    let total = Poisson::new((1u64 << LEVELS) as f64).map_or(0.0, |all| all.sample(&mut dice.from(0)));
    // Nodes are numbered as in a heap: the halves of i are 2i and 2i + 1.
    let (mut node, mut from, mut first, mut count) = (1u64, 0u64, 0u64, total as u64);
    for level in (BLOCK_LEVEL..LEVELS).rev() {
        let half = 1u64 << level;
        let in_left = Binomial::new(count, 0.5).map_or(0, |split| split.sample(&mut dice.from(node)));
        if left((from + half) as f64, in_left, first) {
            node *= 2;
            count = in_left;
        } else {
            node = 2 * node + 1;
            from += half;
            first += in_left;
            count -= in_left;
        }
    }
    let within = dice.split(node);
    let mut positions: Vec<f64> = (0..count).map(|i| from as f64 + within.unit(i) * BLOCK).collect();
    positions.sort_by(f64::total_cmp);
    Block { first, positions }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(seed: u64, n: u64) -> Vec<f64> {
        let arrivals = Arrivals::Poisson(Dice::new(seed, "test"));
        let mut block = Block::default();
        (0..n).map(|n| arrivals.position(n, &mut block)).collect()
    }

    #[test]
    fn positions_rise_and_do_not_depend_on_the_way_there() {
        let arrivals = Arrivals::Poisson(Dice::new(3, "test"));
        let all = positions(3, 5000);
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        for n in [4999, 0, 1023, 1024, 77, 3000] {
            assert_eq!(arrivals.position(n, &mut Block::default()), all[n as usize]);
            assert_eq!(arrivals.count(all[n as usize]), n);
        }
    }

    #[test]
    fn gaps_are_exponential_and_counts_are_poisson() {
        let all = positions(11, 200_000);
        let gaps: Vec<f64> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let n = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / n;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 1.0).abs() < 0.01 && (variance - 1.0).abs() < 0.03, "mean {mean}, variance {variance}");
        // Largest distance to the distribution function 1 − e⁻ˣ (Kolmogorov–Smirnov; 1.95/√n is the bound at 0.1 %).
        let mut sorted = gaps;
        sorted.sort_by(f64::total_cmp);
        let distance = sorted.iter().enumerate().map(|(i, gap)| ((1.0 - (-gap).exp()) - (i as f64 + 0.5) / n).abs()).fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "{distance}");
        // Index of dispersion of counts in windows of 100: 1 for a Poisson process.
        let mut counts = vec![0.0f64; 1900];
        for position in &all {
            if let Some(count) = counts.get_mut((position / 100.0) as usize) {
                *count += 1.0;
            }
        }
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let dispersion = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64 / mean;
        assert!((0.85..1.15).contains(&dispersion), "{dispersion}");
    }
}
