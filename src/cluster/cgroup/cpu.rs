//! CPU time. A share is of all the machine's cores: 10 % of two cores is 20 ms in every 100 ms, over all threads.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Controller, Group, Version};
use crate::units::Ratio;

const PERIOD_US: u64 = 100_000;
/// The kernel refuses less.
const LEAST_QUOTA_US: u64 = 1_000;

/// A group that takes CPU time from one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::cluster) struct CpuLimit(Group);

impl CpuLimit {
    /// Where the process would be limited; nothing is made yet. `name` must be no other group's.
    pub fn prepare(pid: i32, name: &str) -> io::Result<Self> {
        Group::prepare(Controller::Cpu, pid, name).map(Self)
    }

    /// Moves the process into the group and limits it.
    pub fn impose(&self, pid: i32, share: Ratio) -> io::Result<()> {
        let group = &self.0;
        group.make(Controller::Cpu)?;
        let quota = quota_us(share, cores());
        match group.version {
            Version::V1 => {
                group.write("cpu.cfs_period_us", &PERIOD_US.to_string())?;
                group.write("cpu.cfs_quota_us", &quota.to_string())?;
            }
            Version::V2 => group.write("cpu.max", &format!("{quota} {PERIOD_US}"))?,
        }
        group.enter(pid)
    }

    /// Moves the process back, if it lives, and removes the group. Done twice it does no harm; whether there was a group.
    pub fn lift(&self, pid: Option<i32>) -> io::Result<bool> {
        self.0.leave(pid)
    }

    /// The share that the kernel holds the process to; none when it is not in the group, or that has no limit.
    pub fn share(&self, pid: i32) -> Option<f64> {
        let group = &self.0;
        if !group.holds(pid) {
            return None;
        }
        let (quota, period): (f64, f64) = match group.version {
            Version::V1 => (group.read("cpu.cfs_quota_us")?.parse().ok()?, group.read("cpu.cfs_period_us")?.parse().ok()?),
            Version::V2 => {
                let max = group.read("cpu.max")?;
                let (quota, period) = max.split_once(' ')?;
                (quota.parse().ok()?, period.parse().ok()?)
            }
        };
        (quota > 0.0).then(|| quota / period / cores())
    }

    /// In how many periods the process had to wait for the next one.
    pub fn throttled(&self) -> Option<u64> {
        self.0.count("cpu.stat", "nr_throttled ")
    }
}

/// Cores of this machine.
pub(in crate::cluster) fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

fn quota_us(share: Ratio, cores: f64) -> u64 {
    ((share.0 * cores * PERIOD_US as f64) as u64).max(LEAST_QUOTA_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_all_cores() {
        assert_eq!(quota_us(Ratio(0.1), 2.0), 20_000);
        assert_eq!(quota_us(Ratio(0.0), 2.0), LEAST_QUOTA_US);
    }
}
