//! Restarts of the job, and which of them a fault explains.

use super::Analysis;
use super::fault_log::Fault;
use super::recovery::{Course, NOTICED_WITHIN};
use crate::journal::FaultId;
use crate::metric::Metric;

/// One failure of the job. One fault can be many: while slots are missing each attempt fails within about a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Restarted {
    /// When, on our clock.
    pub at: i64,
    /// The fault that explains it.
    pub explained_by: Option<FaultId>,
    /// The exception, one line.
    pub cause: String,
}

/// Exceptions and states of the job that tell of the same failure lie within this.
const SAME_FAILURE: i64 = 3_000_000_000;

/// Innermost causes that code of the job throws, and that a lost node, a link or a disk does not bring about.
const THE_JOBS_OWN: &[&str] = &[
    "RuntimeException",
    "NullPointerException",
    "ArithmeticException",
    "ClassCastException",
    "IllegalArgumentException",
    "NumberFormatException",
    "IndexOutOfBoundsException",
    "ArrayIndexOutOfBoundsException",
];

impl Analysis {
    /// All restarts, ascending: by the exception history, by departures of the job that left no exception, and by what Flink counted
    /// beyond these.
    pub(super) fn restarted(&self, courses: &[Course]) -> Vec<Restarted> {
        let mut found: Vec<(i64, String)> = self
            .job
            .exceptions
            .iter()
            .map(|thrown| (self.clocks.jobmanager(thrown.thrown, "").at, one_line(&thrown.name, &thrown.cause)))
            .collect();
        let mut ran = false;
        let mut before = "";
        for state in &self.job.states {
            let running = matches!(before, "RUNNING" | "UNKNOWN" | "");
            if ran && running && matches!(state.state.as_str(), "RESTARTING" | "FAILING" | "FAILED" | "SUSPENDED" | "LOST") {
                let at = state.began(&self.clocks);
                if !found.iter().any(|(known, _)| (known - at.at).abs() <= SAME_FAILURE + at.error) {
                    found.push((at.at, format!("the job went to {}; no exception was seen", state.state)));
                }
            }
            ran |= state.state == "RUNNING";
            before = &state.state;
        }
        found.extend(self.deployed_anew(&found));
        found.extend(self.counted_beyond(&found));
        found.retain(|(at, _)| self.run.start.is_none_or(|start| *at >= start) && self.run.cleaning.is_none_or(|cleaning| *at < cleaning));
        found.sort();
        found
            .into_iter()
            .map(|(at, cause)| Restarted { at, explained_by: self.explains(courses, at, &cause).map(|fault| fault.id.clone()), cause })
            .collect()
    }

    /// Deployments that no known failure came before: a JobManager that took over has forgotten the exceptions.
    fn deployed_anew(&self, known: &[(i64, String)]) -> Vec<(i64, String)> {
        let mut anew = Vec::new();
        let mut before: Option<i64> = None;
        for (stamp, _) in self.job.entered("DEPLOYING") {
            let at = self.clocks.jobmanager(stamp, "").at;
            if let Some(before) = before.filter(|before| at - before > SAME_FAILURE) {
                let failed = known.iter().any(|(failure, _)| (before..=at + SAME_FAILURE).contains(failure));
                let submitted = self.job.submitted.iter().any(|(submitted, _)| (before..=at).contains(submitted));
                if !failed && !submitted {
                    anew.push((at, "subtasks were deployed anew; no exception was seen".to_owned()));
                }
            }
            before = Some(at);
        }
        anew
    }

    /// Restarts that Flink counted and the history does not hold: the counter ran ahead of what was known by then.
    fn counted_beyond(&self, known: &[(i64, String)]) -> Vec<(i64, String)> {
        let mut beyond = Vec::new();
        for (_, samples) in self.samples.subjects(Metric::Restarts) {
            let mut taken = 0usize;
            for pair in samples.all().windows(2) {
                let grown = (pair[1].1 - pair[0].1).max(0.0).round() as usize;
                // A failure shows in the counter only once the restart is under way.
                let listed = known.iter().filter(|(at, _)| *at > pair[0].0 - NOTICED_WITHIN && *at <= pair[1].0).count();
                let missing = grown.saturating_sub(listed.saturating_sub(taken));
                taken = (taken + grown - missing).min(listed);
                beyond.extend((0..missing).map(|_| (pair[1].0, "counted by Flink; no exception was seen".to_owned())));
            }
        }
        beyond
    }

    /// The newest fault before a restart that acted, was not over yet, and can bring such a cause about.
    fn explains(&self, courses: &[Course], at: i64, cause: &str) -> Option<&Fault> {
        self.faults.all().iter().zip(courses).rev().find_map(|(fault, course)| {
            let t0 = course.moment(0)?;
            let over = course.removal.as_ref().map_or(t0.at, |removal| removal.at);
            let end = course.end.as_ref().map_or(course.noticed_by.max(over), |end| end.at + end.error).max(over);
            let in_time = at + t0.error + 1_000_000 >= t0.at && at <= end && fault.acted().is_ok();
            (in_time && may_bring_about(fault, cause)).then_some(fault)
        })
    }
}

/// Whether a fault of this kind can bring about a failure with this cause.
fn may_bring_about(fault: &Fault, cause: &str) -> bool {
    let innermost = cause.rsplit("caused by ").next().unwrap_or(cause);
    let class = innermost.split([':', ' ']).next().unwrap_or_default();
    let short = class.rsplit('.').next().unwrap_or(class);
    fault.changes_data() || !THE_JOBS_OWN.contains(&short)
}

fn one_line(name: &str, cause: &str) -> String {
    let cause = cause.lines().next().unwrap_or_default().trim();
    if cause.is_empty() || cause.starts_with(name) {
        if cause.is_empty() { name.to_owned() } else { cause.to_owned() }
    } else {
        format!("{name}, caused by {cause}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_one_line_with_both_classes() {
        assert_eq!(one_line("java.io.IOException", "java.io.IOException: gone\n at x"), "java.io.IOException: gone");
        assert_eq!(one_line("a.B", "C: e"), "a.B, caused by C: e");
        assert_eq!(one_line("a.B", ""), "a.B");
    }
}
