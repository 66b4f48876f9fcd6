//! What is decided while a run goes on, and what a fold over days may let go of then.

use super::Analysis;
use super::fault_log::Fault;
use super::outcome::Recovery;
use super::recovery::{Course, NOTICED_WITHIN};

const MINUTE: i64 = 60_000_000_000;

impl Analysis {
    /// A fold for the small questions of a run that lasts for days: it lets go of what they do not need any more, and gives no outcome worth
    /// having. That comes from a [`Replay`](super::Replay) of the journal.
    pub fn forgetting(plan: &crate::plan::Plan) -> Self {
        Self { forgets: true, ..Self::new(plan) }
    }

    /// Whether it lets go of what it saw.
    pub fn forgets(&self) -> bool {
        self.forgets
    }

    /// Looks whether a fault's course has been decided since the last look.
    pub(super) fn decide(&mut self, at: i64) {
        if self.run.traffic_end.is_some() || self.decided.len() == self.faults.all().len() {
            return;
        }
        let mut found = Vec::new();
        let mut baselines = std::mem::take(&mut self.baselines);
        let all = self.faults.all();
        let known = |fault: &&Fault| self.decided.contains_key(&fault.id);
        // Days have many faults, and nearly all of them are long decided.
        self.settled += all[self.settled..].iter().take_while(known).count();
        for fault in all[self.settled..].iter().filter(|fault| !known(fault)) {
            if fault.acted().is_err() {
                continue;
            }
            let course = self.course(fault, &mut baselines);
            if over(&course, at) {
                let when = course.end.as_ref().map_or(course.noticed_by, |end| end.at);
                found.push((fault.id.clone(), when, course.recovery));
            }
        }
        self.baselines = baselines;
        for (fault, when, recovery) in found {
            self.tell_recovery(at, &fault, &recovery);
            self.decided.insert(fault, (when, recovery));
        }
    }

    /// Lets go of what neither the next fault's baseline nor an undecided fault's course can need, once a minute.
    pub(super) fn forget(&mut self, at: i64) {
        if !self.forgets || at < self.forgot.saturating_add(MINUTE) {
            return;
        }
        self.forgot = at;
        let width = self.interval();
        let mut keep = at - self.longest_baseline() - 4 * width - MINUTE;
        let undecided = self.faults.all().iter().filter(|fault| !self.decided.contains_key(&fault.id) && fault.acted().is_ok());
        let began = undecided.filter_map(|fault| fault.effective().ok()).map(|t0| t0.at).min();
        keep = keep.min(began.map_or(i64::MAX, |t0| t0 - 4 * width));
        let mut baselines = std::mem::take(&mut self.baselines);
        self.learn_baselines(at, &mut baselines);
        self.baselines = baselines;
        self.samples.forget_before(keep);
        self.latency.forget_before(keep);
        self.output.forget_before(keep);
        self.job.forget_before(keep, &self.clocks);
        self.checkpoints.forget_before(keep, &self.clocks);
    }
}

/// Whether nothing that comes can change how a fault went.
fn over(course: &Course, at: i64) -> bool {
    match &course.recovery {
        Recovery::Recovered { .. } | Recovery::Censored { .. } => true,
        Recovery::RodeThrough => at >= course.noticed_by && course.until.0 > course.noticed_by,
        // The next disturbance has ended the watching, and what was late has come.
        Recovery::NotRecovered { .. } | Recovery::Inconclusive { .. } => course.until.1.is_some() && at > course.until.0 + NOTICED_WITHIN,
    }
}
