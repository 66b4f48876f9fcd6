//! Class-data archives: classes parsed and verified once, so that later JVMs start in half the time.
//!
//! A process of each role that is started without an archive writes one when it ends in order; every later one uses it. An archive is good for one Java build and one class path only, so these name its folder; a JVM that finds it unfit
//! ignores it.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::jars::Jars;
use super::record::{Entry, Part, Record};
use crate::action::Role;

/// What a process does about archives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Archive {
    /// Uses this one.
    Use(PathBuf),
    /// Writes this one at its end.
    Make(PathBuf),
    /// Nothing.
    Without,
}

/// The folder of the archives that fit this Java and these jars.
pub(super) fn folder(cache: &Path, java_build: &str, kafka: &Jars, flink: &Jars) -> PathBuf {
    let digest = Sha256::digest([java_build, &kafka.key, &flink.key].join("\n"));
    let key: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    cache.join("archives").join(format!("kafka-{}-flink-{}-{key}", kafka.version, flink.version))
}

/// What a process of this role does that is about to start. One at a time writes a missing archive.
pub(super) fn choose(record: &Record, role: Role) -> Archive {
    let writes = |entry: &Entry| entry.part == Part::Node(role) && entry.archive.is_some() && entry.is_alive();
    match existing(record, role) {
        Archive::Without if !record.processes.iter().any(writes) && fs::create_dir_all(&record.archives).is_ok() => {
            // Of several clusters that write one at the same time, each has its own draft.
            Archive::Make(record.archives.join(format!("{}.{}.draft", file_stem(role), record.id)))
        }
        archive => archive,
    }
}

/// The archive that there is for this role.
pub(super) fn existing(record: &Record, role: Role) -> Archive {
    let archive = record.archives.join(format!("{}.jsa", file_stem(role)));
    if archive.exists() { Archive::Use(archive) } else { Archive::Without }
}

fn file_stem(role: Role) -> &'static str {
    match role {
        Role::Broker => "broker",
        Role::Jobmanager => "jobmanager",
        Role::Taskmanager => "taskmanager",
        Role::Gateway => "gateway",
    }
}

impl Archive {
    /// The JVM's flags. It says nothing when an archive does not fit: the log belongs to Kafka and Flink.
    pub fn flags(&self) -> Vec<String> {
        let quiet = "-Xlog:disable".to_owned();
        let errors = "-Xlog:all=error:stderr".to_owned();
        match self {
            Self::Use(path) => vec![quiet, errors, format!("-XX:SharedArchiveFile={}", path.display())],
            Self::Make(path) => vec![quiet, errors, format!("-XX:ArchiveClassesAtExit={}", path.display())],
            Self::Without => Vec::new(),
        }
    }

    /// The draft that it writes.
    pub fn made(self) -> Option<PathBuf> {
        match self {
            Self::Make(path) => Some(path),
            Self::Use(_) | Self::Without => None,
        }
    }
}

/// Takes a draft into use, when its process ended in order; else removes it. Failing here costs a later start its speed, no
/// more, so nobody is told.
pub(super) fn settle(draft: &Path, orderly: bool) {
    let archive = draft.with_extension("").with_extension("jsa");
    if !orderly || fs::rename(draft, archive).is_err() {
        let _ = fs::remove_file(draft);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_an_orderly_end_makes_an_archive() {
        let folder = tempfile::tempdir().unwrap();
        let draft = folder.path().join("jobmanager.1abc.draft");
        fs::write(&draft, "cut").unwrap();
        settle(&draft, false);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&draft, "whole").unwrap();
        settle(&draft, true);
        assert_eq!(fs::read_to_string(folder.path().join("jobmanager.jsa")).unwrap(), "whole");
    }
}
