//! What squall has done to nodes of a foreign cluster, on disk: written before each deed, so that whoever takes it back knows who was
//! there at that time. Nothing else of such a cluster is kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::action::{Identity, Node};
use crate::clock::Timestamp;
use crate::cluster::places::Places;
use crate::cluster::spec::ClusterName;

/// A deed on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Deed {
    /// Its target.
    pub node: Node,
    /// `kill`, `terminate`, `freeze`, `slow`, `squeeze`, `disconnect`.
    pub deed: String,
    /// When it was begun.
    pub at: Timestamp,
    /// The other nodes of this role that were there then.
    pub others: Vec<(String, Identity)>,
    /// Who took its place, since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<(String, Identity)>,
    /// Whether it was taken back.
    #[serde(default)]
    pub undone: bool,
}

/// squall's proxy in front of a foreign cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ProxyProcess {
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Record {
    /// Deeds of runs of this machine.
    #[serde(default)]
    pub deeds: Vec<Deed>,
    /// The proxy, while it is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyProcess>,
}

/// Deeds that are kept after they were taken back: an undo may be asked for again, but not for ever.
const KEPT: usize = 64;

impl Record {
    /// The newest deed of one of these kinds on a node.
    pub fn newest(&self, node: &Node, deeds: &[&str]) -> Option<usize> {
        self.deeds.iter().rposition(|deed| deed.node == *node && deeds.contains(&deed.deed.as_str()))
    }

    /// Adds one, and forgets the oldest that were taken back.
    pub fn push(&mut self, deed: Deed) {
        self.deeds.push(deed);
        while self.deeds.len() > KEPT
            && let Some(oldest) = self.deeds.iter().position(|deed| deed.undone)
        {
            self.deeds.remove(oldest);
        }
    }
}

/// The file of a cluster's deeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub fn of(name: &ClusterName, places: &Places) -> Self {
        Self { folder: places.state.join("external").join(name.as_str()) }
    }

    /// Where the proxy's socket and log are.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    fn path(&self) -> PathBuf {
        self.folder.join("record.json")
    }

    /// Reads it; an empty one where there is none.
    pub fn read(&self) -> Result<Record, Error> {
        let path = self.path();
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| Error::Record { path, reason: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(Error::Record { path, reason: error.to_string() }),
        }
    }

    /// Writes it so that a reader sees the old or the new one, whatever happens.
    pub fn write(&self, record: &Record) -> Result<(), Error> {
        let path = self.path();
        let draft = path.with_extension("json.new");
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&serde_json::to_vec_pretty(record)?)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| Error::Record { path: path.clone(), reason: error.to_string() })
    }

    /// Removes it, with the folders above as far as they are empty.
    pub fn remove(&self, places: &Places) -> Result<(), Error> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::Record { path: self.folder.clone(), reason: error.to_string() })
            }
            _ => {
                for folder in [places.state.join("external"), places.state.clone()] {
                    if fs::remove_dir(folder).is_err() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::action::Role;

    #[test]
    fn open_deeds_are_never_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let places = Places { state: root.path().join("state"), ..Places::from_env().unwrap() };
        let store = Store::of(&"mine".parse().unwrap(), &places);
        assert_eq!(store.read().unwrap(), Record::default());
        let deed = |number: usize, undone| Deed {
            node: Node { role: Role::Taskmanager, name: format!("tm-{number}"), identity: Identity::Named },
            deed: "kill".into(),
            at: Timestamp(0),
            others: Vec::new(),
            successor: None,
            undone,
        };
        let mut record = Record::default();
        record.push(deed(0, false));
        for number in 1..200 {
            record.push(deed(number, true));
        }
        store.write(&record).unwrap();
        let read = store.read().unwrap();
        assert_eq!((read.deeds.len(), &read.deeds[0]), (KEPT, &deed(0, false)));
        assert_eq!(read.newest(&deed(199, true).node, &["kill"]), Some(KEPT - 1));
        store.remove(&places).unwrap();
        assert!(!places.state.exists());
    }
}
