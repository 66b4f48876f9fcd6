//! Simulated outages of whatever kind: what is found of their recoveries agrees with what was simulated, and nothing is claimed beyond it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::synthetic::Pipeline;
use super::tests::{agrees, fold, outcome_of, recovery_below, seen};
use super::*;
use crate::journal::Event;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn recovery_is_found_whatever_the_outage(
        down in 3000i64..12_000,
        detect in 100i64..2500,
        capacity in 2600.0f64..8000.0,
        kill in 44_000i64..47_000,
        sample_every in prop::sample::select(vec![100i64, 250, 500]),
        clock in -5000i64..5000,
    ) {
        let kill = kill / 10 * 10;
        let down = down / 10 * 10;
        let pipeline = Pipeline { down, detect, capacity, kills: vec![kill], sample_every, clock, ..Pipeline::default() };
        let truth = pipeline.truth();
        let outcome = outcome_of(&pipeline, vec![]);
        let fault = &outcome.faults[0];
        agrees(&fault.timeline.t2_departed_running, kill + detect);
        agrees(&fault.timeline.t4_all_running, kill + down);
        let tips = truth.lag.iter().filter(|(at, _)| (4000..44_000).contains(at)).map(|(_, lag)| *lag).fold(0.0, f64::max);
        let out = truth.lag.iter().find(|(at, lag)| *at >= kill && *lag > 1.1 * tips).map(|(at, _)| *at);
        if let (Some(out), Recovery::Recovered { time }) = (out, &fault.recovery) {
            // Tips are seen too low by up to what comes in between two samples; the band allows for it.
            let unseen = pipeline.rate * sample_every as f64 / 1e3;
            let early = truth.back(out, 1.1 * tips + unseen, 5000).unwrap();
            let late = truth.back(out, 1.1 * tips - 0.1 * unseen, 5000).unwrap();
            let (at, error) = seen(&fault.timeline.t8_lag_back);
            prop_assert!(at + error + 0.02 >= early as f64 / 1e3 && at - error - 0.02 <= late as f64 / 1e3, "{at} ± {error}: {early} to {late}");
            let tiled: f64 = fault.phases.iter().map(|phase| phase.to - phase.from).sum();
            prop_assert!((tiled - time.value).abs() < 1e-6);
        } else {
            prop_assert!(matches!(fault.recovery, Recovery::Recovered { .. } | Recovery::NotRecovered { .. }), "{:?}", fault.recovery);
        }
    }

    #[test]
    fn no_recovery_is_claimed_that_was_not_seen(
        down in 3000i64..12_000,
        capacity in 2600.0f64..8000.0,
        blind in 30_000i64..75_000,
        blind_for in 0i64..20_000,
        never_back in prop::bool::weighted(0.3),
    ) {
        let down = if never_back { 90_000 } else { down / 10 * 10 };
        let pipeline = Pipeline { down, capacity, blind: vec![(blind, blind + blind_for)], ..Pipeline::default() };
        let truth = pipeline.truth();
        let outcome = outcome_of(&pipeline, vec![recovery_below(60.0)]);
        let fault = &outcome.faults[0];
        match &fault.recovery {
            Recovery::Recovered { .. } => {
                prop_assert!(!never_back);
                let tips = truth.lag.iter().filter(|(at, _)| (4000..44_000).contains(at)).map(|(_, lag)| *lag).fold(0.0, f64::max);
                let out = truth.lag.iter().find(|(at, lag)| *at >= 45_000 && *lag > 1.1 * tips).map(|(at, _)| *at);
                if let (Some(out), Moment::Seen { at, error, .. }) = (out, &fault.timeline.t8_lag_back) {
                    let early = truth.back(out, 1.1 * tips + 500.0, 5000).unwrap();
                    prop_assert!(at + error + 0.02 >= early as f64 / 1e3, "{at} ± {error}, in truth not before {early}");
                }
            }
            Recovery::RodeThrough => prop_assert!(false, "it was disturbed: {:?}", fault),
            _ => prop_assert_ne!(outcome.expectations[0].status, Status::Met),
        }
    }

    #[test]
    fn a_replayed_journal_gives_the_same_outcome(down in 0i64..10_000, blind in 0i64..110_000, cut in 10usize..3000) {
        let pipeline = Pipeline { down: down / 10 * 10, blind: vec![(blind, blind + 8000)], ..Pipeline::default() };
        let mut events = pipeline.journal();
        events.truncate(cut.max(10).min(events.len()));
        let replayed: Vec<Event> = events.iter().map(|event| serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap()).collect();
        let (live, again) = (fold(&pipeline, vec![recovery_below(60.0)], &events), fold(&pipeline, vec![recovery_below(60.0)], &replayed));
        prop_assert!(live == again);
        // A chart's gap is a NaN, which equals nothing: compare as text.
        prop_assert_eq!(format!("{:?}", live.outcome()), format!("{:?}", again.outcome()));
    }
}
