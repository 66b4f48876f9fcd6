//! What to try next: a pure function of what was tried, so that a search can be taken up where it was left.
//!
//! λ*: growing steps from below until one is too much; the saturated job then tells its service rate μ while it drains, and holds a little
//! below and above μ bracket the edge; then bisection, then the edge again. λ*_R: half and three quarters of λ*, then where the model that
//! is fitted to these says that the objective is just met, then bisection.

use crate::analysis::Sustained;
use crate::analysis::capacity::{Leg, Probe, Purpose};

/// Rates closer than this are the same rate.
const SAME: f64 = 0.005;
/// Looks at one rate before it is given up as unclear.
const MOST_LOOKS: usize = 2;
/// Faults fired in one leg, at most.
const MOST_FAULTS: usize = 8;
/// A recovery varies from one to the next: an edge narrower than this would be noise.
const RECOVERY_RESOLUTION: f64 = 0.15;
/// Beyond this share of λ* recovery takes for ever, whatever the objective.
const NEAR_THE_EDGE: f64 = 0.95;

/// What the search is to find.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// The first rate, in records per second.
    pub start: f64,
    /// The highest rate that may be offered.
    pub ceiling: f64,
    /// Width of the edge that is narrow enough, ÷ the rate.
    pub resolution: f64,
    /// The recovery objective in seconds, where there is one.
    pub objective: Option<f64>,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Try this rate, and why in words.
    Try(Purpose, f64, String),
    /// Nothing is left to be tried; with the reason where the edge was not found.
    Done(Option<String>),
}

fn near(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < SAME
}

/// What to try next.
pub fn next(leg: &Leg, goal: &Goal) -> Next {
    match sustainable(leg, goal) {
        Next::Done(None) => recoverable(leg, goal),
        other => other,
    }
}

fn looks(leg: &Leg, rate: f64, purpose: &[Purpose]) -> usize {
    leg.probes.iter().filter(|probe| near(probe.rate, rate) && purpose.contains(&probe.purpose)).count()
}

const HOLDS: &[Purpose] = &[Purpose::Narrow, Purpose::Confirm];

fn sustainable(leg: &Leg, goal: &Goal) -> Next {
    let edge = leg.sustainable();
    let looked = leg.probes.iter().filter(|probe| probe.purpose == Purpose::Grow && !matches!(probe.sustained, Sustained::No(_)));
    let highest_look = looked.max_by(|a, b| a.rate.total_cmp(&b.rate));
    let Some((fail, _)) = edge.fail else {
        return grow(leg, highest_look, edge.pass, goal);
    };
    let hold = |rate: f64, why: String| {
        if looks(leg, rate, HOLDS) >= MOST_LOOKS && edge.pass.is_none_or(|(pass, _)| !near(pass, rate)) {
            return Next::Done(Some(format!("nobody could say whether {rate:.0}/s is sustained: {}", last_doubt(leg, rate))));
        }
        Next::Try(Purpose::Narrow, rate, why)
    };
    let Some((pass, times)) = edge.pass else {
        let floor = highest_look.map_or(goal.start / 2.0, |probe| probe.rate);
        let guess = match leg.saturated {
            Some(saturated) if saturated * 0.97 < fail * 0.97 => (saturated * 0.97, "a little below what the saturated job served"),
            _ if floor < fail * 0.9 => ((floor * fail).sqrt(), "between what looked fine and what was too much"),
            _ => (fail * 0.88, "below what was too much"),
        };
        if guess.0 < goal.start / 50.0 {
            return Next::Done(Some(format!("not even {fail:.1}/s is sustained")));
        }
        return hold(guess.0, guess.1.to_owned());
    };
    let width = fail / pass - 1.0;
    if width > goal.resolution {
        let above = leg.saturated.map(|saturated| saturated * 1.03).filter(|rate| *rate > pass * 1.01 && *rate < fail * 0.99);
        return match above {
            Some(rate) if looks(leg, rate, HOLDS) == 0 => hold(rate, "a little above what the saturated job served".to_owned()),
            _ => {
                let middle = (pass * fail).sqrt();
                // A rate in the middle that nobody can judge leaves its neighbours.
                let doubtful = looks(leg, middle, HOLDS) >= MOST_LOOKS;
                if doubtful {
                    Next::Done(None)
                } else {
                    hold(middle, format!("between {pass:.0}/s, which passed, and {fail:.0}/s, which failed"))
                }
            }
        };
    }
    if times < 2 { Next::Try(Purpose::Confirm, pass, "the highest rate that passed, again".to_owned()) } else { Next::Done(None) }
}

fn last_doubt(leg: &Leg, rate: f64) -> String {
    let doubt = leg.probes.iter().rev().filter(|probe| near(probe.rate, rate)).find_map(|probe| match &probe.sustained {
        Sustained::Unclear(why) => Some(why.clone()),
        _ => None,
    });
    doubt.unwrap_or_default()
}

fn grow(leg: &Leg, highest: Option<&Probe>, pass: Option<(f64, u32)>, goal: &Goal) -> Next {
    let Some(highest) = highest else {
        return Next::Try(Purpose::Grow, goal.start.min(goal.ceiling), "the first step, from below".to_owned());
    };
    if let Sustained::Unclear(why) = &highest.sustained
        && why.starts_with("the generator")
    {
        return Next::Done(Some(why.clone()));
    }
    if highest.rate >= goal.ceiling * (1.0 - SAME) {
        // The most that may be offered: whether that is sustained is all that can be said.
        return match pass {
            Some((pass, times)) if near(pass, goal.ceiling) && times >= 2 => {
                Next::Done(Some(format!("{:.0}/s, the most that may be offered, is sustained", goal.ceiling)))
            }
            _ if looks(leg, goal.ceiling, HOLDS) >= 2 * MOST_LOOKS => {
                Next::Done(Some(format!("nobody could say whether {:.0}/s is sustained: {}", goal.ceiling, last_doubt(leg, goal.ceiling))))
            }
            _ => Next::Try(Purpose::Narrow, goal.ceiling, "the most that may be offered".to_owned()),
        };
    }
    // A job that is busy for b of its time carries about 1 ÷ b as much: a step beyond that, and never far beyond.
    let busy = highest.hold.busiest.as_ref().map_or(0.0, |(_, busy)| *busy);
    let factor = if busy > 0.3 { (1.3 / busy).clamp(1.2, 2.0) } else { 2.0 };
    let rate = (highest.rate * factor).min(goal.ceiling);
    Next::Try(Purpose::Grow, rate, format!("{:.0}/s was carried, a step up", highest.rate))
}

fn recoverable(leg: &Leg, goal: &Goal) -> Next {
    let Some(bound) = goal.objective else { return Next::Done(None) };
    let Some((sustained, _)) = leg.sustainable().pass else { return Next::Done(None) };
    let tried: Vec<&Probe> = leg.probes.iter().filter(|probe| probe.recovery.is_some()).collect();
    let attempt = |rate: f64, why: String| {
        if tried.len() >= MOST_FAULTS {
            return Next::Done(Some(format!("{MOST_FAULTS} faults were fired, and the edge is wider than it should be")));
        }
        if tried.iter().filter(|probe| near(probe.rate, rate) && probe.recovery.as_ref().is_some_and(|r| r.met.is_none())).count()
            >= MOST_LOOKS
        {
            return Next::Done(Some(format!("nobody could say how long recovery takes at {rate:.0}/s")));
        }
        Next::Try(Purpose::Recover, rate, why)
    };
    match tried.len() {
        0 => return attempt(sustained * 0.5, "recovery at half of what is sustained".to_owned()),
        1 if tried[0].recovery.as_ref().is_some_and(|recovery| recovery.met == Some(true)) => {
            return attempt(sustained * 0.75, "recovery at three quarters of what is sustained".to_owned());
        }
        1 => return attempt(sustained * 0.25, "recovery at a quarter of what is sustained".to_owned()),
        _ => {}
    }
    let edge = leg.recoverable();
    let model = leg.model().and_then(|model| model.rate_for(bound));
    let most = sustained * NEAR_THE_EDGE;
    match (edge.pass, edge.fail) {
        (Some((pass, _)), None) if pass >= most * (1.0 - 0.03) => Next::Done(None),
        (Some((pass, _)), None) => {
            let guess = model.unwrap_or(most) * 1.05;
            attempt(
                guess.clamp(pass * 1.08, most.max(pass * 1.08)),
                format!("the model puts the objective at {:.0}/s", model.unwrap_or(most)),
            )
        }
        (None, Some((fail, _))) => {
            if fail < sustained * 0.05 {
                return Next::Done(Some(format!("the objective is not met even at {fail:.0}/s")));
            }
            let guess = model.map_or(fail * 0.5, |rate| rate * 0.9).clamp(fail * 0.3, fail * 0.85);
            attempt(guess, "below what missed the objective".to_owned())
        }
        (Some((pass, times)), Some((fail, _))) => {
            if fail / pass - 1.0 > RECOVERY_RESOLUTION {
                let guess = model.filter(|rate| *rate > pass * 1.05 && *rate < fail * 0.95).unwrap_or((pass * fail).sqrt());
                return attempt(guess, format!("between {pass:.0}/s, which met it, and {fail:.0}/s, which did not"));
            }
            if times < 2 && tried.len() >= MOST_FAULTS {
                return Next::Done(Some(format!(
                    "{MOST_FAULTS} faults were fired, so that the highest rate that met the objective was tried once"
                )));
            }
            if times < 2 { attempt(pass, "the highest rate that met it, again".to_owned()) } else { Next::Done(None) }
        }
        (None, None) => attempt(sustained * 0.25, "no rate could be judged yet".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::analysis::Hold;
    use crate::analysis::capacity::{KeyChoice, RecoveryProbe};

    /// A job that serves `capacity` records per second and comes back as the model says.
    struct Job {
        capacity: f64,
        busy_seen: bool,
        saturation_seen: bool,
    }

    impl Job {
        fn probe(&self, leg: &mut Leg, purpose: Purpose, rate: f64, bound: f64) {
            let fine = rate <= self.capacity;
            let hold = Hold {
                seconds: 60.0,
                offered: rate,
                input: Some(rate),
                served: Some(rate.min(self.capacity)),
                slope: Some((0.0, 0.0, 0.0)),
                lag: Some(rate),
                latency: None,
                checkpoints: 30,
                failed_checkpoints: 0,
                longest_checkpoint: None,
                restarts: 0,
                slip: Some(0.0),
                busiest: self.busy_seen.then(|| ("v".to_owned(), (rate / self.capacity).min(1.0))),
                subtask_skew: None,
            };
            let sustained = if fine || purpose == Purpose::Recover { Sustained::Yes } else { Sustained::No(vec!["lag".to_owned()]) };
            if !fine && self.saturation_seen {
                leg.saturated = Some(self.capacity);
            }
            let recovery = (purpose == Purpose::Recover).then(|| {
                let load = rate / self.capacity;
                let time = 6.0 + 7.0 * load / (1.0 - load);
                RecoveryProbe {
                    time: Some((time, 0.2)),
                    watched: None,
                    met: Some(time < bound),
                    how: format!("{time:.1} s"),
                    resumed: Some(6.0),
                    checkpoint_age: Some(1.0),
                    catch_up: None,
                    detection: Some(2.0),
                }
            });
            leg.probes.push(Probe { at: 0.0, purpose, rate, hold, sustained, recovery });
        }

        fn search(&self, goal: &Goal) -> (Leg, Option<String>) {
            let mut leg = Leg::new(Some(1), KeyChoice::Scenario);
            for _ in 0..60 {
                match next(&leg, goal) {
                    Next::Try(purpose, rate, _) => self.probe(&mut leg, purpose, rate, goal.objective.unwrap_or(0.0)),
                    Next::Done(why) => return (leg, why),
                }
            }
            unreachable!("it never ends: {:?}", leg.probes.iter().map(|probe| (probe.purpose, probe.rate)).collect::<Vec<_>>());
        }
    }

    const GOAL: Goal = Goal { start: 100.0, ceiling: 1e9, resolution: 0.05, objective: None };

    #[test]
    fn a_known_capacity_takes_few_holds() {
        let job = Job { capacity: 500.0, busy_seen: true, saturation_seen: true };
        let (leg, why) = job.search(&GOAL);
        let edge = leg.sustainable();
        assert_eq!(why, None);
        assert!(edge.pass.as_ref().unwrap().0 > 475.0 && edge.fail.unwrap().0 < 525.0, "{:?}", edge.pass);
        let holds = leg.probes.iter().filter(|probe| HOLDS.contains(&probe.purpose)).count();
        assert!(holds <= 5, "{holds} holds");
    }

    #[test]
    fn the_model_leads_to_the_objective() {
        let job = Job { capacity: 500.0, busy_seen: true, saturation_seen: true };
        let (leg, why) = job.search(&Goal { objective: Some(20.0), ..GOAL });
        assert_eq!(why, None);
        // 6 + 7ρ/(1 − ρ) = 20 at ρ = 2/3.
        let edge = leg.recoverable();
        assert!(edge.pass.as_ref().unwrap().0 > 333.0 * 0.85 && edge.fail.unwrap().0 < 333.0 * 1.16, "{:?}", edge.pass);
        assert!(leg.probes.iter().filter(|probe| probe.recovery.is_some()).count() <= MOST_FAULTS);
        // An objective that is met right up to the edge, and one that is never met.
        let (leg, why) = job.search(&Goal { objective: Some(500.0), ..GOAL });
        assert!(why.is_none() && leg.recoverable().fail.is_none() && leg.recoverable().pass.unwrap().0 > 440.0);
        assert!(job.search(&Goal { objective: Some(3.0), ..GOAL }).1.unwrap().contains("not met even at"));
    }

    #[test]
    fn the_most_that_may_be_offered_ends_the_search() {
        let job = Job { capacity: 1e6, busy_seen: false, saturation_seen: false };
        let (leg, why) = job.search(&Goal { ceiling: 1500.0, ..GOAL });
        assert!(why.unwrap().contains("the most that may be offered, is sustained"));
        assert!(leg.probes.iter().all(|probe| probe.rate <= 1500.0));
    }

    proptest! {
        #[test]
        fn the_edge_holds_the_truth_and_is_narrow(capacity in 20.0f64..1e6, busy_seen: bool, saturation_seen: bool) {
            let (leg, why) = Job { capacity, busy_seen, saturation_seen }.search(&GOAL);
            prop_assert_eq!(why, None);
            let edge = leg.sustainable();
            let (pass, fail) = (edge.pass.as_ref().unwrap().0, edge.fail.as_ref().unwrap().0);
            prop_assert!(pass <= capacity && capacity < fail);
            prop_assert!(edge.width().unwrap() <= 0.05 + 1e-9);
        }
    }
}
