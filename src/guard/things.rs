//! Removing what a run made: only what its journal names, and nothing twice.

use std::fs;
use std::io;
use std::time::Duration;

use super::Error;
use super::owed::Thing;
use super::reach::Reach;
use crate::clock;
use crate::flink::{JobState, Rest};
use crate::kafka::KafkaError;

const KAFKA_WITHIN: Duration = Duration::from_secs(10);
const JOB_WITHIN: Duration = Duration::from_secs(30);
/// A gateway goes on with a statement when its client has died: the job appears within this time.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Kafka's error code for a group that does not exist: one whose job never committed.
const GROUP_ID_NOT_FOUND: i32 = 69;

/// Longer than any removal takes.
const REMOVE_WITHIN: Duration = Duration::from_secs(90);
/// What fails is tried this often.
const ROUNDS: usize = 3;
const BETWEEN_ROUNDS: Duration = Duration::from_secs(2);

/// The order of removing: a topic that a job still reads, or a group that it commits to, would come back.
const ORDER: [&str; 5] = ["job", "group", "topic", "file", "cluster"];

/// Removes things, each within a deadline of its own, and tells of each that is gone. `in_flight` says that a job may still be on its
/// way to the cluster. Returns what is left, and why.
pub async fn remove_all(things: &[Thing], reach: &mut Reach<'_>, in_flight: bool, mut gone: impl FnMut(&Thing, String)) -> Vec<String> {
    let mut owed: Vec<&Thing> = things.iter().rev().collect();
    owed.sort_by_key(|thing| ORDER.iter().position(|kind| *kind == thing.kind));
    let mut left = Vec::new();
    for round in 0..ROUNDS {
        if round > 0 {
            tokio::time::sleep(BETWEEN_ROUNDS).await;
        }
        left.clear();
        let mut still = Vec::new();
        for thing in owed {
            let removed = tokio::time::timeout(REMOVE_WITHIN, remove(thing, reach, in_flight)).await;
            match removed.unwrap_or(Err(Error::Deadline(REMOVE_WITHIN.as_secs()))) {
                Ok(what) => gone(thing, what),
                Err(error) => {
                    left.push(format!("{} {}: {error}", thing.kind, thing.name));
                    still.push(thing);
                }
            }
        }
        owed = still;
        if owed.is_empty() {
            break;
        }
    }
    left
}

/// Removes a thing; returns what was found. One that is gone already is no error.
pub(super) async fn remove(thing: &Thing, reach: &mut Reach<'_>, in_flight: bool) -> Result<String, Error> {
    let Thing { kind, name, .. } = thing;
    let gone = |kind: &str| format!("{kind} {name} was gone");
    let removed = match kind.as_str() {
        "cluster" => {
            reach.take_down().await?;
            true
        }
        "job" => match reach.flink().await? {
            Some(flink) => cancel(&flink, name, if in_flight { ARRIVES_WITHIN } else { Duration::ZERO }).await?,
            None => false,
        },
        "topic" => match reach.kafka().await? {
            Some(kafka) => {
                let topic = name.clone();
                match tokio::task::spawn_blocking(move || kafka.delete_topic(&topic, KAFKA_WITHIN)).await? {
                    Ok(()) => true,
                    Err(KafkaError::NoTopic(_)) => false,
                    Err(error) => return Err(error.into()),
                }
            }
            None => false,
        },
        "group" => match reach.kafka().await? {
            Some(kafka) => {
                let group = name.clone();
                match tokio::task::spawn_blocking(move || kafka.delete_group(&group, KAFKA_WITHIN)).await? {
                    Ok(()) => true,
                    Err(error) if error.code().is_some_and(|code| code.number() == GROUP_ID_NOT_FOUND) => false,
                    Err(error) => return Err(error.into()),
                }
            }
            None => false,
        },
        "file" => match fs::remove_file(name) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(source) => return Err(Error::File { path: name.into(), source }),
        },
        _ => return Err(Error::UnknownThing(kind.clone())),
    };
    Ok(if removed { format!("{kind} {name} removed") } else { gone(kind) })
}

/// Cancels every job of this name or id that has not ended, and waits until they have. Names carry the run's id, so no other job has
/// one of them. Where there is none, looks again for `patience`. False when there was none.
async fn cancel(flink: &Rest, named: &str, patience: Duration) -> Result<bool, Error> {
    let appears = clock::now().plus(patience);
    let ours = loop {
        let jobs = flink.jobs().await?.value;
        let ours: Vec<_> =
            jobs.into_iter().filter(|job| (job.name == named || job.id.as_str() == named) && !job.state.is_terminal()).collect();
        if !ours.is_empty() || appears.remaining().is_zero() {
            break ours;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    for job in &ours {
        flink.cancel(&job.id).await?;
    }
    let ends = clock::now().plus(JOB_WITHIN);
    for job in &ours {
        loop {
            let state = match flink.job_state(&job.id).await {
                Ok(state) => state.value,
                Err(error) if error.is_not_found() => break,
                Err(error) if ends.remaining().is_zero() => return Err(error.into()),
                Err(_) => JobState::Unknown,
            };
            if state.is_terminal() {
                break;
            }
            if ends.remaining().is_zero() {
                return Err(Error::JobGoesOn { name: job.name.clone(), state });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(!ours.is_empty())
}
