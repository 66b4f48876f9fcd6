//! How things stand at this moment, for whoever looks on while a run goes.

use super::Analysis;
use super::series::GONE;
use crate::clock::Timestamp;
use crate::journal::{FaultId, Of};
use crate::metric::Metric;

/// A fault of the plan, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultNow<'a> {
    /// Its name in the timeline.
    pub name: &'a str,
    /// `kill-taskmanager`, …
    pub kind: &'a str,
    /// Whether an occurrence of it acts.
    pub active: bool,
}

/// An occurrence of a fault over time, as far as it is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSpan {
    /// Which.
    pub id: FaultId,
    /// `kill-taskmanager`, …
    pub kind: String,
    /// What it chose: `tm-2`.
    pub target: String,
    /// When it took effect.
    pub from: Timestamp,
    /// When it was taken away, or over; none while it acts.
    pub to: Option<Timestamp>,
}

impl Analysis {
    /// Every fault that took effect, in the order in which they came due.
    pub fn fault_spans(&self) -> Vec<FaultSpan> {
        let spans = self.faults.all().iter().filter_map(|fault| {
            Some(FaultSpan {
                id: fault.id.clone(),
                kind: self.asked.kind_of(&fault.id.name).unwrap_or_default().to_owned(),
                target: fault.aimed.as_ref().map_or_else(String::new, |aim| aim.target.clone()),
                from: Timestamp(fault.effective().ok()?.at),
                to: self.faults.removal(fault).map(|seen| Timestamp(seen.at)),
            })
        });
        spans.collect()
    }

    /// The newest value of each metric of each subject, metrics in the order of their table. What stands still although it must move has none,
    /// nor has a subject that was not heard of for 30 s.
    pub fn readings(&self) -> impl Iterator<Item = (Metric, &Of, f64)> {
        let last = self.run.last;
        self.samples.iter().filter_map(move |(metric, of, samples)| {
            let (at, value) = samples.newest()?;
            (last - at <= GONE).then_some((metric, of, value))
        })
    }

    /// Median, 99th percentile and maximum of each distribution over its newest stretch (a second), in seconds; none where it had no value.
    pub fn newest_latencies(&self) -> impl Iterator<Item = (Metric, [(f64, f64); 3])> {
        self.latency.metrics().filter_map(|metric| {
            let newest = self.latency.newest(metric)?;
            (newest.count > 0 && self.run.last - newest.to <= GONE)
                .then_some((metric, [(0.5, newest.p50), (0.99, newest.p99), (1.0, newest.max)]))
        })
    }

    /// Every fault of the plan once, in the order of the plan.
    pub fn faults_now(&self) -> Vec<FaultNow<'_>> {
        let mut faults: Vec<FaultNow<'_>> = Vec::new();
        for asked in &self.asked.faults {
            if !faults.iter().any(|fault| fault.name == asked.name) {
                let mut occurrences = self.faults.all().iter().filter(|fault| fault.id.name == asked.name);
                let active = occurrences.any(|fault| fault.effective().is_ok() && fault.removed.is_none());
                faults.push(FaultNow { name: &asked.name, kind: &asked.kind, active });
            }
        }
        faults
    }
}
