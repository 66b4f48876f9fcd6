//! Shapes: how the rate goes over time. Each is a pure function of the time since its start, with an exact integral.
//!
//! To add one: a file with its settings, a line in [`Shape`], and an arm in each `match` of this file.

mod backlog;
mod burst;
mod closed;
mod compressed;
mod constant;
mod curve;
mod linear;
mod poisson;
mod ramp;
mod sequence;
mod sine;
mod spike;
mod steps;
mod trace;

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use backlog::Backlog;
pub use burst::Burst;
pub use closed::Closed;
pub use curve::Curve;
pub use poisson::{Arrivals, Block};
pub use ramp::Ramp;
pub use sequence::Stretch;
pub use sine::Sine;
pub use spike::Spike;
pub use steps::Step;
pub use trace::{Trace, parse as parse_trace};

use super::check::Problem;
use super::dice::Dice;
use crate::units::Rate;

/// How the rate of a stream goes over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Always the same.
    Constant(Rate),
    /// From one rate to another, evenly.
    Ramp(Ramp),
    /// One rate after the other, each for a time; the last one stays.
    Steps(Vec<Step>),
    /// Up and down like a day.
    Sine(Sine),
    /// A base rate with a burst at the end of every period.
    Burst(Burst),
    /// A base rate with one peak.
    Spike(Spike),
    /// Independent arrivals at this mean rate.
    Poisson(Rate),
    /// A rate over time from a file.
    Trace(Trace),
    /// So many records over a time, then little or nothing: the job drains.
    Backlog(Backlog),
    /// At most so many records in flight, as fast as Kafka takes them. Not open loop: for comparison only.
    Closed(Closed),
    /// Shapes one after another.
    Sequence(Vec<Stretch>),
}

/// Why a shape cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    /// The trace cannot be read.
    #[error("cannot read trace `{path}`")]
    Read {
        /// The file.
        path: String,
        /// What happened.
        source: std::io::Error,
    },
    /// A line of the trace is not what it should be.
    #[error("trace `{path}`, line {line}: {what}")]
    Trace {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A closed loop has no schedule.
    #[error("`closed` has no schedule and cannot stand in a sequence")]
    NoSchedule,
}

/// A stretch of a schedule: a curve, how long it lasts, and how its records arrive.
#[derive(Debug, Clone)]
pub struct Laid {
    /// Rate over the time since the stretch began.
    pub curve: Arc<dyn Curve>,
    /// Seconds; the last stretch has no end.
    pub lasts: Option<f64>,
    /// How records lie within the curve's integral.
    pub arrivals: Arrivals,
}

impl Shape {
    /// The curves that it consists of, in order.
    ///
    /// # Errors
    /// A trace that cannot be read, or a closed loop.
    pub fn lay(&self, dice: Dice) -> Result<Vec<Laid>, ShapeError> {
        let even = |curve: Arc<dyn Curve>| vec![Laid { curve, lasts: None, arrivals: Arrivals::Even }];
        Ok(match self {
            Self::Constant(rate) => even(Arc::new(constant::curve(*rate))),
            Self::Ramp(ramp) => even(Arc::new(ramp.curve())),
            Self::Steps(steps) => even(Arc::new(steps::curve(steps))),
            Self::Sine(sine) => even(Arc::new(*sine)),
            Self::Burst(burst) => even(Arc::new(burst.curve())),
            Self::Spike(spike) => even(Arc::new(spike.curve())),
            Self::Poisson(rate) => {
                vec![Laid { curve: Arc::new(constant::curve(*rate)), lasts: None, arrivals: Arrivals::Poisson(dice) }]
            }
            Self::Trace(trace) => even(Arc::new(trace.curve()?)),
            Self::Backlog(backlog) => even(Arc::new(backlog.curve())),
            Self::Closed(_) => return Err(ShapeError::NoSchedule),
            Self::Sequence(stretches) => sequence::lay(stretches, dice)?,
        })
    }

    /// The number of records that a closed loop keeps in flight.
    pub fn in_flight(&self) -> Option<u64> {
        match self {
            Self::Closed(closed) => Some(closed.in_flight.0.max(1)),
            _ => None,
        }
    }

    /// The rate, where it is always the same.
    pub const fn level(&self) -> Option<Rate> {
        match self {
            Self::Constant(rate) | Self::Poisson(rate) => Some(*rate),
            _ => None,
        }
    }

    /// Resolves files against the scenario's folder.
    pub fn resolve(&mut self, folder: &Path) {
        match self {
            Self::Trace(trace) => trace.file = folder.join(&trace.file),
            Self::Sequence(stretches) => stretches.iter_mut().for_each(|stretch| stretch.shape.resolve(folder)),
            _ => {}
        }
    }

    /// What is wrong with its settings, as far as can be told without files.
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Constant(_) | Self::Poisson(_) => Vec::new(),
            Self::Ramp(ramp) => Problem::below(["ramp"], ramp.problems()),
            Self::Steps(steps) => Problem::below(["steps"], steps::problems(steps)),
            Self::Sine(sine) => Problem::below(["sine"], sine.problems()),
            Self::Burst(burst) => Problem::below(["burst"], burst.problems()),
            Self::Spike(spike) => Problem::below(["spike"], spike.problems()),
            Self::Trace(trace) => Problem::below(["trace"], trace.problems()),
            Self::Backlog(backlog) => Problem::below(["backlog"], backlog.problems()),
            Self::Closed(closed) => Problem::below(["closed"], closed.problems()),
            Self::Sequence(stretches) => Problem::below(["sequence"], sequence::problems(stretches)),
        }
    }
}

#[cfg(test)]
mod properties;
