//! What holds for every shape: monotone, integral exact, mean right, inverse.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::traffic::schedule::{Cursor, Schedule};
use crate::units::{Count, Duration};

const SECOND: i64 = 1_000_000_000;

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![1 => Just(Rate(0.0)), 8 => (0.1..2000.0f64).prop_map(Rate)]
}

fn some_rate() -> impl Strategy<Value = Rate> {
    (0.1..2000.0f64).prop_map(Rate)
}

fn time() -> impl Strategy<Value = Duration> {
    (100u64..8000).prop_map(Duration::from_millis)
}

/// Every shape that has a schedule, but for traces (files) and sequences.
fn simple() -> impl Strategy<Value = Shape> {
    prop_oneof![
        some_rate().prop_map(Shape::Constant),
        (rate(), some_rate(), time()).prop_map(|(from, to, over)| Shape::Ramp(Ramp { from, to, over })),
        (some_rate(), rate(), time()).prop_map(|(from, to, over)| Shape::Ramp(Ramp { from, to, over })),
        proptest::collection::vec((rate(), time()).prop_map(|(rate, r#for)| Step { rate, r#for }), 1..5).prop_map(Shape::Steps),
        (rate(), some_rate(), time()).prop_map(|(low, more, period)| Shape::Sine(Sine { low, high: Rate(low.0 + more.0), period })),
        (rate(), some_rate(), time(), time())
            .prop_map(|(base, peak, quiet, r#for)| { Shape::Burst(Burst { base, peak, every: Duration(quiet.0 + r#for.0), r#for }) }),
        (rate(), some_rate(), time(), time(), time(), time()).prop_map(|(base, peak, at, rise, r#for, fall)| Shape::Spike(Spike {
            base,
            peak,
            at,
            rise,
            r#for,
            fall
        })),
        some_rate().prop_map(Shape::Poisson),
        (1u64..5000, time(), rate()).prop_map(|(records, over, then)| Shape::Backlog(Backlog { records: Count(records), over, then })),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    let sequence = proptest::collection::vec((simple(), time()).prop_map(|(shape, r#for)| Stretch { shape, r#for }), 1..4);
    prop_oneof![4 => simple(), 1 => sequence.prop_map(Shape::Sequence)]
}

fn scheduled(shape: &Shape) -> Schedule {
    Schedule::new(shape, 42).unwrap()
}

/// The integral by a fine sum of the rate: independent of the closed forms.
fn summed(schedule: &Schedule, from: i64, to: i64) -> f64 {
    let steps = 5_000;
    let width = (to - from) as f64 / f64::from(steps);
    (0..steps).map(|i| schedule.rate(from + ((f64::from(i) + 0.5) * width) as i64) * width / 1e9).sum()
}

/// What a fine sum can miss by jumps of the rate: half a step each, of which the highest rate is the worst.
fn missed(schedule: &Schedule, from: i64, to: i64) -> f64 {
    let width = (to - from) / 5_000;
    let highest = (0..5_000).map(|i| schedule.rate(from + i * width)).fold(0.0, f64::max);
    2.0 * highest * width as f64 / 1e9
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn due_times_never_go_back(shape in shape()) {
        let schedule = scheduled(&shape);
        let mut cursor = Cursor::default();
        let dues: Vec<_> = (0..3000).map_while(|n| schedule.due_after(n, &mut cursor)).collect();
        prop_assert!(dues.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn count_and_due_are_inverse(shape in shape(), t in 0..20 * SECOND) {
        let schedule = scheduled(&shape);
        let count = schedule.count_until(t);
        prop_assert!(count == 0 || schedule.due(count - 1).is_some_and(|due| due < t));
        prop_assert!(schedule.due(count).is_none_or(|due| due >= t));
        // And the one at the moment of a record is its number, unless others share the moment.
        if let Some(due) = schedule.due(count) {
            prop_assert!(schedule.count_until(due) <= count);
            prop_assert!(schedule.count_until(due + 1) > count);
        }
    }

    #[test]
    fn the_integral_is_that_of_the_rate(shape in shape(), t in SECOND..20 * SECOND) {
        let schedule = scheduled(&shape);
        let expected = summed(&schedule, 0, t);
        let poisson = matches!(&shape, Shape::Poisson(_) | Shape::Sequence(_));
        // A Poisson count lies within 6 σ.
        let within = 2.0 + 2e-3 * expected + missed(&schedule, 0, t) + if poisson { 6.0 * expected.sqrt() + 6.0 } else { 0.0 };
        let count = schedule.count_until(t) as f64;
        prop_assert!((count - expected).abs() <= within, "{count} for {expected}");
    }

    #[test]
    fn curves_are_exact_inverses(shape in simple(), t in 0.0..30.0f64) {
        for laid in shape.lay(Dice::new(1, "test")).unwrap() {
            let count = laid.curve.integral(t);
            if let Some(back) = laid.curve.inverse(count) {
                prop_assert!((laid.curve.integral(back) - count).abs() < 1e-5, "{count}");
            }
            let more = laid.curve.integral(t + 0.1);
            prop_assert!(more >= count - 1e-9);
        }
    }

    #[test]
    fn changes_of_the_factor_keep_the_past(shape in shape(), at in SECOND..10 * SECOND, factor in 0.0..5.0f64) {
        let plain = scheduled(&shape);
        let mut surged = plain.clone();
        surged.scale_from(at, factor);
        surged.scale_from(at + 3 * SECOND, 1.0);
        let before = plain.count_until(at);
        prop_assert_eq!(surged.count_until(at), before);
        for n in (0..before).step_by(531) {
            prop_assert_eq!(surged.due(n), plain.due(n));
        }
        let during = surged.count_until(at + 3 * SECOND) as f64 - before as f64;
        let expected = summed(&surged, at, at + 3 * SECOND);
        let poisson = matches!(&shape, Shape::Poisson(_) | Shape::Sequence(_));
        let within = 3.0 + 4e-3 * expected + if poisson { 6.0 * expected.sqrt() + 6.0 } else { 0.0 };
        prop_assert!((during - expected).abs() <= within, "{} for {}", during, expected);
    }

    #[test]
    fn written_and_read_again(shape in shape()) {
        let text = serde_json::to_string(&shape).unwrap();
        let again: Shape = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
        prop_assert!(shape.problems().is_empty());
    }
}

/// Records that a shape asks for in a time that is natural to it, by the formula of its page and not by its code.
fn natural(shape: &Shape) -> Option<(f64, f64)> {
    Some(match shape {
        Shape::Constant(rate) | Shape::Poisson(rate) => (7.0, 7.0 * rate.0),
        Shape::Ramp(ramp) => (ramp.over.seconds(), (ramp.from.0 + ramp.to.0) / 2.0 * ramp.over.seconds()),
        Shape::Steps(steps) => {
            (steps.iter().map(|step| step.r#for.seconds()).sum(), steps.iter().map(|step| step.rate.0 * step.r#for.seconds()).sum())
        }
        Shape::Sine(sine) => (3.0 * sine.period.seconds(), 3.0 * (sine.low.0 + sine.high.0) / 2.0 * sine.period.seconds()),
        Shape::Burst(burst) => {
            let (every, burning) = (burst.every.seconds(), burst.r#for.seconds());
            (4.0 * every, 4.0 * (burst.base.0 * (every - burning) + burst.peak.0 * burning))
        }
        Shape::Spike(spike) => {
            let (rise, top, fall) = (spike.rise.seconds(), spike.r#for.seconds(), spike.fall.seconds());
            let all = spike.at.seconds() + rise + top + fall + 1.0;
            (all, spike.base.0 * all + (spike.peak.0 - spike.base.0) * (rise / 2.0 + top + fall / 2.0))
        }
        Shape::Backlog(backlog) => {
            let after = 2.0;
            (backlog.over.seconds() + after, backlog.records.0 as f64 + backlog.then.0 * after)
        }
        Shape::Trace(_) | Shape::Closed(_) | Shape::Sequence(_) => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn mean_rates_are_right(shape in simple()) {
        let (seconds, expected) = natural(&shape).unwrap();
        let count = scheduled(&shape).count_until((seconds * 1e9).round() as i64) as f64;
        let poisson = matches!(shape, Shape::Poisson(_));
        // Record n is due when the integral reaches n: never off by more than one but for rounding at the edge.
        let within = if poisson { 6.0 * expected.sqrt() + 6.0 } else { 1.0 + 1e-6 };
        prop_assert!((count - expected).abs() <= within, "{count} for {expected}");
    }

    #[test]
    fn traces_are_played_as_drawn(
        points in proptest::collection::vec((time(), rate()), 1..8),
        times in 0.1..4.0f64,
        speed in 0.5..60.0f64,
    ) {
        let mut text = String::from("seconds,rate\n");
        let (mut t, mut expected, mut last) = (0.0, 0.0, None);
        for (step, rate) in points {
            if let Some(last) = last {
                t += step.seconds();
                expected += (last + rate.0) / 2.0 * step.seconds();
            }
            text += &format!("{t},{}\n", rate.0);
            last = Some(rate.0);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trace.csv");
        std::fs::write(&file, text).unwrap();
        let schedule = scheduled(&Shape::Trace(Trace { file, times, speed }));
        let end = t / speed;
        let count = schedule.count_until((end * 1e9).round() as i64);
        prop_assert!((count as f64 - expected * times / speed).abs() <= 1.0 + 1e-6, "{count} for {expected}");
        let mut cursor = Cursor::default();
        let dues: Vec<_> = (0..count.min(3000)).map_while(|n| schedule.due_after(n, &mut cursor)).collect();
        prop_assert_eq!(dues.len() as u64, count.min(3000));
        prop_assert!(dues.windows(2).all(|pair| pair[0] <= pair[1]));
        for t in [0.3, 0.7].map(|part| (end * part * 1e9) as i64) {
            let count = schedule.count_until(t);
            prop_assert!(count == 0 || schedule.due(count - 1).is_some_and(|due| due < t));
            prop_assert!(schedule.due(count).is_none_or(|due| due >= t));
        }
    }
}

#[test]
fn exact_rates_give_exact_counts() {
    let count = |text: &str, seconds: i64| scheduled(&serde_json::from_str(text).unwrap()).count_until(seconds * SECOND);
    assert_eq!(count(r#"{"constant":"2k/s"}"#, 120), 240_000);
    assert_eq!(count(r#"{"constant":"1/min"}"#, 600), 10);
    assert_eq!(count(r#"{"ramp":{"from":"0/s","to":"1k/s","over":"60s"}}"#, 60), 30_000);
    assert_eq!(count(r#"{"steps":[{"rate":"1k/s","for":"30s"},{"rate":"3k/s","for":"30s"}]}"#, 60), 120_000);
    assert_eq!(count(r#"{"sine":{"low":"0/s","high":"2k/s","period":"60s"}}"#, 180), 180_000);
    assert_eq!(count(r#"{"burst":{"peak":"10k/s","every":"10s","for":"1s"}}"#, 100), 100_000);
    assert_eq!(
        count(r#"{"spike":{"base":"1k/s","peak":"5k/s","at":"10s","rise":"2s","for":"5s","fall":"2s"}}"#, 60),
        60_000 + 4 * (1000 + 5000 + 1000)
    );
    assert_eq!(count(r#"{"backlog":{"records":"123457","over":"7s"}}"#, 1000), 123_457);
}

#[test]
fn says_what_is_wrong_and_where() {
    let problems = |text: &str| {
        let shape: Shape = serde_json::from_str(text).unwrap();
        let all = shape.problems().into_iter().map(|problem| format!("{}: {}", problem.path.join("."), problem.what));
        all.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(problems(r#"{"ramp":{"from":"1/s","to":"2/s","over":"0s"}}"#), "ramp.over: must be longer than 0s");
    assert_eq!(problems(r#"{"steps":[]}"#), "steps: needs at least one step");
    assert_eq!(problems(r#"{"burst":{"peak":"1/s","every":"1s","for":"2s"}}"#), "burst.for: 2s is longer than the period, 1s");
    assert_eq!(
        problems(r#"{"sequence":[{"shape":{"closed":{"in-flight":"5"}},"for":"1s"}]}"#),
        "sequence.0.shape: `closed` has no schedule and cannot stand in a sequence"
    );
    assert!(serde_json::from_str::<Shape>(r#"{"ramp":{"from":"1/s","too":"2/s","over":"1s"}}"#).is_err());
}
