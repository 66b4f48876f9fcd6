//! Takes memory from a node until the kernel kills it, and gives it back.

use std::time::Duration;

use super::Local;
use super::act::{failed, pid_text, process_of};
use super::error::Error;
use crate::action::Node;
use crate::clock;
use crate::cluster::cgroup::MemoryLimit;
use crate::cluster::{Performed, Undone};
use crate::units::Bytes;

/// A busy node needs new memory within this time, where the limit is near.
const KILLED_WITHIN: Duration = Duration::from_secs(20);

impl Local {
    pub(super) async fn squeeze(&self, node: &Node, headroom: Bytes) -> Result<Performed, Error> {
        let (pid, _) = process_of(node).ok_or_else(|| Error::Foreign(node.clone()))?;
        let process = self.open(node)?;
        let limit = MemoryLimit::prepare(pid, &format!("squall-{}-{pid}", self.record()?.id)).map_err(|source| failed(node, source))?;
        self.note(node, |entry, _| entry.squeezed = Some(limit.clone())).await?;
        let set = clock::now();
        limit.impose(pid, headroom).map_err(|source| failed(node, source))?;
        if !process.gone(KILLED_WITHIN).await.map_err(|source| failed(node, source))? {
            return Err(Error::Content { node: node.clone(), headroom, waited: KILLED_WITHIN });
        }
        let at = clock::now();
        let by = if limit.has_killed() { "killed by the kernel" } else { "gone, though the kernel says that it did not kill it," };
        let what = format!("{node}, {}, got {headroom} more, {by} after {:.1} s", pid_text(node), at.seconds_since(set));
        Ok(Performed { at, what })
    }

    /// Lifts the limit, and starts another where the node is dead.
    pub(super) async fn restore_memory(&self, node: &Node) -> Result<Undone, Error> {
        let record = self.record()?;
        let entry = record.find(node).map(|index| &record.processes[index]).ok_or_else(|| Error::Foreign(node.clone()))?;
        let alive = entry.is_alive();
        let lifted = match &entry.squeezed {
            Some(limit) => limit.lift(alive.then_some(entry.pid)).map_err(|source| failed(node, source))?,
            None => false,
        };
        if alive {
            let what = if lifted { format!("{node} has its memory back") } else { format!("{node} was not limited") };
            return Ok(Undone { at: clock::now(), changed: lifted, what });
        }
        self.replace(node).await
    }
}
