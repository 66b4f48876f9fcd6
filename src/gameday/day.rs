//! What happened on a game day: data, kept after each step, so that a day that was broken off is taken up at its step.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::alert::AlertOutcome;
use super::check::Step;
use super::spec::GameDay;
use crate::analysis::{Outcome, Status, Verdict};
use crate::clock::Timestamp;

/// Version of the format that this squall writes, and the newest that it reads.
const SCHEMA: u32 = 1;
/// Name of the file in the day's folder.
const FILE: &str = "day.json";

/// A game day and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// Version of this format.
    pub schema: u32,
    /// Its id; the name of its folder.
    pub id: String,
    /// Name of the game day.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The cluster: `laptop: 1 broker, 2 TaskManagers`.
    pub cluster: String,
    /// Version of squall.
    pub squall: String,
    /// When it began.
    pub started: Timestamp,
    /// When it was over; none: it goes on, or was broken off.
    pub ended: Option<Timestamp>,
    /// Why it ended before its last step.
    pub stopped: Option<String>,
    /// The steps.
    pub steps: Vec<StepRecord>,
    /// Announcements that reached nobody.
    pub not_told: Vec<String>,
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun.
    Running,
    /// Over, with a verdict.
    Done,
    /// Left out: the day ended before it.
    Skipped,
}

/// A step and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Name.
    pub name: String,
    /// Path of the scenario.
    pub scenario: PathBuf,
    /// What was expected, in words.
    pub hypothesis: String,
    /// Who answers for it.
    pub owner: String,
    /// Runbook.
    pub runbook: String,
    /// Where it is.
    pub state: StepState,
    /// Begun and over.
    pub times: Option<(Timestamp, Timestamp)>,
    /// How long was waited until all was steady, in seconds.
    pub waited: Option<f64>,
    /// Folder of its run.
    pub run: Option<PathBuf>,
    /// Verdict of run and alerts together.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reasons: Vec<String>,
    /// What happened, in plain words.
    pub sentence: String,
    /// Status, text and what was observed of the scenario's expectations.
    pub expectations: Vec<(Status, String, String)>,
    /// Its alerts.
    pub alerts: Vec<AlertOutcome>,
    /// What nobody had expected.
    pub surprises: Vec<String>,
}

/// Why a day cannot be kept or taken up.
#[derive(Debug, thiserror::Error)]
pub enum DayError {
    /// Its file.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("{} is no day that this squall can read: {reason}", path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file has other steps now.
    #[error("the day {id} had other steps than {file} has now: {why}")]
    Changed {
        /// The day.
        id: String,
        /// The game day's file.
        file: String,
        /// What is different.
        why: String,
    },
    /// There is none that was broken off.
    #[error("no game day below {} was broken off", .0.display())]
    NothingToResume(PathBuf),
}

impl Day {
    /// A day that begins.
    pub fn new(id: String, day: &GameDay, steps: &[Step], cluster: String, started: Timestamp) -> Self {
        let steps = steps
            .iter()
            .map(|step| {
                let spec = &day.steps[step.index];
                StepRecord {
                    name: spec.name.to_string(),
                    scenario: step.path.clone(),
                    hypothesis: spec.hypothesis.clone(),
                    owner: spec.owner.clone(),
                    runbook: spec.runbook.clone(),
                    state: StepState::Pending,
                    times: None,
                    waited: None,
                    run: None,
                    verdict: None,
                    reasons: Vec::new(),
                    sentence: String::new(),
                    expectations: Vec::new(),
                    alerts: Vec::new(),
                    surprises: Vec::new(),
                }
            })
            .collect();
        Self {
            schema: SCHEMA,
            id,
            name: day.name.to_string(),
            about: day.about.clone(),
            cluster,
            squall: env!("CARGO_PKG_VERSION").to_owned(),
            started,
            ended: None,
            stopped: None,
            steps,
            not_told: Vec::new(),
        }
    }

    /// Keeps it in its folder, whole or not at all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&self, folder: &Path) -> Result<(), DayError> {
        let path = folder.join(FILE);
        let written = (|| {
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        })();
        written.map_err(|source| DayError::File { path, source })
    }

    /// Reads the day of a folder.
    ///
    /// # Errors
    /// When there is none, or it is of a newer squall.
    pub fn open(folder: &Path) -> Result<Self, DayError> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| DayError::File { path: path.clone(), source })?;
        let day: Self =
            serde_json::from_str(&text).map_err(|error| DayError::Unreadable { path: path.clone(), reason: error.to_string() })?;
        if day.schema > SCHEMA {
            return Err(DayError::Unreadable { path, reason: format!("it has format {}, written by squall {}", day.schema, day.squall) });
        }
        Ok(day)
    }

    /// The newest day below a folder that was broken off.
    ///
    /// # Errors
    /// When there is none.
    pub fn broken_off(below: &Path) -> Result<PathBuf, DayError> {
        let mut folders: Vec<PathBuf> = std::fs::read_dir(below)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.join(FILE).is_file())
            .collect();
        folders.sort();
        let open = |folder: &PathBuf| Self::open(folder).is_ok_and(|day| day.ended.is_none());
        folders.into_iter().rev().find(open).ok_or_else(|| DayError::NothingToResume(below.to_owned()))
    }

    /// Whether the steps are still those of the file; what is over stays over.
    ///
    /// # Errors
    /// When they are not.
    pub fn fits(&self, file: &Path, steps: &[Step], day: &GameDay) -> Result<(), DayError> {
        let now: Vec<&str> = steps.iter().map(|step| day.steps[step.index].name.as_str()).collect();
        let then: Vec<&str> = self.steps.iter().map(|step| step.name.as_str()).collect();
        if now == then {
            return Ok(());
        }
        Err(DayError::Changed {
            id: self.id.clone(),
            file: file.display().to_string(),
            why: format!("{} then, {} now", then.join(", "), now.join(", ")),
        })
    }

    /// The worst of its steps; a step that was left out makes it inconclusive at best.
    pub fn verdict(&self) -> Verdict {
        let of = |step: &StepRecord| step.verdict.unwrap_or(Verdict::Inconclusive);
        let worst = self.steps.iter().map(of).min().unwrap_or(Verdict::Inconclusive);
        if self.stopped.is_some() { worst.min(Verdict::Inconclusive) } else { worst }
    }
}

impl StepRecord {
    /// Takes in how its run went, and its alerts.
    pub fn judge(&mut self, outcome: &Outcome, alerts: Vec<AlertOutcome>) {
        self.expectations = outcome
            .expectations
            .iter()
            .map(|line| {
                let observed = match (&line.reason, line.observed.is_empty()) {
                    (Some(reason), true) => format!("no data: {reason}"),
                    _ => line.observed.clone(),
                };
                (line.status, line.text.clone(), observed)
            })
            .collect();
        self.sentence.clone_from(&outcome.sentence);
        self.reasons.clone_from(&outcome.reasons);
        let mut verdict = outcome.verdict;
        for alert in &alerts {
            let least = match alert.status {
                Status::Met => continue,
                Status::Failed => Verdict::Failed,
                Status::NoData => Verdict::Inconclusive,
            };
            verdict = verdict.min(least);
            self.reasons.push(format!("{}: {}", alert.text, alert.observed));
        }
        self.verdict = Some(verdict);
        self.surprises = surprises(outcome, &alerts);
        self.alerts = alerts;
        self.state = StepState::Done;
    }
}

/// What nobody had expected: restarts without a fault, silent alerts, problems that were found.
fn surprises(outcome: &Outcome, alerts: &[AlertOutcome]) -> Vec<String> {
    let mut surprises: Vec<String> = Vec::new();
    for restart in outcome.restarts.iter().filter(|restart| restart.explained_by.is_none()) {
        surprises.push(format!(
            "the job restarted at {} and no fault explains it: {}",
            crate::units::display::clock(restart.at),
            restart.cause
        ));
    }
    surprises
        .extend(alerts.iter().filter(|alert| alert.status == Status::Failed).map(|alert| format!("{}: {}", alert.text, alert.observed)));
    surprises.extend(outcome.faults.iter().filter(|fault| !fault.acted).map(|fault| format!("{} did not act", fault.fault.name)));
    let problems = outcome.findings.iter().filter(|finding| finding.severity == "problem");
    surprises.extend(problems.map(|finding| format!("{}: {}", finding.title, finding.evidence)));
    if let Err(why) = &outcome.generator {
        surprises.push(format!("the generator did not keep its schedule: {why}"));
    }
    surprises
}
