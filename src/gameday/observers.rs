//! Prometheus and Alertmanager, asked once a second which alerts fire.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::task::JoinHandle;

use super::spec::Alerts;
use crate::clock::{self, Timestamp};

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
    /// When there can be no HTTP client.
    pub fn start(alerts: &Alerts) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let log =
            Arc::new(Mutex::new(Observed { alertmanager: alerts.alertmanager.as_ref().map(|_| Log::default()), ..Observed::default() }));
        let (shared, alerts) = (log.clone(), alerts.clone());
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let manager = async {
                    match &alerts.alertmanager {
                        Some(address) => Some(managed(&client, address).await),
                        None => None,
                    }
                };
                let (prometheus, manager) = tokio::join!(fired(&client, &alerts.prometheus), manager);
                let now = clock::now();
                let mut observed = shared.lock().unwrap_or_else(PoisonError::into_inner);
                observed.prometheus.take(now, prometheus);
                if let (Some(log), Some(answer)) = (&mut observed.alertmanager, manager) {
                    log.take(now, answer);
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

#[derive(Deserialize)]
struct PrometheusAnswer {
    data: PrometheusAlerts,
}

#[derive(Deserialize)]
struct PrometheusAlerts {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    state: String,
}

fn name(alert: Alert) -> Option<String> {
    alert.labels.get("alertname").cloned()
}

/// `GET /api/v1/alerts` of Prometheus.
async fn fired(client: &reqwest::Client, address: &str) -> Result<BTreeSet<String>, String> {
    let answer: PrometheusAnswer = get(client, &format!("{}/api/v1/alerts", address.trim_end_matches('/'))).await?;
    Ok(answer.data.alerts.into_iter().filter(|alert| alert.state == "firing").filter_map(name).collect())
}

/// `GET /api/v2/alerts` of Alertmanager: active ones, silenced and inhibited ones too, since those have arrived.
async fn managed(client: &reqwest::Client, address: &str) -> Result<BTreeSet<String>, String> {
    let answer: Vec<Alert> = get(client, &format!("{}/api/v2/alerts?active=true", address.trim_end_matches('/'))).await?;
    Ok(answer.into_iter().filter_map(name).collect())
}

async fn get<T: serde::de::DeserializeOwned>(client: &reqwest::Client, url: &str) -> Result<T, String> {
    let said = |error: reqwest::Error| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    };
    client.get(url).send().await.map_err(said)?.error_for_status().map_err(said)?.json().await.map_err(said)
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

    #[test]
    fn answers_are_read() {
        let text = r#"{"status":"success","data":{"alerts":[{"labels":{"alertname":"A"},"annotations":{},"state":"firing","activeAt":"x","value":"1"},
                       {"labels":{"alertname":"B"},"state":"pending"}]}}"#;
        let answer: PrometheusAnswer = serde_json::from_str(text).unwrap();
        assert_eq!(answer.data.alerts.iter().filter(|alert| alert.state == "firing").count(), 1);
        let managed: Vec<Alert> = serde_json::from_str(r#"[{"labels":{"alertname":"A"},"status":{"state":"active"}}]"#).unwrap();
        assert_eq!(managed.into_iter().filter_map(name).collect::<Vec<_>>(), ["A"]);
    }
}
