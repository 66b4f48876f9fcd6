/// A rate over the time since its start, in seconds, and its integral. Times are not negative.
pub trait Curve: std::fmt::Debug + Send + Sync {
    /// Records per second at `t`.
    fn rate(&self, t: f64) -> f64;

    /// ∫₀ᵗ rate: records that are due before `t`, with their fraction.
    fn integral(&self, t: f64) -> f64;

    /// The moment at which the integral passes `count`: sup { t : integral(t) ≤ count }. None if it never does.
    ///
    /// Where the rate is zero for a while, that is the end of the pause: a record is due when there is rate for it.
    fn inverse(&self, count: f64) -> Option<f64>;

    /// Moments before `until` at which the rate jumps, or begins to change otherwise than before.
    fn bends(&self, until: f64) -> Vec<f64>;
}
