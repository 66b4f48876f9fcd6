//! Whether the generator kept its schedule: else every latency and every rate is about the generator.

use super::Analysis;
use super::windows::Span;
use crate::journal::Accounting;
use crate::metric::Metric;
use crate::units::display;

/// Slip p99.9 beyond this, in seconds, is behind the schedule: the smallest band of the output lag (0.5 s × rate), so that slip alone
/// never looks like a disturbance.
const MOST_SLIP: f64 = 0.5;

impl Analysis {
    /// The error says what was missed and what limited the generator.
    pub(super) fn generator(&self) -> Result<(), String> {
        let limited = |accounting: Option<&Accounting>| {
            accounting.and_then(|books| books.limited_by.as_ref()).map_or(String::new(), |limit| format!("; limited by {limit}"))
        };
        let books = self.run.accounting.as_ref();
        if let Some(books) = books {
            if books.scheduled != books.sent + books.unsent || books.sent != books.acknowledged + books.failed + books.unresolved {
                return Err(format!("the generator's books do not add up: {books:?}"));
            }
            let (from, to) = self.whole_run();
            let seconds = ((to - from) as f64 / 1e9).max(1.0);
            if books.unsent as f64 > MOST_SLIP * books.scheduled as f64 / seconds {
                return Err(format!(
                    "{} of {} records were never sent: the generator was behind when it stopped{}",
                    display::grouped(books.unsent),
                    display::grouped(books.scheduled),
                    limited(Some(books))
                ));
            }
        }
        let spans: [Span; 1] = [self.whole_run()];
        if let Some(slip) = self.latency.merged(Metric::Slip, &spans) {
            let behind = slip.percentile(99.9);
            if behind > MOST_SLIP {
                return Err(format!(
                    "one record in a thousand was sent {} or more behind its schedule; {} is the limit{}",
                    display::seconds(behind),
                    display::seconds(MOST_SLIP),
                    limited(books)
                ));
            }
        }
        Ok(())
    }
}
