//! Restarts of the job, and which of them a fault explains.

use super::Analysis;
use super::fault_log::Fault;
use super::job_log::Thrown;
use super::recovery::{Course, NOTICED_WITHIN};
use crate::clock::Timestamp;
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

/// Innermost causes that code of the job throws, and that a lost node, a link or a disk does not bring about: what counts where nobody
/// knows which method threw.
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

/// Packages of Flink, Kafka, Java and what Flink is made of. Classes of anybody else are the job's, and so are those without a package,
/// which Flink generates from SQL.
const PLATFORM: &[&str] = &[
    "org.apache.flink.",
    "org.apache.kafka.",
    "org.apache.pekko.",
    "org.apache.hadoop.",
    "org.apache.zookeeper.",
    "org.rocksdb.",
    "akka.",
    "scala.",
    "io.netty.",
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
];

/// A failure before anybody asked what explains it.
#[derive(Debug, Clone, PartialEq)]
struct Failure {
    at: i64,
    cause: String,
    /// Whether code of the job threw it.
    own: bool,
}

impl Failure {
    fn unseen(at: i64, cause: impl Into<String>) -> Self {
        Self { at, cause: cause.into(), own: false }
    }
}

impl Analysis {
    /// All restarts, ascending: by the exception history, by departures of the job that left no exception, and by what Flink counted
    /// beyond these.
    pub(super) fn restarted(&self, courses: &[Course]) -> Vec<Restarted> {
        let mut found: Vec<Failure> = self
            .job
            .exceptions
            .iter()
            .map(|thrown| Failure { at: self.clocks.ours(thrown.thrown), cause: one_line(&thrown.name, &thrown.cause), own: own(thrown) })
            .collect();
        let mut ran = false;
        let mut before = "";
        for state in &self.job.states {
            let running = matches!(before, "RUNNING" | "UNKNOWN" | "");
            if ran && running && matches!(state.state.as_str(), "RESTARTING" | "FAILING" | "FAILED" | "SUSPENDED" | "LOST") {
                let at = state.began(&self.clocks);
                if !found.iter().any(|known| (known.at - at.at).abs() <= SAME_FAILURE + at.error) {
                    found.push(Failure::unseen(at.at, format!("the job went to {}; no exception was seen", state.state)));
                }
            }
            ran |= state.state == "RUNNING";
            before = &state.state;
        }
        found.extend(self.deployed_anew(&found));
        found.extend(self.counted_beyond(&found));
        let in_run = |at: i64| self.run.start.is_none_or(|start| at >= start) && self.run.cleaning.is_none_or(|cleaning| at < cleaning);
        found.retain(|failure| in_run(failure.at));
        found.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.cause.cmp(&b.cause)));
        found
            .into_iter()
            .map(|failure| Restarted {
                at: failure.at,
                explained_by: self.explains(courses, &failure).map(|fault| fault.id.clone()),
                cause: failure.cause,
            })
            .collect()
    }

    /// Deployments that no known failure came before: a JobManager that took over has forgotten the exceptions.
    fn deployed_anew(&self, known: &[Failure]) -> Vec<Failure> {
        let mut anew = Vec::new();
        let mut before: Option<i64> = None;
        for (stamp, _) in self.job.entered("DEPLOYING", Timestamp(i64::MIN), Timestamp(i64::MAX)) {
            let at = self.clocks.ours(stamp);
            if let Some(before) = before.filter(|before| at - before > SAME_FAILURE) {
                let failed = known.iter().any(|failure| (before..=at + SAME_FAILURE).contains(&failure.at));
                let submitted = self.job.submitted.iter().any(|(submitted, _)| (before..=at).contains(submitted));
                if !failed && !submitted {
                    anew.push(Failure::unseen(at, "subtasks were deployed anew; no exception was seen"));
                }
            }
            before = Some(at);
        }
        anew
    }

    /// Restarts that Flink counted and the history does not hold: the counter ran ahead of what was known by then.
    fn counted_beyond(&self, known: &[Failure]) -> Vec<Failure> {
        let mut beyond = Vec::new();
        let mut ascending: Vec<i64> = known.iter().map(|failure| failure.at).collect();
        ascending.sort_unstable();
        let until = |moment: i64| ascending.partition_point(|at| *at <= moment);
        for (_, samples) in self.samples.subjects(Metric::Restarts) {
            let mut taken = 0usize;
            for pair in samples.all().windows(2) {
                let grown = (pair[1].1 - pair[0].1).max(0.0).round() as usize;
                // A failure shows in the counter only once the restart is under way.
                let listed = until(pair[1].0).saturating_sub(until(pair[0].0 - NOTICED_WITHIN));
                let missing = grown.saturating_sub(listed.saturating_sub(taken));
                taken = (taken + grown - missing).min(listed);
                beyond.extend((0..missing).map(|_| Failure::unseen(pair[1].0, "counted by Flink; no exception was seen")));
            }
        }
        beyond
    }

    /// The newest fault before a restart that acted, was not over yet, and can bring such a failure about.
    fn explains(&self, courses: &[Course], failure: &Failure) -> Option<&Fault> {
        let at = failure.at;
        self.faults.all().iter().zip(courses).rev().find_map(|(fault, course)| {
            let t0 = course.moment(0)?;
            let over = course.removal.as_ref().map_or(t0.at, |removal| removal.at);
            // In a gap nobody looked how it went on; Flink's stamps tell of its restarts all the same.
            let noticed_by = if course.is_cut_by_a_gap() { over + NOTICED_WITHIN } else { course.noticed_by.max(over) };
            let back = course.end.as_ref().filter(|_| !fault.restarts_when_undone());
            let end = back.map_or(noticed_by, |end| end.at + end.error).max(over);
            let in_time = at + t0.error + 1_000_000 >= t0.at && at <= end && fault.acted().is_ok();
            // What the job's own code throws comes of its data, or of a link that it uses itself.
            (in_time && (!failure.own || fault.changes_data() || fault.disturbs_a_link())).then_some(fault)
        })
    }
}

/// Whether code of the job threw it, and no part of the platform.
fn own(thrown: &Thrown) -> bool {
    if let Some(method) = &thrown.thrown_in {
        return !PLATFORM.iter().any(|package| method.starts_with(package));
    }
    let class = thrown.cause.split([':', ' ']).next().unwrap_or_default();
    THE_JOBS_OWN.contains(&class.rsplit('.').next().unwrap_or(class))
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
    fn who_threw_it_is_told_by_the_method() {
        let thrown = |cause: &str, method: Option<&str>| Thrown {
            thrown: Timestamp(0),
            name: "x".into(),
            cause: cause.into(),
            thrown_in: method.map(str::to_owned),
        };
        assert!(own(&thrown("IllegalStateException: planted", Some("dev.acme.Enrich.flatMap"))));
        assert!(own(&thrown("ArithmeticException: / by zero", Some("StreamExecCalc$12.processElement"))));
        assert!(!own(&thrown("RuntimeException: lost", Some("org.apache.flink.runtime.A.run"))));
        assert!(!own(&thrown("TimeoutException", Some("java.util.concurrent.FutureTask.get"))));
        assert!(own(&thrown("NullPointerException", None)) && !own(&thrown("JobMasterException: gone", None)));
    }

    #[test]
    fn a_cause_is_one_line_with_both_classes() {
        assert_eq!(one_line("java.io.IOException", "java.io.IOException: gone\n at x"), "java.io.IOException: gone");
        assert_eq!(one_line("a.B", "C: e"), "a.B, caused by C: e");
        assert_eq!(one_line("a.B", ""), "a.B");
    }
}
