//! A small disk of its own for checkpoints, which faults may fill or make read-only.

use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::error::{Doing, Error};
use crate::units::Bytes;

/// Mounts a disk in memory of this size on a folder that is there.
pub(super) fn mount_on(folder: &Path, size: Bytes) -> Result<(), Error> {
    let options = format!("size={},mode=755", size.0);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("squall"), folder, Some("tmpfs"), flags, Some(options.as_str()))
        .map_err(std::io::Error::from)
        .doing(|| format!("cannot mount a disk of {size} on `{}`, which takes root (`checkpoint-disk` asks for it)", folder.display()))
}

/// Unmounts what is mounted there, also when a process still looks at it; a folder that is no mount is left alone.
pub(super) fn unmount(folder: &Path) -> Result<(), Error> {
    match umount2(folder, MntFlags::MNT_DETACH) {
        // No mount, no folder, or no right to have mounted anything.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT | Errno::EPERM) => Ok(()),
        Err(errno) => Err(std::io::Error::from(errno)).doing(|| format!("cannot unmount `{}`", folder.display())),
    }
}
