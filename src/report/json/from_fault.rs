//! How the pipeline came through a fault → version 1.

use super::v1::*;
use crate::action::Strength;
use crate::analysis::{self, Bounds};

impl From<&analysis::FaultOutcome> for Fault {
    fn from(fault: &analysis::FaultOutcome) -> Self {
        Self {
            name: fault.fault.name.clone(),
            occurrence: fault.fault.occurrence,
            kind: fault.kind.clone(),
            target: fault.target.clone(),
            planned_s: fault.planned,
            held: fault.held,
            removed_s: fault.removed,
            acted: fault.acted,
            witness: fault.witness.map(|strength| {
                match strength {
                    Strength::Weak => "weak",
                    Strength::Strong => "strong",
                }
                .to_owned()
            }),
            deeds: fault.deeds.iter().map(Into::into).collect(),
            disturbed: fault.disturbed.clone(),
            recovery: (&fault.recovery).into(),
            timeline: (&fault.timeline).into(),
            phases: fault.phases.iter().map(|phase| Phase { name: phase.name.clone(), from_s: phase.from, to_s: phase.to }).collect(),
            outage_s: fault.outage.map(|figure| figure.value),
            outage_error_s: fault.outage.and_then(|figure| figure.error),
            restarts: fault.restarts,
            replayed_records: fault.replayed.map(|Bounds { at_least, at_most }| Between { at_least, at_most }),
            checkpoint_age_s: fault.checkpoint_age,
            max_output_lag_records: fault.max_output_lag.map(|(lag, _)| lag),
            max_output_lag_at_s: fault.max_output_lag.map(|(_, at)| at),
            catch_up_records_per_second: fault.catch_up_rate,
            shares: fault
                .achieved
                .iter()
                .map(|(of, asked, achieved)| Share { of: of.clone(), asked_ratio: *asked, achieved_ratio: *achieved })
                .collect(),
            notes: fault.notes.clone(),
        }
    }
}

impl From<&analysis::Deed> for Deed {
    fn from(deed: &analysis::Deed) -> Self {
        let seen = deed.testimony.as_ref();
        let undone = deed.undone.as_ref();
        Self {
            what: deed.what.clone(),
            error: deed.error.clone(),
            acted: seen.map(|testimony| testimony.acted),
            carried_work: seen.map(|testimony| testimony.carried_work),
            witnessed: seen.map(|testimony| testimony.what.clone()),
            undone_s: undone.and_then(|undone| undone.at),
            restored: undone.map(|undone| undone.restored),
            undo: undone.map(|undone| undone.what.clone()),
        }
    }
}

impl From<&analysis::Recovery> for Recovery {
    fn from(recovery: &analysis::Recovery) -> Self {
        let plain = |status| Self { status, recovery_time_s: None, recovery_time_error_s: None, watched_s: None, reason: None };
        match recovery {
            analysis::Recovery::Recovered { time } => {
                Self { recovery_time_s: Some(time.value), recovery_time_error_s: time.error, ..plain(RecoveryStatus::Recovered) }
            }
            analysis::Recovery::RodeThrough => plain(RecoveryStatus::RodeThrough),
            analysis::Recovery::NotRecovered { watched, how_far } => {
                Self { watched_s: Some(*watched), reason: Some(how_far.clone()), ..plain(RecoveryStatus::NotRecovered) }
            }
            analysis::Recovery::Censored { watched, by } => {
                Self { watched_s: Some(*watched), reason: Some(by.clone()), ..plain(RecoveryStatus::Censored) }
            }
            analysis::Recovery::Inconclusive { reason } => Self { reason: Some(reason.clone()), ..plain(RecoveryStatus::Inconclusive) },
        }
    }
}

impl From<&analysis::Moment> for Moment {
    fn from(moment: &analysis::Moment) -> Self {
        match moment {
            analysis::Moment::Seen { at, error, source } => {
                Self { at_s: Some(*at), error_s: Some(*error), source: Some(source.clone()), not_seen: None }
            }
            analysis::Moment::NotSeen { reason } => Self { not_seen: Some(reason.clone()), ..Self::default() },
        }
    }
}

impl From<&analysis::RecoveryTimeline> for Timeline {
    fn from(timeline: &analysis::RecoveryTimeline) -> Self {
        Self {
            t0_effective: (&timeline.t0_effective).into(),
            t1_last_output: (&timeline.t1_last_output).into(),
            t2_departed_running: (&timeline.t2_departed_running).into(),
            t3_slots_back: (&timeline.t3_slots_back).into(),
            t4_all_running: (&timeline.t4_all_running).into(),
            t5_first_output: (&timeline.t5_first_output).into(),
            t6_first_new_output: (&timeline.t6_first_new_output).into(),
            t7_first_checkpoint: (&timeline.t7_first_checkpoint).into(),
            t8_lag_back: (&timeline.t8_lag_back).into(),
            t9_latency_back: (&timeline.t9_latency_back).into(),
        }
    }
}
