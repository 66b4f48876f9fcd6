use super::linear::Linear;
use crate::units::Rate;

/// rate(t) = r, integral r·t, record n due at n ÷ r.
pub fn curve(rate: Rate) -> Linear {
    Linear::through(&[(0.0, rate.0)])
}
