//! The fold from journal to outcome. No clock, no network, no tokio: [`Analysis::push`] each event, then ask: small questions while the
//! run goes on, [`Analysis::outcome`] at its end. The same events give the same answers, live or replayed.
//!
//! A run of days would fill the memory: such a run asks a fold that forgets ([`Analysis::forgetting`]), and its outcome comes from replaying
//! the journal through one that does not ([`Replay`]).
//!
//! What was seen is kept in logs (`series`, `latency`, `output_log`, `job_log`, `checkpoints`, `fault_log`); everything else is worked
//! out from them when it is asked for.

mod asked;
mod assemble;
mod band;
mod baseline;
pub mod capacity;
mod checkpoints;
mod comparison;
mod decide;
mod delivery;
mod drift;
mod drift_series;
mod drift_stretches;
#[cfg(test)]
mod drift_tests;
mod excursion;
mod expectations;
mod fault_log;
mod figures;
mod findings;
mod fold;
mod gap;
#[cfg(test)]
mod gap_tests;
mod generator;
mod happenings;
mod hints;
mod histograms;
mod hold;
mod job_log;
mod lag;
mod latency;
mod measure;
mod moments;
mod now;
mod outcome;
mod output_log;
mod phases;
pub mod quantile;
mod queries;
mod recovery;
#[cfg(test)]
mod recovery_tests;
mod repeats;
mod replay;
mod requests;
mod restarts;
#[cfg(test)]
mod restarts_tests;
mod sentence;
mod series;
mod skew;
mod strata;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;
pub mod trend;
mod verdict;
mod windows;

use std::collections::BTreeMap;

use crate::journal::FaultId;

pub use asked::{Asked, FaultAsked, StreamAsked};
pub use comparison::{Against, Cell, Comparison, Difference, NOISE, Row, Side, SideFigure, Standing, circumstances};
pub use drift::{Drift, Trend, per_time};
pub use expectations::{compare, in_words};
pub use figures::{Better, Observed, RunFigure, Weight, fault_name, figures};
pub use hold::{FLAT, Hold, HoldLimits, Sustained};
pub use latency::{SUMMED, summarised};
pub use now::{FaultNow, FaultSpan};
pub use outcome::{
    Bounds, Deed, ExpectationOutcome, FaultOutcome, Figure, Finding, Gap, LagRow, LatencySeries, Moment, Outcome, Recovery, RecoveryPhase,
    RecoveryTimeline, Restart, Series, SkewOutcome, StateChange, Status, Undone, Verdict, WindowOutcome,
};
pub use queries::NewestAnswer;
pub use repeats::{CONFIDENCE, NOISY, RepeatedRun, Repeats, RepeatsAsked, Spread, spreads, variation};
pub use replay::Replay;

/// A fold over the events of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    asked: Asked,
    run: fold::RunLog,
    samples: series::Store,
    latency: latency::LatencyLog,
    output: output_log::OutputLog,
    job: job_log::JobLog,
    clocks: job_log::Clocks,
    checkpoints: checkpoints::CheckpointLog,
    faults: fault_log::FaultLog,
    happenings: Vec<happenings::Happening>,
    /// Faults whose course was decided while the run went on: when they were over, and how.
    decided: BTreeMap<FaultId, (i64, Recovery)>,
    /// So many of the first faults are all decided.
    settled: usize,
    /// Of the stretches that faults were compared with while the run went on.
    baselines: baseline::Baselines,
    /// Whether it lets go of what the run does not need any more.
    forgets: bool,
    /// When it last did.
    forgot: i64,
    next_look: i64,
}
