use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fits;
use crate::traffic::check::Problem;
use crate::traffic::dice::Dice;
use crate::units::Bytes;

/// A size between two, each as likely as any other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Between {
    /// Smallest.
    pub from: Bytes,
    /// Largest.
    pub to: Bytes,
}

/// ln(size) is normal with mean ln(median) and deviation sigma; the mean size is median · exp(sigma²/2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lognormal {
    /// Half of the values are smaller.
    pub median: Bytes,
    /// How wide: at 1, one value in 40 is more than 7 times the median.
    pub sigma: f64,
    /// Larger ones are cut to this.
    pub at_most: Bytes,
}

impl Between {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let order = (self.from > self.to).then(|| Problem::new("from", format!("{} is above {}", self.from, self.to)));
        order.into_iter().chain(fits("to", self.to)).collect()
    }
}

impl Lognormal {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let sigma = (!(0.0..=5.0).contains(&self.sigma)).then(|| Problem::new("sigma", "must lie between 0 and 5"));
        let order = (self.median > self.at_most).then(|| Problem::new("median", format!("{} is above {}", self.median, self.at_most)));
        sigma.into_iter().chain(order).chain(fits("at-most", self.at_most)).collect()
    }
}

/// The size of each value.
#[derive(Debug, Clone, Copy)]
pub enum Sizes {
    /// The same.
    Fixed(usize),
    /// Evenly spread.
    Between(Between),
    /// Lognormal.
    Lognormal(Lognormal),
}

impl Sizes {
    /// The size of value `n`.
    pub fn size(&self, n: u64, dice: Dice) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Between(Between { from, to }) => (from.0 + dice.below(n, to.0.saturating_sub(from.0) + 1)) as usize,
            Self::Lognormal(lognormal) => {
                let z: f64 = StandardNormal.sample(&mut dice.from(n));
                let size = lognormal.median.0 as f64 * (lognormal.sigma * z).exp();
                (size.round() as usize).min(lognormal.at_most.0 as usize)
            }
        }
    }

    /// The largest that can come.
    pub fn largest(&self) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Between(between) => between.to.0 as usize,
            Self::Lognormal(lognormal) => lognormal.at_most.0 as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_spread_as_said() {
        let dice = Dice::new(1, "sizes");
        let between = Sizes::Between(Between { from: Bytes(100), to: Bytes(200) });
        let sizes: Vec<usize> = (0..20_000).map(|n| between.size(n, dice)).collect();
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&100), Some(&200)));
        let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
        assert!((mean - 150.0).abs() < 1.5, "{mean}");

        let lognormal = Sizes::Lognormal(Lognormal { median: Bytes(1000), sigma: 0.8, at_most: Bytes(1 << 20) });
        let mut sizes: Vec<usize> = (0..20_000).map(|n| lognormal.size(n, dice)).collect();
        sizes.sort_unstable();
        let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
        assert!((960..1040).contains(&sizes[10_000]), "{}", sizes[10_000]);
        assert!((mean / (1000.0 * (0.32f64).exp()) - 1.0).abs() < 0.03, "{mean}");
        let cut = Sizes::Lognormal(Lognormal { median: Bytes(1000), sigma: 2.0, at_most: Bytes(1500) });
        assert!((0..1000).all(|n| cut.size(n, dice) <= 1500) && cut.largest() == 1500);
    }
}
