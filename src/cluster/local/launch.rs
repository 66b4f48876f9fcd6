//! The command of each process, and how it is started.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::archive;
use super::error::{Doing, Error};
use super::flink;
use super::memory::{self, Memory};
use super::ports::LINKS;
use super::record::{Entry, FOLDER, Folder, LABEL, Part, Record};
use crate::action::Role;
use crate::cluster::process;
use crate::proxy::{Config, LinkConfig, Protocol};

/// A process to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Launch {
    part: Part,
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    archive: Option<PathBuf>,
}

/// Flags of every JVM: quick to start and small, for what matters here are faults and not records per second. No performance
/// data, since a killed JVM would leave its file behind.
pub(in crate::cluster) const JVM: [&str; 3] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];

impl Launch {
    /// Broker `number`, counted from 1.
    pub fn broker(record: &Record, folder: &Folder, number: usize) -> Self {
        let mut java = Java::of(record, &record.kafka.class_path, &folder.conf().join("log4j.properties"));
        java.flags(["-Xms256m", "-Xmx256m"]);
        let archive = java.archive(archive::choose(record, Role::Broker));
        java.main("kafka.Kafka", [folder.conf().join(format!("broker-{number}.properties")).display().to_string()]);
        java.launch(Role::Broker, format!("broker-{number}"), archive)
    }

    /// Makes the folder of a broker, before it is first started. Ends by itself.
    pub fn format_broker(record: &Record, folder: &Folder, number: usize, cluster_id: &str) -> Self {
        let mut java = Java::of(record, &record.kafka.class_path, &folder.conf().join("log4j.properties"));
        java.flags(["-Xmx128m"]);
        let properties = folder.conf().join(format!("broker-{number}.properties")).display().to_string();
        // In one word: an id may begin with `-`.
        let cluster_id = format!("--cluster-id={cluster_id}");
        let arguments = ["format", &cluster_id, "--config", &properties].map(str::to_owned);
        let archive = java.archive(archive::existing(record, Role::Broker));
        java.main("kafka.tools.StorageTool", arguments);
        java.launch(Role::Broker, format!("broker-{number}"), archive)
    }

    /// The JobManager.
    pub fn jobmanager(record: &Record, folder: &Folder) -> Self {
        let mut java = Java::of_flink(record, folder);
        let heap = memory::jobmanager_heap(&record.local().flink.config);
        java.flags([format!("-Xms{heap}"), format!("-Xmx{heap}"), "-XX:MaxMetaspaceSize=256m".to_owned()]);
        let archive = java.archive(archive::choose(record, Role::Jobmanager));
        let main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
        java.main(main, ["--configDir".to_owned(), folder.conf().display().to_string()]);
        java.launch(Role::Jobmanager, "jm-1".to_owned(), archive)
    }

    /// The TaskManager of this name, which is its id in Flink's REST too.
    pub fn taskmanager(record: &Record, folder: &Folder, name: &str) -> Self {
        let local = record.local();
        let memory = Memory::resolve(&local.flink.config);
        let mut java = Java::of_flink(record, folder);
        java.flags(memory.jvm_flags());
        let archive = java.archive(archive::choose(record, Role::Taskmanager));
        let mut arguments = vec!["--configDir".to_owned(), folder.conf().display().to_string()];
        let own = [
            ("taskmanager.resource-id", name.to_owned()),
            ("taskmanager.cpu.cores", format!("{}.0", local.flink.slots)),
            ("external-resources", "none".to_owned()),
        ];
        for (key, value) in own.into_iter().chain(memory.settings()) {
            arguments.extend(["-D".to_owned(), format!("{key}={value}")]);
        }
        java.main("org.apache.flink.runtime.taskexecutor.TaskManagerRunner", arguments);
        java.launch(Role::Taskmanager, name.to_owned(), archive)
    }

    /// The SQL gateway.
    pub fn gateway(record: &Record, folder: &Folder) -> Self {
        let mut java = Java::of_flink(record, folder);
        java.flags(["-Xmx256m"]);
        let archive = java.archive(archive::choose(record, Role::Gateway));
        java.main("org.apache.flink.table.gateway.SqlGateway", []);
        java.launch(Role::Gateway, "gateway".to_owned(), archive)
    }

    /// squall's proxy: one link a name, one address of it a broker.
    pub fn proxy(record: &Record) -> Self {
        let config = Config { links: links(record), control: record.control.clone(), beyond_loopback: false };
        let arguments = config.to_args().into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        Self { part: Part::Proxy, name: "proxy".to_owned(), program: record.squall.clone(), arguments, archive: None }
    }

    /// Where its output goes.
    pub fn log(&self, folder: &Folder) -> PathBuf {
        folder.logs().join(format!("{}.log", self.name))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command with everything but the way it is started.
    pub fn command(&self, record: &Record, folder: &Folder) -> Result<Command, Error> {
        let log = self.log(folder);
        let open = || OpenOptions::new().create(true).append(true).mode(0o600).open(&log);
        let (out, err) = open().and_then(|out| Ok((out.try_clone()?, out))).doing(|| format!("cannot write `{}`", log.display()))?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&record.data).stdin(Stdio::null()).stdout(out).stderr(err);
        // The gateway takes its settings from there. The variables that squall obeys mean nothing to what it starts.
        command.env(LABEL, record.label()).env(FOLDER, folder.path()).env("FLINK_CONF_DIR", folder.conf());
        for variable in ["JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"] {
            command.env_remove(variable);
        }
        Ok(command)
    }

    /// Starts it in a session of its own: Ctrl-C in squall's terminal does not reach it, and when squall dies while it is
    /// frozen, the kernel does not wake it with the SIGHUP that it sends to stopped jobs of a lost session.
    pub fn start(&self, record: &Record, folder: &Folder) -> Result<Entry, Error> {
        let log = self.log(folder);
        let mut command = self.command(record, folder)?;
        let log_offset = fs::metadata(&log).map_or(0, |facts| facts.len());
        // SAFETY: setsid is async-signal-safe, and nothing else happens between fork and exec.
        unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from)) };
        let failed = |source| Error::Spawn { program: self.program.clone(), source };
        let child = command.spawn().map_err(failed)?;
        // Not reaped before the child is dropped, so it is there even when it died at once.
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let start_ticks = process::start_ticks(pid).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        Ok(Entry {
            part: self.part,
            name: self.name.clone(),
            pid,
            start_ticks,
            log,
            log_offset,
            in_place_of: None,
            archive: self.archive.clone(),
            ended: None,
            frozen: None,
            slowed: None,
            squeezed: None,
        })
    }
}

/// The links that the proxy carries. Kafka is spoken on all, so its requests can be counted.
fn links(record: &Record) -> Vec<LinkConfig> {
    let of_broker = |link: &'static str| {
        record.ports.brokers.iter().filter_map(move |ports| {
            let ends = ports.links.get(link)?;
            Some(LinkConfig {
                name: link.to_owned(),
                listen: (std::net::Ipv4Addr::LOCALHOST, ends.proxy).into(),
                upstream: format!("127.0.0.1:{}", ends.broker),
                protocol: Protocol::Kafka,
            })
        })
    };
    LINKS.into_iter().flat_map(of_broker).collect()
}

/// The last lines of what a process wrote since it began, at most `lines`.
pub(super) fn tail(log: &Path, from: u64, lines: usize) -> String {
    const ENOUGH: u64 = 64 << 10;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(ENOUGH))))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_else(|error| format!("({error})").into_bytes());
    let text = String::from_utf8_lossy(&text);
    let all: Vec<_> = text.lines().collect();
    if all.is_empty() { "(it is empty)".to_owned() } else { all[all.len().saturating_sub(lines)..].join("\n") }
}

/// A `java` command line in the making.
struct Java {
    program: PathBuf,
    arguments: Vec<String>,
    class_path: String,
}

impl Java {
    fn of(record: &Record, class_path: &str, log4j: &Path) -> Self {
        let mut arguments: Vec<String> = JVM.map(str::to_owned).into();
        // Native libraries are unpacked there; below the cluster's data, so that nothing stays when the cluster goes.
        arguments.push(format!("-Djava.io.tmpdir={}", record.data.join("tmp").display()));
        arguments.push(format!("-Dlog4j2.configurationFile={}", log4j.display()));
        Self { program: record.java.clone(), arguments, class_path: class_path.to_owned() }
    }

    fn of_flink(record: &Record, folder: &Folder) -> Self {
        let mut java = Self::of(record, &record.flink.class_path, &folder.conf().join("log4j.properties"));
        java.flags(flink::MODULES);
        java
    }

    fn flags<S: Into<String>>(&mut self, flags: impl IntoIterator<Item = S>) {
        self.arguments.extend(flags.into_iter().map(Into::into));
    }

    fn archive(&mut self, archive: archive::Archive) -> Option<PathBuf> {
        self.flags(archive.flags());
        archive.made()
    }

    fn main(&mut self, class: &str, arguments: impl IntoIterator<Item = String>) {
        self.arguments.extend(["-cp".to_owned(), std::mem::take(&mut self.class_path), class.to_owned()]);
        self.arguments.extend(arguments);
    }

    fn launch(self, role: Role, name: String, archive: Option<PathBuf>) -> Launch {
        Launch { part: Part::Node(role), name, program: self.program, arguments: self.arguments, archive }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_tail_of_a_log_is_that_of_the_last_process() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("jm-1.log");
        fs::write(&log, "of the first\n").unwrap();
        assert_eq!(tail(&log, 13, 3), "(it is empty)");
        fs::write(&log, "of the first\n1\n2\n3\n4\n").unwrap();
        assert_eq!(tail(&log, 13, 3), "2\n3\n4");
        assert!(tail(&folder.path().join("none"), 0, 3).contains("No such file"));
    }
}
