//! Memory. What a process has stays on the account of the group that it comes from, so a limit counts what it takes from now on.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Controller, Group, Version};
use crate::units::Bytes;

/// A group in which one process gets no more memory than a limit; the kernel kills it when it needs more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::cluster) struct MemoryLimit(Group);

impl MemoryLimit {
    /// Where the process would be limited; nothing is made yet. `name` must be no other group's.
    pub fn prepare(pid: i32, name: &str) -> io::Result<Self> {
        Group::prepare(Controller::Memory, pid, name).map(Self)
    }

    /// Moves the process into the group, where it gets `headroom` more than it has.
    pub fn impose(&self, pid: i32, headroom: Bytes) -> io::Result<()> {
        let group = &self.0;
        group.make(Controller::Memory)?;
        match group.version {
            Version::V1 => group.write("memory.limit_in_bytes", &headroom.0.to_string())?,
            Version::V2 => {
                group.write("memory.max", &headroom.0.to_string())?;
                group.write("memory.swap.max", "0")?;
            }
        }
        group.enter(pid)
    }

    /// Moves the process back, if it lives, and removes the group. Done twice it does no harm; whether there was a group.
    pub fn lift(&self, pid: Option<i32>) -> io::Result<bool> {
        self.0.leave(pid)
    }

    /// Whether the kernel has killed a process in the group for want of memory.
    pub fn has_killed(&self) -> bool {
        let file = match self.0.version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        self.0.count(file, "oom_kill ").is_some_and(|kills| kills > 0)
    }
}
