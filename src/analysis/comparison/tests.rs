#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::analysis::Figure;
use crate::analysis::figures::Observed;

fn figure(name: &str, weight: Weight, values: &[f64]) -> SideFigure {
    SideFigure {
        of: "lose-one".to_owned(),
        name: name.to_owned(),
        unit: Unit::Seconds,
        better: Better::Lower,
        weight,
        observed: values.iter().map(|value| Observed::Value(Figure { value: *value, error: None })).collect(),
    }
}

fn side(name: &str, figures: Vec<SideFigure>) -> Side {
    Side { name: name.to_owned(), scenario: "s".to_owned(), runs: Vec::new(), circumstances: BTreeMap::new(), figures }
}

fn standing(a: &[f64], b: &[f64]) -> Standing {
    let of = |values: &[f64]| vec![figure("recovery-time", Weight::Decides, values)];
    Comparison::of(vec![side("A", of(a)), side("B", of(b))], &[]).standing()
}

#[test]
fn a_difference_counts_beyond_the_noise_only() {
    let (quiet, slower) = ([10.0, 10.1, 9.9, 10.05, 9.95], [11.5, 11.6, 11.4, 11.55, 11.45]);
    assert_eq!(standing(&quiet, &slower), Standing::Worse);
    assert_eq!(standing(&slower, &quiet), Standing::Better);
    assert_eq!(standing(&quiet, &[10.3, 10.4, 10.2, 10.35, 10.25]), Standing::Same);
    assert_eq!(standing(&[10.0, 14.0, 8.0, 12.0, 9.0], &[11.5, 15.0, 9.0, 13.5, 10.0]), Standing::Same);
    // Two runs know nothing of the noise: 15 % more may be chance, twice as much is not.
    assert_eq!(standing(&[10.0], &[11.5]), Standing::Same);
    assert_eq!(standing(&[10.0], &[20.0]), Standing::Worse);
    assert_eq!(standing(&[], &[20.0]), Standing::NoData);
}

#[test]
fn a_recovery_that_never_ends_is_worse() {
    let mut endless = figure("recovery-time", Weight::Decides, &[10.0, 10.0]);
    endless.observed.push(Observed::AtLeast(60.0));
    let fine = figure("recovery-time", Weight::Decides, &[10.0, 10.0, 10.0]);
    let compared = Comparison::of(vec![side("A", vec![fine]), side("B", vec![endless])], &[]);
    assert_eq!(compared.standing(), Standing::Worse);
    assert_eq!(compared.rows[0].cells[1].at_least, Some(60.0));
}

#[test]
fn one_lost_record_is_a_regression() {
    let steady = || figure("recovery-time", Weight::Decides, &[10.0, 10.0]);
    let a = side("A", vec![steady(), figure("lost", Weight::Exact, &[0.0, 0.0])]);
    let b = side("B", vec![steady(), figure("lost", Weight::Exact, &[0.0, 1.0])]);
    let compared = Comparison::of(vec![a, b], &[]);
    assert_eq!(compared.standing(), Standing::Worse);
    assert_eq!(compared.sentence, "B is worse than A: lose-one lost.");
}

#[test]
fn what_was_done_must_be_the_same_unless_it_is_meant() {
    let mut a = side("A", vec![figure("recovery-time", Weight::Decides, &[10.0])]);
    let mut b = a.clone();
    a.circumstances.insert("parallelism".to_owned(), "1".to_owned());
    b.circumstances.insert("parallelism".to_owned(), "2".to_owned());
    let compared = Comparison::of(vec![a.clone(), b.clone()], &[]);
    assert_eq!((compared.standing(), compared.sentence.as_str()), (Standing::NotComparable, "Not comparable: parallelism differ."));
    assert_eq!(Comparison::of(vec![a, b], &["parallelism".to_owned()]).standing(), Standing::Same);
}

/// Normal with this mean and relative standard deviation, by the sum of twelve.
fn drawn(random: &mut StdRng, mean: f64, relative: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| random.random_range(0.0..1.0)).sum();
    mean * (1.0 + relative * (sum - 6.0))
}

#[test]
fn the_same_is_the_same_in_nineteen_of_twenty() {
    let mut random = StdRng::seed_from_u64(7);
    for (n, relative) in [(1, 0.12), (3, 0.2), (5, 0.05), (5, 0.3), (8, 0.12)] {
        let mut wrong = 0;
        for _ in 0..100 {
            let mut figures = |name: &str| {
                (0..4)
                    .map(|i| {
                        figure(
                            &format!("{name}{i}"),
                            Weight::Decides,
                            &(0..n).map(|_| drawn(&mut random, 10.0, relative)).collect::<Vec<_>>(),
                        )
                    })
                    .collect::<Vec<_>>()
            };
            let (a, b) = (side("A", figures("f")), side("B", figures("f")));
            wrong += u32::from(Comparison::of(vec![a, b], &[]).standing() != Standing::Same);
        }
        assert!(wrong <= 12, "{wrong} of 100 with {n} runs that vary by {relative}");
    }
}

proptest! {
    #[test]
    fn nothing_is_better_or_worse_than_itself(values in prop::collection::vec(0.0f64..1e4, 1..8)) {
        prop_assert_eq!(standing(&values, &values), Standing::Same);
    }

    #[test]
    fn swapping_the_sides_swaps_the_answer(a in prop::collection::vec(5.0f64..50.0, 3..7), b in prop::collection::vec(5.0f64..50.0, 3..7)) {
        let turned = match standing(&b, &a) {
            Standing::Better => Standing::Worse,
            Standing::Worse => Standing::Better,
            other => other,
        };
        let straight = standing(&a, &b);
        // Near the floor of 5 %, which is of the first side, the two may differ.
        prop_assert!(straight == turned || straight == Standing::Same || turned == Standing::Same);
    }
}
