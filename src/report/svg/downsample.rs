//! Fewer points that look the same.

/// At most about `most` of `points`, chosen by largest triangles (LTTB: S. Steinarsson, *Downsampling Time Series for Visual
/// Representation*, 2013), so that spikes stay. Stretches between gaps (`NaN`) are thinned apart, and a gap stays one `NaN`.
pub(in crate::report) fn lttb(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(most.min(points.len()) + 8);
    for stretch in points.split_inclusive(|point| !point.1.is_finite()) {
        let gap = stretch.last().filter(|point| !point.1.is_finite());
        let values = &stretch[..stretch.len() - usize::from(gap.is_some())];
        if !values.is_empty() {
            let share = (most as f64 * values.len() as f64 / points.len() as f64).ceil() as usize;
            thin(values, share.max(3), &mut kept);
        }
        if let Some(gap) = gap
            && kept.last().is_some_and(|last| last.1.is_finite())
        {
            kept.push((gap.0, f64::NAN));
        }
    }
    kept
}

fn thin(points: &[(f64, f64)], most: usize, kept: &mut Vec<(f64, f64)>) {
    if points.len() <= most {
        kept.extend_from_slice(points);
        return;
    }
    let (first, last) = (points[0], points[points.len() - 1]);
    let buckets = most - 2;
    let size = (points.len() - 2) as f64 / buckets as f64;
    let edge = |bucket: usize| 1 + (bucket as f64 * size) as usize;
    let mut before = first;
    kept.push(first);
    for bucket in 0..buckets {
        let here = &points[edge(bucket)..edge(bucket + 1).min(points.len() - 1)];
        let next = if bucket + 1 < buckets { &points[edge(bucket + 1)..edge(bucket + 2).min(points.len() - 1)] } else { &[last] };
        let mean = |value: fn(&(f64, f64)) -> f64| next.iter().map(value).sum::<f64>() / next.len().max(1) as f64;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let area = |point: &(f64, f64)| ((before.0 - x) * (point.1 - before.1) - (before.0 - point.0) * (y - before.1)).abs();
        if let Some(best) = here.iter().copied().max_by(|a, b| area(a).total_cmp(&area(b))) {
            kept.push(best);
            before = best;
        }
    }
    kept.push(last);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_spike_and_a_gap_stay() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|second| (f64::from(second), 1.0)).collect();
        points[5000].1 = 900.0;
        for point in &mut points[7000..7100] {
            point.1 = f64::NAN;
        }
        let thin = lttb(&points, 300);
        assert!(thin.len() <= 306, "{}", thin.len());
        assert!(thin.contains(&(5000.0, 900.0)));
        assert_eq!(thin.iter().filter(|point| point.1.is_nan()).count(), 1);
        assert_eq!((thin[0], thin[thin.len() - 1]), (points[0], points[9999]));
    }

    proptest! {
        #[test]
        fn keeps_order_and_takes_only_what_was_there(values in prop::collection::vec(-1e6..1e6f64, 0..800), most in 3usize..200) {
            let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(index, value)| (index as f64, *value)).collect();
            let thin = lttb(&points, most);
            prop_assert!(thin.len() <= most.max(3));
            prop_assert!(thin.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(thin.iter().all(|point| points.contains(point)));
        }
    }
}
