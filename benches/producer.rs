//! squall's producer on a real Kafka, beside a bare librdkafka loop: `KAFKA=127.0.0.1:9092 cargo bench --bench producer`.
//!
//! Squall sends with everything on: keys, identity, books, histograms, an acknowledgement set. The bare loop hands the same
//! bytes to `rd_kafka_produce` and counts delivery reports. Both take turns, so that what else the machine does hits both.
//! Words after `--` choose: `throughput`, `slip`. `PERF_TEST` may hold a command that runs kafka-producer-perf-test, with
//! `{records}`, `{size}` and `{topic}` in it; its last line is printed with the rest. The topics `squall-bench-*` are made by the broker.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_void};
use std::process::Command;
use std::ptr::null_mut;
use std::time::Duration;

use hdrhistogram::Histogram;
use rdkafka_sys as sys;
use squall::clock;
use squall::kafka::Connection;
use squall::traffic::{AckSink, Input, Placement, Progress, Settings, Settled, Slice, Stream, Traffic};

const ROUNDS: usize = 5;
const SECONDS: u64 = 6;
const PARTITIONS: u32 = 4;
/// Offered where as much as possible is to be sent.
const TOO_MUCH: u64 = 5_000_000;

fn main() {
    let Ok(bootstrap) = std::env::var("KAFKA") else {
        println!("skipped: KAFKA names no broker");
        return;
    };
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |word: &str| words.is_empty() || words.iter().any(|chosen| chosen == word);
    let mut most = 0.0;
    if wanted("throughput") {
        most = throughput(&bootstrap);
    }
    if wanted("slip") {
        let most = if most > 0.0 { most } else { squall(&bootstrap, 100, TOO_MUCH, Placement::Header, 6).rate };
        slip(&bootstrap, most);
    }
}

fn throughput(bootstrap: &str) -> f64 {
    let mut most = 0.0;
    for size in [100, 1024] {
        let mut columns: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            let mut enter = |name, rate| columns.entry(name).or_default().push(rate);
            enter("bare, with a header", bare(bootstrap, size, true));
            enter("squall, header", squall(bootstrap, size, TOO_MUCH, Placement::Header, SECONDS).rate);
            enter("bare, no header", bare(bootstrap, size, false));
            enter("squall, value-prefix", squall(bootstrap, size, TOO_MUCH, Placement::ValuePrefix, SECONDS).rate);
            if let Some(rate) = perf_test(size) {
                enter("kafka-producer-perf-test", rate);
            }
        }
        println!("\n{size} B, acks=all, idempotent, {PARTITIONS} partitions, median of {ROUNDS}:");
        for (name, rates) in &mut columns {
            rates.sort_by(f64::total_cmp);
            let (low, middle, high) = (rates[0], rates[rates.len() / 2], rates[rates.len() - 1]);
            println!("  {name:26} {:>9.0} /s   ({low:.0} … {high:.0})", middle);
            if size == 100 && name.starts_with("squall, header") {
                most = middle;
            }
        }
    }
    most
}

fn slip(bootstrap: &str, most: f64) {
    println!("\nslip at shares of {most:.0} /s (100 B, header), in µs:");
    println!("  {:>6} {:>8} {:>8} {:>8} {:>8} {:>9}  produce latency p50, p99", "share", "p50", "p99", "p99.9", "max", "unsent");
    for share in [0.1, 0.5, 0.8] {
        let run = squall(bootstrap, 100, (most * share) as u64, Placement::Header, 10);
        let at = |quantile| run.slip.value_at_quantile(quantile);
        println!(
            "  {:>5.0}% {:>8} {:>8} {:>8} {:>8} {:>9}  {}, {}",
            share * 100.0,
            at(0.5),
            at(0.99),
            at(0.999),
            run.slip.max(),
            run.unsent,
            run.latency.value_at_quantile(0.5),
            run.latency.value_at_quantile(0.99)
        );
    }
}

struct Run {
    rate: f64,
    slip: Histogram<u64>,
    latency: Histogram<u64>,
    unsent: u64,
}

/// What the ledger does with an outcome, as far as a benchmark needs it: a bit in a set.
struct Set(Vec<Vec<u64>>);

impl AckSink for Set {
    fn settled(&mut self, records: &[Settled]) {
        for record in records {
            let words = &mut self.0[usize::from(record.shard)];
            let word = (record.sequence / 64) as usize;
            if word >= words.len() {
                words.resize((word + 1) * 2, 0);
            }
            words[word] |= 1 << (record.sequence % 64);
        }
    }
}

fn squall(bootstrap: &str, size: usize, rate: u64, placement: Placement, seconds: u64) -> Run {
    let stream: Stream = serde_json::from_str(&format!(
        r#"{{"rate":{{"constant":"{rate}/s"}},"keys":{{"uniform":{{"distinct":"10k"}}}},"value":{{"size":"{size}B"}}}}"#
    ))
    .unwrap();
    let settings = Settings {
        run: "bench".to_owned(),
        seed: 1,
        connection: Connection::plain(bootstrap),
        start: clock::now().plus(Duration::from_millis(1500)),
        duration: Duration::from_secs(seconds),
        slice: Slice::WHOLE,
        placement,
    };
    let input = Input { name: "bench".to_owned(), topic: format!("squall-bench-{size}"), partitions: PARTITIONS, stream };
    let mut traffic = Traffic::start(&settings, &[input], |_, _| Box::new(Set(vec![Vec::new(); 64]))).unwrap();
    let mut slip = Histogram::new(3).unwrap();
    let mut latency = Histogram::new(3).unwrap();
    let mut unsent = 0;
    let mut take = |progress: Progress| {
        for window in &progress.streams[0].windows {
            slip.add(&window.slip).unwrap();
            latency.add(&window.latency).unwrap();
        }
        unsent = progress.streams[0].accounts.unsent;
        (progress.at, progress.streams[0].accounts.acknowledged)
    };
    let wait = |until: clock::Timestamp| {
        while !until.remaining().is_zero() {
            std::thread::park_timeout(until.remaining());
        }
    };
    wait(settings.start.plus(Duration::from_secs(2)));
    let (from, before) = take(traffic.progress());
    wait(settings.start.plus(Duration::from_secs(seconds)).minus(Duration::from_millis(100)));
    let (to, after) = take(traffic.progress());
    wait(settings.start.plus(Duration::from_secs(seconds)));
    traffic.stop(Duration::from_secs(30));
    take(traffic.join());
    Run { rate: (after - before) as f64 / to.seconds_since(from), slip, latency, unsent }
}

/// `rd_kafka_produce` as fast as it goes; delivery reports are counted as they come.
fn bare(bootstrap: &str, size: usize, header: bool) -> f64 {
    unsafe extern "C" fn report(_: *mut sys::rd_kafka_t, message: *const sys::rd_kafka_message_t, _: *mut c_void) {
        // SAFETY: librdkafka's message lives during the call; the opaque is the counter below.
        unsafe {
            assert_eq!((*message).err as i32, 0, "a record was not written");
            *(*message)._private.cast::<u64>() += 1;
        }
    }
    let settings: [(&CStr, &str); 7] = [
        (c"bootstrap.servers", bootstrap),
        (c"acks", "all"),
        (c"enable.idempotence", "true"),
        (c"linger.ms", "5"),
        (c"queue.buffering.max.messages", "500000"),
        (c"queue.buffering.max.kbytes", "262144"),
        (c"socket.nagle.disable", "true"),
    ];
    let mut acknowledged = Box::new(0u64);
    let counter: *mut u64 = &mut *acknowledged;
    let key = b"k1234";
    let value: Vec<u8> = (0..size).map(|place| b'A' + (place * 7919 % 57) as u8).collect();
    let identity = [7u8; 32];
    // SAFETY: every pointer outlives the client, which is destroyed at the end; errors are looked at.
    unsafe {
        let conf = sys::rd_kafka_conf_new();
        for (name, setting) in settings {
            let setting = CString::new(setting).unwrap();
            let result = sys::rd_kafka_conf_set(conf, name.as_ptr(), setting.as_ptr(), null_mut(), 0);
            assert_eq!(result as i32, 0, "{name:?}");
        }
        sys::rd_kafka_conf_set_dr_msg_cb(conf, Some(report));
        let client = sys::rd_kafka_new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, conf, null_mut(), 0);
        assert!(!client.is_null());
        let name = CString::new(format!("squall-bench-{size}")).unwrap();
        let topic = sys::rd_kafka_topic_new(client, name.as_ptr(), null_mut());
        let mut n = 0;
        let mut produce = |until: clock::Timestamp| {
            while !until.remaining().is_zero() {
                for _ in 0..256 {
                    let taken = if header {
                        produce_with_header(client, topic, n, key, &value, &identity, counter)
                    } else {
                        let (payload, key_pointer) = (value.as_ptr().cast_mut().cast(), key.as_ptr().cast());
                        let flags = sys::RD_KAFKA_MSG_F_COPY;
                        let partition = (n % PARTITIONS) as i32;
                        sys::rd_kafka_produce(topic, partition, flags, payload, size, key_pointer, key.len(), counter.cast()) == 0
                    };
                    if !taken {
                        sys::rd_kafka_poll(client, 1);
                        break;
                    }
                    n += 1;
                }
                sys::rd_kafka_poll(client, 0);
            }
        };
        produce(clock::now().plus(Duration::from_secs(2)));
        let (from, before) = (clock::now(), *counter);
        produce(clock::now().plus(Duration::from_secs(SECONDS - 2)));
        let (to, after) = (clock::now(), *counter);
        sys::rd_kafka_flush(client, 30_000);
        sys::rd_kafka_topic_destroy(topic);
        sys::rd_kafka_destroy(client);
        (after - before) as f64 / to.seconds_since(from)
    }
}

/// # Safety
/// Client, topic and counter are alive.
unsafe fn produce_with_header(
    client: *mut sys::rd_kafka_t,
    topic: *mut sys::rd_kafka_topic_t,
    n: u32,
    key: &[u8],
    value: &[u8],
    identity: &[u8],
    counter: *mut u64,
) -> bool {
    use sys::rd_kafka_vtype_t as T;
    type Union = sys::rd_kafka_vu_s__bindgen_ty_1;
    type Bytes = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1;
    let bytes = |bytes: &[u8]| Union { mem: Bytes { ptr: bytes.as_ptr().cast_mut().cast(), size: bytes.len() } };
    let header = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
        name: c"squall".as_ptr(),
        val: identity.as_ptr().cast(),
        size: identity.len().cast_signed(),
    };
    let arguments = [
        (T::RD_KAFKA_VTYPE_MSGFLAGS, Union { i: sys::RD_KAFKA_MSG_F_COPY }),
        (T::RD_KAFKA_VTYPE_RKT, Union { rkt: topic }),
        (T::RD_KAFKA_VTYPE_PARTITION, Union { i32_: (n % PARTITIONS) as i32 }),
        (T::RD_KAFKA_VTYPE_VALUE, bytes(value)),
        (T::RD_KAFKA_VTYPE_KEY, bytes(key)),
        (T::RD_KAFKA_VTYPE_OPAQUE, Union { ptr: counter.cast() }),
        (T::RD_KAFKA_VTYPE_HEADER, Union { header }),
    ]
    .map(|(vtype, u)| sys::rd_kafka_vu_t { vtype, u });
    // SAFETY: each union holds the field that its type names, and librdkafka copies what it points to.
    unsafe {
        let error = sys::rd_kafka_produceva(client, arguments.as_ptr(), arguments.len());
        if error.is_null() {
            return true;
        }
        sys::rd_kafka_error_destroy(error);
        false
    }
}

/// Runs the command in `PERF_TEST`, and reads `… records/sec` from its last line.
fn perf_test(size: usize) -> Option<f64> {
    let records = if size > 500 { 800_000 } else { 4_000_000 };
    let command = std::env::var("PERF_TEST").ok()?;
    let command = command
        .replace("{records}", &records.to_string())
        .replace("{size}", &size.to_string())
        .replace("{topic}", &format!("squall-bench-{size}"));
    let output = Command::new("sh").args(["-c", &command]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().rfind(|line| line.contains("records/sec"))?;
    line.split(", ").find_map(|part| part.split_once(" records/sec")?.0.parse().ok())
}
