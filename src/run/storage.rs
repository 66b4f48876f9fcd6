//! Faults of the folder that checkpoints are written to: a mount of its own on this machine.

use std::path::Path;

use crate::action::{StorageDeed, Strength, Testimony};
use crate::guard::storage::{Error, fill, make_read_only, write_probe};

/// Makes a folder refuse writes.
///
/// # Errors
/// When it is no mount of its own, or the system refuses.
pub fn perform(deed: &StorageDeed) -> Result<String, Error> {
    match deed {
        StorageDeed::ReadOnly { path } => {
            make_read_only(path.as_ref())?;
            Ok(format!("{path} is read-only"))
        }
        StorageDeed::Fill { path } => {
            let bytes = fill(path.as_ref())?;
            Ok(format!("{path} is full, {bytes} bytes of it ours"))
        }
    }
}

/// Tries a write.
pub fn witness(path: &str) -> Testimony {
    let (acted, what) = match write_probe(Path::new(path)) {
        Ok(()) => (false, format!("a write to {path} went through")),
        Err(error) => (true, format!("a write to {path} was refused: {error}")),
    };
    Testimony { acted, carried_work: acted, strength: Strength::Strong, what }
}
