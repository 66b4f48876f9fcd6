//! Gaps: stretches of a run in which no squall was alive to look. Definition in `ARCHITECTURE.md`, *Measures*.

use super::Analysis;
use super::baseline::Disturbance;
use super::fault_log::Fault;
use super::outcome;
use super::recovery::Course;
use super::windows::Span;
use crate::clock::Timestamp;
use crate::journal::{EventKind, FaultId};
use crate::scenario::Window;
use crate::units::display;

/// What a gap is called where it ends the watching of a fault.
pub(super) const GAP: &str = "the gap in which squall was dead";

/// A gap, in nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// The last line of the squall that died.
    pub from: i64,
    /// The first record due from the next one, or where none was left to be sent, the moment at which it went on.
    pub to: i64,
    /// Records due in it that were never sent.
    pub unsent: u64,
}

impl Analysis {
    pub(super) fn take_gap(&mut self, at: i64, event: &EventKind) {
        let gaps = &mut self.run.gaps;
        match event {
            EventKind::Resumed { since, .. } => {
                // One that died before traffic flowed again was in the same gap.
                gaps.retain(|gap| gap.from < since.0);
                gaps.push(Gap { from: since.0, to: at, unsent: 0 });
            }
            EventKind::TrafficResumed { start, unsent } => {
                if let Some(gap) = gaps.last_mut() {
                    (gap.to, gap.unsent) = (start.0, *unsent);
                }
            }
            _ => {}
        }
    }

    /// Whether a moment lies in a gap.
    pub fn in_gap(&self, moment: Timestamp) -> bool {
        self.run.gaps.iter().any(|gap| (gap.from..gap.to).contains(&moment.0))
    }

    /// Whether a fault's moment has come, whatever came of it.
    pub fn has_come(&self, fault: &FaultId) -> bool {
        self.faults.all().iter().any(|known| known.id == *fault)
    }

    /// Whether a fault did nothing because its moment lay in a gap.
    pub(super) fn was_skipped(&self, fault: &Fault) -> bool {
        fault.not_aimed.is_some() && self.in_gap(Timestamp(fault.planned))
    }

    /// The same, where another occurrence of it acted: what is asked of the fault can be answered.
    pub(super) fn can_be_spared(&self, fault: &Fault) -> bool {
        let another = |other: &Fault| other.id.name == fault.id.name && other.id != fault.id && other.acted().is_ok();
        self.was_skipped(fault) && self.faults.all().iter().any(another)
    }

    /// What ends the watching of everything before it.
    pub(super) fn gap_disturbances(&self) -> impl Iterator<Item = Disturbance> + '_ {
        self.run.gaps.iter().map(|gap| Disturbance { at: gap.from, what: GAP.to_owned() })
    }

    /// The spans without the gaps in them.
    pub(super) fn without_gaps(&self, spans: &[Span]) -> Vec<Span> {
        let mut left = spans.to_vec();
        for gap in &self.run.gaps {
            left = left
                .into_iter()
                .flat_map(|(from, to)| [(from, to.min(gap.from)), (from.max(gap.to), to)])
                .filter(|(from, to)| to > from)
                .collect();
        }
        left
    }

    /// Why a window of a fault was not seen to its end.
    pub(super) fn cut_by_a_gap(&self, courses: &[Course], window: Option<&Window>) -> Option<String> {
        let (Window::During(name) | Window::RecoveryOf(name) | Window::Under(name) | Window::Of(name)) = window? else { return None };
        self.named(courses, name).any(|(_, course)| course.is_cut_by_a_gap()).then(|| format!("{GAP} began in this window"))
    }

    /// What was left out of a measure over the whole run, in words; empty without a gap.
    pub(super) fn left_out(&self) -> String {
        let seconds: f64 = self.run.gaps.iter().map(|gap| (gap.to - gap.from) as f64 / 1e9).sum();
        if seconds > 0.0 { format!("; a gap of {} is left out", display::seconds(seconds)) } else { String::new() }
    }

    pub(super) fn gaps(&self) -> Vec<outcome::Gap> {
        let skipped = |gap: &Gap| {
            let inside = |fault: &&Fault| (gap.from..gap.to).contains(&fault.planned) && fault.not_aimed.is_some();
            self.faults.all().iter().filter(inside).map(|fault| fault.id.clone()).collect()
        };
        let gap =
            |gap: &Gap| outcome::Gap { from: self.seconds(gap.from), to: self.seconds(gap.to), unsent: gap.unsent, skipped: skipped(gap) };
        self.run.gaps.iter().map(gap).collect()
    }
}

impl Course {
    /// Whether its watching ended with a gap, before it was back.
    pub(super) fn is_cut_by_a_gap(&self) -> bool {
        matches!(&self.recovery, outcome::Recovery::Censored { by, .. } if by == GAP)
    }
}
