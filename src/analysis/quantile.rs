//! Order statistics: median, percentiles, median absolute deviation.

/// Turns a median absolute deviation into the standard deviation of a normal distribution: 1 ÷ Φ⁻¹(¾).
pub const MAD_TO_SIGMA: f64 = 1.4826;

/// Values in ascending order; `NaN` is left out, since it is no measurement.
pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Quantile `q` (0 to 1) of ascending values, linear between neighbours (Hyndman and Fan's type 7). None without values.
pub fn quantile(ascending: &[f64], q: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    let (low, high) = (ascending.get(below)?, ascending.get(above)?);
    Some(low + (high - low) * (position - below as f64))
}

/// Median of ascending values.
pub fn median(ascending: &[f64]) -> Option<f64> {
    quantile(ascending, 0.5)
}

/// Median absolute deviation from the median of ascending values.
pub fn mad(ascending: &[f64]) -> Option<f64> {
    let middle = median(ascending)?;
    median(&sorted(ascending.iter().map(|value| (value - middle).abs())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        let values = sorted([4.0, 1.0, 3.0, f64::NAN, 2.0]);
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(mad(&sorted([1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0])), Some(1.0));
        assert_eq!(median(&[]), None);
    }

    proptest! {
        #[test]
        fn quantiles_are_monotone_and_within_the_values(values in prop::collection::vec(-1e6f64..1e6, 1..50), a in 0.0f64..1.0, b in 0.0f64..1.0) {
            let values = sorted(values);
            let (low, high) = (quantile(&values, a.min(b)).unwrap_or(f64::NAN), quantile(&values, a.max(b)).unwrap_or(f64::NAN));
            prop_assert!(low <= high);
            prop_assert!(values[0] <= low && high <= values[values.len() - 1]);
        }
    }
}
