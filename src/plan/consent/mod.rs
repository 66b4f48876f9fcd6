//! What the owner of the cluster allows, held against what the scenario asks for. A scenario cannot grant itself consent. The
//! engine looks again when a fault has aimed.

mod allow;
mod hours;
mod made;
mod nodes;
mod topics;
mod volume;

pub(super) use allow::expires;
pub use hours::within_hours;
pub(super) use nodes::losing_the_job;

use super::PlannedFault;
use crate::cluster::ClusterSpec;
use crate::diagnostic::{Label, Problem};
use crate::scenario::Checked;
use crate::scenario::yaml::{Loaded, way};
use crate::units::Rate;

pub(super) struct Asked<'a> {
    pub(super) checked: &'a Checked,
    pub(super) cluster: &'a Loaded<ClusterSpec>,
    pub(super) timeline: &'a [PlannedFault],
    pub(super) peak: Rate,
}

/// The limits that were looked at.
#[derive(Default)]
pub(super) struct Limits {
    pub(super) broken: Vec<Problem>,
    /// In words, with how near the plan comes to each.
    pub(super) kept: Vec<String>,
}

pub(super) fn check(asked: &Asked<'_>) -> Limits {
    let mut limits = Limits::default();
    for check in [allow::check, made::check, nodes::check, volume::check, topics::check, hours::check] {
        check(asked, &mut limits);
    }
    limits
}

impl Asked<'_> {
    fn spec(&self) -> &ClusterSpec {
        &self.cluster.value
    }

    /// A broken limit: where the scenario breaks it, where the owner set it, and the owner's reason.
    fn refused(&self, title: String, at: Label, limit: Label) -> Problem {
        let problem = Problem::error(title).at(at).related(limit);
        match &self.spec().reason {
            Some(reason) => problem.note(format!("the owner says: {reason}")),
            None => problem,
        }
    }

    /// The fault's own name in the timeline.
    fn fault(&self, index: usize, label: impl Into<String>) -> Label {
        let kind = self.checked.scenario().timeline[index].inject.kind();
        self.checked.loaded.at_key(way!["timeline", index, "inject", kind], label)
    }

    /// Where the owner says something; the file's first line where it is not said at all.
    fn owner(&self, key: &str, label: impl Into<String>) -> Label {
        self.cluster.at_key(way![key], label)
    }
}
