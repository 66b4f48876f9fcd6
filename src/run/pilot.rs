//! A run that is steered while it goes on: the offered rate is changed and faults are fired by a [`Pilot`], in place of a timeline. All
//! else (topics, job, journal, undo, abort conditions, verification, cleanup) is as in every other run.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;

use crate::action::TrafficChange;
use crate::analysis::Analysis;
use crate::clock::{self, Timestamp};
use crate::journal::{Ending, EventKind, Record};
use crate::plan::PlannedFault;

use super::fire::Firing;
use super::watcher::Watcher;

/// Whoever steers a run.
pub trait Pilot: fmt::Debug + Send + Sync {
    /// From the schedule's zero until nothing more is to be learnt; traffic stops when this returns.
    fn fly<'a>(&'a self, helm: Helm<'a>) -> BoxFuture<'a, ()>;
}

/// Ids of the changes of the rate, apart from those of undos.
static NEXT: AtomicU64 = AtomicU64::new(1 << 40);

/// What a pilot steers by.
#[derive(Clone, Copy)]
pub struct Helm<'a> {
    /// For faults.
    pub(super) firing: Firing<'a>,
    /// For people.
    pub(super) watcher: &'a dyn Watcher,
    /// The schedule's zero.
    pub start: Timestamp,
    /// The schedule's end: nothing is sent after it.
    pub end: Timestamp,
}

impl fmt::Debug for Helm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Helm").field("start", &self.start).field("end", &self.end).finish_non_exhaustive()
    }
}

/// Why a rate cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// A stream whose rate goes its own way.
    #[error("the rate of `{0}` is not constant")]
    NotConstant(String),
    /// The generator refused.
    #[error("the rate of `{stream}` cannot be set: {why}")]
    Refused {
        /// The stream.
        stream: String,
        /// Why.
        why: String,
    },
}

/// The rate that holds, so that it can be replaced.
#[derive(Debug, Default)]
pub struct Throttle {
    changes: Vec<(String, u64)>,
}

impl Helm<'_> {
    /// Offers so many records per second from now on, over all streams, each with its share of the scenario's rates. Gives the moment from
    /// which on it holds.
    ///
    /// # Errors
    /// [`RateError`]; then some streams may have the new rate and some the old.
    pub fn offer(&self, throttle: &mut Throttle, per_second: f64) -> Result<Timestamp, RateError> {
        let scenario = &self.firing.plan.scenario;
        let mut levels = Vec::new();
        for (name, stream) in &scenario.traffic {
            let level = stream.rate.level().ok_or_else(|| RateError::NotConstant(name.clone()))?;
            levels.push((name.clone(), level.0));
        }
        let all: f64 = levels.iter().map(|(_, level)| level).sum();
        let factor = per_second / all;
        let traffic = &self.firing.world.traffic;
        for (stream, level) in levels {
            let refused = |why: String| RateError::Refused { stream: stream.clone(), why };
            let before = throttle.changes.iter().position(|(name, _)| *name == stream).map(|index| throttle.changes.swap_remove(index));
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            // The old change goes first: factors multiply. Both come into force at the same moment.
            if let Some((_, before)) = before {
                traffic.restore(&stream, before).map_err(refused)?;
            }
            traffic
                .change(&stream, id, &TrafficChange::Surge { factor })
                .unwrap_or_else(|| Err("it is not sent".to_owned()))
                .map_err(refused)?;
            throttle.changes.push((stream.clone(), id));
            self.firing.recorder.record(EventKind::RateChanged { stream, per_second: level * factor });
        }
        Ok(clock::now())
    }

    /// Asks analysis, as it stands now.
    pub fn ask<T>(&self, question: impl FnOnce(&Analysis) -> T) -> T {
        self.firing.recorder.ask(question)
    }

    /// Fires a fault, and takes it back when its time is over.
    pub async fn fire(&self, fault: &PlannedFault) {
        // What it still owes is tried again at the end of the run.
        let _owed = self.firing.fire(fault, clock::now()).await;
    }

    /// Waits until a moment.
    ///
    /// # Errors
    /// The reason to stop, when the run is to end first.
    pub async fn until(&self, moment: Timestamp) -> Result<(), Ending> {
        self.firing.stop.unless(tokio::time::sleep(moment.remaining())).await
    }

    /// Why the run is to end, when it is.
    pub fn ending(&self) -> Option<Ending> {
        self.firing.stop.reason()
    }

    /// Tells people what is being tried, and why.
    pub fn say(&self, word: &str, sentence: &str) {
        let at = self.firing.recorder.ask(|analysis| analysis.seconds(clock::now().0));
        self.watcher.happening(at, word, sentence);
    }
}
