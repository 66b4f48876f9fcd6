//! Takes CPU time from a process of this machine, through a control group of its own.
//!
//! A share is of all the machine's cores: 10 % of two cores is 20 ms in every 100 ms, over all threads. The kernel holds the
//! limit by itself, whatever becomes of squall.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

use crate::units::Ratio;

const PERIOD_US: u64 = 100_000;
/// The kernel refuses less.
const LEAST_QUOTA_US: u64 = 1_000;

/// The two ways in which kernels offer control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Version {
    /// A hierarchy for each controller.
    V1,
    /// One hierarchy.
    V2,
}

/// A group that limits one process. Recorded before it is made, so that anybody can lift it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct CpuLimit {
    version: Version,
    /// The group's folder.
    group: PathBuf,
    /// The folder of the group that the process was in.
    was: PathBuf,
}

/// Whether this user may limit CPU time here.
pub(super) fn is_available() -> bool {
    controller().is_some()
}

/// The root of the CPU controller, when groups can be made below it.
fn controller() -> Option<(Version, PathBuf)> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let (version, root) =
        mounts.lines().find_map(|mount| mounted(mount, |root| fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default()))?;
    let writable = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    let may = match version {
        Version::V1 => writable(&root),
        Version::V2 => writable(&root) && writable(&root.join("cgroup.subtree_control")),
    };
    may.then_some((version, root))
}

/// The CPU controller in a line of `/proc/self/mounts`; `controllers` tells those of a version 2 hierarchy.
fn mounted(mount: &str, controllers: impl Fn(&Path) -> String) -> Option<(Version, PathBuf)> {
    let mut fields = mount.split(' ');
    let (_, root, kind, options) = (fields.next()?, PathBuf::from(fields.next()?), fields.next()?, fields.next()?);
    match kind {
        "cgroup" if options.split(',').any(|option| option == "cpu") => Some((Version::V1, root)),
        "cgroup2" if controllers(&root).split_ascii_whitespace().any(|controller| controller == "cpu") => Some((Version::V2, root)),
        _ => None,
    }
}

/// The path of the CPU controller's group in a text like `/proc/<pid>/cgroup`.
fn path_of(text: &str, version: Version) -> Option<&str> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let ours = match version {
            Version::V1 => controllers.split(',').any(|controller| controller == "cpu"),
            Version::V2 => controllers.is_empty(),
        };
        ours.then(|| path.trim_start_matches('/'))
    })
}

impl CpuLimit {
    /// Where the process would be limited; nothing is made yet. `name` must be no other group's.
    pub fn prepare(pid: i32, name: &str) -> io::Result<Self> {
        let (version, root) = controller().ok_or(io::ErrorKind::Unsupported)?;
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        let was = root.join(path_of(&groups, version).ok_or(io::ErrorKind::Unsupported)?);
        let group = match version {
            // Below its own group, so that the limits of that still hold.
            Version::V1 => was.join(name),
            // A group that holds processes can have none below it, except the root.
            Version::V2 => root.join(name),
        };
        Ok(Self { version, group, was })
    }

    /// Moves the process into the group and limits it.
    pub fn impose(&self, pid: i32, share: Ratio) -> io::Result<()> {
        match fs::create_dir(&self.group) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let quota = quota_us(share, cores());
        match self.version {
            Version::V1 => {
                fs::write(self.group.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(self.group.join("cpu.cfs_quota_us"), quota.to_string())?;
            }
            Version::V2 => {
                if let Some(parent) = self.group.parent() {
                    fs::write(parent.join("cgroup.subtree_control"), "+cpu")?;
                }
                fs::write(self.group.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
            }
        }
        fs::write(self.group.join("cgroup.procs"), pid.to_string())
    }

    /// Moves the process back, if it lives, and removes the group. Done twice it does no harm; whether there was a group.
    pub fn lift(&self, pid: Option<i32>) -> io::Result<bool> {
        if !self.group.exists() {
            return Ok(false);
        }
        if let Some(pid) = pid {
            fs::write(self.was.join("cgroup.procs"), pid.to_string())?;
        }
        fs::remove_dir(&self.group)?;
        Ok(true)
    }

    /// The share that the kernel holds the process to; none when it is not in the group, or that has no limit.
    pub fn share(&self, pid: i32) -> Option<f64> {
        let processes = fs::read_to_string(self.group.join("cgroup.procs")).ok()?;
        processes.lines().find(|line| line.parse() == Ok(pid))?;
        let (quota, period) = match self.version {
            Version::V1 => {
                let read = |file: &str| fs::read_to_string(self.group.join(file)).ok()?.trim().parse::<f64>().ok();
                (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)
            }
            Version::V2 => {
                let max = fs::read_to_string(self.group.join("cpu.max")).ok()?;
                let (quota, period) = max.trim().split_once(' ')?;
                (quota.parse().ok()?, period.parse().ok()?)
            }
        };
        (quota > 0.0).then(|| quota / period / cores())
    }

    /// In how many periods the process had to wait for the next one.
    pub fn throttled(&self) -> Option<u64> {
        let stat = fs::read_to_string(self.group.join("cpu.stat")).ok()?;
        stat.lines().find_map(|line| line.strip_prefix("nr_throttled "))?.trim().parse().ok()
    }
}

/// Cores of this machine.
pub(super) fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

fn quota_us(share: Ratio, cores: f64) -> u64 {
    ((share.0 * cores * PERIOD_US as f64) as u64).max(LEAST_QUOTA_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_controller_is_found_in_either_version() {
        let found = |mount, controllers: &str| mounted(mount, |_| controllers.to_owned());
        let v1 = "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0";
        assert_eq!(found(v1, ""), Some((Version::V1, "/sys/fs/cgroup/cpu,cpuacct".into())));
        assert_eq!(found("cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0", ""), None);
        let v2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0";
        assert_eq!(found(v2, "cpuset cpu io memory"), Some((Version::V2, "/sys/fs/cgroup".into())));
        assert_eq!(found(v2, "cpuset io"), None);
        let groups = "3:cpuset:/\n1:cpu,cpuacct:/user/me\n0::/user.slice/a:b.scope";
        assert_eq!(path_of(groups, Version::V1), Some("user/me"));
        assert_eq!(path_of(groups, Version::V2), Some("user.slice/a:b.scope"));
    }

    #[test]
    fn a_share_is_of_all_cores() {
        assert_eq!(quota_us(Ratio(0.1), 2.0), 20_000);
        assert_eq!(quota_us(Ratio(0.0), 2.0), LEAST_QUOTA_US);
    }
}
