//! What follows: what a target rate needs, and which settings cost how much recovery. Each line with its evidence; marked where it goes
//! beyond what was measured.

use super::{Capacity, KeyChoice, Leg};
use crate::analysis::quantile::{median, sorted};
use crate::units::display;

/// A network buffer: `taskmanager.memory.segment-size`'s default.
const BUFFER: f64 = 32.0 * 1024.0;
/// Checkpoints may take this share of the time between them before they cost throughput that is missed.
const CHECKPOINT_SHARE: f64 = 0.1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// About what.
    pub what: String,
    /// The answer.
    pub value: String,
    /// What it rests on.
    pub evidence: String,
    /// Whether it goes beyond what was measured.
    pub extrapolated: bool,
}

/// What a target rate needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demand {
    /// For the target rate; empty where none was said.
    pub needs: Vec<Advice>,
    /// Settings.
    pub settings: Vec<Advice>,
}

/// Works out demand and advice.
pub fn advise(capacity: &Capacity) -> Demand {
    let mut demand = Demand::default();
    let Some(leg) = capacity.main() else { return demand };
    let Some((rate, which)) = basis(leg) else { return demand };
    demand.settings.push(headroom(capacity, rate, which));
    if let Some(target) = capacity.asked.target {
        demand.needs = needs(capacity, leg, rate, which, target);
    }
    demand.settings.extend(skew(capacity, leg));
    demand.settings.extend(checkpoints(capacity, leg));
    demand.settings.extend(heartbeat(capacity, leg));
    demand.settings.extend(restarts(capacity, leg));
    demand
}

/// The rate that everything is worked out from: with the objective where there is one.
fn basis(leg: &Leg) -> Option<(f64, &'static str)> {
    match (leg.recoverable().pass, leg.sustainable().pass) {
        (Some((rate, _)), _) => Some((rate, "the highest rate that met the recovery objective")),
        (None, Some((rate, _))) => Some((rate, "the highest rate that was sustained")),
        (None, None) => None,
    }
}

fn headroom(capacity: &Capacity, rate: f64, which: &str) -> Advice {
    let offered = capacity.asked.offered;
    let value = if offered <= rate {
        format!("{} above the {} of the scenario", display::percent(rate / offered - 1.0), display::rate(offered))
    } else {
        format!("none: the scenario offers {}, {} more than that", display::rate(offered), display::percent(offered / rate - 1.0))
    };
    Advice { what: "headroom now".to_owned(), value, evidence: format!("{which}: {}", display::rate(rate)), extrapolated: false }
}

fn needs(capacity: &Capacity, leg: &Leg, rate: f64, which: &str, target: f64) -> Vec<Advice> {
    let mut lines = Vec::new();
    let line = |what: &str, value: String, evidence: String, extrapolated| Advice { what: what.to_owned(), value, evidence, extrapolated };
    let asked = &capacity.asked;
    let Some(parallelism) = leg.parallelism else {
        let text = "the scenario does not say the job's parallelism, so nothing can be scaled".to_owned();
        return vec![line("parallelism", "not known".to_owned(), text, false)];
    };
    let each = rate / f64::from(parallelism);
    let scaling = capacity.scaling();
    // What recovers in time is the same share of what is sustained at every parallelism, as far as anybody knows.
    let share = leg.sustainable().pass.map_or(1.0, |(sustained, _)| rate / sustained);
    let (wanted, evidence) = match &scaling.fit {
        Ok(fit) => {
            let limit = fit.peak().map_or(10_000, |peak| peak as u32);
            let enough = (1..=limit.clamp(1, 10_000)).find(|n| fit.at(f64::from(*n)) * share >= target);
            (enough, "by the scalability law fitted to the measured parallelisms".to_owned())
        }
        Err(_) => {
            let exact = (target / each).ceil();
            (
                (exact < 1e6).then_some(exact as u32),
                format!("{} a subtask at parallelism {parallelism} ({which}), taken as linear", display::rate(each)),
            )
        }
    };
    let Some(wanted) = wanted else {
        let peak = scaling.fit.as_ref().ok().and_then(super::ScalingFit::peak);
        let why = peak.map_or("not within 10,000 subtasks".to_owned(), |peak| format!("it peaks at parallelism {peak:.0}"));
        return vec![line("parallelism", format!("none carries {}", display::rate(target)), why, true)];
    };
    let measured = capacity.legs.iter().any(|leg| leg.parallelism == Some(wanted));
    lines.push(line("parallelism", wanted.to_string(), evidence, !measured));
    if let (Some(hottest), false) = (asked.hottest_key, wanted <= 1) {
        let subtask = hot_subtask(leg).unwrap_or(each);
        let ceiling = subtask / hottest;
        if ceiling < target {
            let evidence = format!(
                "the hottest key has {} of the records and stays on one subtask, which carries {}",
                display::percent(hottest),
                display::rate(subtask)
            );
            lines.push(line("but", format!("no parallelism carries more than {}", display::rate(ceiling)), evidence, true));
        }
    }
    if let Some(slots) = asked.slots {
        let managers = wanted.div_ceil(slots.max(1));
        lines.push(line(
            "TaskManagers",
            managers.to_string(),
            format!("parallelism {wanted} ÷ {slots} slots each"),
            managers != asked.taskmanagers.unwrap_or(0),
        ));
        lines.push(line(
            "slots",
            (managers * slots).to_string(),
            format!("{managers} × {slots}; one slot more than parallelism lets a lost one be replaced at once"),
            false,
        ));
        let buffers = f64::from(slots * slots) * f64::from(managers) * 4.0;
        let today = capacity.config.get("taskmanager.memory.network.fraction").map_or("0.1", String::as_str);
        let least = capacity.config.get("taskmanager.memory.network.min").map_or("64 mb", String::as_str);
        lines.push(line(
            "network memory",
            display::bytes(buffers * BUFFER),
            format!(
                "slots² × TaskManagers × 4 = {buffers:.0} buffers of 32 KiB, the old rule; Flink now takes taskmanager.memory.network.fraction = {today} of \
                 its memory, at least {least}: raise it when \"insufficient number of network buffers\" appears"
            ),
            true,
        ));
    }
    if let Some(partitions) = asked.partitions {
        let value = if partitions >= wanted { format!("{partitions} are enough") } else { format!("at least {wanted}") };
        lines.push(line(
            "partitions of the input",
            value,
            format!("a subtask of the source without a partition is idle; the input has {partitions}"),
            false,
        ));
    }
    lines
}

/// What the hottest subtask carried at the edge, in records per second.
fn hot_subtask(leg: &Leg) -> Option<f64> {
    let (rate, _) = leg.sustainable().pass?;
    let parallelism = f64::from(leg.parallelism?);
    let skew = leg.probes.iter().rev().find(|probe| probe.rate == rate).and_then(|probe| probe.hold.subtask_skew).unwrap_or(1.0);
    Some(rate * skew / parallelism)
}

fn skew(capacity: &Capacity, leg: &Leg) -> Option<Advice> {
    let even = capacity.legs.iter().find(|other| other.keys == KeyChoice::Even && other.parallelism == leg.parallelism)?;
    if leg.keys == KeyChoice::Even {
        return None;
    }
    let ((skewed, _), (even, _)) = (leg.sustainable().pass?, even.sustainable().pass?);
    let lost = 1.0 - skewed / even;
    let value = if lost > 0.05 {
        format!("skew costs {} of the capacity", display::percent(lost))
    } else {
        "skew costs nothing that can be told from noise".to_owned()
    };
    let hot = hot_subtask(leg).map_or(String::new(), |rate| format!("; the hottest subtask carries {}", display::rate(rate)));
    let evidence = format!("{} with the scenario's keys, {} with even ones{hot}", display::rate(skewed), display::rate(even));
    Some(Advice { what: "key skew".to_owned(), value, evidence, extrapolated: false })
}

/// Between what checkpoints cost and what their age costs after a fault.
fn checkpoints(capacity: &Capacity, leg: &Leg) -> Option<Advice> {
    let interval = capacity.asked.interval;
    let durations = sorted(leg.probes.iter().filter_map(|probe| probe.hold.longest_checkpoint));
    let duration = median(&durations)?;
    let least = duration / CHECKPOINT_SHARE;
    let most = capacity.asked.objective.zip(leg.model()).and_then(|(bound, model)| {
        let rate = leg.recoverable().pass.or(leg.sustainable().pass)?.0.min(capacity.asked.offered);
        let load = rate / model.catch_up;
        // R = D + (D + a)·ρ/(1 − ρ) + w ≤ bound, solved for a; a checkpoint is at most an interval and its own duration old.
        let age = (bound - model.resumed - model.wait) * (1.0 - load) / load - model.resumed;
        (load > 0.0 && load < 1.0).then_some((age - duration, rate))
    });
    let (value, why) = match most {
        Some((most, rate)) if most < least => (
            format!("{} at least, and {} at most: both cannot be", display::seconds(least), display::seconds(most.max(0.0))),
            format!(
                "above, a recovery at {} reads too much again; below, checkpoints take more than a tenth of the time",
                display::rate(rate)
            ),
        ),
        Some((most, rate)) => (
            format!("between {} and {}", display::seconds(least.max(1.0)), display::seconds(most)),
            format!(
                "a checkpoint took up to {}, so that below a tenth of the time goes into them; above, a recovery at {} would read so much again that it \
                 misses the objective",
                display::seconds(duration),
                display::rate(rate)
            ),
        ),
        None => (
            format!("at least {}", display::seconds(least.max(1.0))),
            format!("a checkpoint took up to {}: below, more than a tenth of the time goes into them", display::seconds(duration)),
        ),
    };
    Some(Advice { what: format!("checkpoint interval (now {})", display::seconds(interval)), value, evidence: why, extrapolated: true })
}

fn heartbeat(capacity: &Capacity, leg: &Leg) -> Option<Advice> {
    let seen = sorted(leg.probes.iter().filter_map(|probe| probe.recovery.as_ref()?.detection));
    let detection = median(&seen)?;
    let setting = |key: &str, default: &str| capacity.config.get(key).cloned().unwrap_or_else(|| format!("{default}, Flink's default"));
    let (interval, timeout) = (setting("heartbeat.interval", "10 s"), setting("heartbeat.timeout", "50 s"));
    Some(Advice {
        what: "heartbeats".to_owned(),
        value: format!("{} of each recovery went into noticing", display::seconds(detection)),
        evidence: format!(
            "median over {} faults; heartbeat.interval is {interval}, and a process that is gone is noticed after heartbeat.rpc-failure-threshold of them; \
             one that hangs only after heartbeat.timeout ({timeout}), which then comes on top",
            seen.len()
        ),
        extrapolated: false,
    })
}

fn restarts(capacity: &Capacity, leg: &Leg) -> Option<Advice> {
    let resumed = sorted(leg.probes.iter().filter_map(|probe| probe.recovery.as_ref()?.resumed));
    let detected = sorted(leg.probes.iter().filter_map(|probe| probe.recovery.as_ref()?.detection));
    let (resumed, detected) = (median(&resumed)?, median(&detected)?);
    let strategy = capacity.config.get("restart-strategy.type").cloned().unwrap_or_else(|| "exponential-delay, Flink's default".to_owned());
    let delay = capacity
        .config
        .get(&format!("restart-strategy.{strategy}.delay"))
        .or_else(|| capacity.config.get(&format!("restart-strategy.{strategy}.initial-backoff")))
        .map_or(String::new(), |delay| format!(", which waits {delay} before it tries"));
    Some(Advice {
        what: "restart strategy".to_owned(),
        value: format!("{} from noticing to running again", display::seconds((resumed - detected).max(0.0))),
        evidence: format!(
            "median; {strategy}{delay}. Every second here costs 1 ÷ (1 − ρ) seconds of recovery: two at half load, ten at nine tenths"
        ),
        extrapolated: false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use super::super::{CapacityAsked, Probe, Purpose};
    use super::*;
    use crate::analysis::hold::{Hold, Sustained};

    fn probe(rate: f64, sustained: Sustained) -> Probe {
        let hold = Hold {
            seconds: 60.0,
            offered: rate,
            input: Some(rate),
            served: Some(rate),
            slope: Some((0.0, 0.0, 0.0)),
            lag: Some(rate),
            latency: None,
            checkpoints: 30,
            failed_checkpoints: 0,
            longest_checkpoint: Some(0.3),
            restarts: 0,
            slip: Some(0.0),
            busiest: None,
            subtask_skew: Some(1.8),
        };
        Probe { at: 0.0, purpose: Purpose::Narrow, rate, hold, sustained, recovery: None }
    }

    fn capacity(target: f64) -> Capacity {
        let mut leg = Leg::new(Some(2), KeyChoice::Scenario);
        leg.probes = vec![probe(550.0, Sustained::Yes), probe(570.0, Sustained::No(vec!["lag".to_owned()]))];
        let mut even = Leg::new(Some(2), KeyChoice::Even);
        even.probes = vec![probe(980.0, Sustained::Yes)];
        Capacity {
            schema: 1,
            id: "c".to_owned(),
            asked: CapacityAsked {
                scenario: "s".to_owned(),
                about: String::new(),
                cluster: String::new(),
                objective: None,
                objective_text: None,
                fault: None,
                fault_kind: None,
                latency: None,
                resolution: 0.05,
                target: Some(target),
                offered: 400.0,
                interval: 2.0,
                slots: Some(2),
                taskmanagers: Some(2),
                cores: Some(2),
                partitions: Some(4),
                hottest_key: Some(0.8),
                seed: 1,
            },
            legs: vec![leg, even],
            took: 1.0,
            config: BTreeMap::new(),
            ended: None,
        }
    }

    #[test]
    fn a_target_is_worked_out_from_what_was_measured() {
        let demand = advise(&capacity(2000.0));
        let of = |what: &str| demand.needs.iter().find(|line| line.what == what).cloned().unwrap();
        assert_eq!(of("parallelism").value, "8");
        assert!(of("parallelism").extrapolated);
        assert_eq!(of("TaskManagers").value, "4");
        assert_eq!(of("partitions of the input").value, "at least 8");
        // 495 records/s on the hottest subtask, and 80 % of all records on one key.
        assert_eq!(of("but").value, "no parallelism carries more than 619 /s");
    }

    #[test]
    fn skew_and_headroom_are_named() {
        let demand = advise(&capacity(500.0));
        let of = |what: &str| demand.settings.iter().find(|line| line.what == what).cloned().unwrap();
        assert_eq!(of("key skew").value, "skew costs 43.9 % of the capacity");
        assert_eq!(of("headroom now").value, "37.5 % above the 400 /s of the scenario");
        assert!(!of("headroom now").extrapolated);
    }
}
