//! `squall cluster init`: a commented cluster file for a kind, from flags or from answers.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write as _};
use std::path::PathBuf;

use super::arguments::{Init, InitKind};
use super::cluster::print;
use super::{Exit, Failure, tell};
use crate::cluster::ClusterName;

pub(super) fn init(arguments: &Init) -> Result<Exit, Failure> {
    let ask = std::io::stdin().is_terminal();
    let answers = Answers::from(arguments, ask)?;
    let text = answers.text();
    let path = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.yaml", answers.name)));
    if path.as_os_str() == "-" {
        print(&text)?;
        return Ok(Exit::Met);
    }
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::new(Exit::Invalid, format!("error: cannot write {}: {error}", path.display())))?;
    print(&format!("{}\n", path.display()))?;
    let next = match answers.kind {
        InitKind::External => format!("next: squall cluster check {}", path.display()),
        InitKind::Local | InitKind::Containers => format!("next: squall cluster up {}", path.display()),
    };
    tell(&format!("{next}\n"));
    Ok(Exit::Met)
}

/// What the file is made from.
#[derive(Debug)]
struct Answers {
    kind: InitKind,
    name: ClusterName,
    taskmanagers: u32,
    kafka: String,
    flink: Vec<String>,
    gateway: Option<String>,
    ssh: Vec<String>,
}

impl Answers {
    /// From flags; what is missing is asked for at a terminal.
    fn from(arguments: &Init, ask: bool) -> Result<Self, Failure> {
        let kind = match (arguments.kind, ask) {
            (Some(kind), _) => kind,
            (None, true) => loop {
                match question("Kind of cluster: local (processes here), containers (here), external (one that you have)", "local")?
                    .as_str()
                {
                    "local" => break InitKind::Local,
                    "containers" => break InitKind::Containers,
                    "external" => break InitKind::External,
                    other => tell(&format!("`{other}` is none of these\n")),
                }
            },
            (None, false) => return Err(missing("--kind")),
        };
        let usual = match kind {
            InitKind::Local => "laptop",
            InitKind::Containers => "containers",
            InitKind::External => "staging",
        };
        let name = match (&arguments.name, ask) {
            (Some(name), _) => name.clone(),
            (None, true) => question("Its name", usual)?,
            (None, false) => usual.to_owned(),
        };
        let name = ClusterName::try_from(name).map_err(|error| Failure::of(Exit::Invalid, &error))?;
        let external = kind == InitKind::External;
        let needed = |said: &Option<String>, flag: &str, text: &str, usual: &str| match (said, external, ask) {
            (Some(said), ..) => Ok(said.clone()),
            (None, false, _) => Ok(String::new()),
            (None, true, true) => question(text, usual),
            (None, true, false) => Err(missing(flag)),
        };
        let kafka = needed(&arguments.kafka, "--kafka", "Kafka's brokers, host:port", "localhost:9092")?;
        let flink = needed(&arguments.flink.first().cloned(), "--flink", "Flink's REST", "http://localhost:8081")?;
        let rest = arguments.flink.iter().skip(1).cloned();
        let flink = std::iter::once(flink).chain(rest).collect();
        let ssh = if external && ask && arguments.ssh.is_empty() {
            let said = question("Machines of the TaskManagers, as ssh takes them (`here` for this one; empty for none)", "")?;
            said.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_owned).collect()
        } else {
            arguments.ssh.clone()
        };
        Ok(Self { kind, name, taskmanagers: arguments.taskmanagers, kafka, flink, gateway: arguments.gateway.clone(), ssh })
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# For completion in editors: squall schema cluster > cluster.schema.json\n\
             # yaml-language-server: $schema=cluster.schema.json\n\
             # Where scenarios run, and what its owner allows there. `squall explain cluster {}` says what this kind can do.\n\
             name: {}\n",
            self.kind.name(),
            self.name
        );
        // Writing to a string cannot fail.
        let _ = match self.kind {
            InitKind::Local => self.local(&mut text),
            InitKind::Containers => self.containers(&mut text),
            InitKind::External => self.external(&mut text),
        };
        text
    }

    fn local(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "environment: test\n\
             kind:\n  local:\n    kafka: {{ brokers: 1 }}                # from three on, topics have three copies\n    \
             flink:\n      taskmanagers: {}\n      slots: 2\n      config:\n        \
             heartbeat.interval: 2s             # Flink's own 10 s and 50 s would be most of a recovery\n        heartbeat.timeout: 10s\n\
             restarted-by: {{ taskmanager: squall }}    # or nobody: it stays away\n\
             allow: [ everything ]                    # or single faults: [ {{ kill-taskmanager: {{ at-most: 1 }} }}, delay-sink ]\n\
             keep-at-least: {{ taskmanagers: 1 }}       # nodes that no fault may take away",
            self.taskmanagers
        )
    }

    fn containers(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "environment: test\n\
             kind:\n  containers:\n    \
             # Docker or Podman, by DOCKER_HOST or the usual socket. Images must be there: `docker pull apache/kafka:4.3.1 flink:2.3.0`.\n    \
             kafka: {{ image: \"apache/kafka:4.3.1\", memory: 768MiB }}\n    \
             flink:\n      image: \"flink:2.3.0\"\n      taskmanagers: {}\n      slots: 2\n      memory: 1GiB                   # of each container\n      \
             # connector: jars/flink-sql-connector-kafka-5.0.0-2.2.jar   # where the image has none\n      \
             config:\n        heartbeat.interval: 2s\n        heartbeat.timeout: 10s\n\
             restarted-by: {{ taskmanager: squall }}    # or nobody: it stays away\n\
             allow: [ everything ]                    # or single faults: [ {{ kill-taskmanager: {{ at-most: 1 }} }}, delay-sink ]\n\
             keep-at-least: {{ taskmanagers: 1 }}       # nodes that no fault may take away",
            self.taskmanagers
        )
    }

    fn external(&self, text: &mut String) -> std::fmt::Result {
        let flink: Vec<String> = self.flink.iter().map(|address| format!("\"{address}\"")).collect();
        writeln!(
            text,
            "environment: staging                     # test, staging or production; production asks for --confirm {}\n\
             kind:\n  external:\n    kafka:\n      bootstrap: \"{}\"\n      \
             # Properties of librdkafka. TLS and SCRAM, with the password in a file or in the environment, never here:\n      \
             # properties: {{ security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA-512, sasl.username: squall, ssl.ca.location: ca.pem }}\n      \
             # secrets: {{ sasl.password: {{ file: kafka.password }} }}\n    \
             flink:\n      addresses: [ {} ]   # one for each JobManager; a path prefix is kept\n      \
             # auth: {{ basic: {{ user: squall, password: {{ env: FLINK_PASSWORD }} }} }}   # or bearer: {{ file: token }}\n      \
             # ca-file: ca.pem",
            self.name,
            self.kafka,
            flink.join(", ")
        )?;
        match &self.gateway {
            Some(gateway) => writeln!(text, "    gateway: {{ addresses: [ \"{gateway}\" ] }}")?,
            None => writeln!(text, "    # gateway: {{ addresses: [ \"http://gateway:8083\" ] }}   # for SQL jobs that squall submits")?,
        }
        if self.ssh.is_empty() {
            writeln!(text, "    # Machines of the nodes, for faults on processes: `here`, or over ssh without a password.")?;
            writeln!(text, "    # hosts: [ {{ ssh: {{ to: flink@tm-1.example }} }} ]")?;
        } else {
            let hosts = self.ssh.iter().map(|host| if host == "here" { host.clone() } else { format!("{{ ssh: {{ to: {host} }} }}") });
            writeln!(text, "    hosts: [ {} ]", hosts.collect::<Vec<_>>().join(", "))?;
        }
        writeln!(
            text,
            "    # Who starts a dead node again is the platform (systemd, Kubernetes, YARN); where squall should, by your command:\n    \
             # commands: {{ taskmanager: {{ kill: {{ undo: [ ./start-taskmanager.sh, \"${{node}}\" ] }} }} }}\n\
             restarted-by: {{ taskmanager: platform }}  # or squall (by the command above), or nobody\n\
             # Nothing but reading is allowed until it stands here.\n\
             allow: []\n\
             # allow: [ make-topics, submit-jobs, {{ kill-taskmanager: {{ at-most: 1 }} }} ]\n\
             # writable-topics: [ orders-test ]       # topics that exist and that squall may write to\n\
             protect: []                              # topics that are never touched, whatever else is allowed: [ \"billing-*\" ]\n\
             keep-at-least: {{ taskmanagers: 1, jobmanagers: 1, brokers: 1 }}\n\
             # max-rate: 5k/s\n# max-duration: 1h\n# hours: [ {{ days: [ mon, tue, wed, thu ], from: \"09:00\", to: \"16:00\", zone: Europe/Berlin }} ]\n\
             # reason: ask the platform team          # shown when a limit is met"
        )
    }
}

fn missing(flag: &str) -> Failure {
    Failure::new(Exit::Invalid, format!("error: nobody is there to be asked: say {flag}"))
}

/// Asks at the terminal; nothing said takes what is usual.
fn question(text: &str, usual: &str) -> Result<String, Failure> {
    let hint = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
    tell(&format!("{text}{hint}: "));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::of(Exit::Invalid, &error))?;
    let said = line.trim();
    Ok(if said.is_empty() { usual.to_owned() } else { said.to_owned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cluster::ClusterSpec;

    fn arguments(kind: InitKind) -> Init {
        Init {
            kind: Some(kind),
            name: None,
            taskmanagers: 2,
            kafka: Some("broker-1:9092".into()),
            flink: vec!["https://flink/prod".into()],
            gateway: Some("http://gateway:8083".into()),
            ssh: vec!["here".into(), "flink@tm-1".into()],
            output: None,
        }
    }

    #[test]
    fn every_kind_is_written_so_that_it_can_be_read() {
        for kind in [InitKind::Local, InitKind::Containers, InitKind::External] {
            let text = Answers::from(&arguments(kind), false).unwrap().text();
            let yaml = serde_yaml::Deserializer::from_str(&text);
            let spec: ClusterSpec = serde_yaml::with::singleton_map_recursive::deserialize(yaml).unwrap();
            assert_eq!(spec.kind.name(), kind.name());
            assert_eq!(spec.mistakes(), []);
            if kind == InitKind::External {
                assert_eq!(spec.allow, [], "read-only until its owner says more");
            }
        }
    }

    #[test]
    fn what_is_missing_is_named_where_nobody_can_be_asked() {
        let missing = Init { kafka: None, ..arguments(InitKind::External) };
        assert!(Answers::from(&missing, false).unwrap_err().text.contains("--kafka"));
        let missing = Init { kind: None, ..arguments(InitKind::External) };
        assert!(Answers::from(&missing, false).unwrap_err().text.contains("--kind"));
    }
}
