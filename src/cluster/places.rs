//! Where squall keeps what it must remember of clusters, and what it fetched once.

use std::env;
use std::path::{Path, PathBuf};

use super::spec::ClusterName;

/// Folders and programs that clusters are made with; read from the environment once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Records of clusters that are up: `$SQUALL_STATE`, else `squall` in the user's state folder.
    pub state: PathBuf,
    /// Jars and class-data archives: `$SQUALL_CACHE`, else `squall` in the user's cache folder.
    pub cache: PathBuf,
    /// The squall that runs proxies: `$SQUALL_EXE`, else this program.
    pub squall: PathBuf,
    /// `$JAVA_HOME`; none takes `java` from the path.
    pub java_home: Option<PathBuf>,
    /// `$KAFKA_HOME`, an installed Kafka to use instead of fetched jars.
    pub kafka_home: Option<PathBuf>,
    /// `$FLINK_HOME`, an installed Flink to use instead of fetched jars.
    pub flink_home: Option<PathBuf>,
}

/// Why no folder could be found.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// Neither `HOME` nor the variable that names the folder is set.
    #[error("no home folder: set {0}, or HOME")]
    NoHome(&'static str),
    /// The program cannot find itself.
    #[error("cannot find squall's own program; set SQUALL_EXE")]
    NoExe(#[source] std::io::Error),
}

impl Places {
    /// As the environment says. A variable that is set to nothing counts as not set.
    pub fn from_env() -> Result<Self, PlacesError> {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let place = |own: &'static str, xdg: &str, below_home: &str| {
            folder(own)
                .or_else(|| folder(xdg).map(|base| base.join("squall")))
                .or_else(|| folder("HOME").map(|home| home.join(below_home).join("squall")))
                .ok_or(PlacesError::NoHome(own))
        };
        Ok(Self {
            state: place("SQUALL_STATE", "XDG_STATE_HOME", ".local/state")?,
            cache: place("SQUALL_CACHE", "XDG_CACHE_HOME", ".cache")?,
            squall: folder("SQUALL_EXE").map_or_else(|| env::current_exe().map_err(PlacesError::NoExe), Ok)?,
            java_home: folder("JAVA_HOME"),
            kafka_home: folder("KAFKA_HOME"),
            flink_home: folder("FLINK_HOME"),
        })
    }

    /// The folder of all clusters' records.
    pub fn clusters(&self) -> PathBuf {
        self.state.join("clusters")
    }

    /// The folder of one cluster's record.
    pub fn cluster(&self, name: &ClusterName) -> PathBuf {
        self.clusters().join(name.as_str())
    }

    /// Removes the folders above a cluster's record as far as they are empty.
    pub(super) fn remove_empty(&self) {
        for folder in [&self.clusters(), &self.state] {
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// A path as an absolute one, so that it means the same from every working directory.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
