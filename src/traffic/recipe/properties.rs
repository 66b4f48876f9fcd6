#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::units::{Count, Ratio};

const RECORDS: u64 = 10_000;

/// How many of the records a change takes hold of.
fn hits(change: TrafficChange, seed: u64) -> u64 {
    let stream: Stream = serde_json::from_str(r#"{"rate":{"constant":"1/s"},"keys":{"uniform":{"distinct":"100"}}}"#).unwrap();
    let plain = Recipe::new(&stream, 0, 4, &Placement::Header, "run", seed).unwrap();
    let changed = plain.under(&[Active { id: 0, slot: 0, change }]).unwrap();
    let mut buffers = Buffers::default();
    let hit = |n: &u64| changed.make(*n, &changed.pick(*n), *n, Timestamp(0), &mut buffers).hits != 0;
    (0..RECORDS).filter(hit).count() as u64
}

fn of_kind(kind: usize, share: Ratio) -> TrafficChange {
    match kind {
        0 => TrafficChange::Poison { share },
        1 => TrafficChange::Tombstones { share },
        2 => TrafficChange::LateEvents { share, by: Duration::from_secs(60) },
        3 => TrafficChange::SkewKeys { share, keys: Count(1) },
        _ => TrafficChange::SkewPartitions { share, partition: 1 },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Nothing of 0, everything of 1, and between them within six standard deviations: once in half a thousand million draws of chance alone.
    #[test]
    fn a_fault_takes_its_share(kind in 0usize..5, share in 0.0..=1.0f64, seed: u64) {
        prop_assert_eq!(hits(of_kind(kind, Ratio(0.0)), seed), 0);
        prop_assert_eq!(hits(of_kind(kind, Ratio(1.0)), seed), RECORDS);
        let (expected, deviation) = (RECORDS as f64 * share, (RECORDS as f64 * share * (1.0 - share)).sqrt());
        let count = hits(of_kind(kind, Ratio(share)), seed) as f64;
        prop_assert!((count - expected).abs() <= 6.0 * deviation + 2.0, "{count} of {expected}");
    }
}
