//! Takes CPU time or memory from a process of this machine, through a control group of its own.
//!
//! The kernel holds the limit by itself, whatever becomes of squall.

mod cpu;
mod memory;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

pub(super) use cpu::{CpuLimit, cores};
pub(super) use memory::MemoryLimit;

/// The two ways in which kernels offer control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Version {
    /// A hierarchy for each controller.
    V1,
    /// One hierarchy.
    V2,
}

/// What a group can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    /// CPU time.
    Cpu,
    /// Memory.
    Memory,
}

impl Controller {
    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// Whether this user may limit it here.
    pub fn is_available(self) -> bool {
        self.root().is_some()
    }

    /// The root of its hierarchy, when groups can be made below it.
    fn root(self) -> Option<(Version, PathBuf)> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let controllers = |root: &Path| fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
        let (version, root) = mounts.lines().find_map(|mount| self.mounted(mount, controllers))?;
        let writable = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
        let may = match version {
            Version::V1 => writable(&root),
            Version::V2 => writable(&root) && writable(&root.join("cgroup.subtree_control")),
        };
        may.then_some((version, root))
    }

    /// Its hierarchy in a line of `/proc/self/mounts`; `controllers` tells those of a version 2 hierarchy.
    fn mounted(self, mount: &str, controllers: impl Fn(&Path) -> String) -> Option<(Version, PathBuf)> {
        let mut fields = mount.split(' ');
        let (_, root, kind, options) = (fields.next()?, PathBuf::from(fields.next()?), fields.next()?, fields.next()?);
        match kind {
            "cgroup" if options.split(',').any(|option| option == self.name()) => Some((Version::V1, root)),
            "cgroup2" if controllers(&root).split_ascii_whitespace().any(|controller| controller == self.name()) => {
                Some((Version::V2, root))
            }
            _ => None,
        }
    }

    /// The path of its group in a text like `/proc/<pid>/cgroup`.
    fn path_in(self, text: &str, version: Version) -> Option<&str> {
        text.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let ours = match version {
                Version::V1 => controllers.split(',').any(|controller| controller == self.name()),
                Version::V2 => controllers.is_empty(),
            };
            ours.then(|| path.trim_start_matches('/'))
        })
    }
}

/// A group that holds one process. Recorded before it is made, so that anybody can remove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Group {
    version: Version,
    /// The group's folder.
    group: PathBuf,
    /// The folder of the group that the process was in.
    was: PathBuf,
}

impl Group {
    /// Where the process would be; nothing is made yet. `name` must be no other group's.
    fn prepare(controller: Controller, pid: i32, name: &str) -> io::Result<Self> {
        let (version, root) = controller.root().ok_or(io::ErrorKind::Unsupported)?;
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        let was = root.join(controller.path_in(&groups, version).ok_or(io::ErrorKind::Unsupported)?);
        let group = match version {
            // Below its own group, so that the limits of that still hold.
            Version::V1 => was.join(name),
            // A group that holds processes can have none below it, except the root.
            Version::V2 => root.join(name),
        };
        Ok(Self { version, group, was })
    }

    /// Makes the group, where it is not there yet.
    fn make(&self, controller: Controller) -> io::Result<()> {
        match fs::create_dir(&self.group) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        match (self.version, self.group.parent()) {
            (Version::V2, Some(parent)) => fs::write(parent.join("cgroup.subtree_control"), format!("+{}", controller.name())),
            _ => Ok(()),
        }
    }

    fn write(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.group.join(file), value)
    }

    fn read(&self, file: &str) -> Option<String> {
        Some(fs::read_to_string(self.group.join(file)).ok()?.trim().to_owned())
    }

    /// The number behind a word in a file of words and numbers.
    fn count(&self, file: &str, word: &str) -> Option<u64> {
        self.read(file)?.lines().find_map(|line| line.strip_prefix(word)?.trim().parse().ok())
    }

    /// Moves the process into the group.
    fn enter(&self, pid: i32) -> io::Result<()> {
        self.write("cgroup.procs", &pid.to_string())
    }

    fn holds(&self, pid: i32) -> bool {
        self.read("cgroup.procs").is_some_and(|processes| processes.lines().any(|line| line.parse() == Ok(pid)))
    }

    /// Moves the process back, if it lives, and removes the group. Done twice it does no harm; whether there was a group.
    fn leave(&self, pid: Option<i32>) -> io::Result<bool> {
        if !self.group.exists() {
            return Ok(false);
        }
        if let Some(pid) = pid {
            fs::write(self.was.join("cgroup.procs"), pid.to_string())?;
        }
        fs::remove_dir(&self.group)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_is_found_in_either_version() {
        let found = |mount, controllers: &str| Controller::Cpu.mounted(mount, |_| controllers.to_owned());
        let v1 = "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0";
        assert_eq!(found(v1, ""), Some((Version::V1, "/sys/fs/cgroup/cpu,cpuacct".into())));
        assert_eq!(found("cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0", ""), None);
        assert_eq!(Controller::Memory.mounted(v1, |_| String::new()), None);
        let v2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0";
        assert_eq!(found(v2, "cpuset cpu io memory"), Some((Version::V2, "/sys/fs/cgroup".into())));
        assert_eq!(found(v2, "cpuset io"), None);
        let groups = "3:cpuset:/\n1:cpu,cpuacct:/user/me\n0::/user.slice/a:b.scope";
        assert_eq!(Controller::Cpu.path_in(groups, Version::V1), Some("user/me"));
        assert_eq!(Controller::Memory.path_in(groups, Version::V1), None);
        assert_eq!(Controller::Memory.path_in(groups, Version::V2), Some("user.slice/a:b.scope"));
    }
}
