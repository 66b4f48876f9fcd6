//! What the verifier costs: records a second on one core, and bytes a record. `cargo bench --bench ledger [records…]`;
//! 10 and 100 million by default.
//!
//! The records are those of a clean run over 64 shards and 100,000 keys, 100 bytes each, with the identity in the header;
//! one in 100,000 is missing, so that blocks stay unfull as in a run with losses, and one in 100,000 comes twice.

#![allow(clippy::print_stdout, missing_docs)]

use squall::clock::{self, Timestamp};
use squall::delivery::{Arrival, Expected, Ledger, Place, Seen, Sequences};
use squall::traffic::identity::LENGTH;
use squall::traffic::{AckSink, Identity, Outcome, Placement, SHARDS, Settled};

const SECOND: i64 = 1_000_000_000;
/// Keys of a shard: a key belongs to one shard.
const KEYS: u64 = 1563;

fn main() {
    let asked: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    println!("{:>13}  {:>16}  {:>14}  {:>16}  {:>14}", "records", "verifier rec/s", "B/record", "ledger rec/s", "B/record");
    for records in if asked.is_empty() { vec![10_000_000, 100_000_000] } else { asked } {
        let (verifier, verifier_bytes) = verify(records);
        let (ledger, ledger_bytes) = book(records);
        println!(
            "{records:>13}  {:>16.0}  {:>14.3}  {:>16.0}  {:>14.3}",
            records as f64 / verifier,
            verifier_bytes as f64 / records as f64,
            records as f64 / ledger,
            ledger_bytes as f64 / records as f64
        );
    }
    println!("one insertion into a set: {:.1} ns", insertion());
}

fn identity(number: u64, checksum: u32) -> Identity {
    Identity {
        stream: 0,
        shard: (number % u64::from(SHARDS)) as u16,
        partition: (number % 4) as u16,
        run: 1,
        sequence: number / u64::from(SHARDS),
        // 100,000 records a second.
        intended: Timestamp(1_700_000_000 * SECOND + number as i64 * 10_000),
        checksum,
    }
}

/// Seconds for taking `records` in, and bytes then held.
fn verify(records: u64) -> (f64, usize) {
    let value = [b'x'; 100];
    let keys: Vec<(String, u32)> = (0..KEYS * u64::from(SHARDS))
        .map(|key| {
            let key = format!("key-{key}");
            let checksum = Placement::Header.checksum(Some(key.as_bytes()), Some(&value));
            (key, checksum)
        })
        .collect();
    let expected = Expected { run: 1, streams: vec!["orders".into()], placement: Placement::Header, copies: 1 };
    let mut seen = Seen::new(expected);
    let mut header = [0; LENGTH];
    let start = clock::now();
    for number in 0..records {
        if number % 100_000 == 99_999 {
            continue;
        }
        let (shard, round) = (number % u64::from(SHARDS), number / u64::from(SHARDS));
        let (key, checksum) = &keys[(round.wrapping_mul(0x9e37_79b9) % KEYS * u64::from(SHARDS) + shard) as usize];
        identity(number, *checksum).encode(&mut header);
        let key = Some(key.as_bytes());
        let place = Place { topic: "enriched", partition: (number % 4) as u32, offset: number as i64, key };
        let arrival = Arrival { place, sink: place.partition, value: Some(&value), header: Some(&header) };
        seen.take(&arrival);
        if number % 100_000 == 50_000 {
            seen.take(&arrival);
        }
    }
    let seconds = clock::now().seconds_since(start);
    assert_eq!((seen.corrupt, seen.total - seen.fresh), (0, records.div_ceil(100_000)));
    (seconds, seen.memory())
}

/// Seconds for entering the outcomes of `records`, and bytes then held.
fn book(records: u64) -> (f64, usize) {
    let ledger = Ledger::new(1);
    let mut page = ledger.page(0);
    let mut batch = Vec::with_capacity(4096);
    let start = clock::now();
    for number in 0..records {
        let Identity { shard, partition, sequence, intended, .. } = identity(number, 0);
        let outcome = if number % 100_000 == 99_999 { Outcome::Unresolved } else { Outcome::Acknowledged { offset: number as i64 } };
        batch.push(Settled { shard, partition, sequence, intended, outcome });
        if batch.len() == 4096 {
            page.settled(&batch);
            batch.clear();
        }
    }
    page.settled(&batch);
    (clock::now().seconds_since(start), ledger.memory())
}

fn insertion() -> f64 {
    const INSERTIONS: u64 = 50_000_000;
    let mut set = Sequences::default();
    let start = clock::now();
    for number in 0..INSERTIONS {
        set.insert(std::hint::black_box(number));
    }
    assert_eq!(set.len(), INSERTIONS);
    clock::now().seconds_since(start) * 1e9 / INSERTIONS as f64
}
