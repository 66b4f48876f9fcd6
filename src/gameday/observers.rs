//! Prometheus and Alertmanager, asked once a second which alerts fire.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::spec::Alerts;
use crate::clock::{self, Timestamp};
use crate::http::Access;
use crate::monitoring::{Alertmanager, Error, Prometheus};

const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);

/// From when to when an alert fired, as it was seen; the error is a look's distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    /// First seen firing.
    pub began: Timestamp,
    /// First seen no longer firing.
    pub ended: Option<Timestamp>,
}

impl Spell {
    /// Whether it goes on after a moment.
    pub fn ends_after(&self, moment: Timestamp) -> bool {
        self.ended.is_none_or(|ended| ended > moment)
    }
}

/// What one of them said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// First and last answer.
    pub watched: Option<(Timestamp, Timestamp)>,
    /// The last error.
    pub error: Option<String>,
    /// By the alert's name.
    pub spells: BTreeMap<String, Vec<Spell>>,
}

impl Log {
    /// The spells of an alert, in order.
    pub fn of(&self, alert: &str) -> &[Spell] {
        self.spells.get(alert).map(Vec::as_slice).unwrap_or_default()
    }

    /// Takes in an answer: the alerts that fire.
    fn take(&mut self, at: Timestamp, answer: Result<BTreeSet<String>, String>) {
        let firing = match answer {
            Ok(firing) => firing,
            Err(error) => {
                self.error = Some(error);
                return;
            }
        };
        self.watched = Some((self.watched.map_or(at, |(first, _)| first), at));
        for (name, spells) in &mut self.spells {
            if let Some(spell) = spells.last_mut().filter(|spell| spell.ended.is_none() && !firing.contains(name)) {
                spell.ended = Some(at);
            }
        }
        for name in firing {
            let spells = self.spells.entry(name).or_default();
            if spells.last().is_none_or(|spell| spell.ended.is_some()) {
                spells.push(Spell { began: at, ended: None });
            }
        }
    }
}

/// What both said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Prometheus.
    pub prometheus: Log,
    /// Alertmanager, where there is one.
    pub alertmanager: Option<Log>,
}

impl Observed {
    /// Alerts that fire now.
    pub fn firing(&self) -> impl Iterator<Item = &str> {
        let open = |spells: &[Spell]| spells.last().is_some_and(|spell| spell.ended.is_none());
        self.prometheus.spells.iter().filter(move |(_, spells)| open(spells)).map(|(name, _)| name.as_str())
    }
}

/// Asks until it is dropped.
#[derive(Debug)]
pub struct Observers {
    log: Arc<Mutex<Observed>>,
    task: JoinHandle<()>,
}

impl Observers {
    /// Begins to ask.
    ///
    /// # Errors
    /// When an address is none.
    pub fn start(alerts: &Alerts) -> Result<Self, Error> {
        let access = |address: &String| Access { timeout: PATIENCE.into(), ..Access::to([address]) };
        let prometheus = Prometheus::new(&access(&alerts.prometheus), Path::new(""))?;
        let alertmanager = alerts.alertmanager.as_ref().map(|address| Alertmanager::new(&access(address), Path::new(""))).transpose()?;
        let log = Arc::new(Mutex::new(Observed { alertmanager: alertmanager.as_ref().map(|_| Log::default()), ..Observed::default() }));
        let shared = log.clone();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let manager = async {
                    match &alertmanager {
                        Some(alertmanager) => Some(alertmanager.active().await),
                        None => None,
                    }
                };
                let (firing, arrived) = tokio::join!(prometheus.firing(), manager);
                let now = clock::now();
                let mut observed = shared.lock().unwrap_or_else(PoisonError::into_inner);
                observed.prometheus.take(now, firing.map_err(|error| error.to_string()));
                if let (Some(log), Some(answer)) = (&mut observed.alertmanager, arrived) {
                    log.take(now, answer.map_err(|error| error.to_string()));
                }
            }
        });
        Ok(Self { log, task })
    }

    /// What was seen so far.
    pub fn observed(&self) -> Observed {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spells_are_told_apart() {
        let mut log = Log::default();
        let firing = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect());
        log.take(Timestamp(1), firing(&[]));
        log.take(Timestamp(2), firing(&["Lag"]));
        log.take(Timestamp(3), Err("timeout".to_owned()));
        log.take(Timestamp(4), firing(&["Lag", "Down"]));
        log.take(Timestamp(5), firing(&["Down"]));
        log.take(Timestamp(6), firing(&["Down", "Lag"]));
        let spell = |began, ended: Option<i64>| Spell { began: Timestamp(began), ended: ended.map(Timestamp) };
        assert_eq!(log.of("Lag"), [spell(2, Some(5)), spell(6, None)]);
        assert_eq!(log.of("Down"), [spell(4, None)]);
        assert_eq!((log.watched, log.error.as_deref()), (Some((Timestamp(1), Timestamp(6))), Some("timeout")));
        let observed = Observed { prometheus: log, alertmanager: None };
        assert_eq!(observed.firing().collect::<Vec<_>>(), ["Down", "Lag"]);
    }
}
