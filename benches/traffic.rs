//! What a record costs squall itself, in time per record, and what it allocates: `cargo bench --bench traffic`.
//!
//! Each sample is a thousand records; the throughput column is records a second.
#![allow(clippy::unwrap_used, missing_docs)]

use divan::Bencher;
use divan::counter::ItemsCount;
use squall::clock::Timestamp;
use squall::delivery::Ledger;
use squall::traffic::{AckSink, Buffers, Cursor, Keys, Outcome, Picker, Placement, Recipe, SHARDS, Schedule, Settled, Stream};

/// Says of each benchmark what it allocates: nothing, record for record.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

const RECORDS: u64 = 1000;

fn main() {
    divan::main();
}

const SHAPES: &[&str] = &[
    r#"{"constant":"100k/s"}"#,
    r#"{"ramp":{"from":"1k/s","to":"200k/s","over":"60s"}}"#,
    r#"{"sine":{"low":"1k/s","high":"200k/s","period":"60s"}}"#,
    r#"{"burst":{"base":"10k/s","peak":"200k/s","every":"10s","for":"1s"}}"#,
    r#"{"spike":{"base":"10k/s","peak":"200k/s","at":"10s","rise":"5s","for":"10s","fall":"5s"}}"#,
    r#"{"poisson":"100k/s"}"#,
    r#"{"sequence":[{"shape":{"constant":"10k/s"},"for":"10s"},{"shape":{"sine":{"low":"1k/s","high":"200k/s","period":"60s"}},"for":"60s"}]}"#,
];

/// When the next record is due.
#[divan::bench(args = SHAPES)]
fn due(bencher: Bencher<'_, '_>, shape: &str) {
    let schedule = Schedule::new(&serde_json::from_str(shape).unwrap(), 1).unwrap();
    let (mut cursor, mut n) = (Cursor::default(), 0);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        n += RECORDS;
        (n - RECORDS..n).map(|n| schedule.due_after(n, &mut cursor).unwrap_or(0)).fold(0, i64::wrapping_add)
    });
}

const KEYS: &[&str] = &[
    r#""none""#,
    r#"{"round-robin":{"distinct":"10k"}}"#,
    r#"{"uniform":{"distinct":"10k"}}"#,
    r#"{"zipf":{"distinct":"10k","exponent":1.1}}"#,
    r#"{"zipf":{"distinct":"1M","exponent":1.1}}"#,
    r#"{"hot":{"share":"50%","keys":"1","distinct":"10k"}}"#,
    r#"{"churn":{"distinct":"10k","new":"1%"}}"#,
];

/// Key, partition and shard of a record.
#[divan::bench(args = KEYS)]
fn pick(bencher: Bencher<'_, '_>, keys: &str) {
    let keys: Keys = serde_json::from_str(keys).unwrap();
    let picker = Picker::new(&keys, 4, &[], &[], 1).unwrap();
    let mut n = 0;
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        n += RECORDS;
        (n - RECORDS..n).map(|n| u64::from(picker.pick(n).partition)).sum::<u64>()
    });
}

/// The same with partition weights.
#[divan::bench(args = KEYS)]
fn pick_weighted(bencher: Bencher<'_, '_>, keys: &str) {
    let keys: Keys = serde_json::from_str(keys).unwrap();
    let picker = Picker::new(&keys, 4, &[4.0, 2.0, 1.0, 1.0], &[], 1).unwrap();
    let mut n = 0;
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        n += RECORDS;
        (n - RECORDS..n).map(|n| u64::from(picker.pick(n).partition)).sum::<u64>()
    });
}

const VALUES: &[(&str, &str)] = &[
    ("header", r#"{"size":"100B"}"#),
    ("header", r#"{"size":"1KiB"}"#),
    ("value-prefix", r#"{"size":"100B"}"#),
    ("value-prefix", r#"{"size":"1KiB"}"#),
    ("header", r#"{"size-lognormal":{"median":"512B","sigma":1,"at-most":"64KiB"}}"#),
    (
        "header",
        r#"{"json":{"id":"counter","at":{"time":"iso"},"who":"key","uid":"uuid","amount":{"number":{"from":0,"to":100,"decimals":2}}}}"#,
    ),
];

/// A whole record: draw, key, value, checksum, identity.
#[divan::bench(args = 0..VALUES.len())]
fn record(bencher: Bencher<'_, '_>, case: usize) {
    let (placement, value) = VALUES[case];
    let placement: Placement = serde_json::from_str(&format!("\"{placement}\"")).unwrap();
    let text = format!(r#"{{"rate":{{"constant":"1/s"}},"keys":{{"zipf":{{"distinct":"10k","exponent":1.1}}}},"value":{value}}}"#);
    let stream: Stream = serde_json::from_str(&text).unwrap();
    let recipe = Recipe::new(&stream, 0, 4, &placement, "bench", 1).unwrap();
    let (mut buffers, mut n) = (Buffers::default(), 0);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        n += RECORDS;
        for n in n - RECORDS..n {
            let pick = recipe.pick(n);
            divan::black_box(recipe.make(n, &pick, n, Timestamp(n as i64), &mut buffers));
        }
    });
}

/// An outcome on its way into the ledger.
#[divan::bench]
fn ledger(bencher: Bencher<'_, '_>) {
    let ledger = Ledger::new(1);
    let mut page = ledger.page(0);
    let mut n = 0;
    let mut batch = Vec::with_capacity(RECORDS as usize);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        batch.clear();
        batch.extend((n..n + RECORDS).map(|n| Settled {
            shard: (n % u64::from(SHARDS)) as u16,
            partition: (n % 4) as u16,
            sequence: n / u64::from(SHARDS),
            intended: Timestamp(n as i64 * 10_000),
            outcome: Outcome::Acknowledged { offset: n as i64 / 4 },
        }));
        n += RECORDS;
        page.settled(divan::black_box(&batch));
    });
}
