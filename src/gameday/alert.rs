//! Expectations on alerts: grammar and judgement.

use serde::{Deserialize, Serialize};

use super::observers::{Observed, Spell};
use crate::analysis::Status;
use crate::clock::Timestamp;
use crate::units::{Duration, display};

/// `alert NAME fires within TIME of FAULT`, `… resolves within TIME of FAULT`, `… does not fire`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertExpectation {
    /// As written.
    pub text: String,
    /// The alert's name.
    pub alert: String,
    /// When; none: it must not fire at all.
    pub deadline: Option<Deadline>,
}

/// By when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// Whether it must be over by then; else it must have begun.
    pub resolves: bool,
    /// How long after the fault took effect.
    pub within: Duration,
    /// The timeline's name of the fault.
    pub fault: String,
}

/// An expectation on an alert, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertOutcome {
    /// As written.
    pub text: String,
    /// Judgement.
    pub status: Status,
    /// What was seen, or why nothing is known.
    pub observed: String,
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<AlertExpectation, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let made = |alert: &str, deadline| AlertExpectation { text: text.trim().to_owned(), alert: alert.to_owned(), deadline };
    match words.as_slice() {
        ["alert", alert, "does", "not", "fire"] => Ok(made(alert, None)),
        ["alert", alert, verb @ ("fires" | "resolves"), "within", within, "of", fault] => {
            let within = within.parse().map_err(|error| format!("{error}"))?;
            Ok(made(alert, Some(Deadline { resolves: *verb == "resolves", within, fault: (*fault).to_owned() })))
        }
        _ => Err("write `alert NAME fires within 2m of FAULT`, `alert NAME resolves within 4m of FAULT` or `alert NAME does not fire`"
            .to_owned()),
    }
}

impl AlertExpectation {
    /// Judges it by what was observed. `effective` is when its fault took effect, where it did; `from` when the step began.
    pub fn judge(&self, observed: &Observed, from: Timestamp, effective: Option<Timestamp>) -> AlertOutcome {
        let (status, said) = match self.look(observed, from, effective) {
            Ok(met) => met,
            Err(reason) => (Status::NoData, format!("no data: {reason}")),
        };
        AlertOutcome { text: self.text.clone(), status, observed: said }
    }

    fn look(&self, observed: &Observed, from: Timestamp, effective: Option<Timestamp>) -> Result<(Status, String), String> {
        let watched = observed
            .prometheus
            .watched
            .ok_or_else(|| format!("Prometheus did not answer: {}", observed.prometheus.error.as_deref().unwrap_or("it was not asked")))?;
        let spells = observed.prometheus.of(&self.alert);
        let Some(deadline) = &self.deadline else {
            return Ok(match spells.iter().find(|spell| spell.ends_after(from)) {
                Some(spell) => (Status::Failed, format!("fired {}", after(from, spell.began, "the step's start"))),
                None => (Status::Met, "did not fire".to_owned()),
            });
        };
        let t0 = effective.ok_or_else(|| format!("{} did not take effect", deadline.fault))?;
        let due = t0.plus(deadline.within.0);
        if let Some(spell) = spells.iter().find(|spell| spell.began < t0 && spell.ends_after(t0)) {
            return Err(format!(
                "it was firing already when {} came, since {}",
                deadline.fault,
                display::seconds(t0.seconds_since(spell.began))
            ));
        }
        let spell = spells.iter().find(|spell| spell.began >= t0);
        let Some(spell) = spell else {
            if deadline.resolves {
                return Err("did not fire, so there was nothing to resolve".to_owned());
            }
            return if watched.1 >= due {
                Ok((Status::Failed, format!("did not fire within {} of {}", deadline.within, deadline.fault)))
            } else {
                Err(format!("was watched for {} only", display::seconds(watched.1.seconds_since(t0))))
            };
        };
        if deadline.resolves {
            return match spell.ended {
                Some(ended) if ended <= due => Ok((Status::Met, format!("resolved {}", after(t0, ended, &deadline.fault)))),
                Some(ended) => Ok((Status::Failed, format!("resolved {} only", after(t0, ended, &deadline.fault)))),
                None if watched.1 >= due => {
                    Ok((Status::Failed, format!("still fires {} after {}", display::seconds(watched.1.seconds_since(t0)), deadline.fault)))
                }
                None => Err(format!("was watched for {} only", display::seconds(watched.1.seconds_since(t0)))),
            };
        }
        if spell.began > due {
            return Ok((Status::Failed, format!("fired {} only", after(t0, spell.began, &deadline.fault))));
        }
        let fired = format!("fired {}", after(t0, spell.began, &deadline.fault));
        let Some(manager) = &observed.alertmanager else { return Ok((Status::Met, fired)) };
        if manager.watched.is_none() {
            return Err(format!("{fired}, but Alertmanager did not answer: {}", manager.error.as_deref().unwrap_or("it was not asked")));
        }
        match manager.of(&self.alert).iter().find(|told| told.ends_after(spell.began)) {
            Some(told) if told.began <= due => {
                Ok((Status::Met, format!("{fired}; in Alertmanager {}", after(t0, told.began, &deadline.fault))))
            }
            Some(told) => Ok((Status::Failed, format!("{fired}; in Alertmanager {} only", after(t0, told.began, &deadline.fault)))),
            None => Ok((Status::Failed, format!("{fired}, but did not reach Alertmanager"))),
        }
    }

    /// Whether nothing that comes later can change the judgement.
    pub fn decided(&self, observed: &Observed, effective: Option<Timestamp>, now: Timestamp) -> bool {
        let (Some(deadline), Some(t0)) = (&self.deadline, effective) else { return true };
        if now > t0.plus(deadline.within.0) {
            return true;
        }
        let spells = observed.prometheus.of(&self.alert);
        let ours = |spell: &&Spell| spell.began >= t0;
        match (deadline.resolves, spells.iter().find(ours)) {
            (true, Some(spell)) => spell.ended.is_some(),
            (false, Some(_)) => {
                observed.alertmanager.as_ref().is_none_or(|manager| manager.of(&self.alert).iter().any(|told| told.ends_after(t0)))
            }
            (_, None) => false,
        }
    }
}

fn after(t0: Timestamp, at: Timestamp, what: &str) -> String {
    format!("{} after {what}", display::seconds(at.seconds_since(t0).max(0.0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::observers::Log;
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    fn log(spells: &[(i64, Option<i64>)], until: i64) -> Log {
        let mut log = Log { watched: Some((at(0), at(until))), ..Log::default() };
        for (began, ended) in spells {
            log.spells.entry("Lag".to_owned()).or_default().push(Spell { began: at(*began), ended: ended.map(at) });
        }
        log
    }

    fn judged(text: &str, prometheus: Log, alertmanager: Option<Log>) -> (Status, String) {
        let outcome = parse(text).unwrap().judge(&Observed { prometheus, alertmanager }, at(0), Some(at(100)));
        (outcome.status, outcome.observed)
    }

    const FIRES: &str = "alert Lag fires within 2m of kill";
    const RESOLVES: &str = "alert Lag resolves within 4m of kill";

    #[test]
    fn an_alert_is_in_time_late_or_silent() {
        assert_eq!(judged(FIRES, log(&[(130, None)], 300), None), (Status::Met, "fired 30.0 s after kill".into()));
        assert_eq!(judged(FIRES, log(&[(250, None)], 300), None), (Status::Failed, "fired 2 min 30 s after kill only".into()));
        assert_eq!(judged(FIRES, log(&[], 300), None), (Status::Failed, "did not fire within 2m of kill".into()));
        assert_eq!(judged(FIRES, log(&[], 150), None).0, Status::NoData);
        assert_eq!(judged(FIRES, log(&[(50, None)], 300), None).0, Status::NoData);
        assert_eq!(judged(FIRES, log(&[(50, Some(90)), (120, None)], 300), None).0, Status::Met);
        let dead = Log { error: Some("connection refused".into()), ..Log::default() };
        assert_eq!(judged(FIRES, dead, None), (Status::NoData, "no data: Prometheus did not answer: connection refused".into()));
    }

    #[test]
    fn what_fires_must_reach_alertmanager() {
        let met = judged(FIRES, log(&[(130, None)], 300), Some(log(&[(135, None)], 300)));
        assert_eq!(met, (Status::Met, "fired 30.0 s after kill; in Alertmanager 35.0 s after kill".into()));
        assert_eq!(
            judged(FIRES, log(&[(130, None)], 300), Some(log(&[], 300))).1,
            "fired 30.0 s after kill, but did not reach Alertmanager"
        );
    }

    #[test]
    fn what_fired_must_resolve() {
        assert_eq!(judged(RESOLVES, log(&[(130, Some(200))], 400), None), (Status::Met, "resolved 100 s after kill".into()));
        assert_eq!(judged(RESOLVES, log(&[(130, None)], 400), None).0, Status::Failed);
        assert_eq!(judged(RESOLVES, log(&[(130, None)], 200), None).0, Status::NoData);
        assert_eq!(judged(RESOLVES, log(&[], 400), None).0, Status::NoData);
        assert_eq!(judged("alert Lag does not fire", log(&[], 400), None).0, Status::Met);
        assert_eq!(judged("alert Lag does not fire", log(&[(30, Some(40))], 400), None).0, Status::Failed);
    }

    #[test]
    fn waiting_ends_when_all_is_known() {
        let fires = parse(FIRES).unwrap();
        let observed = |spells: &[(i64, Option<i64>)]| Observed { prometheus: log(spells, 150), alertmanager: None };
        assert!(!fires.decided(&observed(&[]), Some(at(100)), at(150)));
        assert!(fires.decided(&observed(&[(120, None)]), Some(at(100)), at(150)));
        assert!(fires.decided(&observed(&[]), Some(at(100)), at(221)));
        assert!(!parse(RESOLVES).unwrap().decided(&observed(&[(120, None)]), Some(at(100)), at(150)));
    }

    #[test]
    fn mistakes_say_how_it_is_written() {
        for text in ["alert Lag fires", "Lag fires within 2m of kill", "alert Lag fires within soon of kill"] {
            assert!(!parse(text).unwrap_err().is_empty(), "{text}");
        }
    }
}
