use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::traffic::{Recipe, Schedule};

/// What a stream sends, shared by its threads; replaced as a whole when something changes.
#[derive(Debug)]
pub struct Course {
    version: AtomicU64,
    leg: Mutex<Arc<Leg>>,
}

/// What a stream sends from which record on.
#[derive(Debug, Clone)]
pub struct Leg {
    /// When records are due; none for a closed loop.
    pub schedule: Option<Schedule>,
    /// Nothing is due from here on: nanoseconds since the start.
    pub end: i64,
    /// From which record on which recipe holds, in order.
    pub recipes: Vec<(u64, Arc<Recipe>)>,
}

impl Leg {
    /// The recipe of record `n`.
    pub fn recipe(&self, n: u64) -> Option<&Arc<Recipe>> {
        self.recipes.iter().rev().find(|(from, _)| *from <= n).map(|(_, recipe)| recipe)
    }
}

impl Course {
    pub fn new(leg: Leg) -> Self {
        Self { version: AtomicU64::new(0), leg: Mutex::new(Arc::new(leg)) }
    }

    /// Replaces it; threads see it before they next look whether a record is due.
    pub fn set(&self, leg: Leg) {
        *self.leg.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(leg);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Grows with every change: one load tells a thread that nothing is new.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What holds now.
    pub fn leg(&self) -> Arc<Leg> {
        Arc::clone(&self.leg.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
