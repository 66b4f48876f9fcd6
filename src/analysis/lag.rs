//! The four lags, per partition. They are never mixed: Flink commits offsets only on completed checkpoints.

use std::collections::BTreeMap;

use super::Analysis;
use super::measure::median_of;
use super::outcome::LagRow;
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

    /// What the source read again: its position at a moment less what was committed then, over all partitions. None where the two were
    /// not sampled together.
    pub(super) fn read_again(&self, t0: i64) -> Option<u64> {
        let newest = |metric: Metric, of: &Of| self.samples.get(metric, of).and_then(|samples| samples.at(t0)).map(|(_, value)| value);
        let mut total = 0.0;
        let mut any = false;
        for (of, _) in self.samples.subjects(Metric::PositionLag).filter(|(of, _)| matches!(of, Of::Partition { .. })) {
            if let (Some(position), Some(committed)) = (newest(Metric::PositionLag, of), newest(Metric::CommittedLag, of)) {
                total += (committed - position).max(0.0);
                any = true;
            }
        }
        any.then_some(total as u64)
    }
}
