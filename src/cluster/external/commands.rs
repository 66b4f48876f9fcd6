//! The owner's own commands.

use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::error::Error;
use super::spec::Commands;
use crate::action::{Identity, Node, NodeDeed};

/// What a command of the owner's is told of its target, and which of the three it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub node: &'a Node,
    /// As errors name it: `kill`, `thaw`, `look at`.
    pub deed: &'static str,
    /// Values of the deed: `${share}`, `${headroom}`.
    pub value: Option<(&'static str, &'a str)>,
}

/// A deed's own value, as its commands get it.
pub(super) fn value_of(deed: &NodeDeed) -> Option<(&'static str, String)> {
    match deed {
        NodeDeed::SlowCpu { share } => Some(("share", share.0.to_string())),
        NodeDeed::LimitMemory { headroom } => Some(("headroom", headroom.0.to_string())),
        NodeDeed::Kill | NodeDeed::Terminate | NodeDeed::Freeze | NodeDeed::Disconnect => None,
    }
}

impl Call<'_> {
    /// Runs a command that does or takes back; returns its last line.
    pub async fn run(self, command: &[String], commands: &Commands) -> Result<String, Error> {
        let output = self.output(command, commands).await?;
        if output.status.success() { Ok(last_line(&output)) } else { Err(self.failed(&output)) }
    }

    /// Runs a witness: whether the deed holds, and its last line.
    pub async fn look(self, commands: &Commands) -> Result<(bool, String), Error> {
        let output = self.output(&commands.witness, commands).await?;
        match output.status.code() {
            Some(0) => Ok((true, last_line(&output))),
            Some(1) => Ok((false, last_line(&output))),
            _ => Err(self.failed(&output)),
        }
    }

    async fn output(self, command: &[String], commands: &Commands) -> Result<Output, Error> {
        let filled: Vec<String> = command.iter().map(|argument| self.fill(argument)).collect();
        let Some((program, arguments)) = filled.split_first() else {
            return Err(Error::Command {
                deed: self.deed,
                node: self.node.to_string(),
                status: "none".to_owned(),
                said: "it is empty".to_owned(),
            });
        };
        let mut child = Command::new(program);
        child.args(arguments).stdin(Stdio::null()).kill_on_drop(true).process_group(0);
        let running = tokio::time::timeout(commands.within.0, child.output());
        let output = running.await.map_err(|_| Error::CommandTime { deed: self.deed, node: self.node.clone(), within: commands.within })?;
        output.map_err(|source| Error::Spawn { program: program.clone(), source })
    }

    fn fill(self, argument: &str) -> String {
        let (pid, host) = match &self.node.identity {
            Identity::Process { pid, host, .. } => (pid.to_string(), host.clone().unwrap_or_else(|| "localhost".to_owned())),
            Identity::Container { .. } | Identity::Named => (String::new(), String::new()),
        };
        let mut filled = argument.replace("${node}", &self.node.name).replace("${pid}", &pid).replace("${host}", &host);
        if let Some((name, value)) = self.value {
            filled = filled.replace(&format!("${{{name}}}"), value);
        }
        filled
    }

    fn failed(self, output: &Output) -> Error {
        let status = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "it did not end".to_owned(),
        };
        Error::Command { deed: self.deed, node: self.node.to_string(), status, said: last_line(output) }
    }
}

/// The last line of what it said, errors first.
fn last_line(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
    let errors = text(&output.stderr).filter(|_| !output.status.success());
    errors.or_else(|| text(&output.stdout)).or_else(|| text(&output.stderr)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::action::Role;
    use crate::units::Duration;

    fn commands(witness: &str) -> Commands {
        Commands { witness: vec!["sh".into(), "-c".into(), witness.into()], within: Duration::from_secs(20), ..Commands::default() }
    }

    #[tokio::test]
    async fn a_command_is_told_its_target_and_its_end_is_understood() {
        let node = Node { role: Role::Taskmanager, name: "tm-1".into(), identity: Identity::Named };
        let call = Call { node: &node, deed: "slow", value: Some(("share", "0.1")) };
        let said = call.look(&commands("echo ${node} at ${share}; exit 1")).await.unwrap();
        assert_eq!(said, (false, "tm-1 at 0.1".to_owned()));
        let error = call.look(&commands("echo not for you >&2; exit 3")).await.unwrap_err();
        assert_eq!(error.to_string(), "the command to slow TaskManager tm-1 failed (exit 3): not for you");
        let slow = Commands { within: Duration::from_millis(30), ..commands("sleep 60") };
        assert_eq!(call.look(&slow).await.unwrap_err().to_string(), "the command to slow TaskManager tm-1 did not end within 30ms");
    }
}
