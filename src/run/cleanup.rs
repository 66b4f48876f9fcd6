//! Putting everything back, on every way out: faults first, then what squall made.

use std::time::Duration;

use crate::guard::{self, Reach};
use crate::journal::{EventKind, Phase, Record};

use super::fire::Firing;
use super::job_control::JobControl;
use super::recorder::Recorder;

const JOB_WITHIN: Duration = Duration::from_secs(30);

/// Takes back what is still owed, last in first out. True when nothing is left.
pub async fn faults(firing: &Firing<'_>) -> bool {
    for open in firing.recorder.undos().last_first() {
        firing.undo(&open, "engine").await;
    }
    // Once more for those that failed: a TaskManager may have needed a second start.
    for open in firing.recorder.undos().last_first() {
        firing.undo(&open, "engine").await;
    }
    firing.recorder.undos().is_empty()
}

/// Ends the job, and removes everything that the journal says was made. What cannot be removed is said.
pub async fn things(recorder: &Recorder, job: Option<&JobControl>, reach: &mut Reach<'_>) -> Vec<String> {
    let removed = |kind: &str, name: &str| recorder.record(EventKind::Removed { kind: kind.to_owned(), name: name.to_owned() });
    let in_flight = job.is_some_and(JobControl::is_submitting);
    if let Some(job) = job {
        match job.end(JOB_WITHIN.into()).await {
            Ok(Some(id)) => {
                for thing in recorder.owed().things.iter().filter(|thing| thing.kind == "job") {
                    removed("job", &thing.name);
                }
                tracing::debug!("job {id} cancelled");
            }
            Ok(None) => {}
            // It is tried again by its name.
            Err(error) => tracing::debug!("job: {error}"),
        }
    }
    guard::remove_all(&recorder.owed().things, reach, in_flight, |thing, what| {
        tracing::debug!("{what}");
        removed(&thing.kind, &thing.name);
    })
    .await
}

/// Notes that cleaning begins.
pub fn begin(recorder: &Recorder) {
    recorder.record(EventKind::Phase(Phase::CleaningUp));
}
