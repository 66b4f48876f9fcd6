//! What is known of a local cluster, on disk: written before each step, so that any squall can find and end it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::error::{Doing, Error};
use super::jars::Jars;
use super::ports::Ports;
use super::spec::LocalSpec;
use crate::action::{Identity, Node, Role};
use crate::clock::Timestamp;
use crate::cluster::cgroup::{CpuLimit, MemoryLimit};
use crate::cluster::places::Places;
use crate::cluster::process;
use crate::cluster::spec::{ClusterName, ClusterSpec};

/// Format of the record.
pub(super) const FORMAT: u32 = 2;

/// The variable that labels every process of a cluster, as `<name>:<id>`.
pub(super) const LABEL: &str = "SQUALL_CLUSTER";
/// The variable that names the folder of its record.
pub(super) const FOLDER: &str = "SQUALL_CLUSTER_FOLDER";

/// A local cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Record {
    /// Format of this file.
    pub format: u32,
    /// Told apart from every other cluster of this name, past ones too.
    pub id: String,
    /// How far it is.
    pub phase: Phase,
    /// When it was started.
    pub created: Timestamp,
    /// The cluster file.
    pub spec: ClusterSpec,
    /// What it says of this kind.
    pub local: LocalSpec,
    /// The `java` command.
    pub java: PathBuf,
    /// What Java says of itself.
    pub java_build: String,
    /// Kafka.
    pub kafka: Jars,
    /// Flink.
    pub flink: Jars,
    /// Where class-data archives are kept.
    pub archives: PathBuf,
    /// The squall that runs the proxy.
    pub squall: PathBuf,
    /// Where topics, checkpoints and temporary files live; made by squall, removed when the cluster goes.
    pub data: PathBuf,
    /// The proxy's control socket.
    pub control: PathBuf,
    /// Ports that stay.
    pub ports: Ports,
    /// Every process that was started, dead ones too.
    pub processes: Vec<Entry>,
}

/// How far a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Being started, or cut short while it was.
    Starting,
    /// Ready.
    Up,
    /// Being taken down, or cut short while it was.
    Stopping,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Stopping => "stopping",
        })
    }
}

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    /// A node of the pipeline.
    Node(Role),
    /// squall's proxy.
    Proxy,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Entry {
    /// What it is.
    pub part: Part,
    /// `tm-2`, `broker-1`, `jm-1`, `gateway`, `proxy`.
    pub name: String,
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
    /// Its log, which a process started again under the same name continues.
    pub log: PathBuf,
    /// Where this process began in the log.
    pub log_offset: u64,
    /// Index in the record of the dead node whose place it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<usize>,
    /// The class-data archive that it writes when it ends in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<PathBuf>,
    /// Since when squall ends it: written before the deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Since when squall freezes it: written before the deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Timestamp>,
    /// What takes CPU time from it: written before the deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowed: Option<CpuLimit>,
    /// What takes memory from it: written before the deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squeezed: Option<MemoryLimit>,
}

impl Entry {
    /// Its identity.
    pub fn identity(&self) -> Identity {
        process::identity(self.pid, self.start_ticks)
    }

    /// As a node; none for the proxy.
    pub fn node(&self) -> Option<Node> {
        match self.part {
            Part::Node(role) => Some(Node { role, name: self.name.clone(), identity: self.identity() }),
            Part::Proxy => None,
        }
    }

    /// Whether it is alive.
    pub fn is_alive(&self) -> bool {
        process::is_alive(self.pid, self.start_ticks)
    }
}

impl Record {
    /// What the cluster file says of this kind.
    pub fn local(&self) -> &LocalSpec {
        &self.local
    }

    /// The value of the label.
    pub fn label(&self) -> String {
        format!("{}:{}", self.spec.name, self.id)
    }

    /// Index of a node's incarnation.
    pub fn find(&self, node: &Node) -> Option<usize> {
        self.processes.iter().position(|entry| entry.node().as_ref() == Some(node))
    }

    /// Index of the newest process in the place of the one at `index`: itself when nobody took it.
    pub fn newest_in_place(&self, index: usize) -> usize {
        let next = self.processes.iter().rposition(|other| other.in_place_of == Some(index));
        next.map_or(index, |next| self.newest_in_place(next))
    }

    /// The newest process of each place, in the order of their start: what the cluster consists of, dead ones too.
    pub fn present(&self) -> impl Iterator<Item = &Entry> {
        let replaced = |index: usize| self.processes.iter().any(|other| other.in_place_of == Some(index));
        self.processes.iter().enumerate().filter(move |(index, _)| !replaced(*index)).map(|(_, entry)| entry)
    }
}

/// The folder of a cluster's record, locked: nobody else changes the cluster meanwhile. The lock dies with its holder.
#[derive(Debug)]
pub(super) struct Locked {
    /// The folder.
    pub folder: Folder,
    _lock: Flock<OwnedFd>,
}

/// The folder of a cluster's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// The cluster's name.
    pub name: ClusterName,
    path: PathBuf,
}

impl Folder {
    /// Of the cluster of this name.
    pub fn of(name: &ClusterName, places: &Places) -> Self {
        Self { name: name.clone(), path: places.cluster(name) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Configuration files.
    pub fn conf(&self) -> PathBuf {
        self.path.join("conf")
    }

    /// Logs.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    fn record(&self) -> PathBuf {
        self.path.join("cluster.json")
    }

    /// Reads the record; none when the cluster is not up.
    pub fn read(&self) -> Result<Option<Record>, Error> {
        let path = self.record();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).doing(|| format!("cannot read `{}`", path.display())),
        };
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format: found } = serde_json::from_slice(&text).map_err(|error| Error::BadRecord { path: path.clone(), error })?;
        if found != FORMAT {
            return Err(Error::OtherFormat { path, found });
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| Error::BadRecord { path, error })
    }

    /// Writes the record so that a reader sees the old or the new one, whatever happens.
    pub fn write(&self, record: &Record) -> Result<(), Error> {
        let path = self.record();
        let draft = path.with_extension("json.new");
        let write = || {
            let text = serde_json::to_vec_pretty(record)?;
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().doing(|| format!("cannot write `{}`", path.display()))
    }

    /// Locks the folder, making it where there is none. Gives up after `patience`.
    pub async fn lock(&self, patience: Duration) -> Result<Locked, Error> {
        let attempt = async {
            loop {
                if let Some(locked) = self.try_lock()? {
                    return Ok(locked);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(patience, attempt).await.unwrap_or_else(|_| Err(Error::Busy(self.name.clone())))
    }

    fn try_lock(&self) -> Result<Option<Locked>, Error> {
        let cannot = || format!("cannot lock `{}`", self.path.display());
        fs::create_dir_all(&self.path).doing(cannot)?;
        let folder = File::open(&self.path).doing(cannot)?;
        let opened = folder.metadata().doing(cannot)?;
        let lock = match Flock::lock(OwnedFd::from(folder), FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
            Err((_, errno)) => return Err(io::Error::from(errno)).doing(cannot),
        };
        // Whoever held it may have removed the folder, and somebody made it anew.
        let present = fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == (opened.dev(), opened.ino()));
        Ok(present.then(|| Locked { folder: self.clone(), _lock: lock }))
    }
}

/// The clusters that have a record, by name.
pub(super) fn recorded(places: &Places) -> Vec<ClusterName> {
    let Ok(folders) = fs::read_dir(places.clusters()) else { return Vec::new() };
    let mut names: Vec<ClusterName> = folders
        .filter_map(|folder| folder.ok()?.file_name().to_str()?.parse().ok())
        .filter(|name| Folder::of(name, places).record().exists())
        .collect();
    names.sort();
    names
}
