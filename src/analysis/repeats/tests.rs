#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::analysis::Figure;
use crate::analysis::figures::{Better, Observed, RunFigure, Weight};
use crate::metric::Unit;
use crate::scenario::{Queries, parse_expectation};

fn spread(observed: Vec<Observed>) -> Spread {
    let key = RunFigure {
        of: "lose-one".to_owned(),
        name: Metric::RecoveryTime.name().to_owned(),
        unit: Unit::Seconds,
        better: Better::Lower,
        weight: Weight::Decides,
        observed: Observed::NoData(String::new()),
    };
    Spread::new(&key, observed)
}

fn value(value: f64) -> Observed {
    Observed::Value(Figure { value, error: Some(0.5) })
}

fn judged(text: &str, observed: Vec<Observed>) -> (Status, String) {
    let parsed = parse_expectation(text, &Queries::new()).unwrap();
    let expectation =
        Expectation { text: text.to_owned(), line: 1, subject: parsed.subject, comparison: parsed.comparison, bound: parsed.bound };
    let runs = observed.len();
    let judged = judge_over(&expectation, &[spread(observed)], runs);
    (judged.status, judged.observed)
}

#[test]
fn over_repeats_holds_only_what_every_truth_holds() {
    let fast = || (0..5).map(|i| value(10.0 + f64::from(i))).collect::<Vec<_>>();
    assert_eq!(judged("p95(recovery-time) over 5 < 60s", fast()), (Status::Met, "13.8 s ± 500 ms over 5".to_owned()));
    assert_eq!(judged("max(recovery-time) over 5 < 60s", fast()).0, Status::Met);
    assert_eq!(judged("max(recovery-time) of lose-one over 5 < 14s", fast()).0, Status::NoData);
    assert_eq!(judged("max(recovery-time) over 5 < 13s", fast()).0, Status::Failed);
    assert_eq!(judged("max(recovery-time) over 6 < 60s", fast()), (Status::NoData, "no data: 5 of 6 repeats were made".to_owned()));
    let mut one_unknown = fast();
    one_unknown[2] = Observed::NoData("no baseline".to_owned());
    // The median of five does not hang on one that is not known; the maximum does.
    assert_eq!(judged("p50(recovery-time) over 5 < 60s", one_unknown.clone()).0, Status::Met);
    assert_eq!(judged("max(recovery-time) over 5 < 60s", one_unknown.clone()).0, Status::NoData);
    one_unknown[2] = Observed::AtLeast(70.0);
    let (status, observed) = judged("max(recovery-time) over 5 < 60s", one_unknown);
    assert_eq!((status, observed.as_str()), (Status::Failed, "at least 70.0 s over 5, 1 without an end"));
}

#[test]
fn a_run_that_never_came_back_is_not_left_out() {
    let spread = spread(vec![value(10.0), Observed::AtLeast(90.0), value(12.0)]);
    assert_eq!((spread.median, spread.min, spread.max), (Some(12.0), Some(10.0), None));
    assert_eq!(spread.interval, None);
}

#[test]
fn noise_is_flagged() {
    assert!(!spread(vec![value(100.0), value(101.0), value(102.0)]).noisy);
    assert!(spread(vec![value(100.0), value(120.0), value(90.0)]).noisy);
    assert_eq!(variation(&[5.0]), None);
}

proptest! {
    #[test]
    fn the_interval_holds_the_median_and_lies_within_the_values(values in prop::collection::vec(0.1f64..1e4, 3..20)) {
        let spread = spread(values.iter().map(|value| Observed::Value(Figure { value: *value, error: None })).collect());
        let (low, high) = spread.interval.unwrap();
        let middle = spread.median.unwrap();
        prop_assert!(spread.min.unwrap() <= low && low <= middle && middle <= high && high <= spread.max.unwrap());
    }

    /// Whatever is unknown about a run, the verdict that was given without it still holds for every value that it can have.
    #[test]
    fn no_verdict_rests_on_what_is_not_known(values in prop::collection::vec(1.0f64..100.0, 2..8), hidden in 0usize..8, truth in 0.0f64..1000.0, bound in 1.0f64..120.0) {
        let hidden = hidden % values.len();
        let text = format!("p75(recovery-time) over {} < {bound:.3}s", values.len());
        let exact = |value: f64| Observed::Value(Figure { value, error: None });
        let mut observed: Vec<Observed> = values.iter().map(|value| exact(*value)).collect();
        observed[hidden] = Observed::NoData("hidden".to_owned());
        let before = judged(&text, observed.clone()).0;
        observed[hidden] = exact(truth);
        let after = judged(&text, observed).0;
        prop_assert!(before == Status::NoData || before == after);
    }
}
