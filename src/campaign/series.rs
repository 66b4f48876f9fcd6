//! Runs one after the other. Each is a whole run of its own, with its journal and its cleanup; what ends one for good ends the series.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{Manifest, ManifestError, ManifestRun};
use crate::analysis::{Outcome, Verdict};
use crate::clock;
use crate::cluster::Places;
use crate::journal::Ending;
use crate::plan::{Plan, rng_for};
use crate::run::{self, Finished, Request, Stop, Watcher, new_run_id};

/// One run of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    /// Its plan.
    pub plan: Plan,
    /// Which of the settings that are compared it has.
    pub arm: usize,
    /// What it is, for people: `run 2 of 5`.
    pub label: String,
}

/// What to run, in which order.
#[derive(Debug, Clone)]
pub struct Series {
    /// The runs.
    pub legs: Vec<Leg>,
    /// Everything that they share but the plan and the run id.
    pub request: Request,
    /// How it is kept; the runs are entered as they begin.
    pub manifest: Manifest,
}

/// Whoever watches a series.
pub trait Listener {
    /// Asked before each run: the owner's hours may be over by then.
    ///
    /// # Errors
    /// Why it must not begin now.
    fn may_begin(&self, leg: &Leg) -> Result<(), String>;
    /// A run begins; gives who watches it.
    fn begins(&self, leg: &Leg) -> Arc<dyn Watcher>;
    /// It has ended and left this.
    fn ended(&self, leg: &Leg, finished: &Finished);
}

/// What a series left.
#[derive(Debug)]
pub struct Done {
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest, with the runs that were made.
    pub manifest: Manifest,
    /// Their outcomes, in the same order.
    pub outcomes: Vec<Outcome>,
    /// Why it ended before its last run, where it did.
    pub ended: Option<(Verdict, String)>,
    /// What could not be removed.
    pub left_behind: Vec<String>,
}

/// Why a series left nothing.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The first run did not begin.
    #[error(transparent)]
    First(#[from] run::Error),
    /// The first run must not begin now.
    #[error("{0}")]
    Refused(String),
    /// Its folder cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Seed of a repeat, from 0: the first has the seed itself, so that it is the run that would have been made alone. Small enough to be
/// typed again.
pub fn repeat_seed(seed: u64, repeat: u32) -> u64 {
    use rand::Rng;
    if repeat == 0 { seed } else { rng_for(seed, "repeat", repeat).next_u64() % 1_000_000_000 }
}

impl Series {
    /// Makes the runs. `stop` ends the one that goes on and the series with it.
    ///
    /// # Errors
    /// Only when no run was made.
    pub async fn run(mut self, places: &Places, stop: &Stop, listener: &dyn Listener) -> Result<Done, SeriesError> {
        let scenario = self.legs.first().map_or_else(String::new, |leg| leg.plan.scenario.name.to_string());
        let folder = folder(&self.request.reports, &scenario, &self.manifest.series);
        let mut outcomes = Vec::new();
        let mut left_behind = Vec::new();
        let mut ended = None;
        for leg in &self.legs {
            if let Some(ending) = stop.reason() {
                ended = Some(early(&ending));
                break;
            }
            if let Err(why) = listener.may_begin(leg) {
                if outcomes.is_empty() {
                    return Err(SeriesError::Refused(why));
                }
                ended = Some((Verdict::Inconclusive, format!("{} was not begun: {why}", leg.label)));
                break;
            }
            let run = new_run_id(clock::now());
            self.manifest.runs.push(ManifestRun { run: run.clone(), seed: leg.plan.seed, arm: leg.arm });
            self.manifest.write(&folder)?;
            let request = Request { plan: leg.plan.clone(), run, ..self.request.clone() };
            let watcher = listener.begins(leg);
            let finished = run::run(request, places, stop, watcher).await;
            let finished = match finished {
                Ok(finished) => finished,
                Err(error) => {
                    self.manifest.runs.pop();
                    if outcomes.is_empty() {
                        // An empty series is nobody's.
                        let _ = std::fs::remove_dir_all(&folder);
                        return Err(error.into());
                    }
                    let verdict = if matches!(error, run::Error::Interrupted) { Verdict::Interrupted } else { Verdict::ToolError };
                    ended = Some((verdict, format!("{} did not begin: {error}", leg.label)));
                    break;
                }
            };
            listener.ended(leg, &finished);
            left_behind.extend(finished.left_behind);
            let verdict = finished.outcome.verdict;
            let reason = finished.outcome.reasons.first().cloned().unwrap_or_default();
            outcomes.push(finished.outcome);
            // Nothing true can be measured where something was left, or where the cluster was lost.
            if matches!(verdict, Verdict::CleanupIncomplete | Verdict::Interrupted | Verdict::ToolError) {
                if outcomes.len() < self.legs.len() {
                    ended = Some((verdict, reason));
                }
                break;
            }
        }
        self.manifest.ended.clone_from(&ended);
        self.manifest.write(&folder)?;
        Ok(Done { folder, manifest: self.manifest, outcomes, ended, left_behind })
    }
}

/// Beside the folders of its runs.
fn folder(reports: &Path, scenario: &str, series: &str) -> PathBuf {
    reports.join(scenario).join(series)
}

fn early(ending: &Ending) -> (Verdict, String) {
    match ending {
        Ending::Interrupted(signal) => (Verdict::Interrupted, format!("interrupted by {signal}")),
        Ending::Aborted(why) => (Verdict::Aborted, why.clone()),
        Ending::Failed(why) => (Verdict::ToolError, why.clone()),
        Ending::Completed => (Verdict::ToolError, "stopped".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_repeats_are_fixed_and_apart() {
        let seeds: Vec<u64> = (0..5).map(|repeat| repeat_seed(42, repeat)).collect();
        assert_eq!(seeds[0], 42);
        assert_eq!(seeds, (0..5).map(|repeat| repeat_seed(42, repeat)).collect::<Vec<_>>());
        let distinct: std::collections::BTreeSet<_> = seeds.iter().collect();
        assert_eq!(distinct.len(), 5);
        assert_ne!(repeat_seed(43, 1), seeds[1]);
    }
}
