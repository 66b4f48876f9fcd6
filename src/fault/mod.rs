//! Faults: what takes a pipeline down at night. One file a fault, each with its settings, what it needs of a cluster, and its
//! aim: settings + [`View`] + seed → [`Aim`]. A fault never acts.
//!
//! To add one, follow `docs/adding-a-fault.md`.

mod link;
mod process;
mod topic;
mod traffic;

mod add_partitions;
mod bigger_values;
mod black_hole_link;
mod cancel_and_resubmit;
mod checkpoint_storage_full;
mod checkpoint_storage_read_only;
mod crash_loop_broker;
mod crash_loop_jobmanager;
mod crash_loop_taskmanager;
mod cut_link;
mod delay_link;
mod delay_sink;
mod delay_source;
mod delete_records;
mod disconnect_taskmanager;
mod freeze_broker;
mod freeze_jobmanager;
mod freeze_taskmanager;
mod hold_commits;
mod kill_broker;
mod kill_jobmanager;
mod kill_taskmanager;
mod late_events;
mod poison_records;
mod refuse_link;
mod rescale;
mod savepoint;
mod shrink_retention;
mod skew_keys;
mod skew_partitions;
mod slice_link;
mod slow_broker;
mod slow_close_link;
mod slow_jobmanager;
mod slow_taskmanager;
mod squeeze_broker;
mod squeeze_jobmanager;
mod squeeze_taskmanager;
mod stop_and_restore;
mod stop_traffic;
mod surge;
mod terminate_broker;
mod terminate_jobmanager;
mod terminate_taskmanager;
mod throttle_link;
mod tombstones;

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::{Ability, Aim, Role, View};
use crate::units::{Duration, Ratio};

pub use link::Link;
pub use process::Operator;

/// Why a fault found nothing to act on. The run is inconclusive then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoTarget(pub String);

/// How many nodes, of however many there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HowMany {
    /// So many.
    Count(u32),
    /// Such a share of them, rounded up.
    Share(Ratio),
}

impl HowMany {
    /// Of `all`.
    pub fn of(self, all: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (share.0 * f64::from(all)).ceil() as u32,
        }
    }
}

/// What a fault can hit, as far as its settings say it: for consent and limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach<'a> {
    /// Nodes.
    Nodes {
        /// Of this role.
        role: Role,
        /// At most so many.
        count: HowMany,
        /// Whether they do no work until the undo.
        away: bool,
    },
    /// A link.
    Link(Link),
    /// A stream of squall's own traffic; none: all of them.
    Streams(Option<&'a str>),
    /// A topic by its name in the scenario; none: the first input.
    Topic(Option<&'a str>),
    /// The job under test.
    Job,
    /// The folder of checkpoints.
    CheckpointStorage,
}

/// What every fault can say of itself.
pub trait Fault {
    /// Abilities that the cluster must have.
    fn needs(&self) -> Vec<Ability>;

    /// How long it is held; none: it is over at once.
    fn lasts(&self) -> Option<Duration>;

    /// What is wrong with its settings: setting and sentence. Checked before any run.
    fn problems(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What it can hit.
    fn reach(&self) -> Reach<'_>;

    /// The worst that it does, in one line.
    fn harm(&self) -> String;

    /// How long after the deed its undo is due: the end of a held fault, the restart of a killed node.
    fn undo_after(&self) -> Option<Duration> {
        self.lasts()
    }

    /// How often it aims at most, each time after the undo of the one before. More than once only within [`Fault::lasts`].
    fn rounds(&self) -> u32 {
        1
    }

    /// Chooses targets in what the cluster looks like now. Pure: the same view and randomness give the same aim.
    ///
    /// # Errors
    /// When nothing fits.
    fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget>;

    /// Aims once more, at what came back since `before`. Pure as well.
    ///
    /// # Errors
    /// When nothing did.
    fn again(&self, before: &View, now: &View) -> Result<Aim, NoTarget> {
        let _ = (before, now);
        Err(NoTarget("it aims once".to_owned()))
    }
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident($module:ident) = $kind:literal,)+) => {
        /// A fault and its settings. One key names it.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum FaultSpec {
            $($(#[doc = $doc])+ $variant($module::$variant),)+
        }

        impl FaultSpec {
            /// The names of all faults and what they are, in one line each.
            pub const KINDS: &'static [(&'static str, &'static str)] = &[$(($kind, concat!($($doc),+)),)+];

            /// Its name in scenarios.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)+ }
            }

            fn fault(&self) -> &dyn Fault {
                match self { $(Self::$variant(fault) => fault,)+ }
            }
        }
    };
}

faults! {
    /// Adds partitions to a topic while the job reads it.
    AddPartitions(add_partitions) = "add-partitions",
    /// Sends larger values for a time.
    BiggerValues(bigger_values) = "bigger-values",
    /// A link accepts and keeps everything, and delivers it when the fault ends.
    BlackHoleLink(black_hole_link) = "black-hole-link",
    /// Cancels the job and submits it anew, without its state.
    CancelAndResubmit(cancel_and_resubmit) = "cancel-and-resubmit",
    /// Fills the disk that checkpoints are written to.
    CheckpointStorageFull(checkpoint_storage_full) = "checkpoint-storage-full",
    /// Makes the folder of checkpoints read-only.
    CheckpointStorageReadOnly(checkpoint_storage_read_only) = "checkpoint-storage-read-only",
    /// Kills brokers, and again as soon as they are back.
    CrashLoopBroker(crash_loop_broker) = "crash-loop-broker",
    /// Kills the JobManager, and again as soon as it is back. Without high availability the job is lost.
    CrashLoopJobmanager(crash_loop_jobmanager) = "crash-loop-jobmanager",
    /// Kills TaskManagers, and again as soon as they are back.
    CrashLoopTaskmanager(crash_loop_taskmanager) = "crash-loop-taskmanager",
    /// Resets the connections of a link, and new ones as they come.
    CutLink(cut_link) = "cut-link",
    /// What passes a link arrives later, in one direction or both.
    DelayLink(delay_link) = "delay-link",
    /// Everything that goes to the sink arrives later.
    DelaySink(delay_sink) = "delay-sink",
    /// Everything that the source asks for arrives later.
    DelaySource(delay_source) = "delay-source",
    /// Deletes the input's older records, ahead of a slow reader.
    DeleteRecords(delete_records) = "delete-records",
    /// Takes TaskManagers off the network for a time.
    DisconnectTaskmanager(disconnect_taskmanager) = "disconnect-taskmanager",
    /// Freezes brokers for a time.
    FreezeBroker(freeze_broker) = "freeze-broker",
    /// Freezes the JobManager for a time.
    FreezeJobmanager(freeze_jobmanager) = "freeze-jobmanager",
    /// Freezes TaskManagers for a time: no connection is closed, only heartbeats stop.
    FreezeTaskmanager(freeze_taskmanager) = "freeze-taskmanager",
    /// Keeps the commits of the sink's transactions, and delivers them when the fault ends.
    HoldCommits(hold_commits) = "hold-commits",
    /// Kills brokers.
    KillBroker(kill_broker) = "kill-broker",
    /// Kills the JobManager. Without high availability the job is lost.
    KillJobmanager(kill_jobmanager) = "kill-jobmanager",
    /// Kills TaskManagers.
    KillTaskmanager(kill_taskmanager) = "kill-taskmanager",
    /// A share of the records carries an event time in the past.
    LateEvents(late_events) = "late-events",
    /// A share of the records cannot be parsed.
    PoisonRecords(poison_records) = "poison-records",
    /// A link refuses new connections; live ones stay.
    RefuseLink(refuse_link) = "refuse-link",
    /// Asks the adaptive scheduler for another parallelism.
    Rescale(rescale) = "rescale",
    /// Takes a savepoint under load.
    Savepoint(savepoint) = "savepoint",
    /// Shortens a topic's retention for a time.
    ShrinkRetention(shrink_retention) = "shrink-retention",
    /// From now on a share of the records goes to a few hot keys.
    SkewKeys(skew_keys) = "skew-keys",
    /// From now on a share of the records goes to one partition.
    SkewPartitions(skew_partitions) = "skew-partitions",
    /// Cuts what passes a link into small segments.
    SliceLink(slice_link) = "slice-link",
    /// Takes CPU time from brokers.
    SlowBroker(slow_broker) = "slow-broker",
    /// A close on a link reaches the other side late.
    SlowCloseLink(slow_close_link) = "slow-close-link",
    /// Takes CPU time from the JobManager.
    SlowJobmanager(slow_jobmanager) = "slow-jobmanager",
    /// Takes CPU time from TaskManagers.
    SlowTaskmanager(slow_taskmanager) = "slow-taskmanager",
    /// Lowers the memory limit of brokers until the kernel kills them.
    SqueezeBroker(squeeze_broker) = "squeeze-broker",
    /// Lowers the memory limit of the JobManager until the kernel kills it. Without high availability the job is lost.
    SqueezeJobmanager(squeeze_jobmanager) = "squeeze-jobmanager",
    /// Lowers the memory limit of TaskManagers until the kernel kills them.
    SqueezeTaskmanager(squeeze_taskmanager) = "squeeze-taskmanager",
    /// Stops the job with a savepoint and restores it, at another parallelism where said: the upgrade and rescale drill.
    StopAndRestore(stop_and_restore) = "stop-and-restore",
    /// Sends nothing for a time.
    StopTraffic(stop_traffic) = "stop-traffic",
    /// Multiplies the rate for a time.
    Surge(surge) = "surge",
    /// Shuts brokers down in order.
    TerminateBroker(terminate_broker) = "terminate-broker",
    /// Shuts the JobManager down in order. Without high availability the job is lost.
    TerminateJobmanager(terminate_jobmanager) = "terminate-jobmanager",
    /// Shuts TaskManagers down in order, as a rolling restart does.
    TerminateTaskmanager(terminate_taskmanager) = "terminate-taskmanager",
    /// Limits the bytes per second of a link.
    ThrottleLink(throttle_link) = "throttle-link",
    /// A share of the records has no value.
    Tombstones(tombstones) = "tombstones",
}

impl FaultSpec {
    /// See [`Fault::needs`].
    pub fn needs(&self) -> Vec<Ability> {
        self.fault().needs()
    }

    /// See [`Fault::lasts`].
    pub fn lasts(&self) -> Option<Duration> {
        self.fault().lasts()
    }

    /// Whether it lasts until its undo (a delay) or is over at once (a kill).
    pub fn held(&self) -> bool {
        self.lasts().is_some()
    }

    /// See [`Fault::problems`].
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        self.fault().problems()
    }

    /// See [`Fault::reach`].
    pub fn reach(&self) -> Reach<'_> {
        self.fault().reach()
    }

    /// See [`Fault::harm`].
    pub fn harm(&self) -> String {
        self.fault().harm()
    }

    /// See [`Fault::undo_after`].
    pub fn undo_after(&self) -> Option<Duration> {
        self.fault().undo_after()
    }

    /// See [`Fault::rounds`].
    pub fn rounds(&self) -> u32 {
        self.fault().rounds()
    }

    /// See [`Fault::again`].
    ///
    /// # Errors
    /// When nothing came back.
    pub fn again(&self, before: &View, now: &View) -> Result<Aim, NoTarget> {
        self.fault().again(before, now)
    }

    /// See [`Fault::aim`].
    ///
    /// # Errors
    /// When nothing fits.
    pub fn aim(&self, view: &View, rng: &mut dyn Rng) -> Result<Aim, NoTarget> {
        self.fault().aim(view, rng)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
