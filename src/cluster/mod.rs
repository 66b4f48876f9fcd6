//! Where a scenario runs: the cluster file ([`ClusterSpec`]) and, for each kind, how nodes and links are found, acted on and
//! put back.
//!
//! A kind is one file or folder (`local/`), one line of [`Kind`] and one of [`Cluster`]; the compiler asks for the rest.
//! Only actions on nodes and links are performed here; those on traffic, topics and the job are the engine's.

mod cgroup;
mod consent;
mod description;
mod hours;
mod kinds;
mod local;
mod mistake;
mod places;
mod process;
mod setting;
mod spec;

pub use consent::{Allow, Hours, KeepAtLeast, Limits, NotATime, Synthetic, TimeOfDay, Weekday};
pub use description::{Addresses, Description, KafkaAccess, Link, NodeStatus};
pub use hours::{UnknownZone, cover};
pub use kinds::{AnyOfKind, Can, KINDS};
pub use local::{
    Error as LocalError, Local, LocalFlink, LocalKafka, LocalSpec, Phase as LocalPhase, Status as LocalStatus, down as local_down,
    status as local_status, versions,
};
pub use mistake::Mistake;
pub use places::{Places, PlacesError};
pub use setting::{Setting, Settings};
pub use spec::{ClusterName, ClusterSpec, Environment, Kind, NotAName, RestartedBy, Restarter};

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::action::{Ability, Action, Inverse, Testimony, Witness};
use crate::clock::Timestamp;

/// Told of each step of a start or an end, in one line.
pub type Progress<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// A cluster that is up.
#[derive(Debug)]
pub enum Cluster {
    /// Processes on this machine.
    Local(Local),
}

/// An action that was performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performed {
    /// When it took effect.
    pub at: Timestamp,
    /// In words: `SIGKILL to process 4711, gone after 3 ms`.
    pub what: String,
}

/// An inverse that was performed, and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// When it took effect.
    pub at: Timestamp,
    /// Whether anything was left to do.
    pub changed: bool,
    /// In words: `tm-3 started in place of tm-2`.
    pub what: String,
}

/// What can go wrong with a cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// With a local one.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// An action that this kind of cluster has no way to perform; a plan is checked against [`Cluster::abilities`].
    #[error("a {kind} cluster cannot {what}")]
    CannotDo {
        /// The kind.
        kind: &'static str,
        /// The deed.
        what: String,
    },
}

impl Error {
    /// Whether there was no cluster of that name (or only the ruins of one), so that one can be started.
    pub fn is_not_up(&self) -> bool {
        matches!(self, Self::Local(LocalError::NotUp(_) | LocalError::HalfStarted(_)))
    }
}

/// Ends everything that squall started for the cluster, whoever did and however far it got, and removes its data.
///
/// # Errors
/// When it is not up, a process cannot be ended, or a folder not be removed.
pub async fn down(spec: &ClusterSpec, places: &Places, progress: &Progress<'_>) -> Result<(), Error> {
    match &spec.kind {
        Kind::Local(_) => Ok(local_down(&spec.name, places, progress).await?),
    }
}

impl Kind {
    /// Its name in cluster files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
        }
    }

    /// What can be done to nodes and links of such a cluster, whether or not it is up.
    pub fn abilities(&self) -> BTreeSet<Ability> {
        match self {
            Self::Local(spec) => local::abilities(spec),
        }
    }

    /// Links that pass through a proxy in such a cluster.
    pub fn proxied_links(&self) -> BTreeSet<String> {
        match self {
            Self::Local(_) => ["generator", "source", "sink"].map(str::to_owned).into(),
        }
    }
}

impl ClusterSpec {
    /// In one line: `laptop: 1 broker, 2 TaskManagers`.
    pub fn line(&self) -> String {
        match &self.kind {
            Kind::Local(local) => {
                let many = |count: u32, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
                format!(
                    "{}: {}, {}",
                    self.name,
                    many(local.kafka.brokers.get(), "broker"),
                    many(local.flink.taskmanagers.get(), "TaskManager")
                )
            }
        }
    }
}

/// The JSON schema of cluster files, draft-07.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<ClusterSpec>()
}

impl Cluster {
    /// Starts the cluster that `spec` describes and waits until all of it is ready. Dropping the future takes down what was
    /// started so far.
    ///
    /// # Errors
    /// When it is up already, cannot be started, or does not get ready; then nothing is left running.
    pub async fn up(spec: &ClusterSpec, places: &Places, progress: &Progress<'_>) -> Result<Self, Error> {
        match &spec.kind {
            Kind::Local(_) => Ok(Self::Local(Local::up(spec, places, progress).await?)),
        }
    }

    /// Takes hold of a cluster that is up.
    ///
    /// # Errors
    /// When none of this name is up, or one that was started from another description.
    pub async fn attach(spec: &ClusterSpec, places: &Places) -> Result<Self, Error> {
        match &spec.kind {
            Kind::Local(_) => Ok(Self::Local(Local::attach(spec, places)?)),
        }
    }

    /// The cluster file.
    pub fn spec(&self) -> &ClusterSpec {
        match self {
            Self::Local(local) => local.spec(),
        }
    }

    /// Where everything is.
    pub fn addresses(&self) -> &Addresses {
        match self {
            Self::Local(local) => local.addresses(),
        }
    }

    /// Versions, nodes and settings, for the record.
    ///
    /// # Errors
    /// When the cluster's record cannot be read.
    pub fn describe(&self) -> Result<Description, Error> {
        match self {
            Self::Local(local) => Ok(local.describe()?),
        }
    }

    /// The nodes as they are now, dead ones whose place is empty too; by role, then name.
    ///
    /// # Errors
    /// When the cluster's record cannot be read.
    pub fn view(&self) -> Result<Vec<NodeStatus>, Error> {
        match self {
            Self::Local(local) => Ok(local.view()?),
        }
    }

    /// What can be done to nodes and links.
    pub fn abilities(&self) -> BTreeSet<Ability> {
        self.spec().kind.abilities()
    }

    /// Performs an action on a node or a link.
    ///
    /// # Errors
    /// When the target is not this cluster's, is gone, or does not obey.
    pub async fn perform(&self, action: &Action) -> Result<Performed, Error> {
        match self {
            Self::Local(local) => local.perform(action).await,
        }
    }

    /// Puts a node or a link back, looks whether it is, and says so. Done twice it does no harm.
    ///
    /// # Errors
    /// When it is not back; it can be tried again.
    pub async fn undo(&self, inverse: &Inverse) -> Result<Undone, Error> {
        match self {
            Self::Local(local) => local.undo(inverse).await,
        }
    }

    /// Looks whether an action on a node or a link happened. Whether the victim carried work is the caller's to fill in.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn witness(&self, witness: &Witness) -> Result<Testimony, Error> {
        match self {
            Self::Local(local) => local.witness(witness).await,
        }
    }

    /// The links that pass through a proxy, and how many connections each carries now.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn links(&self) -> Result<Vec<(String, u32)>, Error> {
        match self {
            Self::Local(local) => Ok(local.links().await?),
        }
    }

    /// Kafka requests that went over each link since its proxy started, by api key.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn link_requests(&self) -> Result<Vec<(String, BTreeMap<i16, u64>)>, Error> {
        match self {
            Self::Local(local) => Ok(local.link_requests().await?),
        }
    }

    /// Folder of checkpoints on this machine, where there is one.
    pub fn checkpoint_folder(&self) -> Option<PathBuf> {
        match self {
            Self::Local(local) => local.checkpoints(),
        }
    }

    /// Folder for savepoints, as Flink reaches it.
    pub fn savepoints(&self) -> Option<String> {
        match self {
            Self::Local(local) => local.savepoints(),
        }
    }

    /// The rules that hold on its links, whoever set them.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn rules(&self) -> Result<Vec<crate::proxy::RuleStatus>, Error> {
        match self {
            Self::Local(local) => Ok(local.rules().await?),
        }
    }

    /// The nodes, dead ones whose place is empty too, and the newest log of each; only what is on this machine.
    ///
    /// # Errors
    /// When the cluster's record cannot be read.
    pub fn logs(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        match self {
            Self::Local(local) => Ok(local.logs()?),
        }
    }
}
