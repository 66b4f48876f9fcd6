//! Takes CPU time from a node, and gives it back.

use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use super::Local;
use super::act::{failed, pid_text, process_of};
use super::error::Error;
use crate::action::Node;
use crate::clock;
use crate::cluster::cgroup::{CpuLimit, cores};
use crate::cluster::{Performed, Undone, process};
use crate::units::Ratio;

/// How long the witness looks: ten of the kernel's periods.
const LOOK: Duration = Duration::from_secs(1);
/// A clock tick in a hundred, and the burst at the edge of a period.
const GRAIN: f64 = 0.03;

impl Local {
    pub(super) async fn slow(&self, node: &Node, share: Ratio) -> Result<Performed, Error> {
        let (pid, _) = process_of(node).ok_or_else(|| Error::Foreign(node.clone()))?;
        self.open(node)?;
        let limit = CpuLimit::prepare(pid, &format!("squall-{}-{pid}", self.record()?.id)).map_err(|source| failed(node, source))?;
        self.note(node, |entry, _| entry.slowed = Some(limit.clone())).await?;
        limit.impose(pid, share).map_err(|source| failed(node, source))?;
        Ok(Performed { at: clock::now(), what: format!("{node}, {}, held to {share} of the CPU", pid_text(node)) })
    }

    pub(super) async fn full_speed(&self, node: &Node) -> Result<Undone, Error> {
        let record = self.record()?;
        let entry = record.find(node).map(|index| &record.processes[index]).ok_or_else(|| Error::Foreign(node.clone()))?;
        let Some(limit) = &entry.slowed else {
            return Ok(Undone { at: clock::now(), changed: false, what: format!("{node} was not slowed") });
        };
        let pid = entry.is_alive().then_some(entry.pid);
        let changed = limit.lift(pid).map_err(|source| failed(node, source))?;
        let at = clock::now();
        if limit.share(entry.pid).is_some() {
            return Err(Error::StillSlow(node.clone()));
        }
        Ok(Undone { at, changed, what: format!("{node} is held back no longer") })
    }

    /// Whether the kernel holds the node to the share, and the CPU time that it takes meanwhile.
    pub(super) async fn cpu_share(&self, node: &Node, share: Ratio) -> Result<(bool, String), Error> {
        let record = self.record()?;
        let entry = record.find(node).map(|index| &record.processes[index]).ok_or_else(|| Error::Foreign(node.clone()))?;
        let held_to = entry.slowed.as_ref().and_then(|limit| limit.share(entry.pid));
        let Some((limit, held_to)) = entry.slowed.as_ref().zip(held_to) else { return Ok((false, format!("{node} is not held back"))) };
        let ticks = || process::stat(entry.pid).map(|stat| stat.cpu_ticks);
        let (began, before, throttled_before) = (clock::now(), ticks(), limit.throttled());
        tokio::time::sleep(LOOK).await;
        let (elapsed, after, throttled_after) = (clock::now().seconds_since(began), ticks(), limit.throttled());
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().map_or(100.0, |ticks| ticks as f64);
        let Some((before, after)) = before.zip(after) else { return Ok((false, format!("{node} is gone"))) };
        let used = (after - before) as f64 / per_second / elapsed / cores();
        let waited = throttled_before.zip(throttled_after).map_or(0, |(before, after)| after.saturating_sub(before));
        let what = format!(
            "{node} is held to {} of the CPU, used {} and had to wait {waited} times in a second",
            Ratio(held_to),
            Ratio(round(used))
        );
        Ok((used <= share.0.max(held_to) + GRAIN, what))
    }
}

fn round(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}
