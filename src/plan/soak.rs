//! A scenario made into a soak: its faults in turns, for hours, far enough apart that each is over before the next.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{PlannedFault, Trigger, consent, random};
use crate::cluster::Kind;
use crate::metric::Metric;
use crate::scenario::yaml::way;
use crate::scenario::{Bound, Checked, Moment, Scenario, Subject};
use crate::units::Duration;

/// How long, and how far faults are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Soak {
    /// How long traffic flows.
    pub lasts: Duration,
    /// From fault to fault.
    pub spacing: Duration,
    /// How often TaskManagers are asked for a full collection, to see what it leaves; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect_every: Option<Duration>,
}

/// What a recovery is given where no expectation says it.
const RECOVERY: Duration = Duration::from_secs(60);

impl Soak {
    /// A soak of `lasts`. `spacing` where nothing is said: the longest fault, what its recovery is allowed, and a baseline. Collections
    /// are asked for every hundredth of the time or sixth of the spacing, within 5 s and a minute, where `collect` says so.
    pub fn of(scenario: &Scenario, lasts: Duration, spacing: Option<Duration>, allowed: Option<Duration>, collect: bool) -> Self {
        let longest = scenario.timeline.iter().filter_map(|entry| entry.inject.undo_after()).max().unwrap_or_default();
        let usual = longest.0 + allowed.unwrap_or(RECOVERY).0 + scenario.shortest_baseline().0;
        let tens = usual.as_secs().div_ceil(10) * 10;
        let spacing = spacing.unwrap_or(Duration::from_secs(tens));
        // A fault may restart the job, which empties the heap: several looks fit between two.
        let every = (lasts.seconds() / 100.0).min(spacing.seconds() / 6.0).clamp(5.0, 60.0).round();
        Self { lasts, spacing, collect_every: collect.then(|| Duration::from_secs(every as u64)) }
    }

    /// When the first fault comes: after a baseline that begins once traffic has settled.
    pub fn first(&self, scenario: &Scenario) -> Duration {
        let seconds = scenario.settled().seconds() + 5.0;
        Duration::from_secs(seconds.ceil() as u64)
    }

    /// The faults of the scenario in turns: in each round every one of them, in an order that the seed draws. Each has its spacing to the
    /// end, too. What waits for a moment is looked for in its turn; what follows another fault's recovery comes by the clock.
    pub(super) fn timeline(&self, checked: &Checked, kind: &Kind, seed: u64) -> Vec<PlannedFault> {
        let scenario = checked.scenario();
        let entries = &scenario.timeline;
        let mut planned: Vec<PlannedFault> = Vec::new();
        let mut at = self.first(scenario).0;
        for round in 0.. {
            for index in drawn(entries.len(), seed, round) {
                if at + self.spacing.0 > self.lasts.0 {
                    return planned;
                }
                let entry = &entries[index];
                let trigger = match &entry.when {
                    Some(moment) if !matches!(moment, Moment::Recovered { .. }) => {
                        Trigger::When { moment: moment.clone(), after: at.into(), within: (self.spacing.0 / 2).into() }
                    }
                    _ => Trigger::At(at.into()),
                };
                let line = checked.loaded.line(way!["timeline", index]);
                let expires = consent::expires(&entry.inject, kind);
                planned.push(PlannedFault {
                    name: entry.name.to_string(),
                    occurrence: round,
                    trigger,
                    fault: entry.inject.clone(),
                    expires,
                    line,
                });
                at += self.spacing.0;
            }
            if entries.is_empty() {
                return planned;
            }
        }
        planned
    }

    /// The scenario as it is run: so long, and its load compressed into that where the scenario lasts longer.
    pub(super) fn scenario(&self, scenario: &Scenario) -> Scenario {
        let mut scenario = scenario.clone();
        if self.lasts < scenario.duration {
            let factor = self.lasts.seconds() / scenario.duration.seconds();
            scenario.traffic.values_mut().for_each(|stream| stream.rate = stream.rate.compressed(factor));
        }
        scenario.duration = self.lasts;
        scenario
    }
}

/// The indices of a round, in its order (Fisher and Yates).
fn drawn(count: usize, seed: u64, round: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = random::turns_for(seed, round);
    for index in (1..count).rev() {
        order.swap(index, random.random_range(0..=index));
    }
    order
}

/// The longest recovery that expectations allow.
pub fn allowed_recovery(checked: &Checked) -> Option<Duration> {
    let bounds = checked.expectations.iter().filter_map(|expectation| match (&expectation.subject, &expectation.bound) {
        (Subject::Metric { metric: Metric::RecoveryTime, .. }, Bound::Value(seconds)) => Some(*seconds),
        _ => None,
    });
    let longest = bounds.filter(|seconds| seconds.is_finite() && (0.0..1e9).contains(seconds)).max_by(f64::total_cmp)?;
    Some(std::time::Duration::from_secs_f64(longest).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::cluster::LocalSpec;
    use crate::diagnostic::Source;
    use crate::scenario::check;

    fn kind() -> Kind {
        Kind::Local(LocalSpec::default())
    }

    fn checked(name: &str) -> Checked {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
        let (checked, report) = check(&Source::new(name, std::fs::read_to_string(&path).unwrap()), path.parent().unwrap());
        assert!(report.is_empty(), "{report}");
        checked.unwrap()
    }

    #[test]
    fn faults_come_in_turns_and_each_has_its_time() {
        let checked = checked("taskmanager-loss-hot-key-slow-sink.yaml");
        let hour = Duration::from_secs(3600);
        let soak = Soak::of(checked.scenario(), hour, None, allowed_recovery(&checked), true);
        // 30 s held, 60 s to recover, 30 s of baseline.
        // And six looks at the heap in each.
        assert_eq!((soak.spacing, soak.collect_every), (Duration::from_secs(120), Some(Duration::from_secs(20))));
        let planned = soak.timeline(&checked, &kind(), 7);
        assert_eq!(planned.len(), 29);
        for (index, fault) in planned.iter().enumerate() {
            let Trigger::At(at) = fault.trigger else { panic!("by the clock") };
            assert_eq!(at.0, soak.first(checked.scenario()).0 + soak.spacing.0 * index as u32);
            assert!(at.0 + soak.spacing.0 <= hour.0);
        }
        for (round, faults) in planned.chunks_exact(3).enumerate() {
            let names: BTreeSet<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
            assert_eq!(names.len(), 3, "each once a round");
            assert!(faults.iter().all(|fault| fault.occurrence as usize == round));
        }
        let order = |seed| soak.timeline(&checked, &kind(), seed).into_iter().map(|fault| fault.name).collect::<Vec<_>>();
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }

    #[test]
    fn a_day_is_compressed_and_a_minute_is_not_stretched() {
        let scenario = checked("traffic/sine.yaml").scenario().clone();
        let half = Duration::from(scenario.duration.0 / 2);
        let squeezed = Soak::of(&scenario, half, None, None, false).scenario(&scenario);
        assert_eq!(squeezed.duration, half);
        assert_ne!(squeezed.traffic, scenario.traffic);
        let longer = Soak::of(&scenario, Duration::from(scenario.duration.0 * 3), None, None, false).scenario(&scenario);
        assert_eq!(longer.traffic, scenario.traffic);
    }

    #[test]
    fn too_short_a_time_has_no_fault() {
        let checked = checked("taskmanager-loss.yaml");
        assert!(Soak::of(checked.scenario(), Duration::from_secs(60), None, None, true).timeline(&checked, &kind(), 1).is_empty());
    }
}
