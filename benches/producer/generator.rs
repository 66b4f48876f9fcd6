use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use squall::clock::{self, Timestamp};
use squall::delivery::Ledger;
use squall::kafka::Connection;
use squall::traffic::{Input, Placement, Progress, Settings, Slice, Stream, Traffic};

use crate::{PARTITIONS, WARM_UP};

/// What a run of squall's producer reached, without its warm-up.
pub struct Run {
    /// Acknowledged records a second.
    pub rate: f64,
    /// Microseconds.
    pub slip: Histogram<u64>,
    /// Microseconds.
    pub latency: Histogram<u64>,
    /// Records that were due and never sent.
    pub unsent: u64,
}

/// A producer of 10,000 keys with its ledger, as in a run.
pub fn start(bootstrap: &str, topic: &str, size: usize, rate: u64, placement: Placement, lasts: Duration) -> (Traffic, Timestamp) {
    let stream: Stream = serde_json::from_str(&format!(
        r#"{{"rate":{{"constant":"{rate}/s"}},"keys":{{"uniform":{{"distinct":"10k"}}}},"value":{{"size":"{size}B"}}}}"#
    ))
    .unwrap();
    let settings = Settings {
        run: "bench".to_owned(),
        seed: 1,
        connection: Connection::plain(bootstrap),
        start: clock::now().plus(Duration::from_millis(1000)),
        duration: lasts,
        slice: Slice::WHOLE,
        placement,
    };
    let input = Input { name: "bench".to_owned(), topic: topic.to_owned(), partitions: PARTITIONS, stream };
    let ledger = Arc::new(Ledger::new(1));
    let traffic = Traffic::start(&settings, &[input], |stream, _| Box::new(ledger.page(stream))).unwrap();
    (traffic, settings.start)
}

/// Offers `rate` records a second for a warm-up and then for `measured`.
pub fn run(bootstrap: &str, topic: &str, size: usize, rate: u64, placement: Placement, measured: Duration) -> Run {
    let (mut traffic, start) = start(bootstrap, topic, size, rate, placement, WARM_UP + measured + Duration::from_millis(500));
    wait(start.plus(WARM_UP));
    let mut run = Run { rate: 0.0, slip: Histogram::new(3).unwrap(), latency: Histogram::new(3).unwrap(), unsent: 0 };
    let (from, before) = look(&traffic.progress());
    wait(start.plus(WARM_UP + measured));
    let progress = traffic.progress();
    let (to, after) = look(&progress);
    run.rate = (after - before) as f64 / to.seconds_since(from);
    // The schedule ends by itself where it was kept.
    let overload = progress.streams[0].accounts.unsent > rate;
    if overload {
        traffic.stop(Duration::from_secs(30));
    }
    let last = traffic.join();
    for window in progress.streams.iter().chain(&last.streams).flat_map(|stream| &stream.windows) {
        if window.from >= start.plus(WARM_UP) {
            run.slip.add(&window.slip).unwrap();
            run.latency.add(&window.latency).unwrap();
        }
    }
    run.unsent = last.streams[0].accounts.unsent;
    run
}

fn look(progress: &Progress) -> (Timestamp, u64) {
    (progress.at, progress.streams[0].accounts.acknowledged)
}

/// Until then.
pub fn wait(until: Timestamp) {
    while !until.remaining().is_zero() {
        std::thread::park_timeout(until.remaining());
    }
}
