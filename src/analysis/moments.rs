//! The moments of a recovery that Flink tells: departure from RUNNING, slots, all running, the first checkpoint; and the first
//! output that went on.

use super::Analysis;
use super::job_log::{Found, Seen};
use super::output_log::Gap;
use crate::clock::Timestamp;

/// Why no departure was seen where nobody could look.
pub const JOB_UNKNOWN: &str = "the job's state was unknown: no JobManager answered";

impl Analysis {
    /// T2: the first departure of a task or the job from RUNNING. Stamps inside Flink's answers go before polls.
    pub(super) fn departed(&self, t0: &Seen, until: i64) -> Found {
        let clocks = &self.clocks;
        // Errors of stamps are those of the clock: what lies further out does not belong.
        let reach = t0.error + clocks.jobmanager(Timestamp(0), "").error;
        let (from, to) = (clocks.theirs(t0.at - reach), clocks.theirs(until));
        let mut stamped: Vec<Seen> = self
            .job
            .exceptions
            .iter()
            .filter(|thrown| (from..=to).contains(&thrown.thrown))
            .map(|thrown| clocks.jobmanager(thrown.thrown, "Flink exception time stamp"))
            .collect();
        // What was no departure: the states before the job first ran.
        let ran = self.job.states.iter().position(|state| state.state == "RUNNING").unwrap_or(usize::MAX);
        let seen = |at: i64| at >= t0.at - reach;
        let left = self.job.states.iter().skip(ran.saturating_add(1)).filter(|state| seen(state.at) && state.departed());
        let (exact, polled): (Vec<Seen>, Vec<Seen>) =
            left.map(|state| state.began(clocks)).partition(|seen| seen.source.starts_with("Flink"));
        stamped.extend(exact);
        for state in ["FAILED", "CANCELING", "CANCELED"] {
            let entered = self.job.entered(state, from, to);
            stamped.extend(entered.map(|(at, subtask)| clocks.jobmanager(at, &format!("Flink time stamp of {subtask}"))));
        }
        let mut polls = polled;
        let counts = &self.job.running;
        polls.extend(counts.windows(2).filter(|pair| seen(pair[1].at) && pair[1].running < pair[0].running).map(|pair| {
            let count = &pair[1];
            Seen::between(count.at - count.poll_gap, count.at, "polled count of running subtasks")
        }));
        let belongs = |seen: &Seen| seen.at + seen.error + t0.error >= t0.at && seen.at <= until;
        let earliest = |found: Vec<Seen>| found.into_iter().filter(belongs).min_by_key(|seen| seen.at);
        if let Some(mut seen) = earliest(stamped).or_else(|| earliest(polls)) {
            // Within its error it may seem to lie before its cause.
            seen.at = seen.at.max(t0.at);
            return Ok(seen);
        }
        let unknown = self.job.states.iter().any(|state| state.state == "UNKNOWN" && (t0.at..until).contains(&state.at));
        Err(if self.job.states.is_empty() && counts.is_empty() {
            "the job was not looked at".to_owned()
        } else if unknown || self.job.state_at(t0.at) == Some("UNKNOWN") {
            JOB_UNKNOWN.to_owned()
        } else {
            "no task left RUNNING".to_owned()
        })
    }

    /// T4: the last entry of a subtask into RUNNING before `limit`, after which none had left again.
    pub(super) fn all_running(&self, t2: &Seen, limit: i64) -> Found {
        let clocks = &self.clocks;
        let entries: Vec<Seen> = self
            .job
            .entered("RUNNING", clocks.theirs(t2.at), clocks.theirs(limit))
            .map(|(at, subtask)| clocks.jobmanager(at, &format!("Flink time stamp of {subtask}")))
            .filter(|seen| seen.at > t2.at && seen.at <= limit)
            .collect();
        let last_departure =
            self.job.exceptions.iter().map(|thrown| clocks.ours(thrown.thrown)).filter(|at| *at <= limit).max().unwrap_or(t2.at).max(t2.at);
        let stamped = entries.into_iter().max_by_key(|seen| seen.at).filter(|seen| seen.at >= last_departure);
        let counts = &self.job.running;
        let polled = || {
            counts
                .windows(2)
                .filter(|pair| pair[1].running == pair[1].total && pair[0].running < pair[0].total)
                .map(|pair| Seen::between(pair[1].at - pair[1].poll_gap, pair[1].at, "polled count of running subtasks"))
                .filter(|seen| seen.at + seen.error > t2.at && seen.at - seen.error <= limit)
                .max_by_key(|seen| seen.at)
        };
        // The newest count after the last entry tells whether a subtask was still missing.
        let missing = counts.iter().rev().find(|seen| seen.at <= limit).filter(|seen| seen.running < seen.total);
        match (stamped, missing) {
            (Some(seen), None) => Ok(seen),
            // A poll tells of a moment up to its gap earlier.
            (Some(seen), Some(missing)) if missing.at - missing.poll_gap <= seen.at => Ok(seen),
            (_, Some(missing)) => Err(format!("{} of {} subtasks ran when last looked at", missing.running, missing.total)),
            (None, None) => polled().ok_or_else(|| "no subtask was seen entering RUNNING".to_owned()),
        }
    }

    /// T3: the last deployment before T4.
    pub(super) fn slots_back(&self, t2: &Seen, t4: &Seen) -> Found {
        self.job
            .entered("DEPLOYING", self.clocks.theirs(t2.at), self.clocks.theirs(t4.at))
            .map(|(at, subtask)| self.clocks.jobmanager(at, &format!("Flink time stamp of {subtask}")))
            .filter(|seen| seen.at >= t2.at && seen.at <= t4.at)
            .max_by_key(|seen| seen.at)
            .ok_or_else(|| "no subtask was seen entering DEPLOYING".to_owned())
    }

    /// T6: the first output that had come further than that before T0, or before T1 where output still came after T0.
    pub(super) fn further_output(&self, t0: &Seen, gap: Option<&Gap>, until: i64) -> Found {
        let known = gap.map_or(t0.at, |gap| gap.from.max(t0.at));
        let error = gap.map_or(0, |gap| gap.error);
        let (at, source) = self.output.further(known, known, until)?;
        Ok(Seen { at: at - error / 2, error: error - error / 2, source })
    }

    /// T7: the first checkpoint that completed after T4.
    pub(super) fn first_checkpoint(&self, after: &Seen, until: i64) -> Found {
        self.checkpoints
            .ended("completed", (after.at + 1, until.saturating_add(1)), &self.clocks)
            .next()
            .and_then(|(_, record)| Some(self.clocks.jobmanager(record.ended?, &format!("checkpoint {}", record.id))))
            .ok_or_else(|| "no checkpoint completed".to_owned())
    }
}
