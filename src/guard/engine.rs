//! The engine of a run as a process: named by pid and start time, so that its pid used again is not taken for it.

use std::fs;

/// Pid and start time, in clock ticks since boot, of this process: what a journal's first line says of its engine.
pub fn own_identity() -> (i32, u64) {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    // A process that reads its own entry always finds it.
    (pid, start_ticks(pid).unwrap_or_default())
}

/// Whether this very process is there. A dead one that its parent has not yet asked for is not.
pub fn is_alive(engine: (i32, u64)) -> bool {
    start_ticks(engine.0) == Some(engine.1)
}

/// Field 22 of `/proc/<pid>/stat`; none for a process that has ended.
pub(super) fn start_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name in brackets, may hold blanks and brackets: the last bracket ends it, the state follows.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn alive_until_it_ends_even_if_nobody_asks() {
        let (pid, ticks) = own_identity();
        assert!(is_alive((pid, ticks)));
        assert!(!is_alive((pid, ticks + 1)));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let engine = (child.id() as i32, start_ticks(child.id() as i32).unwrap());
        assert!(is_alive(engine));
        child.kill().unwrap();
        while fs::read_to_string(format!("/proc/{}/stat", engine.0)).unwrap().split(' ').nth(2) != Some("Z") {}
        assert!(!is_alive(engine));
        child.wait().unwrap();
    }
}
