//! Load of partitions and subtasks, asked for and achieved.

use std::collections::BTreeMap;

use super::Analysis;
use super::fault_log::Fault;
use super::outcome::SkewOutcome;
use super::recovery::Course;
use crate::action::TrafficChange;
use crate::journal::Of;
use crate::metric::Metric;

/// Records of each partition of a topic, or of each subtask of a vertex, over one stretch.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Topic or vertex.
    pub name: String,
    /// Whether of partitions.
    pub partitions: bool,
    /// By index.
    pub records: Vec<f64>,
}

impl Load {
    /// max ÷ mean.
    pub fn skew(&self) -> f64 {
        let sum: f64 = self.records.iter().sum();
        let largest = self.records.iter().copied().fold(0.0, f64::max);
        largest * self.records.len() as f64 / sum
    }
}

/// max ÷ mean when `share` of all goes to one of `count`, and the rest evenly to all.
pub fn skew_of_share(share: f64, count: usize) -> f64 {
    share * count as f64 + (1.0 - share)
}

impl Analysis {
    /// Loads over a stretch, of everything that has more than one part and was counted.
    pub(super) fn skews_within(&self, from: i64, to: i64) -> Vec<Load> {
        let mut loads: BTreeMap<(bool, String), BTreeMap<u32, f64>> = BTreeMap::new();
        for (metric, partitions) in [(Metric::Acknowledged, true), (Metric::SubtaskRecords, false)] {
            for (of, samples) in self.samples.subjects(metric) {
                let (name, index) = match of {
                    Of::Partition { topic, partition } if partitions => (topic, partition),
                    Of::Subtask { vertex, index } if !partitions => (vertex, index),
                    _ => continue,
                };
                if let Some(grown) = samples.growth(from, to) {
                    loads.entry((partitions, name.clone())).or_default().insert(*index, grown);
                }
            }
        }
        loads
            .into_iter()
            .map(|((partitions, name), records)| Load { name, partitions, records: records.into_values().collect() })
            .filter(|load| load.records.len() > 1 && load.records.iter().sum::<f64>() > 0.0)
            .collect()
    }

    /// Loads in the baseline and under each fault.
    pub(super) fn skew_outcomes(&self, courses: &[Course]) -> Vec<SkewOutcome> {
        let mut outcomes = Vec::new();
        if let Ok((from, to)) = self.baseline_span(courses, false) {
            outcomes.extend(self.skews_within(from, to).into_iter().map(|load| outcome(&load, "baseline", None)));
        }
        for (fault, course) in self.faults.all().iter().zip(courses) {
            let Some(windows) = self.windows_of(course) else { continue };
            let (from, to) = windows.during;
            for load in self.skews_within(from, to) {
                outcomes.push(outcome(&load, &fault.id.name, self.asked_skew(fault, &load)));
            }
        }
        outcomes
    }

    /// What a fault on the traffic asks of a load: one hot key goes to one partition, and to one subtask behind a keyBy; one hot
    /// partition is read by one source.
    fn asked_skew(&self, fault: &Fault, load: &Load) -> Option<f64> {
        let topic_of = |stream: &str| self.run.streams.iter().find(|(name, _, _)| name == stream).map(|(_, topic, _)| topic.as_str());
        fault.traffic_changes().find_map(|(stream, change)| match change {
            TrafficChange::SkewKeys { share, keys } if keys.0 == 1 => {
                let applies =
                    if load.partitions { topic_of(stream).is_none_or(|topic| topic == load.name) } else { !self.is_source(&load.name) };
                applies.then(|| skew_of_share(share.0, load.records.len()))
            }
            TrafficChange::SkewPartitions { share, .. } if load.partitions && topic_of(stream).is_none_or(|topic| topic == load.name) => {
                Some(skew_of_share(share.0, load.records.len()))
            }
            _ => None,
        })
    }

    fn is_source(&self, vertex: &str) -> bool {
        self.job.vertices.first().is_some_and(|(name, _)| name == vertex)
    }

    /// Asked-for and achieved shares of the changes of traffic that a fault made: `(what, asked, achieved)`.
    pub(super) fn achieved_shares(&self, fault: &Fault, course: &Course) -> Vec<(String, f64, f64)> {
        let Some(windows) = self.windows_of(course) else { return Vec::new() };
        let (from, to) = windows.during;
        let mut shares = Vec::new();
        for undo in &fault.undos {
            let Some(recorded) = self.faults.undo(*undo) else { continue };
            let Some((stream, change)) = fault.traffic_changes().nth(recorded.step as usize).or_else(|| fault.traffic_changes().next())
            else {
                continue;
            };
            let (what, asked) = match change {
                TrafficChange::SkewKeys { share, keys } => (format!("share of {} hot keys of {stream}", keys.0), share.0),
                TrafficChange::SkewPartitions { share, partition } => (format!("share of partition {partition} of {stream}"), share.0),
                TrafficChange::Poison { share } => (format!("share of unreadable records of {stream}"), share.0),
                TrafficChange::LateEvents { share, .. } => (format!("share of late records of {stream}"), share.0),
                TrafficChange::Tombstones { share } => (format!("share of tombstones of {stream}"), share.0),
                TrafficChange::Surge { .. } | TrafficChange::ValueSize { .. } => continue,
            };
            let achieved = self.samples.get(Metric::AchievedShare, &Of::Change(*undo)).map(|samples| samples.within(from, to));
            // Since the change began: the last one rests on the most records.
            if let Some((_, achieved)) = achieved.and_then(<[_]>::last) {
                shares.push((what, asked, *achieved));
            }
        }
        shares
    }
}

fn outcome(load: &Load, window: &str, asked: Option<f64>) -> SkewOutcome {
    SkewOutcome {
        of: format!("{} of {}", if load.partitions { "partitions" } else { "subtasks" }, load.name),
        window: window.to_owned(),
        records: load.records.iter().map(|records| *records as u64).collect(),
        skew: load.skew(),
        asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hot_key_loads_one_subtask() {
        assert_eq!(skew_of_share(0.8, 2), 1.8);
        assert_eq!(skew_of_share(0.0, 4), 1.0);
        let load = Load { name: "sum".into(), partitions: false, records: vec![900.0, 100.0] };
        assert!((load.skew() - skew_of_share(0.8, 2)).abs() < 1e-9);
    }
}
