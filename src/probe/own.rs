//! squall itself: CPU time and resident memory from `/proc/self`.

use std::sync::Arc;
use std::time::Duration;

use super::ticks;
use crate::clock::{self, Timestamp};
use crate::journal::{Of, Record};
use crate::metric::Metric;

const PROBE: &str = "own";
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn watch(record: Arc<dyn Record>) {
    let record = &*record;
    let mut ticks = ticks(record, PROBE, EVERY, Duration::ZERO);
    let mut before: Option<(Timestamp, f64)> = None;
    loop {
        ticks.tick().await;
        let usage = match nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF) {
            Ok(usage) => usage,
            Err(error) => {
                super::failed(record, PROBE, &error);
                continue;
            }
        };
        let time = |value: nix::sys::time::TimeVal| value.tv_sec() as f64 + value.tv_usec() as f64 / 1e6;
        let (now, cpu) = (clock::now(), time(usage.user_time()) + time(usage.system_time()));
        if let Some((then, cpu_then)) = before
            && now > then
        {
            record.sample_at(now, Metric::OwnCpu, Of::Run, (cpu - cpu_then) / now.seconds_since(then));
        }
        before = Some((now, cpu));
        match resident_bytes("self") {
            Ok(bytes) => record.sample_at(now, Metric::OwnMemory, Of::Run, bytes),
            Err(error) => super::failed(record, PROBE, &error),
        }
    }
}

/// Resident bytes of a process: the second field of `/proc/<pid>/statm`, in pages.
pub(super) fn resident_bytes(pid: &str) -> std::io::Result<f64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let pages: f64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096);
    Ok(pages * page as f64)
}
