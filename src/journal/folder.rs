//! Where a run keeps what it wrote: `<root>/<scenario>/<run-id>/`, and a `latest` link beside it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Error, thinned};

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run below `root` and points `latest` at it.
    ///
    /// # Errors
    /// When a folder, the link or the reserve cannot be made, or the run exists already.
    pub fn create(root: &Path, scenario: &str, run: &str) -> Result<Self, Error> {
        let runs = root.join(scenario);
        let path = runs.join(run);
        fs::create_dir_all(&runs).map_err(|source| Error::Write { path: runs.clone(), source })?;
        for folder in [path.clone(), path.join("samples"), path.join("ledger"), path.join("logs")] {
            fs::create_dir(&folder).map_err(|source| Error::Write { path: folder.clone(), source })?;
        }
        let folder = Self { path };
        folder.reserve()?;
        point_latest(&runs, run).map_err(|source| Error::Write { path: runs.join("latest"), source })?;
        Ok(folder)
    }

    /// An existing run's folder: the folder itself, its journal, a `latest` link, or a scenario's folder (its latest run).
    ///
    /// # Errors
    /// When there is no journal.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let folder = if path.is_file() { path.parent().unwrap_or(path).to_owned() } else { path.to_owned() };
        for candidate in [folder.clone(), folder.join("latest")] {
            if candidate.join("journal.ndjson").is_file() {
                let path = candidate.canonicalize().map_err(|source| Error::Read { path: candidate, source })?;
                return Ok(Self { path });
            }
        }
        Err(Error::NoJournal(path.to_owned()))
    }

    /// All runs below `root`, oldest first.
    pub fn all(root: &Path) -> Vec<Self> {
        let mut runs = Vec::new();
        let children = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
        for scenario in children(root) {
            for run in children(&scenario) {
                if !run.is_symlink() && run.join("journal.ndjson").is_file() {
                    runs.push(Self { path: run });
                }
            }
        }
        runs.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
        runs
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's id: the folder's name.
    pub fn run(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// `journal.ndjson`.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.ndjson")
    }

    /// `samples/`.
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// The segments of samples, oldest first.
    pub fn segments(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.samples()).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut segments: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|extension| extension == "zst")).collect();
        segments.sort();
        // A crash may have left a segment beside its reduced form, which is the one that counts.
        let reduced: Vec<PathBuf> = segments.iter().map(|segment| thinned::path_of(segment)).filter(|path| path.exists()).collect();
        segments.retain(|segment| !reduced.contains(&thinned::path_of(segment)));
        segments
    }

    /// Writes a file of the run (`report.json`, `ledger/kept.json`) whole: to a temporary name, synced, then renamed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), Error> {
        let path = self.path.join(name);
        let temporary = path.with_file_name(format!(".{}.new", name.rsplit('/').next().unwrap_or(name)));
        let write = || -> io::Result<()> {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(contents)?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|source| {
            let _ = fs::remove_file(&temporary);
            Error::Write { path, source }
        })
    }

    /// Keeps space for the undo on a full disk, where none is kept yet.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn reserve(&self) -> Result<(), Error> {
        let path = self.path.join("reserve");
        if path.metadata().is_ok_and(|metadata| metadata.len() == RESERVE as u64) {
            return Ok(());
        }
        let error = |source| Error::Write { path: path.clone(), source };
        let mut file = fs::File::create(&path).map_err(error)?;
        // Written, not sparse: blocks that exist are what a full disk cannot take away.
        file.write_all(&vec![1u8; RESERVE]).and_then(|()| file.sync_data()).map_err(error)
    }

    /// Gives the reserve back; true when there was one.
    pub(super) fn release_reserve(&self) -> bool {
        fs::remove_file(self.path.join("reserve")).is_ok()
    }
}

/// Enough for hundreds of undo lines.
const RESERVE: usize = 256 * 1024;

fn point_latest(runs: &Path, run: &str) -> io::Result<()> {
    let temporary = runs.join(format!(".latest-{run}"));
    std::os::unix::fs::symlink(run, &temporary)?;
    fs::rename(&temporary, runs.join("latest"))
}
