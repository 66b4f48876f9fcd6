//! What a shell does to a process: every script looks at the start time first, so that a pid that was used again is left alone.

use std::time::Duration;

use super::error::Error;
use super::shell::{HAVING, Shell};
use crate::action::Node;

/// A killed or stopped process is so within milliseconds; a login takes longer.
const WITHIN: Duration = Duration::from_secs(20);

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// There is none with this pid and start time.
    Gone,
    /// Stopped by a signal.
    Stopped,
    /// There, and not stopped.
    Runs,
}

/// Functions that the scripts share. `state` prints gone, stopped or runs. The state is the field after the last `)` of `stat`, the start
/// time the twentieth from there.
const FUNCTIONS: &str = r#"state() {
s=$(cat /proc/$1/stat 2>/dev/null) || { echo gone; return; }
t=$2; set -- ${s##*) }
[ "${20}" = "$t" ] || { echo gone; return; }
case $1 in Z|X) echo gone;; T|t) echo stopped;; *) echo runs;; esac
}
until_is() { n=0; while [ "$(state $1 $2)" != $3 ]; do n=$((n+1)); [ $n -gt 200 ] && return 1; sleep 0.02 2>/dev/null || sleep 1; done; }
"#;

fn of(answer: &str) -> Option<State> {
    match answer.lines().last()?.trim() {
        "gone" => Some(State::Gone),
        "stopped" => Some(State::Stopped),
        "runs" => Some(State::Runs),
        _ => None,
    }
}

/// How a process is now.
pub(super) async fn state(shell: &Shell, (pid, start): (i32, u64)) -> Result<State, Error> {
    let answer = shell.run(&format!("{FUNCTIONS}state {pid} {start}"), WITHIN).await?;
    of(&answer).ok_or_else(|| shell.strange(answer))
}

/// Sends a signal and, with `until`, waits for at most four seconds until the process is in that state. Returns the state that it is in.
pub(super) async fn signal(
    shell: &Shell,
    node: &Node,
    (pid, start): (i32, u64),
    signal: &str,
    until: Option<&str>,
) -> Result<State, Error> {
    let wait = until.map(|state| format!("until_is {pid} {start} {state}\n")).unwrap_or_default();
    let script = format!(
        "{FUNCTIONS}[ \"$(state {pid} {start})\" = gone ] && {{ echo was; echo gone; exit; }}\n\
         kill -{signal} {pid} || {{ [ \"$(state {pid} {start})\" = gone ] || exit; }}\n{wait}state {pid} {start}"
    );
    let answer = shell.run(&script, WITHIN).await?;
    if answer.lines().next() == Some("was") {
        return Err(Error::Gone(node.clone()));
    }
    of(&answer).ok_or_else(|| Error::NotObeyed { node: node.to_string(), host: shell.shown(), said: answer })
}

/// The name that the sleeping undo of a freeze carries in its command line.
fn tag((pid, start): (i32, u64)) -> String {
    format!("squall-thaws-{pid}-{start}")
}

/// Sets up, on the machine itself, a process that lets the frozen one go on after `after`, whatever has become of squall and of the way
/// to that machine by then.
pub(super) async fn set_expiry(shell: &Shell, process: (i32, u64), after: Duration) -> Result<(), Error> {
    let (pid, start) = process;
    let tag = tag(process);
    let seconds = after.as_secs().max(1);
    // In single quotes there: no quote may be in it.
    let sleeper =
        format!("sleep {seconds}; s=$(cat /proc/{pid}/stat) || exit; set -- ${{s##*) }}; [ \"${{20}}\" = {start} ] && kill -CONT {pid}");
    let script = format!(
        "session=; command -v setsid >/dev/null 2>&1 && session=setsid || session=nohup\n\
         $session sh -c '{sleeper}' {tag} >/dev/null 2>&1 &\n\
         n=0; until tr '\\000' ' ' </proc/$!/cmdline 2>/dev/null | grep -q '^sh -c .*{tag}'; do n=$((n+1)); [ $n -gt 100 ] && exit; sleep 0.02; done; echo set"
    );
    let answer = shell.run(&script, WITHIN).await?;
    if answer.lines().last() == Some("set") { Ok(()) } else { Err(Error::NoExpiry { host: shell.shown(), said: answer }) }
}

/// Ends the sleeping undos of a freeze, with their `sleep`.
pub(super) async fn drop_expiry(shell: &Shell, process: (i32, u64)) -> Result<(), Error> {
    let tag = tag(process);
    let script = format!(
        "{HAVING}for f in $(having {tag}); do\n\
         p=${{f#/proc/}}; p=${{p%/cmdline}}; case $(tr '\\000' ' ' </proc/$p/cmdline 2>/dev/null) in *\"sh -c \"*) ;; *) continue;; esac\n\
         for c in $(cat /proc/$p/task/$p/children 2>/dev/null); do kids=\"$kids $c\"; done; kill $p $kids 2>/dev/null; kids=\n\
         done; :"
    );
    shell.run(&script, WITHIN).await.map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::action::{Identity, Role};
    use crate::cluster::external::spec::Host;
    use crate::cluster::process;

    fn sleeping() -> (tokio::process::Child, Node, (i32, u64)) {
        let child = tokio::process::Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        let start_ticks = process::start_ticks(pid).unwrap();
        let identity = Identity::Process { pid, start_ticks, host: None };
        (child, Node { role: Role::Taskmanager, name: "tm-1".to_owned(), identity }, (pid, start_ticks))
    }

    fn sleepers(process: (i32, u64)) -> usize {
        let mark = tag(process);
        let line = |pid: &std::fs::DirEntry| std::fs::read(pid.path().join("cmdline")).unwrap_or_default();
        let shells = std::fs::read_dir("/proc").unwrap().flatten().filter(|pid| {
            let line = String::from_utf8_lossy(&line(pid)).into_owned();
            line.starts_with("sh\0-c") && line.contains(&mark)
        });
        shells.count()
    }

    #[tokio::test]
    async fn a_process_is_stopped_let_go_and_killed_and_its_pid_used_again_is_not() {
        let shell = Shell::new(Host::Here);
        let (mut child, node, process) = sleeping();
        assert_eq!(state(&shell, process).await.unwrap(), State::Runs);
        let other = (process.0, process.1 + 1);
        assert_eq!(state(&shell, other).await.unwrap(), State::Gone);
        assert!(matches!(signal(&shell, &node, other, "KILL", None).await, Err(Error::Gone(_))));
        assert_eq!(signal(&shell, &node, process, "STOP", Some("stopped")).await.unwrap(), State::Stopped);
        assert_eq!(signal(&shell, &node, process, "CONT", Some("runs")).await.unwrap(), State::Runs);
        assert_eq!(signal(&shell, &node, process, "KILL", Some("gone")).await.unwrap(), State::Gone);
        child.wait().await.unwrap();
        assert!(matches!(signal(&shell, &node, process, "KILL", None).await, Err(Error::Gone(_))));
    }

    #[tokio::test]
    async fn a_freeze_expires_by_itself_unless_its_undo_came_first() {
        let shell = Shell::new(Host::Here);
        let (_child, node, process) = sleeping();
        set_expiry(&shell, process, Duration::from_secs(1)).await.unwrap();
        signal(&shell, &node, process, "STOP", Some("stopped")).await.unwrap();
        // As if squall died: its shell goes, the sleeper stays.
        drop(shell);
        let shell = Shell::new(Host::Here);
        while state(&shell, process).await.unwrap() == State::Stopped {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The first has let the process go, and ends itself.
        while sleepers(process) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        set_expiry(&shell, process, Duration::from_secs(600)).await.unwrap();
        // A fork of the shell that has not become its `sleep` yet looks like the shell.
        while sleepers(process) != 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop_expiry(&shell, process).await.unwrap();
        while sleepers(process) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop_expiry(&shell, process).await.unwrap();
    }
}
