//! The fold from journal to outcome. No clock, no network, no tokio: `push(event)`, then ask.

mod outcome;

pub use outcome::{
    Deed, ExpectationOutcome, FaultOutcome, Figure, Finding, LagRow, LatencySeries, Moment, Outcome, Recovery, RecoveryPhase,
    RecoveryTimeline, Restart, Series, SkewOutcome, StateChange, Status, Undone, Verdict, WindowOutcome,
};
