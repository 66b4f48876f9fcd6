//! Processes of this machine, named by pid and start time.
//!
//! A signal goes through a pidfd that was opened first and checked afterwards, so it can never hit another process that
//! was given the same pid meanwhile.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

pub(super) use rustix::process::Signal;

use crate::action::Identity;
use crate::clock;

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// `R`, `S`, `T`, `Z`, …
    pub state: char,
    /// CPU time that it has used, in clock ticks.
    pub cpu_ticks: u64,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
}

/// Reads a process's state; none when there is no such process, or only its corpse.
pub(super) fn stat(pid: i32) -> Option<Stat> {
    let stat = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    (!matches!(stat.state, 'Z' | 'X')).then_some(stat)
}

/// The command's name may hold spaces and brackets, so fields are counted from the last `)`.
fn parse_stat(text: &str) -> Option<Stat> {
    let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let mut number = |skip: usize| fields.nth(skip)?.parse::<u64>().ok();
    // Fields 14, 15 and 22 of proc(5); the state is field 3.
    let (user, system) = (number(10)?, number(0)?);
    Some(Stat { state, cpu_ticks: user + system, start_ticks: number(6)? })
}

/// A process that was alive when it was opened.
#[derive(Debug)]
pub(super) struct Process {
    pid: i32,
    start_ticks: u64,
    fd: OwnedFd,
}

impl Process {
    /// Opens the process with this pid and start time; none when it is gone.
    pub fn open(pid: i32, start_ticks: u64) -> io::Result<Option<Self>> {
        let Some(raw) = Pid::from_raw(pid) else { return Ok(None) };
        let fd = match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(fd) => fd,
            // The number is a thread's now (which of the two says so hangs on the kernel): the process that had it is gone.
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::NOENT | rustix::io::Errno::INVAL) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        if stat(pid).is_none_or(|stat| stat.start_ticks != start_ticks) {
            return Ok(None);
        }
        Ok(Some(Self { pid, start_ticks, fd }))
    }

    /// Sends a signal. A process that has just gone is no error.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until it is gone; false when that takes longer than `deadline`. Looks every millisecond at first, so that the
    /// moment is known well, then less often.
    pub async fn gone(&self, deadline: Duration) -> io::Result<bool> {
        const LONGEST: Duration = Duration::from_millis(50);
        let end = clock::now().plus(deadline);
        let mut pause = Duration::from_millis(1);
        loop {
            if exited(&self.fd, Duration::ZERO)? {
                return Ok(true);
            }
            if end.remaining().is_zero() {
                return Ok(false);
            }
            tokio::time::sleep(pause).await;
            pause = pause.mul_f64(1.1).min(LONGEST);
        }
    }

    /// Waits until it is (or is no longer) stopped by SIGSTOP; false when that takes longer than `deadline`.
    pub async fn stopped(&self, stopped: bool, deadline: Duration) -> bool {
        tokio::time::timeout(deadline, async {
            while is_stopped(self.pid, self.start_ticks) != Some(stopped) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .is_ok()
    }

    /// Ends it: SIGTERM (and SIGCONT, for a stopped one would not see it), then SIGKILL after `patience`; returns when it is
    /// gone, with whether it went in order. No patience kills at once.
    pub async fn end(&self, patience: Duration) -> io::Result<bool> {
        if !patience.is_zero() {
            self.signal(Signal::TERM)?;
            self.signal(Signal::CONT)?;
            if self.gone(patience).await? {
                return Ok(true);
            }
        }
        self.signal(Signal::KILL)?;
        // Only a process in an uninterruptible sleep (a dead disk) outlives this.
        if self.gone(Duration::from_secs(10)).await? { Ok(false) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

/// Whether the process behind a pidfd has ended, waiting up to `patience`: the descriptor is readable then.
fn exited(pidfd: &OwnedFd, patience: Duration) -> io::Result<bool> {
    let patience = Timespec { tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: 0 };
    // A signal ends poll(2) early, even one that does not wait.
    Ok(retry_on_intr(|| poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&patience)))? > 0)
}

/// Start time of a process, corpses included, in clock ticks since boot.
pub(super) fn start_ticks(pid: i32) -> Option<u64> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?).map(|stat| stat.start_ticks)
}

/// Whether the process is alive.
pub(super) fn is_alive(pid: i32, start_ticks: u64) -> bool {
    stat(pid).is_some_and(|stat| stat.start_ticks == start_ticks)
}

/// Whether the process is stopped; none when it is gone.
pub(super) fn is_stopped(pid: i32, start_ticks: u64) -> Option<bool> {
    stat(pid).filter(|stat| stat.start_ticks == start_ticks).map(|stat| matches!(stat.state, 'T' | 't'))
}

/// The identity of a process of this machine.
pub(super) fn identity(pid: i32, start_ticks: u64) -> Identity {
    Identity::Process { pid, start_ticks, host: None }
}

/// Ends processes at once and without a runtime: for the way out of a start that was cut short. Errors cannot be told to
/// anybody there; the next `up` or `down` finds what is left.
pub(super) fn kill_now(processes: &[(i32, u64)]) {
    let open = |(pid, start_ticks): &(i32, u64)| {
        let fd = pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok()?;
        is_alive(*pid, *start_ticks).then_some(fd)
    };
    let alive: Vec<_> = processes.iter().filter_map(open).collect();
    for fd in &alive {
        let _ = pidfd_send_signal(fd, Signal::KILL);
    }
    for fd in &alive {
        let _ = exited(fd, Duration::from_secs(5));
    }
}

/// A process with the environment that it was started with.
#[derive(Debug)]
pub(super) struct Environment {
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
    variables: Vec<u8>,
}

impl Environment {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut variables = self.variables.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
        variables.find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Pid and start time of all other processes of this machine that have this argument, as a whole.
pub(super) fn with_argument(argument: &std::ffi::OsStr) -> Vec<(i32, u64)> {
    let has = |command: &[u8]| command.split(|byte| *byte == 0).any(|part| part == argument.as_encoded_bytes());
    others("cmdline").filter(|(_, _, command)| has(command)).map(|(pid, start_ticks, _)| (pid, start_ticks)).collect()
}

/// Pid, start time and this file below `/proc` of all other processes of this machine where this user may read it.
fn others(file: &str) -> impl Iterator<Item = (i32, u64, Vec<u8>)> {
    let own = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(move |pid| u32::try_from(*pid) != Ok(own)).filter_map(move |pid| {
        let content = fs::read(format!("/proc/{pid}/{file}")).ok()?;
        Some((pid, stat(pid)?.start_ticks, content))
    })
}

/// All other processes of this machine whose environment this user may read.
pub(super) fn environments() -> Vec<Environment> {
    others("environ").map(|(pid, start_ticks, variables)| Environment { pid, start_ticks, variables }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn stat_is_read_past_strange_names() {
        let text = "4711 (a) b) (c) T 1 4711 4711 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 30 0 987654 1000 100";
        assert_eq!(parse_stat(text), Some(Stat { state: 'T', cpu_ticks: 10, start_ticks: 987_654 }));
        assert_eq!(parse_stat("4711 (a"), None);
        let me = stat(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(me.start_ticks > 0);
    }

    #[tokio::test]
    async fn a_process_is_frozen_thawed_ended_and_never_mistaken() {
        let mut child =
            tokio::process::Command::new("sleep").arg("60").env("SQUALL_TEST_LABEL", "sleep").kill_on_drop(true).spawn().unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        let start = stat(pid).unwrap().start_ticks;
        assert!(Process::open(pid, start + 1).unwrap().is_none());
        let process = Process::open(pid, start).unwrap().unwrap();
        process.signal(Signal::STOP).unwrap();
        assert!(process.stopped(true, Duration::from_secs(5)).await);
        assert_eq!(is_stopped(pid, start), Some(true));
        process.signal(Signal::CONT).unwrap();
        assert!(process.stopped(false, Duration::from_secs(5)).await);
        process.signal(Signal::STOP).unwrap();
        assert!(process.end(Duration::from_secs(5)).await.unwrap());
        assert!(!is_alive(pid, start));
        assert_eq!(is_stopped(pid, start), None);
        assert!(Process::open(pid, start).unwrap().is_none());
        child.wait().await.unwrap();
    }

    #[test]
    fn a_number_that_is_a_threads_now_is_no_process() {
        std::thread::spawn(|| {
            let thread = nix::unistd::gettid().as_raw();
            let start = start_ticks(thread).unwrap();
            assert!(Process::open(thread, start).unwrap().is_none());
        })
        .join()
        .unwrap();
    }

    #[tokio::test]
    async fn processes_are_found_by_their_label() {
        let value = format!("label-{}", std::process::id());
        let mut child =
            tokio::process::Command::new("sleep").arg("60").env("SQUALL_TEST_LABEL", &value).kill_on_drop(true).spawn().unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        let labelled: Vec<_> = environments().into_iter().filter(|other| other.get("SQUALL_TEST_LABEL") == Some(&value)).collect();
        assert_eq!(labelled.iter().map(|other| other.pid).collect::<Vec<_>>(), [pid]);
        assert_eq!(labelled[0].get("SQUALL_TEST"), None);
        kill_now(&[(labelled[0].pid, labelled[0].start_ticks)]);
        child.wait().await.unwrap();
    }
}
