//! `series.json`: what a series was to be and which runs it has, written before each run, so that a series that was killed can still be
//! reported.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::analysis::Verdict;
use crate::scenario::Expectation;

/// Version of the format.
const SCHEMA: u32 = 1;
const NAME: &str = "series.json";

/// A series as it is kept. Its folder lies beside those of its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of the format.
    pub schema: u32,
    /// Id: the name of its folder.
    pub series: String,
    /// How many runs were asked for, of each arm.
    pub repeats: u32,
    /// Seed of the first run.
    pub seed: u64,
    /// Expectations `over` repeats.
    pub over: Vec<Expectation>,
    /// Settings that are compared, in the order of the command line; empty where the same was repeated.
    #[serde(default)]
    pub arms: Vec<String>,
    /// The runs, in the order in which they were made.
    pub runs: Vec<ManifestRun>,
    /// The command that repeats it.
    #[serde(default)]
    pub command: String,
    /// Why it ended before its last run, where it did.
    pub ended: Option<(Verdict, String)>,
}

/// A run of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestRun {
    /// Run id: the name of its folder.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Which of the arms.
    #[serde(default)]
    pub arm: usize,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file.
    #[error("cannot use {}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is in it.
    #[error("{} is no series of this squall", path.display())]
    Content {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Manifest {
    /// Of a series that begins.
    pub fn new(series: &str, repeats: u32, seed: u64) -> Self {
        Self {
            schema: SCHEMA,
            series: series.to_owned(),
            repeats,
            seed,
            over: Vec::new(),
            arms: Vec::new(),
            runs: Vec::new(),
            command: String::new(),
            ended: None,
        }
    }

    /// Writes it into the series' folder, whole or not at all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, folder: &Path) -> Result<(), ManifestError> {
        let path = folder.join(NAME);
        let new = folder.join(".series.json.new");
        let text = serde_json::to_string_pretty(self).map_err(|source| ManifestError::Content { path: path.clone(), source })?;
        let written =
            std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&new, text + "\n")).and_then(|()| std::fs::rename(&new, &path));
        written.map_err(|source| ManifestError::File { path, source })
    }

    /// The manifest in a folder; none where the folder is not that of a series.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
            Err(source) => return Err(ManifestError::File { path, source }),
        };
        serde_json::from_str(&text).map(Some).map_err(|source| ManifestError::Content { path, source })
    }
}
