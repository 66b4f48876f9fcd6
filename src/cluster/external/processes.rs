//! Processes of Kafka and Flink on a machine, found by their main class and the ports that they listen on, and named by pid and
//! start time. A process is one of this cluster's nodes only when the cluster itself names a port that it listens on.

use std::collections::BTreeSet;
use std::time::Duration;

use super::error::Error;
use super::shell::{HAVING, Shell};
use crate::action::{Identity, Role};

const WITHIN: Duration = Duration::from_secs(20);

/// Main classes by role. An argument must be one of them as a whole.
const CLASSES: [(&str, Role); 12] = [
    ("org.apache.flink.runtime.taskexecutor.TaskManagerRunner", Role::Taskmanager),
    ("org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner", Role::Taskmanager),
    ("org.apache.flink.yarn.YarnTaskExecutorRunner", Role::Taskmanager),
    ("org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", Role::Jobmanager),
    ("org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint", Role::Jobmanager),
    ("org.apache.flink.kubernetes.entrypoint.KubernetesSessionClusterEntrypoint", Role::Jobmanager),
    ("org.apache.flink.kubernetes.entrypoint.KubernetesApplicationClusterEntrypoint", Role::Jobmanager),
    ("org.apache.flink.yarn.entrypoint.YarnSessionClusterEntrypoint", Role::Jobmanager),
    ("org.apache.flink.yarn.entrypoint.YarnApplicationClusterEntryPoint", Role::Jobmanager),
    ("org.apache.flink.table.gateway.SqlGateway", Role::Gateway),
    ("kafka.Kafka", Role::Broker),
    ("kafka.server.KafkaRaftServer", Role::Broker),
];

/// A process of Kafka or Flink, whosesoever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// What it is, by its main class.
    pub role: Role,
    /// The machine; none is this one.
    pub host: Option<String>,
    /// Names and addresses of that machine.
    pub addresses: Vec<String>,
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since that machine's boot.
    pub start_ticks: u64,
    /// `R`, `S`, `T`, …
    pub state: char,
    /// Ports that it listens on, as far as this user may see them.
    pub ports: BTreeSet<u16>,
    /// `taskmanager.resource-id` of its command line.
    pub resource_id: Option<String>,
}

impl Found {
    pub fn identity(&self) -> Identity {
        Identity::Process { pid: self.pid, start_ticks: self.start_ticks, host: self.host.clone() }
    }

    pub fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

/// Lists them on one machine. Reads `/proc` and changes nothing.
pub(super) async fn list(shell: &Shell) -> Result<Vec<Found>, Error> {
    let answer = shell.run(&script(), WITHIN).await?;
    parse(&answer, shell.host()).ok_or_else(|| shell.strange(answer.lines().last().unwrap_or_default()))
}

/// Only what has such a name on its command line is looked at closer. It may end at any moment, and a shell that cannot read what is gone says so
/// outside of a redirection of its command: hence the groups. The field after the last `)` of `stat` is
/// the state; start time is the twentieth from there. Of sockets those in state 0A listen.
fn script() -> String {
    let classes: Vec<String> = CLASSES.iter().map(|(class, _)| class.replace('.', "\\.")).collect();
    let classes = classes.join("|");
    format!(
        r#"{HAVING}echo "N $(hostname 2>/dev/null) $(hostname -f 2>/dev/null) $(hostname -I 2>/dev/null)"
for f in $(having '{classes}'); do
d=${{f%/cmdline}}
m=$({{ tr '\000' '\n' <$d/cmdline | grep -xE '{classes}|(-D)?taskmanager\.resource-id=.*'; }} 2>/dev/null) || continue
s=$(cat $d/stat 2>/dev/null) || continue
echo "P ${{d#/proc/}} ${{s##*) }}"
printf '%s\n' "$m" | sed 's/^/A /'
ls -l $d/fd 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]$/S \1/p'
cat $d/net/tcp $d/net/tcp6 2>/dev/null | awk '$4 == "0A" {{ n = split($2, part, ":"); print "L", $10, part[n] }}'
done
echo E"#
    )
}

/// None when the answer breaks off.
fn parse(answer: &str, host: Option<&str>) -> Option<Vec<Found>> {
    let mut addresses = Vec::new();
    let mut found: Vec<Found> = Vec::new();
    let mut roles: Vec<Option<Role>> = Vec::new();
    let mut sockets = BTreeSet::new();
    let mut whole = false;
    for line in answer.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "N" => addresses = rest.split_ascii_whitespace().map(str::to_owned).collect(),
            "P" => {
                sockets.clear();
                let mut fields = rest.split_ascii_whitespace();
                let (pid, state) = (fields.next()?.parse().ok()?, fields.next()?.chars().next()?);
                let start_ticks = fields.nth(18)?.parse().ok()?;
                roles.push(None);
                found.push(Found {
                    role: Role::Taskmanager,
                    host: host.map(str::to_owned),
                    addresses: addresses.clone(),
                    pid,
                    start_ticks,
                    state,
                    ports: BTreeSet::new(),
                    resource_id: None,
                });
            }
            "A" => {
                let (process, role) = found.last_mut().zip(roles.last_mut())?;
                match rest.split_once("taskmanager.resource-id=") {
                    Some((_, id)) => process.resource_id = Some(id.to_owned()),
                    None => *role = CLASSES.iter().find(|(class, _)| *class == rest).map(|(_, role)| *role),
                }
            }
            "S" => drop(sockets.insert(rest.to_owned())),
            "L" => {
                let (inode, port) = rest.split_once(' ')?;
                if sockets.contains(inode) {
                    found.last_mut()?.ports.insert(u16::from_str_radix(port, 16).ok()?);
                }
            }
            "E" => whole = true,
            _ => return None,
        }
    }
    let known = found.into_iter().zip(roles).filter_map(|(process, role)| Some(Found { role: role?, ..process }));
    // A zombie is gone.
    whole.then(|| known.filter(|process| !matches!(process.state, 'Z' | 'X')).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cluster::external::spec::Host;

    const ANSWER: &str = "\
N tm-host tm-host.example 10.0.0.7 ::1
P 4711 S 1 4711 4711 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 30 0 987654 1000 100
A org.apache.flink.runtime.taskexecutor.TaskManagerRunner
A taskmanager.resource-id=tm-2
S 100
S 200
L 200 1A0A
L 300 1F90
P 4712 T 1 4712 4712 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 30 0 11 1000 100
A kafka.Kafka
P 4713 Z 1 4712 4712 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 30 0 12 1000 100
A kafka.Kafka
P 4714 S 1 4712 4712 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 30 0 13 1000 100
A -Dtaskmanager.resource-id=only-mentioned
E";

    #[test]
    fn what_a_machine_says_is_understood() {
        let found = parse(ANSWER, Some("flink@tm-host")).unwrap();
        assert_eq!(found.len(), 2, "no zombie, and nothing without a main class");
        let taskmanager = &found[0];
        assert_eq!((taskmanager.role, taskmanager.pid, taskmanager.start_ticks), (Role::Taskmanager, 4711, 987_654));
        assert_eq!(taskmanager.resource_id.as_deref(), Some("tm-2"));
        assert_eq!(taskmanager.ports, BTreeSet::from([0x1A0A]), "only what it listens on itself");
        assert_eq!(taskmanager.addresses, ["tm-host", "tm-host.example", "10.0.0.7", "::1"]);
        assert_eq!((found[1].role, found[1].is_stopped()), (Role::Broker, true));
        assert_eq!(parse(&ANSWER[..300], None), None, "an answer that breaks off is none");
    }

    #[tokio::test]
    async fn processes_that_end_while_they_are_looked_at_are_no_mistake() {
        let churn = "while :; do sh -c : x kafka.Kafka & sh -c : x kafka.Kafka; done";
        let mut churn = tokio::process::Command::new("sh").args(["-c", churn]).kill_on_drop(true).process_group(0).spawn().unwrap();
        let shell = Shell::new(Host::Here);
        for _ in 0..30 {
            list(&shell).await.unwrap();
        }
        let group = nix::unistd::Pid::from_raw(i32::try_from(churn.id().unwrap()).unwrap());
        nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).unwrap();
        churn.wait().await.unwrap();
    }

    #[tokio::test]
    async fn only_a_whole_argument_names_a_process() {
        let sleeper = |argument: &str| {
            let mut command = tokio::process::Command::new("sh");
            command.args(["-c", "sleep 60; :", argument]).kill_on_drop(true).process_group(0).spawn().unwrap()
        };
        let (real, near) = (sleeper("kafka.Kafka"), sleeper("my-kafka.Kafka-notes.txt"));
        let found = list(&Shell::new(Host::Here)).await.unwrap();
        let pids: Vec<_> = found.iter().map(|process| process.pid).collect();
        let pid = |child: &tokio::process::Child| i32::try_from(child.id().unwrap()).unwrap();
        assert!(pids.contains(&pid(&real)) && !pids.contains(&pid(&near)), "{pids:?}");
        for child in [real, near] {
            nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid(&child)), nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    }
}
