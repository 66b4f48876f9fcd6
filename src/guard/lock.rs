//! Locks that the kernel frees when their holder dies.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::clock;
use crate::journal::RunFolder;

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(50);

/// One run, or one undo, per cluster at a time. Held for as long as it lives.
#[derive(Debug)]
pub struct ClusterLock {
    _file: Flock<File>,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("{holder} is on this cluster")]
    Held {
        /// What the holder wrote: `run …` and its pid.
        holder: String,
    },
    /// The file cannot be used.
    #[error("cannot lock {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ClusterLock {
    /// Takes the lock in `folder` for `holder`: `run 20261121-085406-k3f9`.
    ///
    /// # Errors
    /// When somebody else holds it, or the file cannot be used.
    pub fn take(folder: &Path, holder: &str) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let error = |source| LockError::File { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(error)?;
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(error)?;
        let mut other = String::new();
        file.read_to_string(&mut other).map_err(error)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                file.set_len(0).and_then(|()| file.rewind()).map_err(error)?;
                write!(file, "{holder} (pid {})", std::process::id()).map_err(error)?;
                Ok(Self { _file: file })
            }
            Err((_, Errno::EWOULDBLOCK)) => {
                Err(LockError::Held { holder: if other.is_empty() { "another squall".to_owned() } else { other } })
            }
            Err((_, errno)) => Err(error(errno.into())),
        }
    }

    /// [`ClusterLock::take`], tried again while somebody else holds it, for at most `patience`.
    ///
    /// # Errors
    /// As there.
    pub async fn take_within(folder: &Path, holder: &str, patience: Duration) -> Result<Self, LockError> {
        let end = clock::now().plus(patience);
        loop {
            match Self::take(folder, holder) {
                Err(LockError::Held { .. }) if !end.remaining().is_zero() => tokio::time::sleep(AGAIN).await,
                taken => return taken,
            }
        }
    }
}

/// One undo of a run at a time: a lock on its journal.
#[derive(Debug)]
pub(super) struct UndoLock {
    _file: Flock<File>,
}

impl UndoLock {
    /// Takes it, or none when somebody else has it.
    pub fn take(folder: &RunFolder) -> io::Result<Option<Self>> {
        match Flock::lock(File::open(folder.journal())?, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Some(Self { _file: file })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(errno.into()),
        }
    }

    /// Takes it, waiting for somebody else for at most `patience`.
    pub async fn take_within(folder: &RunFolder, patience: Duration) -> io::Result<Option<Self>> {
        let end = clock::now().plus(patience);
        loop {
            match Self::take(folder)? {
                None if !end.remaining().is_zero() => tokio::time::sleep(AGAIN).await,
                taken => return Ok(taken),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_free_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let first = ClusterLock::take(folder.path(), "run a").unwrap();
        let error = ClusterLock::take(folder.path(), "run b").unwrap_err();
        assert!(error.to_string().starts_with("run a (pid"), "{error}");
        let error = ClusterLock::take_within(folder.path(), "run b", Duration::from_millis(60)).await.unwrap_err();
        assert!(matches!(error, LockError::Held { .. }));
        let waiting = ClusterLock::take_within(folder.path(), "run b", Duration::from_secs(60));
        let (second, ()) = tokio::join!(waiting, async { drop(first) });
        second.unwrap();
    }
}
