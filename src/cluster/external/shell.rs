//! A shell on a machine where nodes run: the system's `ssh`, or none for this machine. One session is kept open for each machine,
//! so that a deed takes a round trip; it ends with squall.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::error::Error;
use super::spec::{Host, Ssh};

/// A function of the shell: the command lines in `/proc` that have a pattern in them. `grep` looks at all of them in one process, where it
/// can look behind a zero byte.
pub(super) const HAVING: &str = r#"having() {
if printf 'a\000b' | grep -q b 2>/dev/null; then grep -lsE "$1" /proc/[0-9]*/cmdline
else for f in /proc/[0-9]*/cmdline; do { tr '\000' ' ' <$f | grep -qE "$1"; } 2>/dev/null && echo $f; done; fi
}
"#;

/// How long a login may take.
const LOGIN_WITHIN: Duration = Duration::from_secs(15);

/// A machine, and the shell on it while it is open.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    host: Host,
    session: Arc<Mutex<Option<Session>>>,
}

#[derive(Debug)]
struct Session {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    asked: u64,
}

impl Shell {
    pub fn new(host: Host) -> Self {
        Self { host, session: Arc::default() }
    }

    /// As identities name it; none for this machine.
    pub fn host(&self) -> Option<&str> {
        self.host.name()
    }

    /// As people read it.
    pub fn shown(&self) -> String {
        self.host().unwrap_or("this machine").to_owned()
    }

    /// Runs a script of the POSIX shell and returns what it wrote to both outputs. Its standard input is empty. A session that breaks
    /// before it has begun to answer is opened anew, once.
    pub async fn run(&self, script: &str, within: Duration) -> Result<String, Error> {
        let mut held = self.session.lock().await;
        let fresh = held.is_none();
        if held.is_none() {
            *held = Some(self.open().await?);
        }
        let Some(session) = held.as_mut() else { return Err(self.strange("no session")) };
        match tokio::time::timeout(within, session.ask(script)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Err(_) => {
                // Whatever it still says belongs to this question: the session is of no more use.
                *held = None;
                return Err(Error::Silent { host: self.shown(), within });
            }
            Ok(Err(broken)) if fresh || !broken.before_any_answer => {
                let said = session.last_words().await;
                *held = None;
                return Err(Error::NoShell { host: self.shown(), said });
            }
            Ok(Err(_)) => *held = None,
        }
        let mut session = self.open().await?;
        match tokio::time::timeout(within, session.ask(script)).await {
            Ok(Ok(answer)) => {
                *held = Some(session);
                Ok(answer)
            }
            Ok(Err(_)) => Err(Error::NoShell { host: self.shown(), said: session.last_words().await }),
            Err(_) => Err(Error::Silent { host: self.shown(), within }),
        }
    }

    /// Starts a shell and waits until it answers.
    async fn open(&self) -> Result<Session, Error> {
        let (program, arguments) = command(&self.host);
        let failed = |source| Error::Spawn { program: program.to_owned(), source };
        let mut command = Command::new(program);
        command.args(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C at squall's terminal must not cut the way on which faults are taken back.
        command.process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| failed(std::io::ErrorKind::BrokenPipe.into()))?;
        let mut session = Session { child, input, output: BufReader::new(output).lines(), asked: 0 };
        match tokio::time::timeout(LOGIN_WITHIN, session.ask(":")).await {
            Ok(Ok(_)) => Ok(session),
            Ok(Err(_)) => Err(Error::NoShell { host: self.shown(), said: session.last_words().await }),
            Err(_) => Err(Error::Silent { host: self.shown(), within: LOGIN_WITHIN }),
        }
    }

    pub fn strange(&self, said: impl Into<String>) -> Error {
        Error::Strange { host: self.shown(), said: said.into() }
    }
}

/// The program that gives a shell which reads its script from standard input.
fn command(host: &Host) -> (&'static str, Vec<String>) {
    match host {
        Host::Here => ("sh", vec!["-s".to_owned()]),
        Host::Ssh(ssh) => ("ssh", ssh_arguments(ssh)),
    }
}

fn ssh_arguments(ssh: &Ssh) -> Vec<String> {
    let mut arguments = vec!["-T".to_owned()];
    let mut option = |text: String| arguments.extend(["-o".to_owned(), text]);
    // Nobody is there to be asked, and a machine that falls silent is noticed.
    option("BatchMode=yes".to_owned());
    option("ConnectTimeout=10".to_owned());
    option("ServerAliveInterval=5".to_owned());
    option("ServerAliveCountMax=3".to_owned());
    if let Some(file) = &ssh.known_hosts {
        option(format!("UserKnownHostsFile={}", file.display()));
        option("StrictHostKeyChecking=yes".to_owned());
    }
    if let Some(file) = &ssh.identity {
        option("IdentitiesOnly=yes".to_owned());
        option(format!("IdentityFile={}", file.display()));
    }
    for text in &ssh.options {
        option(text.clone());
    }
    if let Some(port) = ssh.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["--".to_owned(), ssh.to.clone()]);
    arguments.push(if ssh.sudo { "exec sudo -n sh -s".to_owned() } else { "exec sh -s".to_owned() });
    arguments
}

/// The session ended in the middle of a question.
struct Broke {
    before_any_answer: bool,
}

impl Session {
    async fn ask(&mut self, script: &str) -> Result<String, Broke> {
        self.asked += 1;
        let mark = format!("squall-end-{}-{}", std::process::id(), self.asked);
        let text = format!("(\n{script}\n) </dev/null 2>&1\nprintf '\\n%s\\n' {mark}\n");
        let mut answer = String::new();
        let early = Broke { before_any_answer: true };
        if self.input.write_all(text.as_bytes()).await.is_err() || self.input.flush().await.is_err() {
            return Err(early);
        }
        loop {
            match self.output.next_line().await {
                Ok(Some(line)) if line == mark => {
                    answer.truncate(answer.trim_end_matches('\n').len());
                    return Ok(answer);
                }
                Ok(Some(line)) => {
                    answer.push_str(&line);
                    answer.push('\n');
                }
                Ok(None) | Err(_) => return Err(Broke { before_any_answer: answer.is_empty() }),
            }
        }
    }

    /// Why it ended: the last line of its errors.
    async fn last_words(&mut self) -> String {
        let mut text = String::new();
        if let Some(errors) = self.child.stderr.as_mut() {
            // It has ended: this does not wait for long.
            let reading = tokio::time::timeout(Duration::from_secs(1), errors.read_to_string(&mut text)).await;
            drop(reading);
        }
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.map_or_else(|| "it ended without a word".to_owned(), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_session_answers_and_is_opened_again_when_it_broke() {
        let shell = Shell::new(Host::Here);
        assert_eq!(shell.run("echo a; echo b >&2; printf c", SOON).await.unwrap(), "a\nb\nc");
        assert_eq!(shell.run("cat", SOON).await.unwrap(), "", "standard input is empty");
        let first = shell.run("echo $PPID; echo $$", SOON).await.unwrap();
        assert_eq!(shell.run("echo $PPID; echo $$", SOON).await.unwrap(), first, "one session for all");
        let pid: i32 = first.lines().last().unwrap().parse().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        assert_ne!(shell.run("echo $PPID; echo $$", SOON).await.unwrap(), first);
        let silent = shell.run("sleep 60", Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(silent.to_string(), "this machine does not answer within 0.05 s");
        assert_eq!(shell.run("echo back", SOON).await.unwrap(), "back");
    }

    #[test]
    fn ssh_is_told_never_to_ask() {
        let ssh = Ssh {
            to: "flink@tm-1".to_owned(),
            port: Some(2222),
            identity: Some("/k".into()),
            known_hosts: Some("/h".into()),
            options: vec!["ProxyJump=bastion".to_owned()],
            sudo: true,
        };
        assert_eq!(
            command(&Host::Ssh(ssh)).1.join(" "),
            "-T -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -o UserKnownHostsFile=/h \
             -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o IdentityFile=/k -o ProxyJump=bastion -p 2222 -- flink@tm-1 \
             exec sudo -n sh -s"
        );
    }
}
