//! Latencies of the records in the sink, by the second in which they were intended.

use hdrhistogram::Histogram;

use crate::clock::Timestamp;

/// Latencies of records that were intended within one second, as far as they became known since the last time.
#[derive(Debug)]
pub struct LatencyWindow {
    /// Start of the second.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Time in the sink's log − intended, in microseconds, ± 0.5 ms. For a topic without `LogAppendTime` it is that of `visible`.
    pub end_to_end: Histogram<u64>,
    /// First seen by the reader − intended, in microseconds.
    pub visible: Histogram<u64>,
    /// End-to-end latencies below zero, which clocks that disagree give.
    pub negative: u64,
}

const SECOND: i64 = 1_000_000_000;

/// Gathers latencies.
#[derive(Debug, Default)]
pub struct Latencies {
    windows: Vec<LatencyWindow>,
    last: usize,
}

impl Latencies {
    /// Takes in one record: when it was appended, by the broker's clock where there is one, and when it was seen.
    pub fn record(&mut self, intended: Timestamp, appended: Timestamp, seen: Timestamp) {
        let window = self.window(intended.0.div_euclid(SECOND) * SECOND);
        match u64::try_from(appended.0 - intended.0) {
            Ok(nanos) => record(&mut window.end_to_end, nanos),
            Err(_) => window.negative += 1,
        }
        record(&mut window.visible, u64::try_from(seen.0 - intended.0).unwrap_or(0));
    }

    fn window(&mut self, from: i64) -> &mut LatencyWindow {
        if self.windows.get(self.last).is_none_or(|window| window.from.0 != from) {
            self.last = self.windows.iter().position(|window| window.from.0 == from).unwrap_or_else(|| {
                let (end_to_end, visible) = (histogram(), histogram());
                let (from, to) = (Timestamp(from), Timestamp(from + SECOND));
                self.windows.push(LatencyWindow { from, to, end_to_end, visible, negative: 0 });
                self.windows.len() - 1
            });
        }
        &mut self.windows[self.last]
    }

    /// What was gathered, oldest second first.
    pub fn take(&mut self) -> Vec<LatencyWindow> {
        self.last = 0;
        let mut windows = std::mem::take(&mut self.windows);
        windows.sort_by_key(|window| window.from);
        windows
    }
}

fn record(histogram: &mut Histogram<u64>, nanos: u64) {
    histogram.record(nanos / 1000).unwrap_or_else(|_| unreachable!("it grows with its values"));
}

/// Three significant digits; grows with its values.
fn histogram() -> Histogram<u64> {
    Histogram::new(3).unwrap_or_else(|_| unreachable!("three digits are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_by_intended_second_and_counts_what_is_negative() {
        let mut latencies = Latencies::default();
        let intended = Timestamp(10 * SECOND + 300_000_000);
        let appended = Timestamp::from_millis(10_450);
        latencies.record(intended, appended, Timestamp(11 * SECOND));
        latencies.record(Timestamp(9 * SECOND), Timestamp(11 * SECOND), Timestamp(11 * SECOND));
        latencies.record(intended, Timestamp::from_millis(10_299), Timestamp(11 * SECOND));
        let windows = latencies.take();
        assert_eq!(windows.iter().map(|window| window.from.0 / SECOND).collect::<Vec<_>>(), [9, 10]);
        assert_eq!((windows[0].end_to_end.len(), windows[0].visible.len()), (1, 1));
        assert_eq!((windows[1].end_to_end.len(), windows[1].negative), (1, 1));
        assert!(windows[1].end_to_end.equivalent(windows[1].end_to_end.max(), 150_000));
        assert!(latencies.take().is_empty());
    }
}
