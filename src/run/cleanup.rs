//! Putting everything back, on every way out: faults first, then what squall made.

use std::time::Duration;

use crate::guard::{self, Reach, Thing};
use crate::journal::{EventKind, Phase, Record};

use super::fire::Firing;
use super::job_control::JobControl;
use super::recorder::Recorder;

const JOB_WITHIN: Duration = Duration::from_secs(30);

/// What fails is tried once more after the others: a TaskManager may have needed a second start.
const ROUNDS: usize = 2;

/// Takes back what is still owed, last in first out.
pub async fn faults(firing: &Firing<'_>) {
    for _ in 0..ROUNDS {
        for open in firing.recorder.undos().last_first() {
            firing.undo(&open, "engine").await;
            if firing.recorder.owed().is_over(&open.fault) {
                firing.recorder.record(EventKind::FaultRemoved { fault: open.fault });
            }
        }
    }
}

/// Ends the job, and removes everything that the journal says was made; a cluster of the run's own goes first, with all that is on it.
/// What cannot be removed is said.
pub async fn things(recorder: &Recorder, job: Option<&JobControl>, reach: &mut Reach<'_>) -> Vec<String> {
    let removed = |kind: &str, name: &str| recorder.record(EventKind::Removed { kind: kind.to_owned(), name: name.to_owned() });
    let gone = |thing: &Thing, what: String| {
        tracing::debug!("{what}");
        removed(&thing.kind, &thing.name);
    };
    let owed = || recorder.owed().things;
    let clusters: Vec<Thing> = owed().into_iter().filter(|thing| thing.kind == "cluster").collect();
    if !clusters.is_empty() && guard::remove_all(&clusters, reach, false, gone).await.is_empty() {
        for thing in owed().iter().filter(|thing| thing.kind != "file") {
            removed(&thing.kind, &thing.name);
        }
    }
    let in_flight = job.is_some_and(JobControl::is_submitting);
    if let Some(job) = job
        && owed().iter().any(|thing| thing.kind == "job")
    {
        match job.end(JOB_WITHIN.into()).await {
            Ok(Some(id)) => {
                for thing in owed().iter().filter(|thing| thing.kind == "job") {
                    removed("job", &thing.name);
                }
                tracing::debug!("job {id} cancelled");
            }
            Ok(None) => {}
            // It is tried again by its name.
            Err(error) => tracing::debug!("job: {error}"),
        }
    }
    guard::remove_all(&owed(), reach, in_flight, gone).await
}

/// Notes that cleaning begins.
pub fn begin(recorder: &Recorder) {
    recorder.record(EventKind::Phase(Phase::CleaningUp));
}
