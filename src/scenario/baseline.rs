//! How long a stretch must have been steady before a fault is compared with it. Checks, plans, capacity searches and the analysis go by this.

use std::time::Duration;

/// Checkpoints that a baseline spans at least: a band rests on twenty windows of one checkpoint each that overlap by half, and what is
/// measured of each record is complete two checkpoints late.
pub const CHECKPOINTS: u32 = 13;

/// The shortest baseline that figures can rest on: 30 s or [`CHECKPOINTS`] of this interval, whichever is longer.
pub fn shortest(interval: Duration) -> Duration {
    Duration::from_secs(30).max(CHECKPOINTS * interval)
}

/// From the beginning of traffic, or a change of its rate, until the saw-teeth of committed output are regular: two checkpoints, 2 s at
/// least. A baseline begins behind it.
pub fn settling(interval: Duration) -> Duration {
    Duration::from_secs(2).max(2 * interval)
}

/// From the beginning of traffic, or a change of its rate, until a fault has a baseline before it.
pub fn settled(interval: Duration) -> Duration {
    settling(interval) + shortest(interval)
}
