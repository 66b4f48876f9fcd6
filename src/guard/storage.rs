//! The folder that checkpoints are written to, a mount of its own on this machine: made refuse writes, and put back.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

/// The file that fills a disk; its name says whose it is.
const FILL: &str = ".squall-fill";
/// A write of this file tells whether the folder takes any.
const PROBE: &str = ".squall-probe";

/// Why a folder was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is part of a larger file system, which squall does not touch.
    #[error("{0} is no mount of its own")]
    NotAMount(PathBuf),
    /// The system refused.
    #[error("cannot {what} {path}")]
    Io {
        /// The deed.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Remounts a folder read-only.
///
/// # Errors
/// When it is no mount of its own, or the system refuses.
pub fn make_read_only(folder: &Path) -> Result<(), Error> {
    remount(folder, true)
}

/// Takes every free byte of a folder's disk; returns how many that were.
///
/// # Errors
/// When it is no mount of its own, or the system refuses.
pub fn fill(folder: &Path) -> Result<u64, Error> {
    must_be_a_mount(folder)?;
    let mut file = File::create(folder.join(FILL)).map_err(|source| io("fill", folder, source))?;
    let block = [0u8; 64 * 1024];
    let mut bytes = 0u64;
    loop {
        match file.write(&block) {
            Ok(written) => bytes += written as u64,
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(bytes),
            Err(source) => return Err(io("fill", folder, source)),
        }
    }
}

/// Remounts a folder read-write, and looks whether it takes writes; returns what was seen.
///
/// # Errors
/// When it still refuses them.
pub fn make_writable(folder: &Path) -> Result<String, Error> {
    remount(folder, false)?;
    takes_writes(folder)
}

/// Removes what [`fill`] wrote, and looks whether the folder takes writes; returns what was seen.
///
/// # Errors
/// When it still refuses them.
pub fn remove_fill(folder: &Path) -> Result<String, Error> {
    match fs::remove_file(folder.join(FILL)) {
        Err(source) if source.kind() != ErrorKind::NotFound => return Err(io("empty", folder, source)),
        _ => {}
    }
    takes_writes(folder)
}

fn takes_writes(folder: &Path) -> Result<String, Error> {
    write_probe(folder).map_err(|source| io("write to", folder, source))?;
    Ok(format!("{} takes writes", folder.display()))
}

/// Tries a write, larger than a page, so that a full disk cannot take it from slack.
///
/// # Errors
/// When the folder refuses it.
pub fn write_probe(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(PROBE);
    let written = fs::write(&path, vec![0u8; 128 * 1024]);
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Whether a folder is a mount of its own: it has another device than its parent.
pub fn is_mount(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    folder.parent().is_some_and(|parent| device(folder).is_some() && device(folder) != device(parent))
}

fn remount(folder: &Path, read_only: bool) -> Result<(), Error> {
    must_be_a_mount(folder)?;
    let mut flags = MsFlags::MS_REMOUNT;
    flags.set(MsFlags::MS_RDONLY, read_only);
    let what = if read_only { "make read-only" } else { "make writable" };
    mount(None::<&str>, folder, None::<&str>, flags, None::<&str>).map_err(|errno| io(what, folder, errno.into()))
}

fn must_be_a_mount(folder: &Path) -> Result<(), Error> {
    if is_mount(folder) { Ok(()) } else { Err(Error::NotAMount(folder.to_owned())) }
}

fn io(what: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_part_of_a_larger_disk_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_mount(folder.path()));
        for error in
            [fill(folder.path()).unwrap_err(), make_read_only(folder.path()).unwrap_err(), make_writable(folder.path()).unwrap_err()]
        {
            assert!(matches!(error, Error::NotAMount(_)), "{error}");
        }
        fs::write(folder.path().join(FILL), "x").unwrap();
        remove_fill(folder.path()).unwrap();
        remove_fill(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
