//! What holds for every kind of key: shares within their binomial bounds, extremes exact, the partition that of the key.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::picker::SHARDS;
use super::*;
use crate::kafka::partition_for_key;
use crate::traffic::dice::Dice;
use crate::units::Ratio;

const DRAWS: u64 = 30_000;

fn keys() -> impl Strategy<Value = Keys> {
    let distinct = 40u64..3000;
    prop_oneof![
        Just(Keys::None),
        distinct.clone().prop_map(|n| Keys::RoundRobin(Distinct { distinct: Count(n) })),
        distinct.clone().prop_map(|n| Keys::Uniform(Distinct { distinct: Count(n) })),
        (distinct.clone(), 0.0..2.5f64).prop_map(|(n, exponent)| Keys::Zipf(Zipf { distinct: Count(n), exponent })),
        (distinct.clone(), 1u64..20, 0.0..=1.0f64).prop_map(|(n, keys, share)| Keys::Hot(Hot {
            share: Ratio(share),
            keys: Count(keys),
            distinct: Count(n)
        })),
        (distinct, 0.0..=1.0f64).prop_map(|(n, new)| Keys::Churn(Churn { distinct: Count(n), new: Ratio(new) })),
        (0u32..4).prop_map(Keys::Partition),
    ]
}

/// Six standard deviations of a binomial count, and a little for tiny ones.
fn near(count: u64, of: u64, share: f64) -> bool {
    let deviation = (of as f64 * share * (1.0 - share)).max(0.0).sqrt();
    (count as f64 - of as f64 * share).abs() <= 6.0 * deviation + 2.0
}

fn bytes(picker: &Picker, key: Key) -> Option<Vec<u8>> {
    picker.bytes(key, &mut KeyBuffer::default()).map(<[u8]>::to_vec)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_gives_the_same_records_and_a_key_one_place(keys in keys(), seed: u64) {
        let picker = Picker::new(&keys, 4, &[], &[], seed).unwrap();
        let again = Picker::new(&keys, 4, &[], &[], seed).unwrap();
        let mut places = BTreeMap::new();
        for n in 0..3000 {
            let pick = picker.pick(n);
            prop_assert_eq!(pick, again.pick(n));
            prop_assert!(pick.shard < SHARDS);
            if let Some(bytes) = bytes(&picker, pick.key) {
                prop_assert_eq!(u32::from(pick.partition), partition_for_key(&bytes, 4));
                prop_assert_eq!(*places.entry(bytes).or_insert(pick.shard), pick.shard);
            }
        }
    }

    #[test]
    fn partition_weights_hold_and_keys_stay_in_their_partition(keys in keys(), seed: u64) {
        prop_assume!(!matches!(keys, Keys::Partition(_)) && !matches!(keys, Keys::Hot(hot) if hot.share.0 >= 1.0));
        let weights = [3.0, 0.0, 1.0, 4.0];
        let picker = Picker::new(&keys, 4, &weights, &[], seed).unwrap();
        let mut counts = [0u64; 4];
        for n in 0..DRAWS {
            let pick = picker.pick(n);
            counts[usize::from(pick.partition)] += 1;
            if let Some(bytes) = bytes(&picker, pick.key) {
                prop_assert_eq!(u32::from(pick.partition), partition_for_key(&bytes, 4));
            }
        }
        for (count, weight) in counts.into_iter().zip(weights) {
            prop_assert!(near(count, DRAWS, weight / 8.0), "{} for {}", count, weight);
        }
        prop_assert_eq!(counts[1], 0);
    }

    #[test]
    fn idle_partitions_get_nothing(keys in keys(), seed: u64) {
        prop_assume!(!matches!(keys, Keys::Partition(_)) && !matches!(keys, Keys::Hot(hot) if hot.share.0 >= 1.0));
        let picker = Picker::new(&keys, 4, &[], &[2], seed).unwrap();
        prop_assert!((0..5000).all(|n| picker.pick(n).partition != 2));
    }

    #[test]
    fn skews_reach_their_share(keys in keys(), share in 0.0..=1.0f64, hot in 1u64..10, seed: u64) {
        let picker = Picker::new(&keys, 4, &[], &[], seed).unwrap();
        let skew = picker.skew_to_keys(share, hot, Dice::new(seed, "change")).unwrap();
        let skewed = picker.with_skews(vec![skew]);
        let mut hits = BTreeMap::new();
        for n in 0..DRAWS {
            let pick = skewed.pick(n);
            match pick.by {
                Some(_) => *hits.entry(pick.key).or_insert(0u64) += 1,
                None => prop_assert_eq!(pick, picker.pick(n), "the others go on as before"),
            }
        }
        prop_assert!(hits.len() as u64 <= hot);
        prop_assert!(near(hits.values().sum(), DRAWS, share));
        for count in hits.into_values() {
            prop_assert!(near(count, DRAWS, share / hot as f64));
        }
    }

    #[test]
    fn keys_that_are_alike_have_like_shares(distinct in 2u64..100, from_file: bool, seed: u64) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), (0..distinct).map(|n| format!("customer-{n}\n")).collect::<String>()).unwrap();
        let keys = if from_file { Keys::File(file.path().into()) } else { Keys::Uniform(Distinct { distinct: Count(distinct) }) };
        let picker = Picker::new(&keys, 4, &[], &[], seed).unwrap();
        let mut counts = BTreeMap::new();
        for n in 0..DRAWS {
            *counts.entry(bytes(&picker, picker.pick(n).key).unwrap()).or_insert(0u64) += 1;
        }
        prop_assert_eq!(counts.len() as u64, distinct);
        prop_assert!(counts.values().all(|&count| near(count, DRAWS, 1.0 / distinct as f64)), "{:?}", counts);
        prop_assert!(!from_file || counts.contains_key(&b"customer-0"[..]));
    }

    #[test]
    fn keys_that_take_turns_are_even_to_the_record(distinct in 1u64..3000, seed: u64) {
        let picker = Picker::new(&Keys::RoundRobin(Distinct { distinct: Count(distinct) }), 4, &[], &[], seed).unwrap();
        prop_assert!((0..DRAWS).all(|n| picker.pick(n).key == Key::Listed((n % distinct) as u32)));
        let keyless = Picker::new(&Keys::None, 4, &[], &[], seed).unwrap();
        prop_assert!((0..DRAWS).all(|n| u64::from(keyless.pick(n).partition) == n % 4));
    }

    #[test]
    fn churning_keys_live_their_time_and_are_alike_in_it(distinct in 10u64..200, new in 0.001..0.2f64, seed: u64) {
        let picker = Picker::new(&Keys::Churn(Churn { distinct: Count(distinct), new: Ratio(new) }), 4, &[], &[], seed).unwrap();
        let mut newest = 0;
        // Place within the window of the living: every one as likely.
        let mut early = 0;
        for n in 0..DRAWS {
            let Key::Numbered(number) = picker.pick(n).key else { panic!("churn makes numbered keys") };
            let oldest = (n as f64 * new).floor() as u64;
            prop_assert!((oldest.saturating_sub(1)..=oldest + distinct).contains(&number), "{} at {}, oldest {}", number, n, oldest);
            newest = newest.max(number);
            early += u64::from(number < oldest + distinct / 2);
        }
        prop_assert!(newest as f64 >= DRAWS as f64 * new);
        prop_assert!(near(early, DRAWS, (distinct / 2) as f64 / distinct as f64), "{} of {}", early, DRAWS);
    }

    #[test]
    fn partition_skew_reaches_its_share_with_keys_that_belong_there(keys in keys(), share in 0.0..=1.0f64, seed: u64) {
        prop_assume!(!matches!(keys, Keys::Hot(hot) if hot.share.0 >= 1.0));
        let picker = Picker::new(&keys, 4, &[], &[], seed).unwrap();
        let skewed = picker.with_skews(vec![picker.skew_to_partition(share, 3, Dice::new(seed, "change")).unwrap()]);
        let mut moved = 0;
        for n in 0..DRAWS {
            let pick = skewed.pick(n);
            if pick.by.is_some() {
                moved += 1;
                prop_assert_eq!(pick.partition, 3);
                if let Some(bytes) = bytes(&picker, pick.key) {
                    prop_assert_eq!(partition_for_key(&bytes, 4), 3);
                }
            }
        }
        prop_assert!(near(moved, DRAWS, share), "{} for {}", moved, share);
    }

    #[test]
    fn a_hot_set_gets_its_share(share in 0.0..=1.0f64, hot in 1u64..10, seed: u64) {
        let keys = Keys::Hot(Hot { share: Ratio(share), keys: Count(hot), distinct: Count(1000) });
        let picker = Picker::new(&keys, 4, &[], &[], seed).unwrap();
        let hits = (0..DRAWS).filter(|&n| matches!(picker.pick(n).key, Key::Listed(index) if u64::from(index) < hot)).count() as u64;
        prop_assert!(near(hits, DRAWS, share), "{} for {}", hits, share);
        prop_assert!(share > 0.0 || hits == 0);
        prop_assert!(share < 1.0 || hits == DRAWS);
    }

    #[test]
    fn zipf_ranks_have_their_share(exponent in 0.5..2.0f64, seed: u64) {
        let zipf = Zipf { distinct: Count(500), exponent };
        let picker = Picker::new(&Keys::Zipf(zipf), 4, &[], &[], seed).unwrap();
        let harmonic: f64 = zipf.weights().iter().sum();
        let mut counts = vec![0u64; 500];
        for n in 0..DRAWS {
            if let Key::Listed(index) = picker.pick(n).key {
                counts[index as usize] += 1;
            }
        }
        for (rank, count) in counts.into_iter().enumerate().step_by(37) {
            let share = ((rank + 1) as f64).powf(-exponent) / harmonic;
            prop_assert!(near(count, DRAWS, share), "rank {}: {} for {}", rank, count, share);
        }
    }
}

#[test]
fn extremes_are_exact() {
    let draws = |share: f64| {
        let picker = Picker::new(&Keys::None, 4, &[], &[], 1).unwrap();
        let skewed = picker.with_skews(vec![picker.skew_to_keys(share, 1, Dice::new(1, "change")).unwrap()]);
        (0..100_000).filter(|&n| skewed.pick(n).by.is_some()).count()
    };
    assert_eq!((draws(0.0), draws(1.0)), (0, 100_000));
}

#[test]
fn keyless_records_take_turns() {
    let picker = Picker::new(&Keys::None, 4, &[], &[2], 1).unwrap();
    let turns: Vec<u16> = (0..6).map(|n| picker.pick(n).partition).collect();
    assert_eq!(turns, [0, 1, 3, 0, 1, 3]);
    assert!((0..100).all(|n| Picker::new(&Keys::Partition(3), 4, &[], &[], 1).unwrap().pick(n).partition == 3));
}

#[test]
fn says_what_cannot_be() {
    let uniform = |n| Keys::Uniform(Distinct { distinct: Count(n) });
    let error = |keys: &Keys, weights: &[f64], idle: &[u32]| Picker::new(keys, 4, weights, idle, 1).unwrap_err().to_string();
    assert_eq!(error(&Keys::Partition(7), &[], &[]), "the topic has 4 partitions, there is no partition 7");
    assert_eq!(error(&Keys::None, &[], &[0, 1, 2, 3]), "every partition is idle or has the weight 0");
    assert_eq!(error(&uniform(1), &[1.0; 4], &[]), "none of the 1 keys belongs to partition 0; more keys are needed");
    assert!(error(&Keys::File("/nowhere/keys.txt".into()), &[], &[]).contains("/nowhere/keys.txt"));
    let picker = Picker::new(&uniform(5), 4, &[], &[], 1).unwrap();
    assert_eq!(picker.skew_to_keys(0.5, 9, Dice::new(1, "change")).unwrap_err().to_string(), "9 hot keys asked for, the stream has 5");
}

#[test]
fn churning_keys_come_and_go() {
    let picker = Picker::new(&Keys::Churn(Churn { distinct: Count(10), new: Ratio(0.1) }), 4, &[], &[], 1).unwrap();
    for n in 0..10_000 {
        let Key::Numbered(number) = picker.pick(n).key else { panic!("churn makes numbered keys") };
        assert!((n / 10..n / 10 + 11).contains(&number));
    }
}
