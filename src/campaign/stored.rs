//! Runs and series that lie in folders: read again, from their journals alone.

use std::path::{Path, PathBuf};

use super::capacity;
use super::manifest::{Manifest, ManifestError};
use crate::analysis::{Analysis, Outcome, Side, Verdict, figures};
use crate::journal::{self, RunFolder};
use crate::metric::Metric;
use crate::plan::Plan;
use crate::run::verify::Written;
use crate::run::{Replayed, replayed};

/// Why something stored cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no run there.
    #[error(transparent)]
    NoRun(journal::Error),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The plan beside it.
    #[error("cannot use {}", path.display())]
    Plan {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is in it.
    #[error("{} is no plan of this squall", path.display())]
    NoPlan {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The series.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What a search found.
    #[error(transparent)]
    Capacity(#[from] Box<capacity::Error>),
    /// A file that is no kept side.
    #[error("{} is no side of a comparison; `squall compare --keep FILE RUN` writes one", path.display())]
    NoSide {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A series that compares settings already.
    #[error("{} compares settings already: `squall report` shows how they stand", .0.display())]
    SeveralArms(PathBuf),
}

/// A run as it lies in its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// Its folder.
    pub folder: RunFolder,
    /// Its plan.
    pub plan: Plan,
    /// What its journal says.
    pub outcome: Outcome,
    /// Where the journal breaks off.
    pub torn: Vec<String>,
}

/// A series as it lies in its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSeries {
    /// Its folder.
    pub folder: PathBuf,
    /// What it was to be.
    pub manifest: Manifest,
    /// Its runs that can be read, in order.
    pub runs: Vec<StoredRun>,
    /// Those that cannot, and why.
    pub missing: Vec<String>,
}

/// A run's journal, read to its end.
#[derive(Debug)]
pub struct Journal {
    /// The run's folder.
    pub folder: RunFolder,
    /// Its plan.
    pub plan: Plan,
    /// The fold over its events.
    pub analysis: Analysis,
    /// What it says of the run's records.
    pub written: Written,
    /// Where it breaks off.
    pub torn: Vec<String>,
}

/// Reads the journal in a run's folder, the journal itself, or that in a scenario's folder (its latest run).
///
/// # Errors
/// When there is no journal or no plan.
pub fn journal(path: &Path) -> Result<Journal, Error> {
    let folder = RunFolder::open(path).map_err(Error::NoRun)?;
    let plan_path = folder.path().join("plan.json");
    let text = std::fs::read_to_string(&plan_path).map_err(|source| Error::Plan { path: plan_path.clone(), source })?;
    let plan: Plan = serde_json::from_str(&text).map_err(|source| Error::NoPlan { path: plan_path, source })?;
    let Replayed { analysis, written, torn } = replayed(&folder, &plan)?;
    Ok(Journal { folder, plan, analysis, written, torn })
}

/// Reads a run's folder, its journal, or a scenario's folder (its latest run).
///
/// # Errors
/// When there is no journal or no plan.
pub fn run(path: &Path) -> Result<StoredRun, Error> {
    let Journal { folder, plan, analysis, torn, .. } = journal(path)?;
    Ok(StoredRun { folder, plan, outcome: analysis.outcome(), torn })
}

/// Reads a series' folder; none where it is not one.
///
/// # Errors
/// When its manifest cannot be read.
pub fn series(path: &Path) -> Result<Option<StoredSeries>, Error> {
    let Some(manifest) = Manifest::read(path)? else { return Ok(None) };
    let beside = path.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default();
    let mut runs = Vec::new();
    let mut missing = Vec::new();
    for listed in &manifest.runs {
        match run(&beside.join(&listed.run)) {
            Ok(stored) => runs.push(stored),
            Err(error) => missing.push(format!("run {}: {error}", listed.run)),
        }
    }
    Ok(Some(StoredSeries { folder: path.to_owned(), manifest, runs, missing }))
}

/// A side of a comparison, and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The side.
    pub side: Side,
    /// The run with the median recovery, for the pictures; none where only figures were kept.
    pub typical: Option<Outcome>,
    /// What must not be missed: runs that broke off.
    pub alarm: Option<String>,
    /// Runs that could not be read.
    pub missing: Vec<String>,
}

/// Reads a run, a series, what a search for capacity found, or a side that was kept as a file.
///
/// # Errors
/// When it is none of these.
pub fn side(path: &Path, name: &str) -> Result<Compared, Error> {
    if path.is_file() && path.extension().is_some_and(|extension| extension == "json") {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Plan { path: path.to_owned(), source })?;
        let side: Side = serde_json::from_str(&text).map_err(|source| Error::NoSide { path: path.to_owned(), source })?;
        return Ok(Compared { side: Side { name: name.to_owned(), ..side }, typical: None, alarm: None, missing: Vec::new() });
    }
    if path.join(capacity::NAME).is_file() {
        let side = capacity::read(path).map_err(Box::new)?.side(name);
        return Ok(Compared { side, typical: None, alarm: None, missing: Vec::new() });
    }
    match series(path)? {
        Some(found) if found.manifest.arms.len() > 1 => Err(Error::SeveralArms(path.to_owned())),
        Some(found) => Ok(compared(name, found.runs, found.missing)),
        None => Ok(compared(name, vec![run(path)?], Vec::new())),
    }
}

/// Runs of one plan as a side.
pub fn compared(name: &str, mut runs: Vec<StoredRun>, missing: Vec<String>) -> Compared {
    let pairs: Vec<(&Plan, &Outcome)> = runs.iter().map(|run| (&run.plan, &run.outcome)).collect();
    let side = Side::of(name, &pairs);
    let broken: Vec<&str> = runs
        .iter()
        .filter(|run| !matches!(run.outcome.verdict, Verdict::Met | Verdict::Failed | Verdict::Inconclusive))
        .map(|run| run.outcome.run.as_str())
        .collect();
    let alarm = (!broken.is_empty()).then(|| format!("{name}: {} did not come to its end", broken.join(", ")));
    let typical = typical(&runs.iter().map(|run| &run.outcome).collect::<Vec<_>>());
    let typical = typical.map(|index| runs.swap_remove(index).outcome);
    Compared { side, typical, alarm, missing }
}

/// The run with the median recovery time of its first fault.
pub fn typical(outcomes: &[&Outcome]) -> Option<usize> {
    let recovery = |outcome: &Outcome| {
        let first = figures(outcome).into_iter().find(|figure| figure.name == Metric::RecoveryTime.name());
        first.map_or(0.0, |figure| figure.observed.range().0)
    };
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by(|a, b| recovery(outcomes[*a]).total_cmp(&recovery(outcomes[*b])));
    order.get(outcomes.len() / 2).copied()
}
