//! What is wrong with a game day beyond its grammar, and its steps with everything read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::alert::{self, AlertExpectation};
use super::spec::GameDay;
use crate::diagnostic::{Problem, Report, Source, did_you_mean, listed};
use crate::scenario::yaml::{Loaded, load, way};
use crate::scenario::{AbortCondition, Checked, OnNoData, Queries, check as check_scenario, parse_condition};
use crate::units::Duration;

/// A step with its scenario read.
#[derive(Debug, Clone)]
pub struct Step {
    /// Index in the file.
    pub index: usize,
    /// Path of the scenario, from where the user is.
    pub path: PathBuf,
    /// The scenario.
    pub scenario: Checked,
    /// Its alerts.
    pub alerts: Vec<AlertExpectation>,
}

/// A game day without mistakes.
pub type Day = (Loaded<GameDay>, Vec<Step>, Vec<AbortCondition>);

/// Reads a game day. The report holds every mistake, those of its scenarios too; with mistakes there is no day.
pub fn check(source: &Arc<Source>, folder: &Path) -> (Option<Day>, Report) {
    let (loaded, mut report) = load::<GameDay>(source);
    let Some(loaded) = loaded else { return (None, report) };
    let day = &loaded.value;
    if day.steps.is_empty() {
        report.push(Problem::error("a game day without steps").at(loaded.at_key(way!["steps"], "")));
    }
    let mut aborts = Vec::new();
    for (index, text) in day.abort_when.iter().enumerate() {
        // Queries are named in a step's scenario, and known to its lines only.
        match parse_condition(text, &Queries::new()) {
            Ok((condition, hold)) => {
                // The step's own scenario keeps its lines; those of the day have none there.
                aborts.push(AbortCondition { text: text.clone(), line: 0, condition, hold, on_no_data: OnNoData::Continue });
            }
            Err(error) => report.push(Problem::error(error.to_string()).at(loaded.at(way!["abort-when", index], ""))),
        }
    }
    let mut names = BTreeSet::new();
    let mut steps = Vec::new();
    for (index, step) in day.steps.iter().enumerate() {
        if !names.insert(step.name.as_str()) {
            report.push(Problem::error(format!("two steps are called `{}`", step.name)).at(loaded.at(way!["steps", index, "name"], "")));
        }
        if step.hypothesis.trim().is_empty() {
            report.push(
                Problem::error("a step without a hypothesis: what is expected to happen?")
                    .at(loaded.at(way!["steps", index, "hypothesis"], "")),
            );
        }
        let path = folder.join(&step.scenario);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                let title = format!("cannot read {}: {error}", path.display());
                report.push(Problem::error(title).at(loaded.at(way!["steps", index, "scenario"], "")));
                continue;
            }
        };
        let (checked, mistakes) = check_scenario(&Source::new(path.display().to_string(), text), path.parent().unwrap_or(Path::new(".")));
        let sound = mistakes.errors() == 0;
        report.merge(mistakes);
        let Some(checked) = checked.filter(|_| sound) else { continue };
        let alerts = alerts_of(&loaded, index, &checked, &mut report);
        steps.push(Step { index, path, scenario: checked, alerts });
    }
    if report.errors() > 0 { (None, report) } else { (Some((loaded, steps, aborts)), report) }
}

fn alerts_of(loaded: &Loaded<GameDay>, step: usize, checked: &Checked, report: &mut Report) -> Vec<AlertExpectation> {
    let day = &loaded.value;
    let faults: Vec<&str> = checked.scenario().timeline.iter().map(|entry| entry.name.as_str()).collect();
    let mut alerts = Vec::new();
    for (index, text) in day.steps[step].expect.iter().enumerate() {
        let at = |label: &str| loaded.at(way!["steps", step, "expect", index], label);
        if day.alerts.is_none() {
            report.push(
                Problem::error("an alert is expected, and nobody says where alerts are seen")
                    .at(at(""))
                    .help("add `alerts: { prometheus: http://127.0.0.1:9090 }`"),
            );
            return alerts;
        }
        let alert = match alert::parse(text) {
            Ok(alert) => alert,
            Err(error) => {
                report.push(Problem::error("this is no expectation on an alert").at(at("")).help(error));
                continue;
            }
        };
        if let Some(deadline) = &alert.deadline {
            let entry = checked.scenario().timeline.iter().find(|entry| entry.name.as_str() == deadline.fault);
            let Some(entry) = entry else {
                let near = did_you_mean(&deadline.fault, faults.iter().copied());
                let help = near
                    .map_or_else(|| format!("its faults are {}", listed(faults.iter().copied())), |near| format!("did you mean `{near}`?"));
                report.push(Problem::error(format!("the scenario has no fault `{}`", deadline.fault)).at(at("")).help(help));
                continue;
            };
            // The job is gone with the end of its run, and its metrics with it.
            let duration = checked.scenario().duration;
            if let Some(from) = entry.moments(duration).first().filter(|from| from.0 + deadline.within.0 > duration.0) {
                let rest = Duration::from(duration.0.saturating_sub(from.0));
                let title = format!("the run ends {rest} after `{}`, before the {} are over", deadline.fault, deadline.within);
                report.push(Problem::warning(title).at(at("")).help("what is seen then is that the job has ended; make `duration` longer"));
            }
        }
        alerts.push(alert);
    }
    alerts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn checked(text: &str) -> (Option<Day>, Report) {
        check(&Source::new("day.yaml", text), &Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/gamedays"))
    }

    const STEP: &str = "name: d\nalerts: { prometheus: http://127.0.0.1:9090 }\nsteps:\n  - name: a\n    scenario: ../taskmanager-loss.yaml\n    hypothesis: it comes back\n";

    #[test]
    fn a_day_is_read_with_its_scenarios() {
        let (day, report) =
            checked(&format!("{STEP}    expect: [ alert Lag fires within 30s of lose-one ]\nabort-when: [ output-lag > 1M for 10s ]\n"));
        assert!(report.is_empty(), "{report}");
        let (loaded, steps, aborts) = day.unwrap();
        assert_eq!((loaded.value.steps.len(), steps[0].alerts.len(), aborts.len()), (1, 1, 1));
        assert_eq!(steps[0].scenario.scenario().name.as_str(), "taskmanager-loss");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = format!(
            "{STEP}    expect: [ alert Lag fires within 30s of lose-two, alert Lag burns ]\n  - {{ name: a, scenario: nowhere.yaml, hypothesis: ' ' }}\nabort-when: [ lag > 5 ]\n"
        );
        let (day, report) = checked(&text);
        assert!(day.is_none());
        let said = report.to_string();
        for part in [
            "two steps are called `a`",
            "cannot read",
            "without a hypothesis",
            "no fault `lose-two`",
            "its faults are `lose-one`",
            "no expectation on an alert",
        ] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
        assert!(report.errors() >= 6, "{said}");
    }

    #[test]
    fn an_alert_that_cannot_be_in_time_is_warned_of() {
        let (day, report) = checked(&format!("{STEP}    expect: [ alert Lag fires within 30m of lose-one ]\n"));
        assert!(day.is_some() && report.warnings() == 1 && report.to_string().contains("the run ends 1m15s after"), "{report}");
    }
}
