//! What squall sends, in the hands of the engine: changed and restored by faults, looked at by sampling.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::action::{Strength, Testimony, TrafficChange};
use crate::journal::{Accounting, EventKind};
use crate::traffic::{Accounts, ChangeShare, Progress, Traffic};
use crate::units::display::{grouped, percent};

/// The traffic of a run, once it flows.
#[derive(Default)]
pub struct TrafficControl {
    traffic: Mutex<Option<Traffic>>,
    /// Shares of the changes at the last look, by stream: histograms are handed over once, so only sampling may look.
    shares: Mutex<Vec<(String, ChangeShare)>>,
}

impl std::fmt::Debug for TrafficControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrafficControl").finish_non_exhaustive()
    }
}

impl TrafficControl {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Traffic>> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes hold of traffic that was started.
    pub fn set(&self, traffic: Traffic) {
        *self.lock() = Some(traffic);
    }

    /// How far it has come; none where nothing is sent. For sampling alone: histograms are handed over once.
    pub fn progress(&self) -> Option<Progress> {
        let progress = self.lock().as_mut().map(Traffic::progress)?;
        self.remember(&progress);
        Some(progress)
    }

    fn remember(&self, progress: &Progress) {
        let shares =
            progress.streams.iter().flat_map(|stream| stream.changes.iter().map(|share| (stream.stream.clone(), *share))).collect();
        *self.shares.lock().unwrap_or_else(PoisonError::into_inner) = shares;
    }

    /// Changes a stream. None where it is not sent, or the change is not possible; then why.
    pub fn change(&self, stream: &str, undo: u64, change: &TrafficChange) -> Option<Result<String, String>> {
        let mut traffic = self.lock();
        let traffic = traffic.as_mut()?;
        Some(match traffic.change(stream, undo, change) {
            Ok(_) => Ok(format!("stream {stream}: {}", in_words(change))),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Takes a change back; done twice it does no harm.
    pub fn restore(&self, stream: &str, undo: u64) -> Result<String, String> {
        match self.lock().as_mut() {
            Some(traffic) => match traffic.restore(stream, undo) {
                Ok(_) => Ok(format!("stream {stream} as before")),
                Err(error) => Err(error.to_string()),
            },
            None => Ok(format!("stream {stream} ended")),
        }
    }

    /// What a change has reached, by what was acknowledged.
    pub fn witness(&self, stream: &str, undo: u64) -> Testimony {
        let shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares.iter().find(|(name, share)| name == stream && share.id == undo).map(|(_, share)| *share);
        let acted = share.is_some_and(|share| share.acted());
        let what = match (share, share.and_then(|share| share.surge)) {
            (None, _) => "the change is not known to the generator".to_owned(),
            (Some(share), Some(surge)) => {
                format!("{} records acknowledged where {} were due without it (rate × {} asked for)", share.of, surge.without, surge.asked)
            }
            (Some(share), None) if share.of == 0 => "no record was acknowledged since".to_owned(),
            (Some(share), None) => {
                let percent = percent(share.share().unwrap_or(0.0));
                format!("{} of {} acknowledged records ({percent})", share.hits, share.of)
            }
        };
        Testimony { acted, carried_work: acted, strength: Strength::Strong, what }
    }

    /// Stops it, waits for the outcomes of what was sent, and gives the closed books. Blocks for up to `within`.
    pub fn stop(&self, within: Duration) -> Option<Progress> {
        let mut traffic = self.lock().take()?;
        traffic.stop(within);
        let progress = traffic.join();
        self.remember(&progress);
        Some(progress)
    }
}

/// The books of all streams.
pub fn accounts(progress: &Progress) -> Accounts {
    let mut all = Accounts::default();
    for stream in &progress.streams {
        all.add(&stream.accounts);
    }
    all
}

/// The generator's books, as the journal keeps them.
pub fn accounting(accounts: &Accounts) -> Accounting {
    Accounting {
        scheduled: accounts.scheduled,
        sent: accounts.sent,
        unsent: accounts.unsent,
        acknowledged: accounts.acknowledged,
        failed: accounts.failed,
        unresolved: accounts.unresolved + accounts.in_flight,
        limited_by: accounts.limited_by.clone(),
    }
}

/// The most frequent keys of each stream that has keys, as they were acknowledged: what skew was reached, whatever was asked for.
pub fn hottest_keys(progress: &Progress) -> impl Iterator<Item = EventKind> + '_ {
    progress.streams.iter().filter(|stream| !stream.top_keys.is_empty()).map(|stream| {
        let all = stream.own.max(1) as f64;
        let fact = |(key, count): &(String, u64)| (key.clone(), format!("{} records, {}", grouped(*count), percent(*count as f64 / all)));
        EventKind::Facts {
            section: format!("most frequent keys of {}, of the first 1,024", stream.stream),
            facts: stream.top_keys.iter().map(fact).collect(),
        }
    })
}

fn in_words(change: &TrafficChange) -> String {
    match change {
        TrafficChange::SkewKeys { share, keys } => format!("{share} of the records go to {keys} hot key(s)"),
        TrafficChange::SkewPartitions { share, partition } => format!("{share} of the records go to partition {partition}"),
        TrafficChange::Surge { factor } if *factor == 0.0 => "nothing is sent".to_owned(),
        TrafficChange::Surge { factor } => format!("rate × {factor}"),
        TrafficChange::Poison { share } => format!("{share} of the records cannot be parsed"),
        TrafficChange::LateEvents { share, by } => format!("{share} of the records are {by} late"),
        TrafficChange::Tombstones { share } => format!("{share} of the records have no value"),
        TrafficChange::ValueSize { size } => format!("values of {size}"),
    }
}
