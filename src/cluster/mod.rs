//! Where a scenario runs: the cluster file ([`ClusterSpec`]) and, for each kind, how nodes and links are found, acted on and
//! put back.
//!
//! A kind is one file or folder (`local/`), one line of [`Kind`] and one of [`Cluster`]; the compiler asks for the rest.
//! Only actions on nodes and links are performed here; those on traffic, topics and the job are the engine's.

mod cgroup;
mod consent;
mod containers;
mod description;
mod error;
mod external;
mod hours;
mod inspect;
mod kind;
mod kinds;
mod links;
mod local;
mod mistake;
mod places;
mod process;
mod setting;
mod spec;

pub use consent::{Allow, Hours, KeepAtLeast, Limits, NotATime, Synthetic, TimeOfDay, Weekday};
pub use containers::{Containers, ContainersFlink, ContainersKafka, ContainersSpec, Error as ContainersError};
pub use description::{Addresses, Description, KafkaAccess, Link, NodeStatus};
pub use error::{Error, InspectError};
pub use external::{
    Commands, Deeds, Error as ExternalError, External, ExternalLink, ExternalSpec, Host, Links as ExternalLinks, RoleCommands, Ssh, Through,
};
pub use hours::{UnknownZone, cover};
pub use inspect::{Inspection, Limit, Section, inspect};
pub use kinds::{AnyOfKind, Can, KINDS};
pub use links::LinkError;
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
use std::time::Duration;

use crate::action::{Ability, Action, Inverse, Testimony, Witness};
use crate::clock::Timestamp;

/// Told of each step of a start or an end, in one line.
pub type Progress<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// A cluster that is up.
#[derive(Debug)]
pub enum Cluster {
    /// Processes on this machine.
    Local(Box<Local>),
    /// Containers of this machine's engine.
    Containers(Box<Containers>),
    /// Somebody else's.
    External(Box<External>),
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

/// Ends everything that squall started for the cluster, whoever did and however far it got, and removes its data.
///
/// # Errors
/// When it is not up, a process cannot be ended, or a folder not be removed.
pub async fn down(spec: &ClusterSpec, places: &Places, progress: &Progress<'_>) -> Result<(), Error> {
    match &spec.kind {
        Kind::Local(_) => Ok(local_down(&spec.name, places, progress).await?),
        Kind::Containers(_) => Ok(containers::down(&spec.name, progress).await?),
        Kind::External(_) => {
            let ended = external::down(&spec.name, places).await?;
            progress(if ended { "its proxy is down; nothing else of it is squall's" } else { "nothing of it is squall's" });
            Ok(())
        }
    }
}

/// The same, by the cluster's name alone.
///
/// # Errors
/// As there.
pub async fn down_named(name: &ClusterName, places: &Places, progress: &Progress<'_>) -> Result<(), Error> {
    if external::is_recorded(name, places) {
        external::down(name, places).await?;
        progress("nothing else of it is squall's");
        return Ok(());
    }
    if !places.cluster(name).exists() && containers::is_known(name).await {
        return Ok(containers::down(name, progress).await?);
    }
    Ok(local_down(name, places, progress).await?)
}

/// The clusters that squall has started on this machine, up or not.
///
/// # Errors
/// When a record cannot be read.
pub async fn status(places: &Places) -> Result<Vec<LocalStatus>, Error> {
    let mut all = local_status(places)?;
    all.extend(containers::status().await?);
    Ok(all)
}

/// The rules that hold on the links of a cluster that was found.
///
/// # Errors
/// When its proxy does not answer.
pub async fn rules_of(status: &LocalStatus) -> Result<Vec<crate::proxy::RuleStatus>, Error> {
    Ok(links::Links::new(status.control.clone()).rules().await?)
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
            Kind::Local(local) => Ok(Self::Local(Box::new(Local::up(spec, local, places, progress).await?))),
            Kind::Containers(containers) => Ok(Self::Containers(Box::new(Containers::up(spec, containers, places, progress).await?))),
            Kind::External(external) => {
                if external::up(spec, external, places).await? {
                    progress("its links pass through squall's proxy");
                }
                let cluster = Self::attach(spec, places).await?;
                cluster.ready().await?;
                Ok(cluster)
            }
        }
    }

    /// Takes hold of a cluster that is up.
    ///
    /// # Errors
    /// When none of this name is up, or one that was started from another description.
    pub async fn attach(spec: &ClusterSpec, places: &Places) -> Result<Self, Error> {
        match &spec.kind {
            Kind::Local(_) => Ok(Self::Local(Box::new(Local::attach(spec, places)?))),
            Kind::Containers(_) => Ok(Self::Containers(Box::new(Containers::attach(spec).await?))),
            Kind::External(external) => Ok(Self::External(Box::new(External::attach(spec, external, places)?))),
        }
    }

    /// Looks whether a cluster that squall did not start is there and lets it in.
    ///
    /// # Errors
    /// What does not answer, and why.
    pub async fn ready(&self) -> Result<(), Error> {
        match self {
            Self::Local(_) | Self::Containers(_) => Ok(()),
            Self::External(external) => external.ready().await,
        }
    }

    /// The cluster file.
    pub fn spec(&self) -> &ClusterSpec {
        match self {
            Self::Local(local) => local.spec(),
            Self::Containers(containers) => containers.spec(),
            Self::External(external) => external.spec(),
        }
    }

    /// Where everything is.
    pub fn addresses(&self) -> &Addresses {
        match self {
            Self::Local(local) => local.addresses(),
            Self::Containers(containers) => containers.addresses(),
            Self::External(external) => external.addresses(),
        }
    }

    /// Versions, nodes and settings, for the record.
    ///
    /// # Errors
    /// When the cluster's record cannot be read.
    pub fn describe(&self) -> Result<Description, Error> {
        match self {
            Self::Local(local) => Ok(local.describe()?),
            Self::Containers(containers) => Ok(containers.describe()),
            Self::External(external) => Ok(external.describe()),
        }
    }

    /// The nodes as they are now, dead ones whose place is empty too; by role, then name.
    ///
    /// # Errors
    /// When the cluster's record cannot be read, or a machine does not answer.
    pub async fn view(&self) -> Result<Vec<NodeStatus>, Error> {
        match self {
            Self::Local(local) => Ok(local.view()?),
            Self::Containers(containers) => Ok(containers.view().await?),
            Self::External(external) => Ok(external.view().await?),
        }
    }

    /// Names and pids of its processes that this machine has and that are alive.
    ///
    /// # Errors
    /// When the cluster's record cannot be read.
    pub async fn processes_here(&self) -> Result<Vec<(String, i32)>, Error> {
        match self {
            Self::Local(local) => Ok(local.processes()?),
            Self::Containers(containers) => Ok(containers.processes_here().await?),
            Self::External(external) => Ok(external.processes_here()),
        }
    }

    /// What can be done to nodes and links.
    pub fn abilities(&self) -> BTreeSet<Ability> {
        self.spec().kind.abilities()
    }

    /// Performs an action on a node or a link. `holds` is how long it is to hold, so that it can be made to expire by itself where squall
    /// may be cut off from its target.
    ///
    /// # Errors
    /// When the target is not this cluster's, is gone, or does not obey.
    pub async fn perform(&self, action: &Action, holds: Option<Duration>) -> Result<Performed, Error> {
        match self {
            Self::Local(local) => local.perform(action).await,
            Self::Containers(containers) => containers.perform(action).await,
            Self::External(external) => external.perform(action, holds).await,
        }
    }

    /// Puts a node or a link back, looks whether it is, and says so. Done twice it does no harm.
    ///
    /// # Errors
    /// When it is not back; it can be tried again.
    pub async fn undo(&self, inverse: &Inverse) -> Result<Undone, Error> {
        match self {
            Self::Local(local) => local.undo(inverse).await,
            Self::Containers(containers) => containers.undo(inverse).await,
            Self::External(external) => external.undo(inverse).await,
        }
    }

    /// Looks whether an action on a node or a link happened. Whether the victim carried work is the caller's to fill in.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn witness(&self, witness: &Witness) -> Result<Testimony, Error> {
        match self {
            Self::Local(local) => local.witness(witness).await,
            Self::Containers(containers) => containers.witness(witness).await,
            Self::External(external) => external.witness(witness).await,
        }
    }

    /// The links that pass through a proxy, and how many connections each carries now.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn links(&self) -> Result<Vec<(String, u32)>, Error> {
        match self.link_control() {
            Some(links) => Ok(links.open().await?),
            None => Ok(Vec::new()),
        }
    }

    /// Kafka requests that went over each link since its proxy started, by api key.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn link_requests(&self) -> Result<Vec<(String, BTreeMap<i16, u64>)>, Error> {
        match self.link_control() {
            Some(links) => Ok(links.requests().await?),
            None => Ok(Vec::new()),
        }
    }

    /// Folder of checkpoints on this machine, where there is one.
    pub fn checkpoint_folder(&self) -> Option<PathBuf> {
        match self {
            Self::Local(local) => local.checkpoints(),
            Self::Containers(containers) => Some(containers.checkpoints()),
            Self::External(_) => None,
        }
    }

    /// Folder for savepoints, as Flink reaches it.
    pub fn savepoints(&self) -> Option<String> {
        match self {
            Self::Local(local) => local.savepoints(),
            Self::Containers(containers) => Some(containers.savepoints()),
            Self::External(external) => external.savepoints(),
        }
    }

    /// The rules that hold on its links, whoever set them.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn rules(&self) -> Result<Vec<crate::proxy::RuleStatus>, Error> {
        match self.link_control() {
            Some(links) => Ok(links.rules().await?),
            None => Ok(Vec::new()),
        }
    }

    fn link_control(&self) -> Option<&links::Links> {
        match self {
            Self::Local(local) => Some(&local.links),
            Self::Containers(containers) => Some(&containers.links),
            Self::External(external) => external.links(),
        }
    }

    /// The nodes, dead ones whose place is empty too, and the newest log of each; only what is on this machine.
    ///
    /// # Errors
    /// When the cluster's record cannot be read.
    pub async fn logs(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        match self {
            Self::Local(local) => Ok(local.logs()?),
            Self::Containers(containers) => Ok(containers.logs().await?),
            Self::External(_) => Ok(Vec::new()),
        }
    }
}
