//! What is asked of a run, and what it leaves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::Error;
use super::pilot::Pilot;
use crate::analysis::{Analysis, Outcome};
use crate::clock::Timestamp;
use crate::cluster::ClusterSpec;
use crate::journal::RunFolder;
use crate::plan::Plan;
use crate::units::Bytes;

/// What to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The plan.
    pub plan: Plan,
    /// Where.
    pub cluster: ClusterSpec,
    /// The scenario's text, for the record.
    pub scenario_text: String,
    /// The cluster file's text, for the record.
    pub cluster_text: String,
    /// The scenario's folder: relative files count from it.
    pub base: PathBuf,
    /// Folder for journals and reports.
    pub reports: PathBuf,
    /// Leave a cluster up that this run started.
    pub keep_cluster: bool,
    /// Keep what the run makes for a resume, should squall die.
    pub resumable: bool,
    /// Undo what earlier runs have left on the cluster, instead of refusing.
    pub undo_first: bool,
    /// Where Prometheus may ask how the run stands.
    pub metrics: Option<SocketAddr>,
    /// Most that its samples may take on disk.
    pub disk_budget: Bytes,
    /// Run id; see [`new_run_id`].
    pub run: String,
    /// Who steers it, instead of the plan's timeline.
    pub pilot: Option<Arc<dyn Pilot>>,
}

impl Request {
    /// The fold that the run asks while it goes on. A pilot asks for holds that may be long, and flies for an hour at most.
    pub(super) fn live_fold(&self) -> Analysis {
        let forgets = self.plan.lasts_long() && self.pilot.is_none();
        if forgets { Analysis::forgetting(&self.plan) } else { Analysis::new(&self.plan) }
    }
}

/// What a run left.
#[derive(Debug)]
pub struct Finished {
    /// Its folder.
    pub folder: RunFolder,
    /// Its outcome.
    pub outcome: Outcome,
    /// What could not be removed: topics, groups, processes.
    pub left_behind: Vec<String>,
}

/// A new run's id: the moment and four characters that tell runs of one second apart, as in `20261121-085406-k3f9`.
pub fn new_run_id(now: Timestamp) -> String {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or_default();
    let mut seed = crc32fast::hash(format!("{} {}", now.0, std::process::id()).as_bytes());
    let mut tail = String::with_capacity(4);
    for _ in 0..4 {
        tail.push(char::from_digit(seed % 36, 36).unwrap_or('0'));
        seed /= 36;
    }
    format!("{}-{tail}", moment.strftime("%Y%m%d-%H%M%S"))
}

/// The plan as it is kept beside its journal.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn plan_json(plan: &Plan) -> Result<String, Error> {
    serde_json::to_string_pretty(plan).map_err(Error::Plan)
}
