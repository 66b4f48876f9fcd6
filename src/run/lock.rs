//! One run per cluster at a time: a lock file that the kernel frees when its holder dies.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// Held for as long as it lives.
#[derive(Debug)]
pub struct ClusterLock {
    _file: Flock<File>,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("{holder} is running on this cluster")]
    Held {
        /// What the holder wrote: its run and pid.
        holder: String,
    },
    /// The file cannot be used.
    #[error("cannot lock {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl ClusterLock {
    /// Takes the lock `lock` in `folder` for a run.
    ///
    /// # Errors
    /// When another run holds it, or the file cannot be used.
    pub fn take(folder: &Path, run: &str) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let error = |source| LockError::File { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(error)?;
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(error)?;
        let mut holder = String::new();
        file.read_to_string(&mut holder).map_err(error)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                file.set_len(0).and_then(|()| file.rewind()).map_err(error)?;
                write!(file, "run {run} (pid {})", std::process::id()).map_err(error)?;
                Ok(Self { _file: file })
            }
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                Err(LockError::Held { holder: if holder.is_empty() { "another run".to_owned() } else { holder } })
            }
            Err((_, errno)) => Err(error(errno.into())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_free_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let first = ClusterLock::take(folder.path(), "a").unwrap();
        let error = ClusterLock::take(folder.path(), "b").unwrap_err();
        assert!(error.to_string().starts_with("run a (pid"), "{error}");
        drop(first);
        ClusterLock::take(folder.path(), "b").unwrap();
    }
}
