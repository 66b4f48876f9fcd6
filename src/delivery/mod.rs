//! The verifier: which records arrived, once, in order and whole.

mod verdict;

pub use verdict::{Offender, Verdict};
