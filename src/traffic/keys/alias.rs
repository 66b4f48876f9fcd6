use crate::traffic::dice::scale;

/// Draws an index by weight in constant time: one random number, one look-up (Walker 1977, built as Vose 1991).
///
/// The upper part of the random number chooses a column, what is left of it decides between the column's own index and
/// its alias. Weights of 0 are never drawn; the other shares are exact to 2⁻³² of a column.
#[derive(Debug, Clone)]
pub struct Alias {
    columns: Vec<Column>,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    /// Of 2³².
    own: u32,
    alias: u32,
}

impl Alias {
    /// For weights that are not negative. None if there are none above zero, or more than 2³².
    pub fn new(weights: &[f64]) -> Option<Self> {
        let total: f64 = weights.iter().sum();
        let count = u32::try_from(weights.len()).ok()?;
        if !(total.is_finite() && total > 0.0) {
            return None;
        }
        let mut height: Vec<f64> = weights.iter().map(|weight| weight / total * f64::from(count)).collect();
        let (mut low, mut high): (Vec<u32>, Vec<u32>) = (0..count).partition(|&index| height[index as usize] < 1.0);
        // What rounding leaves over at the end fills its column; a weight of 0 must not, so it points to the heaviest.
        let heaviest = (0..count).max_by(|&a, &b| weights[a as usize].total_cmp(&weights[b as usize]))?;
        let full = |index: u32| Column { own: u32::MAX, alias: index };
        let mut columns: Vec<Column> =
            (0..count).map(|index| if weights[index as usize] > 0.0 { full(index) } else { Column { own: 0, alias: heaviest } }).collect();
        while let (Some(&under), Some(&over)) = (low.last(), high.last()) {
            low.pop();
            let own = (height[under as usize] * (1u64 << 32) as f64).min(f64::from(u32::MAX)) as u32;
            columns[under as usize] = Column { own, alias: over };
            height[over as usize] -= 1.0 - height[under as usize];
            if height[over as usize] < 1.0 {
                high.pop();
                low.push(over);
            }
        }
        Some(Self { columns })
    }

    /// The index that a random number stands for.
    pub fn draw(&self, random: u64) -> u32 {
        let wide = u128::from(random) * self.columns.len() as u128;
        let index = (wide >> 64) as usize;
        let rest = ((wide as u64) >> 32) as u32;
        let column = self.columns[index];
        // A full column holds its own index in `alias`, too, so the largest `own` loses nothing.
        if rest < column.own { index as u32 } else { column.alias }
    }
}

/// Draws an index, all of `count` alike.
pub(super) fn even(random: u64, count: u64) -> u32 {
    scale(random, count) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::traffic::dice::Dice;

    proptest! {
        #[test]
        fn shares_are_as_the_weights(weights in proptest::collection::vec(prop_oneof![Just(0.0), 0.01..10.0f64], 1..20), seed: u64) {
            let total: f64 = weights.iter().sum();
            let Some(alias) = Alias::new(&weights) else {
                prop_assert_eq!(total, 0.0);
                return Ok(());
            };
            let draws = 50_000u64;
            let dice = Dice::new(seed, "alias");
            let mut counts = vec![0u64; weights.len()];
            for n in 0..draws {
                counts[alias.draw(dice.at(n)) as usize] += 1;
            }
            for (weight, count) in weights.iter().zip(counts) {
                let p = weight / total;
                let deviation = (draws as f64 * p * (1.0 - p)).sqrt();
                prop_assert!((count as f64 - draws as f64 * p).abs() <= 6.0 * deviation + 1.0, "{} for {}", count, p);
                prop_assert!(p > 0.0 || count == 0);
                prop_assert!(p < 1.0 || count == draws);
            }
        }
    }

    #[test]
    fn nothing_to_draw() {
        assert!(Alias::new(&[]).is_none());
        assert!(Alias::new(&[0.0, 0.0]).is_none());
        assert_eq!(Alias::new(&[0.0, 3.0]).unwrap().draw(0), 1);
    }
}
