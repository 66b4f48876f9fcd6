//! Output in the rhythm of commits: a transactional sink shows nothing between two of them, then all at once.

use crate::analysis::Outcome;

/// How often output becomes visible.
pub(in crate::report) struct Rhythm {
    /// Usual time between completed checkpoints, in seconds.
    pub usual: f64,
}

/// Longer silences are an outage, not a rhythm: in usual intervals.
const LONGEST: f64 = 1.6;

impl Rhythm {
    /// That of a run with checkpoints; the median of their gaps.
    pub(in crate::report) fn of(outcome: &Outcome) -> Option<Self> {
        let completed = outcome.checkpoints.iter().filter(|checkpoint| checkpoint.status == "completed" && !checkpoint.savepoint);
        let at: Vec<_> = completed.map(|checkpoint| checkpoint.triggered).collect();
        let mut gaps: Vec<f64> = at.windows(2).map(|pair| pair[1].seconds_since(pair[0])).collect();
        gaps.sort_by(f64::total_cmp);
        gaps.get(gaps.len() / 2).map(|gap| (gap * 10.0).round() / 10.0).filter(|gap| *gap > 0.0).map(|usual| Self { usual })
    }

    /// The longest silence that counts as rhythm, in seconds.
    pub(in crate::report) fn longest(&self) -> f64 {
        self.usual * LONGEST
    }

    /// A burst that follows a silence, spread over that silence, as far back as the rhythm reaches; the rest of the silence stays.
    /// Steady output has no bursts and is left alone.
    pub(in crate::report) fn spread(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut spread = points.to_vec();
        let mut silent_from = 0;
        let mut index = 0;
        while index < points.len() {
            if !points[index].1.is_finite() {
                silent_from = index + 1;
                index += 1;
                continue;
            }
            if points[index].1 == 0.0 {
                index += 1;
                continue;
            }
            let burst = points[index..].iter().take_while(|point| point.1 > 0.0).count();
            let end = index + burst;
            if points[end - 1].0 - points[index].0 <= self.usual / 2.0 && silent_from < index {
                let since = points[end - 1].0 - self.longest();
                let start = silent_from + points[silent_from..index].partition_point(|point| point.0 <= since);
                let mean = points[index..end].iter().map(|point| point.1).sum::<f64>() / (end - start) as f64;
                for point in &mut spread[start..end] {
                    point.1 = mean;
                }
            }
            silent_from = end;
            index = end;
        }
        spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn commits_become_a_rate_and_an_outage_stays() {
        let rhythm = Rhythm { usual: 2.0 };
        // A commit every two seconds, none from 10 s to 18 s, then the backlog.
        let commit = |step: u32| match f64::from(step) / 2.0 {
            at if at > 10.0 && at < 18.0 => 0.0,
            18.0 => 32_000.0,
            _ if step.is_multiple_of(4) => 8000.0,
            _ => 0.0,
        };
        let commits: Vec<(f64, f64)> = (1..60).map(|step| (f64::from(step) / 2.0, commit(step))).collect();
        let spread = rhythm.spread(&commits);
        let at = |seconds: f64| spread.iter().find(|point| point.0 == seconds).unwrap().1;
        for seconds in [3.0, 4.5, 9.5, 10.0, 20.0, 25.5] {
            assert_eq!(at(seconds), 2000.0, "at {seconds}");
        }
        assert_eq!((at(11.0), at(14.5)), (0.0, 0.0));
        let total = |points: &[(f64, f64)]| points.iter().map(|point| point.1).sum::<f64>();
        assert!((total(&spread) - total(&commits)).abs() < 1e-6, "no record is made or lost");
    }

    #[test]
    fn steady_output_and_missing_values_are_left_alone() {
        let rhythm = Rhythm { usual: 2.0 };
        let steady: Vec<(f64, f64)> = (0..40).map(|step| (f64::from(step) / 2.0, if step == 0 { 0.0 } else { 2000.0 })).collect();
        assert_eq!(rhythm.spread(&steady), steady);
        let gap = rhythm.spread(&[(0.0, f64::NAN), (0.5, 0.0), (1.0, 4000.0)]);
        assert!(gap[0].1.is_nan() && gap[1].1 == 2000.0);
        assert_eq!(Rhythm::of(&sample::kill()).unwrap().usual, 2.0);
    }
}
