//! What an engine tells whoever watches it.

/// The state of a run in one line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glance {
    /// Seconds since the schedule's zero.
    pub at: f64,
    /// Length of the run, where it is known.
    pub total: Option<f64>,
    /// Acknowledged records per second.
    pub input: Option<f64>,
    /// Visible records per second.
    pub output: Option<f64>,
    /// Output lag.
    pub output_lag: Option<f64>,
    /// State of the job.
    pub job: Option<String>,
    /// The next fault and when: `lose-one in 12 s`.
    pub next: Option<String>,
}

/// Whoever watches a run. Called from the engine's tasks; must not block.
pub trait Watcher: Send + Sync {
    /// A step of the preparation or the cleanup.
    fn step(&self, what: &str);
    /// A happening of the run.
    fn happening(&self, at: f64, word: &str, sentence: &str);
    /// The state now, about every half second.
    fn glance(&self, glance: &Glance);
}
