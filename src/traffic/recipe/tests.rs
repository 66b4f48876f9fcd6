#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::units::{Count, Ratio};

const RUN: &str = "20261121-085406-k3f9";

fn recipe(stream: &str, placement: &Placement) -> Recipe {
    let stream: Stream = serde_json::from_str(stream).unwrap();
    assert_eq!(stream.problems(Some(4), placement), vec![]);
    Recipe::new(&stream, 3, 4, placement, RUN, 42).unwrap()
}

type Sent = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Timestamp, Mark);

fn sent(recipe: &Recipe, n: u64) -> (Pick, Sent) {
    let mut buffers = Buffers::default();
    let pick = recipe.pick(n);
    let made = recipe.make(n, &pick, n, Timestamp(n as i64 * 1_000_000_000), &mut buffers);
    let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    (pick, (own(made.key), own(made.value), own(made.header), made.event_time, made.hits))
}

/// Every record says who it is, wherever it carries it, and its checksum is that of what was sent.
fn identified(stream: &str, placement: &Placement) -> Vec<Sent> {
    let recipe = recipe(stream, placement);
    let all = (0..500).map(|n| {
        let (pick, sent) = sent(&recipe, n);
        let (key, value, header) = (sent.0.as_deref(), sent.1.as_deref(), sent.2.as_deref());
        let identity = placement.extract(key, value, header).unwrap();
        let expected = Identity {
            stream: 3,
            shard: pick.shard,
            partition: pick.partition,
            run: identity::run_hash(RUN),
            sequence: n,
            intended: Timestamp(n as i64 * 1_000_000_000),
            checksum: placement.checksum(key, value),
        };
        assert_eq!(identity, expected);
        sent
    });
    all.collect()
}

#[test]
fn a_header_leaves_key_and_value_alone() {
    let all = identified(r#"{"rate":{"constant":"1/s"},"keys":{"uniform":{"distinct":"10"}},"value":{"size":"100B"}}"#, &Placement::Header);
    assert!(all.iter().all(|(key, value, ..)| key.as_ref().unwrap().len() == 2 && value.as_ref().unwrap().len() == 100));
}

#[test]
fn a_value_prefix_is_part_of_the_size() {
    let stream = r#"{"rate":{"constant":"1/s"},"value":{"size-between":{"from":"43B","to":"90B"}},"poison":"20%"}"#;
    let all = identified(stream, &Placement::ValuePrefix);
    let poisoned = all.iter().filter(|sent| sent.1.as_ref().unwrap().ends_with(POISON)).count();
    assert!((60..140).contains(&poisoned), "{poisoned}");
    assert!(all.iter().all(|sent| (43..=90).contains(&sent.1.as_ref().unwrap().len())));
}

#[test]
fn json_stays_json_unless_poisoned() {
    let field = Placement::JsonField("squall id".to_owned());
    for value in [r#"{"json":{"n":"counter","who":"key"}}"#, r#"{"json":{}}"#] {
        let stream = format!(r#"{{"rate":{{"constant":"1/s"}},"keys":{{"uniform":{{"distinct":"10"}}}},"value":{value}}}"#);
        for placement in [&field, &Placement::Header] {
            for (n, sent) in identified(&stream, placement).into_iter().enumerate() {
                let parsed: serde_json::Value = serde_json::from_slice(&sent.1.unwrap()).unwrap();
                assert!(value.contains("counter") != parsed["n"].is_null() && (parsed["n"].is_null() || parsed["n"] == n));
            }
        }
    }
    let poisoned = identified(r#"{"rate":{"constant":"1/s"},"value":{"json":{"n":"counter"}},"poison":"100%"}"#, &field);
    assert!(poisoned.iter().all(|sent| serde_json::from_slice::<serde_json::Value>(sent.1.as_ref().unwrap()).is_err()));
}

#[test]
fn lines_take_the_identity_in() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{ \"a\" : 1 }\n{}\n").unwrap();
    let stream = format!(r#"{{"rate":{{"constant":"1/s"}},"value":{{"lines":{{"file":"{}"}}}}}}"#, file.path().display());
    let all = identified(&stream, &Placement::JsonField("id".to_owned()));
    let parsed: Vec<serde_json::Value> = all.iter().map(|sent| serde_json::from_slice(sent.1.as_ref().unwrap()).unwrap()).collect();
    assert_eq!((&parsed[0]["a"], parsed[1].as_object().unwrap().len()), (&serde_json::json!(1), 1));
}

#[test]
fn a_key_may_carry_it_and_tombstones_have_no_value() {
    let stream = r#"{"rate":{"constant":"1/s"},"keys":{"uniform":{"distinct":"10"}},"tombstones":"30%"}"#;
    for placement in [Placement::Key, Placement::Header] {
        let tombstones = identified(stream, &placement).iter().filter(|sent| sent.1.is_none()).count();
        assert!((110..190).contains(&tombstones), "{tombstones}");
    }
}

fn change(id: u64, change: TrafficChange) -> Active {
    Active { id, slot: id as u32, change }
}

#[test]
fn changes_take_hold_of_their_share_and_of_nothing_else() {
    let plain = recipe(r#"{"rate":{"constant":"1/s"},"keys":{"uniform":{"distinct":"100"}},"value":{"size":"100B"}}"#, &Placement::Header);
    let changes = [
        change(0, TrafficChange::Poison { share: Ratio(0.1) }),
        change(1, TrafficChange::LateEvents { share: Ratio(0.2), by: Duration::from_secs(60) }),
        change(2, TrafficChange::SkewKeys { share: Ratio(0.3), keys: Count(2) }),
        change(3, TrafficChange::Tombstones { share: Ratio(0.4) }),
    ];
    let changed = plain.under(&changes).unwrap();
    assert_eq!(changed.under_changes(), 0b1111);
    let draws = 20_000;
    let mut hits = BTreeMap::new();
    for n in 0..draws {
        let ((_, before), (pick, after)) = (sent(&plain, n), sent(&changed, n));
        let hit = |slot: u32| after.4 & (1 << slot) != 0;
        assert_eq!(hit(2), pick.by.is_some());
        assert_eq!(hit(3), after.1.is_none());
        assert_eq!(hit(0) && !hit(3), after.1.as_deref() == Some(POISON));
        assert_eq!(after.3 == before.3, !hit(1));
        if after.4 == 0 {
            assert_eq!(after, before);
        }
        (0..4).filter(|&slot| hit(slot)).for_each(|slot| *hits.entry(slot).or_insert(0u64) += 1);
    }
    // Tombstones are not poisoned, so of the first change's tenth six tenths are left.
    for (slot, share) in [(0, 0.06), (1, 0.2), (2, 0.3), (3, 0.4)] {
        let expected = draws as f64 * share;
        assert!((hits[&slot] as f64 - expected).abs() < 6.0 * (expected * (1.0 - share)).sqrt(), "{slot}: {}", hits[&slot]);
    }
    assert_eq!(sent(&changed.under(&[]).unwrap(), 7), sent(&plain, 7), "taken back, all is as before");
}

#[test]
fn value_size_changes_every_kind_of_value() {
    let json = r#"{"rate":{"constant":"1/s"},"value":{"json":{"n":"counter"}}}"#;
    let sized = r#"{"rate":{"constant":"1/s"},"value":{"size":"100B"}}"#;
    for (stream, placement) in [(sized, Placement::Header), (sized, Placement::ValuePrefix), (json, Placement::Header)] {
        let changed = recipe(stream, &placement).under(&[change(0, TrafficChange::ValueSize { size: Bytes(5000) })]).unwrap();
        let (_, sent) = sent(&changed, 9);
        assert_eq!((sent.1.as_ref().unwrap().len(), sent.4), (5000, 1));
        if stream == json {
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&sent.1.unwrap()).unwrap()["n"], 9);
        }
    }
}

#[test]
fn tombstones_need_a_place_for_the_identity() {
    let recipe = recipe(r#"{"rate":{"constant":"1/s"}}"#, &Placement::ValuePrefix);
    let error = recipe.under(&[change(0, TrafficChange::Tombstones { share: Ratio(0.5) })]).unwrap_err();
    assert_eq!(error.to_string(), "records without a value cannot carry an identity there; use a header");
}
