use super::Curve;

/// A rate that is linear between corners, with jumps where two corners share their moment. Before the first corner it
/// is the first one's rate, after the last it stays as it is.
///
/// On a piece that begins at tᵢ with rate r, slope s and integral cᵢ, with d = t − tᵢ:
/// integral = cᵢ + r·d + s·d²/2, and for the inverse, with x = count − cᵢ, the positive root
/// d = 2x ÷ (r + √(r² + 2·s·x)), in the form that does not cancel when s is small.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    from: f64,
    rate: f64,
    slope: f64,
    count: f64,
}

/// Integrals at corners that lie as near to a whole number are that number: rates such as 1/3 per second would
/// otherwise give or take a record at a corner by rounding alone.
const SNAP: f64 = 1e-6;

fn snapped(count: f64) -> f64 {
    if (count - count.round()).abs() < SNAP { count.round() } else { count }
}

impl Linear {
    /// Through `corners`: (seconds, records per second), in order of time.
    pub fn through(corners: &[(f64, f64)]) -> Self {
        let mut pieces: Vec<Piece> = Vec::with_capacity(corners.len() + 1);
        let mut count = 0.0;
        let mut push = |from: f64, to: f64, rate: f64, end: f64| {
            if to > from {
                let slope = (end - rate) / (to - from);
                pieces.push(Piece { from, rate, slope: if slope.is_finite() { slope } else { 0.0 }, count });
                count = snapped(count + (rate + end) / 2.0 * (to - from));
            }
        };
        if let Some(&(first, rate)) = corners.first() {
            push(0.0, first, rate, rate);
        }
        for pair in corners.windows(2) {
            push(pair[0].0, pair[1].0, pair[0].1, pair[1].1);
        }
        let (from, rate) = corners.last().copied().unwrap_or((0.0, 0.0));
        pieces.push(Piece { from, rate, slope: 0.0, count });
        Self { pieces }
    }

    fn at(&self, t: f64) -> &Piece {
        let after = self.pieces.partition_point(|piece| piece.from <= t);
        &self.pieces[after.saturating_sub(1)]
    }
}

impl Curve for Linear {
    fn rate(&self, t: f64) -> f64 {
        let piece = self.at(t);
        piece.rate + piece.slope * (t - piece.from)
    }

    fn integral(&self, t: f64) -> f64 {
        let piece = self.at(t);
        let d = t - piece.from;
        piece.count + piece.rate * d + piece.slope * d * d / 2.0
    }

    fn inverse(&self, count: f64) -> Option<f64> {
        let after = self.pieces.partition_point(|piece| piece.count <= count).max(1);
        let piece = self.pieces[after - 1];
        let end = self.pieces.get(after).map_or(f64::INFINITY, |next| next.from);
        let x = (count - piece.count).max(0.0);
        let d = if piece.slope == 0.0 {
            if piece.rate == 0.0 {
                return end.is_finite().then_some(end);
            }
            x / piece.rate
        } else if x == 0.0 {
            0.0
        } else {
            2.0 * x / (piece.rate + (piece.rate * piece.rate + 2.0 * piece.slope * x).max(0.0).sqrt())
        };
        Some((piece.from + d).min(end))
    }

    fn bends(&self, until: f64) -> Vec<f64> {
        self.pieces.iter().map(|piece| piece.from).filter(|&from| from > 0.0 && from < until).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_holds_records_back_and_an_end_keeps_them() {
        let curve = Linear::through(&[(0.0, 10.0), (1.0, 10.0), (1.0, 0.0), (3.0, 0.0), (3.0, 10.0), (4.0, 10.0), (4.0, 0.0)]);
        assert_eq!(curve.inverse(9.0), Some(0.9));
        assert_eq!(curve.inverse(10.0), Some(3.0), "the eleventh record waits for the rate to come back");
        assert_eq!(curve.inverse(20.0), None);
        assert_eq!(curve.integral(10.0), 20.0);
    }
}
