//! Faults of the folder that checkpoints are written to: a mount of its own on this machine.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use crate::action::{StorageDeed, Strength, Testimony};

/// The file that fills a disk; its name says whose it is.
const FILL: &str = ".squall-fill";
/// A write of this size tells whether the folder takes any.
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

/// Makes a folder refuse writes.
///
/// # Errors
/// When it is no mount of its own, or the system refuses.
pub fn perform(deed: &StorageDeed) -> Result<String, Error> {
    match deed {
        StorageDeed::ReadOnly { path } => {
            remount(Path::new(path), true)?;
            Ok(format!("{path} is read-only"))
        }
        StorageDeed::Fill { path } => {
            let folder = Path::new(path);
            must_be_a_mount(folder)?;
            let mut file = File::create(folder.join(FILL)).map_err(|source| io("fill", folder, source))?;
            let block = [0u8; 64 * 1024];
            let mut bytes = 0u64;
            loop {
                match file.write(&block) {
                    Ok(written) => bytes += written as u64,
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(source) => return Err(io("fill", folder, source)),
                }
            }
            Ok(format!("{path} is full, {bytes} bytes of it ours"))
        }
    }
}

/// Takes a deed back and looks whether the folder takes writes.
///
/// # Errors
/// When it still refuses them.
pub fn undo(deed: &StorageDeed) -> Result<String, Error> {
    let (StorageDeed::ReadOnly { path } | StorageDeed::Fill { path }) = deed;
    let folder = Path::new(path);
    match deed {
        StorageDeed::ReadOnly { .. } => remount(folder, false)?,
        StorageDeed::Fill { .. } => match fs::remove_file(folder.join(FILL)) {
            Err(source) if source.kind() != ErrorKind::NotFound => return Err(io("empty", folder, source)),
            _ => {}
        },
    }
    write_probe(folder).map_err(|source| io("write to", folder, source))?;
    Ok(format!("{path} takes writes"))
}

/// Tries a write.
pub fn witness(path: &str) -> Testimony {
    let (acted, what) = match write_probe(Path::new(path)) {
        Ok(()) => (false, format!("a write to {path} went through")),
        Err(error) => (true, format!("a write to {path} was refused: {error}")),
    };
    Testimony { acted, carried_work: acted, strength: Strength::Strong, what }
}

/// Larger than a page, so that a full disk cannot take it from slack.
fn write_probe(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(PROBE);
    let result = fs::write(&path, vec![0u8; 128 * 1024]);
    match (result, fs::remove_file(&path)) {
        (Err(error), _) => Err(error),
        (Ok(()), removed) => removed,
    }
}

fn remount(folder: &Path, read_only: bool) -> Result<(), Error> {
    must_be_a_mount(folder)?;
    let mut flags = MsFlags::MS_REMOUNT;
    if read_only {
        flags |= MsFlags::MS_RDONLY;
    }
    let what = if read_only { "make read-only" } else { "make writable" };
    mount(None::<&str>, folder, None::<&str>, flags, None::<&str>).map_err(|errno| io(what, folder, errno.into()))
}

/// The folder has another device than its parent.
fn must_be_a_mount(folder: &Path) -> Result<(), Error> {
    if is_mount(folder) { Ok(()) } else { Err(Error::NotAMount(folder.to_owned())) }
}

/// Whether a folder is a mount of its own.
pub fn is_mount(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    folder.parent().is_some_and(|parent| device(folder).is_some() && device(folder) != device(parent))
}

fn io(what: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { what, path: path.to_owned(), source }
}
