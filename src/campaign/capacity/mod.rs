//! `squall capacity`: how much load a job carries, and how much of it still recovers in time.
//!
//! ```text
//! mod.rs: one run a leg (parallelism, keys) ─► pilot.rs steers it ─► search.rs says what to try next
//! ```
//!
//! Everything that was tried is kept after each probe in `capacity.json`, and the search is a pure function of it: so it can be taken up
//! again.

mod pilot;
mod search;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use pilot::Search;
pub use search::{Goal, Next, next};

use super::series::Listener;
use crate::analysis::capacity::{Capacity, CapacityAsked, KeyChoice, Leg};
use crate::analysis::{HoldLimits, Verdict};
use crate::clock::{self, Timestamp};
use crate::cluster::Places;
use crate::journal::Ending;
use crate::plan::{Plan, PlannedFault};
use crate::run::{self, Request, Stop, new_run_id};
use crate::scenario::Scenario;
use crate::traffic::{Distinct, Keys, Shape};
use crate::units::{Count, Rate};

/// Version of the format of `capacity.json`.
const SCHEMA: u32 = 1;
/// File of what was found, in the search's folder.
pub(super) const NAME: &str = "capacity.json";
/// A leg that has less than this left is not begun.
const LEAST: Duration = Duration::from_secs(90);
/// Keys of Flink's configuration that advice looks at.
const TELLING: &[&str] =
    &["heartbeat.", "restart-strategy.", "taskmanager.memory.network.", "taskmanager.numberOfTaskSlots", "jobmanager.scheduler"];

/// A setting that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegSpec {
    /// Parallelism of the job; none: as the job sets it.
    pub parallelism: Option<u32>,
    /// Keys.
    pub keys: KeyChoice,
}

/// What to measure.
pub struct Order<'a> {
    /// What was asked.
    pub asked: CapacityAsked,
    /// The settings, in this order.
    pub legs: Vec<LegSpec>,
    /// The search.
    pub goal: Goal,
    /// The fault of the objective.
    pub fault: Option<PlannedFault>,
    /// What all runs share; its plan is replaced.
    pub request: Request,
    /// A plan for a setting, whose traffic begins at this rate and lasts for so long.
    pub plan: &'a dyn Fn(LegSpec, f64, Duration) -> Result<Plan, String>,
    /// How long all of it may take.
    pub budget: Duration,
    /// What was found before, to go on from.
    pub before: Option<Capacity>,
    /// Where it is kept.
    pub folder: PathBuf,
}

impl std::fmt::Debug for Order<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order").field("legs", &self.legs).field("goal", &self.goal).field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// What a search left.
#[derive(Debug)]
pub struct Found {
    /// What was found.
    pub capacity: Capacity,
    /// The worst verdict of the runs.
    pub verdict: Verdict,
    /// What could not be removed.
    pub left_behind: Vec<String>,
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first run did not begin.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// It must not begin now.
    #[error("{0}")]
    Refused(String),
    /// What was found cannot be kept, or read.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no result of a search.
    #[error("{} is no capacity of this squall", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A setting that cannot be run.
    #[error("{0}")]
    Plan(String),
}

/// What a search has found, from its folder.
///
/// # Errors
/// When there is none, or it is something else.
pub fn read(folder: &Path) -> Result<Capacity, Error> {
    let path = if folder.is_file() { folder.to_owned() } else { folder.join(NAME) };
    let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| Error::Content { path, source })
}

fn write(capacity: &Capacity, folder: &Path) -> Result<(), Error> {
    let path = folder.join(NAME);
    let text = serde_json::to_string_pretty(capacity).map_err(|source| Error::Content { path: path.clone(), source })?;
    let new = folder.join(".capacity.json.new");
    let written =
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&new, text + "\n")).and_then(|()| std::fs::rename(&new, &path));
    written.map_err(|source| Error::File { path, source })
}

/// Puts a rate into every stream, each with its share, and the keys of a leg.
///
/// # Errors
/// A stream whose rate is not constant, or whose keys cannot be made even.
pub fn prepare(scenario: &mut Scenario, leg: LegSpec, per_second: f64, lasts: Duration) -> Result<(), String> {
    let offered = offered(scenario)?;
    for (name, stream) in &mut scenario.traffic {
        let level = stream.rate.level().ok_or_else(|| format!("the rate of `{name}` is not constant"))?;
        stream.rate = Shape::Constant(Rate(level.0 * per_second / offered));
        if leg.keys == KeyChoice::Even {
            stream.keys = even(&stream.keys).ok_or_else(|| format!("the keys of `{name}` cannot be made even"))?;
        }
    }
    scenario.duration = lasts.into();
    scenario.timeline.clear();
    scenario.expect.clear();
    Ok(())
}

/// Records per second that a scenario offers.
///
/// # Errors
/// A stream whose rate is not constant; a scenario that sends nothing.
pub fn offered(scenario: &Scenario) -> Result<f64, String> {
    let mut all = 0.0;
    for (name, stream) in &scenario.traffic {
        let level = stream.rate.level().ok_or_else(|| {
            format!("the rate of `{name}` is not constant: capacity changes the rate itself, so give it a `constant` one to begin with")
        })?;
        all += level.0;
    }
    if all > 0.0 { Ok(all) } else { Err("the scenario sends nothing".to_owned()) }
}

/// As many keys, all alike. None where that cannot be said.
fn even(keys: &Keys) -> Option<Keys> {
    let uniform = |distinct: Count| Some(Keys::Uniform(Distinct { distinct }));
    match keys {
        Keys::None => Some(Keys::None),
        Keys::RoundRobin(keys) | Keys::Uniform(keys) => uniform(keys.distinct),
        Keys::Zipf(zipf) => uniform(zipf.distinct),
        // One key, or a few, cannot be spread; a thousand can.
        Keys::Hot(hot) => uniform(Count(hot.distinct.0.max(1000))),
        Keys::Churn(_) | Keys::Partition(_) | Keys::File(_) => None,
    }
}

/// Whether keys are skewed, so that even ones are worth a leg of their own.
pub fn is_skewed(scenario: &Scenario) -> bool {
    let skewed = |keys: &Keys| match keys {
        Keys::Zipf(zipf) => zipf.exponent > 0.2,
        Keys::Hot(_) => true,
        _ => false,
    };
    scenario.traffic.values().any(|stream| skewed(&stream.keys)) && scenario.traffic.values().all(|stream| even(&stream.keys).is_some())
}

/// Share of the records that the hottest key has, over all streams. None where it cannot be said.
pub fn hottest_key(scenario: &Scenario) -> Option<f64> {
    let offered = offered(scenario).ok()?;
    let of = |keys: &Keys| match keys {
        Keys::RoundRobin(keys) | Keys::Uniform(keys) => Some(1.0 / keys.distinct.0.max(1) as f64),
        Keys::Zipf(zipf) => Some(1.0 / (1..=zipf.distinct.0).map(|rank| (rank as f64).powf(-zipf.exponent)).sum::<f64>()),
        Keys::Hot(hot) => {
            Some((hot.share.0 / hot.keys.0.max(1) as f64).max(if hot.keys == hot.distinct { 1.0 / hot.keys.0.max(1) as f64 } else { 0.0 }))
        }
        Keys::None | Keys::Churn(_) | Keys::Partition(_) | Keys::File(_) => None,
    };
    scenario
        .traffic
        .values()
        .map(|stream| Some(of(&stream.keys)? * stream.rate.level()?.0 / offered))
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max_by(f64::total_cmp)
}

impl Order<'_> {
    /// Measures, setting by setting.
    ///
    /// # Errors
    /// When the first run does not begin, or nothing can be kept.
    pub async fn search(self, places: &Places, stop: &Stop, listener: &dyn Listener) -> Result<Found, Error> {
        let began = clock::now();
        let deadline = began.plus(self.budget);
        let (took_before, legs_before, config) = match self.before {
            Some(before) => (before.took, before.legs, before.config),
            None => (0.0, Vec::new(), std::collections::BTreeMap::new()),
        };
        let id = self.folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut capacity =
            Capacity { schema: SCHEMA, id, asked: self.asked.clone(), legs: Vec::new(), took: took_before, config, ended: None };
        for spec in &self.legs {
            let known = legs_before.iter().find(|leg| leg.parallelism == spec.parallelism && leg.keys == spec.keys);
            let leg = known.cloned().unwrap_or_else(|| Leg::new(spec.parallelism, spec.keys));
            capacity.legs.push(leg);
        }
        let shared = Arc::new(Mutex::new(capacity));
        let lock = |shared: &Arc<Mutex<Capacity>>| shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        write(&lock(&shared), &self.folder)?;
        let mut verdict = Verdict::Met;
        let mut left_behind = Vec::new();
        let mut ended = None;
        for (index, spec) in self.legs.iter().enumerate() {
            if let Some(ending) = stop.reason() {
                ended = Some(why(&ending));
                break;
            }
            // One leg is asked about recovery: the headline's. A fault takes a minute and a half, and the others are there for their λ*.
            let goal = Goal { objective: self.goal.objective.filter(|_| index == 0), ..self.goal };
            let leg = lock(&shared).legs[index].clone();
            if leg.done && matches!(next(&leg, &goal), Next::Done(_)) {
                continue;
            }
            let left = deadline.remaining();
            if left < LEAST {
                ended = Some("the budget was used up; the same command with --resume goes on".to_owned());
                break;
            }
            let start = first_rate(&leg, &goal);
            let whole = super::series::Leg {
                plan: (self.plan)(*spec, start, left).map_err(Error::Plan)?,
                arm: index,
                label: format!("{} of {}: {}", index + 1, self.legs.len(), leg.label()),
            };
            match listener.may_begin(&whole) {
                Err(why) if index == 0 => return Err(Error::Refused(why)),
                Err(why) => {
                    ended = Some(format!("{} was not begun: {why}", whole.label));
                    break;
                }
                Ok(()) => {}
            }
            let run = new_run_id(clock::now());
            let keep = {
                let (shared, folder, began) = (shared.clone(), self.folder.clone(), began);
                move |leg: &Leg| {
                    let mut capacity = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(slot) = capacity.legs.get_mut(index) {
                        slot.clone_from(leg);
                    }
                    capacity.took = took_before + since(began);
                    if let Err(error) = write(&capacity, &folder) {
                        tracing::error!("{error}: what was found cannot be taken up again");
                    }
                }
            };
            let mut leg = leg;
            leg.runs.push(run.clone());
            let search = Arc::new(Search {
                goal,
                limits: HoldLimits { interval: self.asked.interval, latency: self.asked.latency },
                fault: self.fault.clone(),
                deadline,
                leg: Mutex::new(leg.clone()),
                keep: Box::new(keep),
                file: self.folder.join(NAME),
            });
            (search.keep)(&leg);
            let watcher = listener.begins(&whole);
            let request = Request { plan: whole.plan.clone(), run, pilot: Some(search.clone()), ..self.request.clone() };
            let finished = run::run(request, places, stop, watcher).await;
            let finished = match finished {
                Ok(finished) => finished,
                Err(error) if index == 0 => return Err(error.into()),
                Err(error) => {
                    ended = Some(format!("{} did not begin: {error}", whole.label));
                    verdict = verdict.min(Verdict::ToolError);
                    break;
                }
            };
            listener.ended(&whole, &finished);
            left_behind.extend(finished.left_behind);
            let outcome = finished.outcome;
            if let Some(config) = outcome.facts.get("flink-config") {
                let mut capacity = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let telling = config.iter().filter(|(key, _)| TELLING.iter().any(|prefix| key.starts_with(prefix)));
                capacity.config = telling.map(|(key, value)| (key.clone(), value.clone())).collect();
            }
            // What the run itself expects of delivery is no question here; that it broke off is.
            if !matches!(outcome.verdict, Verdict::Met | Verdict::Failed | Verdict::Inconclusive) {
                verdict = verdict.min(outcome.verdict);
                ended = outcome.reasons.first().cloned();
                break;
            }
        }
        let capacity = {
            let mut capacity = shared.lock().unwrap_or_else(PoisonError::into_inner);
            capacity.took = took_before + since(began);
            capacity.ended = ended;
            capacity.clone()
        };
        write(&capacity, &self.folder)?;
        Ok(Found { capacity, verdict, left_behind })
    }
}

/// A leg that is taken up again begins where it was; a new one at the goal's.
fn first_rate(leg: &Leg, goal: &Goal) -> f64 {
    match next(leg, goal) {
        Next::Try(_, rate, _) => rate,
        Next::Done(_) => goal.start,
    }
}

fn since(began: Timestamp) -> f64 {
    (clock::now().0 - began.0) as f64 / 1e9
}

fn why(ending: &Ending) -> String {
    match ending {
        Ending::Completed => "stopped".to_owned(),
        Ending::Interrupted(signal) => format!("interrupted by {signal}"),
        Ending::Aborted(why) | Ending::Failed(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn scenario(keys: &str) -> Scenario {
        let text = format!(
            "name: x\njob: {{ sql: {{ file: a.sql, parallelism: 2 }} }}\nsource: {{ topics: {{ a: {{ partitions: 4 }}, b: {{ partitions: 4 }} }} }}\n\
             sink: {{ topics: {{ c: {{ partitions: 4 }} }} }}\n\
             traffic: {{ a: {{ rate: {{ constant: 3k/s }}, keys: {keys} }}, b: {{ rate: {{ constant: 1k/s }}, keys: {keys} }} }}\nduration: 1m\n"
        );
        let source = crate::diagnostic::Source::new("x.yaml", text);
        crate::scenario::yaml::load::<Scenario>(&source).0.unwrap().value
    }

    #[test]
    fn a_leg_keeps_the_streams_shares() {
        let mut scenario = scenario("{ zipf: { distinct: 100, exponent: 1.0 } }");
        assert_eq!(offered(&scenario), Ok(4000.0));
        assert!(is_skewed(&scenario));
        let leg = LegSpec { parallelism: Some(2), keys: KeyChoice::Even };
        prepare(&mut scenario, leg, 1000.0, Duration::from_secs(60)).unwrap();
        assert_eq!(scenario.traffic["a"].rate, Shape::Constant(Rate(750.0)));
        assert_eq!(scenario.traffic["b"].rate, Shape::Constant(Rate(250.0)));
        assert_eq!(scenario.traffic["a"].keys, Keys::Uniform(Distinct { distinct: Count(100) }));
        assert!(!is_skewed(&scenario));
    }

    #[test]
    fn the_hottest_key_is_known_where_the_scenario_says() {
        let of = |keys: &str| hottest_key(&scenario(keys));
        let hot = of("{ hot: { share: 80%, keys: 1, distinct: 100 } }").unwrap();
        assert!((hot - 0.8 * 0.75).abs() < 1e-9);
        let zipf = of("{ zipf: { distinct: 2, exponent: 1.0 } }").unwrap();
        assert!((zipf - 2.0 / 3.0 * 0.75).abs() < 1e-9);
        assert_eq!(of("none"), None);
    }
}
