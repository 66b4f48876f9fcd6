//! The four lags, per partition. They are never mixed: Flink commits offsets only on completed checkpoints.

use std::collections::BTreeMap;

use super::Analysis;
use super::measure::median_of;
use super::outcome::{Bounds, LagRow};
use super::recovery::Course;
use crate::journal::Of;
use crate::metric::Metric;

impl Analysis {
    /// Baseline median, worst and last of each lag of each input partition, and of the whole.
    pub(super) fn lag_rows(&self, courses: &[Course]) -> Vec<LagRow> {
        let baseline = self.baseline_span(courses, false).ok();
        let (start, end) = self.whole_run();
        let mut rows: BTreeMap<(String, u32), LagRow> = BTreeMap::new();
        for metric in [Metric::PositionLag, Metric::CommittedLag, Metric::OutputLag, Metric::TimeLag] {
            for (of, samples) in self.samples.subjects(metric) {
                let (key, name) = match of {
                    Of::Partition { topic, partition } => ((topic.clone(), *partition), format!("{topic}-{partition}")),
                    Of::Run => ((String::new(), 0), "all".to_owned()),
                    _ => continue,
                };
                let during = samples.within(start, end);
                let median = baseline
                    .map(|(from, to)| median_of(samples.within(from, to).iter().map(|(_, value)| *value)))
                    .filter(|median| median.is_finite());
                let worst = during.iter().map(|(_, value)| *value).max_by(f64::total_cmp);
                let cells = [median, worst, during.last().map(|(_, value)| *value)];
                let row = rows.entry(key).or_insert_with(|| LagRow {
                    partition: name,
                    position: [None; 3],
                    committed: [None; 3],
                    output: [None; 3],
                    time: [None; 3],
                });
                match metric {
                    Metric::PositionLag => row.position = cells,
                    Metric::CommittedLag => row.committed = cells,
                    Metric::OutputLag => row.output = cells,
                    _ => row.time = cells,
                }
            }
        }
        rows.into_values().collect()
    }

    /// What the source had to read again: from what was committed to what it had read at a moment, over all partitions. It had read at
    /// least up to the newest position that it told, and at most up to the log's end. None without both.
    pub(super) fn read_again(&self, t0: i64) -> Option<Bounds> {
        let mut bounds = None;
        for (of, lag) in self.samples.subjects(Metric::CommittedLag).filter(|(of, _)| matches!(of, Of::Partition { .. })) {
            let Some(ends) = self.samples.get(Metric::LogEnd, of) else { continue };
            let (Some((_, end)), Some((_, lag))) = (ends.at(t0), lag.at(t0)) else { continue };
            let committed = end - lag;
            let told =
                self.samples.get(Metric::SourcePosition, of).and_then(|positions| positions.at(t0)).map_or(committed, |(_, told)| told);
            let furthest = ends.after(t0).map_or(end, |(_, end)| end);
            let Bounds { at_least, at_most } = bounds.unwrap_or_default();
            bounds = Some(Bounds {
                at_least: at_least + (told - committed).max(0.0) as u64,
                at_most: at_most + (furthest - committed).max(0.0) as u64,
            });
        }
        bounds
    }
}
