use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::client::Client;
use super::config::Config;
use super::error::ProxyError;
use crate::clock;

/// How long a new proxy may take until it answers.
const SERVES_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A proxy process, named so that its pid used again is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spawned {
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot: field 22 of `/proc/<pid>/stat`.
    pub start_ticks: u64,
}

impl Config {
    /// The arguments of `squall` that serve this: `proxy --control PATH [--beyond-loopback] --link NAME=LISTEN,UPSTREAM …`.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["proxy".into(), "--control".into(), self.control.clone().into()];
        if self.beyond_loopback {
            args.push("--beyond-loopback".into());
        }
        for link in &self.links {
            args.push("--link".into());
            args.push(link.to_string().into());
        }
        args
    }
}

/// Starts `program proxy …` (squall itself: [`std::env::current_exe`]) in a session of its own, so that no signal meant for
/// squall or its terminal reaches it, and waits until it serves. Its standard error goes to the end of `log`.
///
/// The caller should be the one who takes the cluster up: the process lives on when the caller ends.
///
/// # Errors
///
/// When the process cannot be started, ends at once (an address is taken), or does not serve within 10 s, in which case it
/// is killed.
pub async fn spawn(program: &Path, config: &Config, log: &Path) -> Result<Spawned, ProxyError> {
    let failed = |source| ProxyError::Spawn { program: program.to_owned(), source };
    let stderr = OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
    let mut command = Command::new(program);
    command.args(config.to_args()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    // SAFETY: setsid(2) is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
    }
    let mut child = command.spawn().map_err(failed)?;
    let pid = i32::try_from(child.id()).map_err(|_| failed(io::ErrorKind::InvalidData.into()))?;
    let start_ticks = start_ticks(pid).map_err(failed)?;
    match serving(&mut child, config).await {
        Ok(()) => Ok(Spawned { pid, start_ticks }),
        Err(what) => Err(ProxyError::NotServing { what, log: log.to_owned() }),
    }
}

/// Waits until the child answers on its control socket.
async fn serving(child: &mut Child, config: &Config) -> Result<(), String> {
    let deadline = clock::now().plus(SERVES_WITHIN);
    loop {
        if let Some(status) = child.try_wait().map_err(|error| format!("cannot be waited for: {error}"))? {
            return Err(format!("ended: {status}"));
        }
        // Another proxy may answer on the same path until the child has noticed and ended.
        if let Ok(client) = Client::connect(&config.control).await
            && let Ok(status) = client.status(false).await
            && status.pid == child.id()
        {
            return Ok(());
        }
        if deadline.remaining().is_zero() {
            let killed = child.kill().and_then(|()| child.wait());
            let outcome = killed.map_or_else(|error| format!("and cannot be killed: {error}"), |_| "and was killed".to_owned());
            return Err(format!("did not serve within {} s {outcome}", SERVES_WITHIN.as_secs()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn start_ticks(pid: i32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field, the name in brackets, may hold blanks and brackets; what follows the last bracket begins with field 3.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    fields.split_ascii_whitespace().nth(19).and_then(|field| field.parse().ok()).ok_or(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_arguments_say_all_of_the_configuration() {
        let config = Config {
            links: vec!["sink=127.0.0.1:1,127.0.0.1:2,kafka".parse().unwrap(), "sink=127.0.0.1:3,127.0.0.1:4".parse().unwrap()],
            control: "run/proxy.sock".into(),
            beyond_loopback: false,
        };
        let args: Vec<_> = config.to_args().into_iter().map(|arg| arg.into_string().unwrap()).collect();
        assert_eq!(
            args.join(" "),
            "proxy --control run/proxy.sock --link sink=127.0.0.1:1,127.0.0.1:2,kafka --link sink=127.0.0.1:3,127.0.0.1:4"
        );
    }

    #[test]
    fn a_process_has_one_start_time() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(start_ticks(own).unwrap(), start_ticks(own).unwrap());
        assert!(start_ticks(own).unwrap() > start_ticks(1).unwrap());
    }
}
