//! The verdict against a naive model, over random histories.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::check::Check;
use super::judge::compare;
use super::ledger::Ledger;
use super::offender::{Offenders, Place};
use super::reference::Reference;
use super::seen::{Arrival, Expected, Seen};
use super::sequences::Sequences;
use super::shards::Shards;
use super::verdict::Verdict;
use crate::clock::Timestamp;
use crate::traffic::identity::LENGTH;
use crate::traffic::{AckSink, Identity, Outcome, Placement, Settled};

const RUN: u32 = 7;

/// What happened to one record.
#[derive(Debug, Clone)]
struct Fate {
    shard: u16,
    key: u8,
    /// 0 acknowledged, 1 failed, 2 unresolved, 3 never sent.
    outcome: u8,
    in_input: u32,
    in_sink: u32,
    hidden: bool,
    corrupt: bool,
}

fn fate() -> impl Strategy<Value = Fate> {
    let often = |common: u32| prop_oneof![20 => Just(common), 1 => 0_u32..4];
    (
        0_u16..3,
        0_u8..6,
        prop_oneof![20 => Just(0_u8), 1 => 0_u8..4],
        often(1),
        often(1),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.05),
    )
        .prop_map(|(shard, key, outcome, in_input, in_sink, hidden, corrupt)| Fate {
            shard,
            key,
            outcome,
            in_input,
            in_sink,
            hidden,
            corrupt,
        })
}

/// Fates, and the order in which copies come out: a number that moves each away from its place.
fn history() -> impl Strategy<Value = (Vec<Fate>, Vec<u8>)> {
    (proptest::collection::vec(fate(), 1..300), proptest::collection::vec(prop_oneof![9 => Just(0_u8), 1 => 0_u8..40], 1000))
}

fn expected(copies: u32) -> Expected {
    Expected { run: RUN, streams: vec!["orders".into()], placement: Placement::Header, copies }
}

/// The records with their names: sequence numbers are dense within a shard.
fn named(fates: &[Fate]) -> Vec<(Identity, &Fate)> {
    let mut next = BTreeMap::new();
    fates
        .iter()
        .enumerate()
        .map(|(index, fate)| {
            let sequence = next.entry(fate.shard).or_insert(0);
            let checksum = Placement::Header.checksum(Some(&[fate.key]), Some(&index.to_le_bytes()));
            let intended = Timestamp(1_700_000_000_000_000_000 + index as i64 * 100_000_000);
            let identity = Identity {
                stream: 0,
                shard: fate.shard,
                partition: u16::from(fate.key % 2),
                run: RUN,
                sequence: *sequence,
                intended,
                checksum,
            };
            *sequence += 1;
            (identity, fate)
        })
        .collect()
}

fn judged(fates: &[Fate], shuffle: &[u8], check: &Check) -> (Verdict, Verdict) {
    let records = named(fates);
    let ledger = Ledger::new(1);
    let mut page = ledger.page(0);
    let mut reference = Reference::new(1);
    let mut hidden = Shards::<Sequences>::new(1);
    let mut copies = Vec::new();
    for (index, (identity, fate)) in records.iter().enumerate() {
        let outcome = [Outcome::Acknowledged { offset: 0 }, Outcome::Failed, Outcome::Unresolved].get(usize::from(fate.outcome)).copied();
        let Identity { shard, partition, sequence, intended, .. } = *identity;
        page.settled(&outcome.map(|outcome| Settled { shard, partition, sequence, intended, outcome }).into_iter().collect::<Vec<_>>());
        (0..fate.in_input).for_each(|_| reference.enter(identity, true));
        if fate.hidden {
            hidden.of(identity).unwrap().insert(sequence);
        }
        for copy in 0..fate.in_sink {
            let place = index + usize::from(shuffle[(index * 4 + copy as usize) % shuffle.len()]);
            copies.push((place, index));
        }
    }
    copies.sort_by_key(|(place, _)| *place);

    let mut seen = Seen::new(expected(check.factor()));
    let mut model = Model::default();
    for (_, index) in &copies {
        let (identity, fate) = &records[*index];
        let mut header = [0; LENGTH];
        identity.encode(&mut header);
        let value = (*index + usize::from(fate.corrupt)).to_le_bytes();
        let place = Place { topic: "enriched", partition: 0, offset: 0, key: Some(&[fate.key]) };
        seen.take(&Arrival { place, sink: 0, value: Some(&value), header: Some(&header) });
        model.see(identity, fate);
    }
    let mut offenders = Offenders::new(vec!["orders".into()]);
    let verdict = compare(Some(&ledger.outcomes()), &reference, &seen, &hidden, check, &mut offenders).verdict;
    (verdict, model.judge(&records, check))
}

/// The same question, answered with maps.
#[derive(Default)]
struct Model {
    seen: BTreeMap<(u16, u64), u32>,
    last: BTreeMap<(u16, u16, u8), u64>,
    reordered: u64,
    corrupt: u64,
    total: u64,
}

impl Model {
    fn see(&mut self, identity: &Identity, fate: &Fate) {
        self.total += 1;
        self.corrupt += u64::from(fate.corrupt);
        let times = self.seen.entry((identity.shard, identity.sequence)).or_default();
        *times += 1;
        if *times == 1 {
            let last = self.last.entry((identity.shard, identity.partition, fate.key)).or_insert(0);
            self.reordered += u64::from(identity.sequence < *last);
            *last = identity.sequence.max(*last);
        }
    }

    fn judge(&self, records: &[(Identity, &Fate)], check: &Check) -> Verdict {
        let mut verdict = Verdict { reordered: self.reordered, corrupt: self.corrupt, ..Verdict::default() };
        if self.total > 1 && self.corrupt == self.total {
            verdict.corrupt = 0;
        }
        let factor = check.factor();
        for (identity, fate) in records {
            let times = self.seen.get(&(identity.shard, identity.sequence)).copied().unwrap_or(0);
            let there = fate.in_input > 0;
            verdict.acknowledged += u64::from(fate.outcome == 0);
            verdict.in_input += u64::from(there);
            verdict.input_duplicates += u64::from(fate.in_input > 1);
            verdict.seen += u64::from(times > 0);
            let missing = there && times < factor;
            verdict.lost += u64::from(missing && !fate.hidden);
            verdict.pending += u64::from(missing && fate.hidden);
            verdict.unexpected += u64::from(!there && times > 0 && !matches!(fate.outcome, 0 | 2));
            let copies = if there { times.saturating_sub(factor * fate.in_input) } else { 0 };
            verdict.duplicates += u64::from(copies > 0);
            verdict.duplicate_copies += u64::from(copies);
            verdict.unresolved_in_input += u64::from(fate.outcome == 2 && there);
            verdict.unresolved_absent += u64::from(fate.outcome == 2 && !there);
            verdict.lost_by_kafka += u64::from(fate.outcome == 0 && !there);
        }
        verdict
    }
}

fn without_evidence(verdict: Verdict) -> Verdict {
    Verdict { seconds: Vec::new(), offenders: Vec::new(), no_order: None, no_contents: None, ..verdict }
}

proptest! {
    #[test]
    fn the_verdict_is_that_of_a_naive_model((fates, shuffle) in history()) {
        let (verdict, model) = judged(&fates, &shuffle, &Check::Forward);
        let sum = |of: fn(&super::SecondTally) -> u64| verdict.seconds.iter().map(of).sum::<u64>();
        prop_assert_eq!(sum(|second| second.lost), verdict.lost);
        prop_assert_eq!(sum(|second| second.duplicates), verdict.duplicates);
        prop_assert_eq!(sum(|second| second.reordered), verdict.reordered);
        prop_assert_eq!(sum(|second| second.lost_by_kafka), verdict.lost_by_kafka);
        prop_assert_eq!(without_evidence(verdict), model);
    }

    #[test]
    fn fan_out_asks_for_every_copy((fates, shuffle) in history()) {
        let doubled: Vec<Fate> = fates.into_iter().map(|fate| Fate { in_sink: fate.in_sink * 2, ..fate }).collect();
        let (verdict, model) = judged(&doubled, &shuffle, &Check::FanOut(2));
        prop_assert_eq!(without_evidence(verdict), model);
    }

    #[test]
    fn losses_carry_their_second(lost in proptest::collection::btree_set(0_usize..200, 0..20)) {
        let plain = Fate { shard: 1, key: 0, outcome: 0, in_input: 1, in_sink: 1, hidden: false, corrupt: false };
        let fates: Vec<Fate> = (0..200).map(|index| Fate { in_sink: u32::from(!lost.contains(&index)), ..plain.clone() }).collect();
        let (verdict, _) = judged(&fates, &[0], &Check::Forward);
        let mut seconds: BTreeMap<i64, u64> = BTreeMap::new();
        lost.iter().for_each(|index| *seconds.entry(1_700_000_000 + *index as i64 / 10).or_default() += 1);
        prop_assert_eq!(verdict.seconds.iter().map(|second| (second.second, second.lost)).collect::<BTreeMap<_, _>>(), seconds);
    }
}
