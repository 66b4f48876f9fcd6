//! One line a happening: what the terminal shows live and the report lists.

use super::Analysis;
use super::outcome::Recovery;
use crate::journal::{CheckpointRecord, EventKind, FaultId, Phase};
use crate::units::display;

/// Something worth a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Happening {
    /// When.
    pub(super) at: i64,
    /// `baseline`, `fault`, `acted`, `job`, `undo`, `checkpoint`, `recovered`, `aborted`, …
    pub(super) word: &'static str,
    /// The sentence.
    pub(super) sentence: String,
}

impl Analysis {
    /// The happenings from the given index on: seconds since the schedule's zero, word, sentence.
    pub fn happenings_since(&self, index: usize) -> Vec<(f64, String, String)> {
        let lines = self.happenings.get(index..).unwrap_or_default();
        lines.iter().map(|line| (self.seconds(line.at), line.word.to_owned(), line.sentence.clone())).collect()
    }

    pub(super) fn happen(&mut self, at: i64, word: &'static str, sentence: impl Into<String>) {
        self.happenings.push(Happening { at, word, sentence: sentence.into() });
    }

    /// The line of an event, where it deserves one. Called before the event is taken in.
    pub(super) fn tell(&mut self, at: i64, event: &EventKind) {
        match event {
            EventKind::Phase(phase) => {
                let sentence = match phase {
                    Phase::Preparing => "making cluster, topics and job ready",
                    Phase::Running => return,
                    Phase::Draining => "reading the sink to its end",
                    Phase::CleaningUp => "taking back what is left, removing what was made",
                };
                self.happen(at, "phase", sentence);
            }
            EventKind::JobRuns { name, vertices, .. } => {
                let subtasks: u32 = vertices.iter().map(|(_, _, parallelism)| parallelism).sum();
                self.happen(at, "job", format!("{name} submitted, {subtasks} subtasks"));
            }
            EventKind::TrafficStarted { start, .. } => {
                let rate = self.asked.per_second().map_or_else(String::new, display::rate);
                self.happen(start.0, "baseline", rate);
            }
            EventKind::Resumed { since, .. } => {
                let died = display::clock(self.seconds(since.0));
                self.happen(at, "resumed", format!("squall had died at {died}; from there on is a gap"));
            }
            EventKind::TrafficResumed { start, unsent } => {
                let unsent = display::grouped(*unsent);
                self.happen(start.0, "traffic", format!("flows again; {unsent} records that were due in the gap were never sent"));
            }
            EventKind::RateChanged { stream, per_second } => self.happen(at, "rate", format!("{stream}: {}", display::rate(*per_second))),
            EventKind::TrafficStopped(books) => {
                self.happen(
                    at,
                    "traffic",
                    format!(
                        "stopped: {} of {} records acknowledged",
                        display::grouped(books.acknowledged),
                        display::grouped(books.scheduled)
                    ),
                );
            }
            EventKind::FaultAimed { fault, aim, .. } => {
                let kind = self.asked.kind_of(&fault.name).unwrap_or("fault").to_owned();
                // It aims a moment before, so that the deed is on time.
                let planned = self.faults.all().iter().find(|known| known.id == *fault).map_or(at, |known| known.planned);
                self.happen(at.max(planned), "fault", format!("{}: {kind} {}", name(fault), aim.target));
            }
            EventKind::FaultNotAimed { fault, reason } => self.happen(at, "fault", format!("{}: not fired: {reason}", name(fault))),
            EventKind::ActionPerformed { fault, what, error: Some(error), .. } => {
                self.happen(at, "error", format!("{}: {what}: {error}", name(fault)))
            }
            EventKind::Witnessed { fault, testimony, .. } => {
                let word = if testimony.acted { "acted" } else { "no effect" };
                let mut sentence =
                    if self.faults.all().len() > 1 { format!("{}: {}", name(fault), testimony.what) } else { testimony.what.clone() };
                if testimony.acted && !testimony.carried_work {
                    sentence.push_str("; it carried no work of this job");
                }
                self.happen(at, word, sentence);
            }
            EventKind::UndoPerformed { undo, restored, what, error, .. } => {
                let fault = self.faults.undo(*undo).map_or_else(String::new, |undo| format!("{}: ", name(&undo.fault)));
                match error {
                    None if *restored => self.happen(at, "undo", format!("{fault}{what}")),
                    None => self.happen(at, "undo failed", format!("{fault}{what}")),
                    Some(error) => self.happen(at, "undo failed", format!("{fault}{error}")),
                }
            }
            EventKind::JobState { state, .. } => self.tell_state(at, state),
            EventKind::SubtasksRunning { running, total, .. } => self.tell_running(at, *running, *total),
            EventKind::Exception { name, cause, .. } => {
                self.happen(at, "exception", if cause.is_empty() { name.clone() } else { cause.clone() })
            }
            EventKind::Checkpoint(record) => self.tell_checkpoint(at, record),
            EventKind::SamplesNearBudget { used, budget } => {
                let (used, budget) = (display::bytes(used.0 as f64), display::bytes(budget.0 as f64));
                self.happen(
                    at,
                    "disk",
                    format!("samples take {used} of {budget} (--disk-budget): the oldest will be reduced to each minute's extremes"),
                );
            }
            EventKind::SamplesThinned { from, before } => {
                let (from, to) = (display::clock(self.seconds(from.0)), display::clock(self.seconds(before.0)));
                self.happen(
                    at,
                    "disk",
                    format!("samples from {from} to {to} are reduced to each minute's extremes: no data for what is judged"),
                );
            }
            EventKind::Abort { condition, seen } => self.happen(at, "aborted", format!("{condition}: {seen}")),
            EventKind::Delivery(verdict) => {
                let sentence =
                    verdict.no_data.clone().map_or_else(|| super::delivery::sentence(verdict), |reason| format!("no data: {reason}"));
                self.happen(at, "delivery", sentence);
            }
            _ => {}
        }
    }

    /// `FAILED` or `LOST`, where the job under test had ended so before anybody cleaned up.
    pub(super) fn ended_as(&self) -> Option<&str> {
        self.job.state_at(self.run.cleaning.unwrap_or(self.run.last)).filter(|state| matches!(*state, "FAILED" | "LOST"))
    }

    fn tell_state(&mut self, at: i64, state: &str) {
        let before = self.job.state().unwrap_or("not there").to_owned();
        // Before the job first runs its states come and go by the second.
        let ran = before == "RUNNING" || self.job.states.iter().any(|known| known.state == "RUNNING");
        if before != state && ran {
            self.happen(at, "job", format!("{before} → {state}"));
        }
    }

    fn tell_running(&mut self, at: i64, running: u32, total: u32) {
        let before = self.job.running.last().map(|seen| seen.running);
        if running == total && total > 0 && before.is_some_and(|before| before < total) {
            let from = match (self.job.restored.last(), self.job.exceptions.last()) {
                (Some((checkpoint, savepoint, _)), Some(_)) => {
                    format!(", restored from {} {checkpoint}", if *savepoint { "savepoint" } else { "checkpoint" })
                }
                _ => String::new(),
            };
            self.happen(at, "job", format!("all {total} subtasks running{from}"));
        } else if before == Some(total) && running < total {
            self.happen(at, "job", format!("{running} of {total} subtasks running"));
        }
    }

    fn tell_checkpoint(&mut self, at: i64, record: &CheckpointRecord) {
        if record.status == "failed" && !self.checkpoints.all().any(|known| known.id == record.id && known.status == "failed") {
            self.happen(at, "checkpoint", format!("{} failed: {}", record.id, record.failure.as_deref().unwrap_or("no reason given")));
        }
    }

    /// The line of a fault whose course is decided.
    pub(super) fn tell_recovery(&mut self, at: i64, fault: &FaultId, recovery: &Recovery) {
        match recovery {
            Recovery::Recovered { time } => {
                self.happen(at, "recovered", format!("{}: {}", name(fault), display::seconds_with_error(time.value, time.error)));
            }
            Recovery::RodeThrough => self.happen(at, "rode through", name(fault)),
            Recovery::Censored { by, watched } => {
                self.happen(at, "unknown", format!("{}: not back after {}, when {by} began", name(fault), display::seconds(*watched)));
            }
            Recovery::NotRecovered { .. } | Recovery::Inconclusive { .. } => {}
        }
    }
}

/// The fault's name, with its occurrence from the second one on.
fn name(fault: &FaultId) -> String {
    if fault.occurrence == 0 { fault.name.clone() } else { format!("{} ({})", fault.name, fault.occurrence + 1) }
}
