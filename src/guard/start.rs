//! Starting the guard: the same program, in a session of its own, before the first fault.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use super::registry;
use crate::cluster::Places;

/// What the guard says once it watches.
pub(super) const WATCHING: &str = "watching\n";
/// A loaded machine starts a process within this time.
const WATCHES_WITHIN: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// A guard that watches this process. Dropping it lets the guard end as soon as the run's last line is in the journal; until then
/// it goes on watching.
#[derive(Debug)]
pub struct GuardHandle {
    child: Option<Child>,
    // The guard reads the other end: the kernel closes this one with the process, whatever kills it.
    _alive: ChildStdin,
}

impl Drop for GuardHandle {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Somebody must ask for its end, and nobody should wait for it.
            let waiting = std::thread::Builder::new().name("guard".to_owned()).spawn(move || child.wait());
            if let Err(error) = waiting {
                tracing::debug!("no thread for the guard's end: {error}");
            }
        }
    }
}

/// Starts the guard of a run and returns when it watches `engine`, which is this process. Its log is `logs/guard.log` in the run's
/// folder. From now on `undo` and `status` find the run from everywhere on this machine.
///
/// # Errors
/// When it cannot be started, or does not say that it watches.
pub fn start(run_folder: PathBuf, engine: (i32, u64)) -> io::Result<GuardHandle> {
    let places = Places::from_env().map_err(io::Error::other)?;
    let run_folder = run_folder.canonicalize()?;
    registry::remember(&places, &run_folder)?;
    spawn(&places.squall, &run_folder, engine)
}

fn spawn(program: &Path, run_folder: &Path, engine: (i32, u64)) -> io::Result<GuardHandle> {
    let log = OpenOptions::new().create(true).append(true).open(run_folder.join("logs/guard.log"))?;
    let mut command = Command::new(program);
    command.arg("guard").arg("--run").arg(run_folder);
    command.args(["--parent", &engine.0.to_string(), "--start-ticks", &engine.1.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
    // SAFETY: setsid(2) is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
    }
    let mut child = command.spawn()?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (alive, mut said) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
    match watching(&mut said) {
        Ok(()) => Ok(GuardHandle { child: Some(child), _alive: alive }),
        Err(error) => {
            // It is ours, and useless.
            let _ = child.kill().and_then(|()| child.wait());
            Err(error)
        }
    }
}

fn watching(said: &mut (impl Read + AsFd)) -> io::Result<()> {
    let mut line = [0u8; WATCHING.len()];
    let mut length = 0;
    while length < line.len() {
        // A signal ends poll(2) early: the run asks for its reason once it is guarded.
        if retry_on_intr(|| poll(&mut [PollFd::new(said, PollFlags::IN)], Some(&WATCHES_WITHIN)))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match said.read(&mut line[length..])? {
            0 => return Err(io::Error::other("it ended at once; its log is logs/guard.log in the run's folder")),
            read => length += read,
        }
    }
    if line == *WATCHING.as_bytes() { Ok(()) } else { Err(io::Error::other("it is no squall of this version")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::guard::own_identity;

    fn program(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir_all(folder.join("logs")).unwrap();
        path
    }

    #[test]
    fn only_a_guard_that_watches_counts_and_it_hears_of_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo watching; cat; echo \"$@\" > \"$3/ended\"";
        let handle = spawn(&program(folder.path(), script), folder.path(), own_identity()).unwrap();
        assert!(!folder.path().join("ended").exists());
        drop(handle);
        let ended = loop {
            match std::fs::read_to_string(folder.path().join("ended")) {
                Ok(text) if text.ends_with('\n') => break text,
                _ => std::thread::yield_now(),
            }
        };
        let (pid, ticks) = own_identity();
        assert_eq!(ended.trim_end(), format!("guard --run {} --parent {pid} --start-ticks {ticks}", folder.path().display()));
    }

    #[tokio::test]
    async fn a_signal_while_it_starts_is_no_error() {
        let _heard = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::user_defined1()).unwrap();
        let (mut said, mut says) = io::pipe().unwrap();
        let (tell, waiter) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || {
            tell.send(nix::sys::pthread::pthread_self()).unwrap();
            watching(&mut said)
        });
        let waiter = waiter.recv().unwrap();
        for _ in 0..100 {
            nix::sys::pthread::pthread_kill(waiter, nix::sys::signal::Signal::SIGUSR1).unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        assert!(!waiting.is_finished());
        io::Write::write_all(&mut says, WATCHING.as_bytes()).unwrap();
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn one_that_ends_at_once_or_says_something_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for (script, wanted) in [("exit 2", "ended at once"), ("echo some other program", "no squall of this version")] {
            let error = spawn(&program(folder.path(), script), folder.path(), own_identity()).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }
}
