//! Several runs as one question: the same again and again ([`Series`]), settings against each other ([`Varied`]), how much a job carries
//! ([`capacity`]), and what is stored of all that ([`stored`]).
//!
//! Here runs are made, one after the other, through the engine of `run`; what they say together is worked out in `analysis`, which
//! touches nothing.

pub mod capacity;
mod manifest;
mod series;
pub mod stored;
mod vary;

pub use manifest::{Manifest, ManifestError, ManifestRun};
pub use series::{Done, Leg, Listener, Series, SeriesError, repeat_seed};
pub use vary::{Choice, Varied, VaryError, arms, interleaved};
