//! A segment of samples reduced to each minute: of every series its least and its largest value, distributions and output put together. Good
//! enough to draw; nothing is judged by it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::lines::{LineError, Lines};
use super::rows::RowWriter;
use super::{Entry, Error, Event, EventKind, Of, OutputBatch};
use crate::clock::Timestamp;
use crate::metric::{Behaviour, Metric};

const MINUTE: i64 = 60_000_000_000;

/// What a reduced segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thinned {
    /// Its size in bytes.
    pub size: u64,
    /// Its first sample.
    pub from: Timestamp,
    /// Behind its last sample.
    pub before: Timestamp,
}

/// Writes the segment `from`, reduced, to `to`.
pub(super) fn thin(from: &Path, to: &Path) -> Result<Thinned, Error> {
    let error = |source| Error::Write { path: to.to_owned(), source };
    let mut out = zstd::stream::write::Encoder::new(File::create(to).map_err(error)?, 9).map_err(error)?;
    let (mut rows, mut text) = (RowWriter::default(), Vec::new());
    let mut minute = Minute::default();
    let (mut first, mut before) = (Timestamp(i64::MAX), Timestamp(i64::MIN));
    for entry in Lines::new(vec![from.to_owned()], true) {
        let entry = match entry {
            Ok(entry) => entry,
            // What cannot be read is not there for a report either.
            Err(LineError::Unreadable(_) | LineError::Torn(_)) => continue,
            Err(LineError::Io(path, source)) => return Err(Error::Read { path, source }),
        };
        let (seq, at) = match &entry {
            Entry::Event(event) => (event.seq, event.at),
            Entry::Poll(poll) => (poll.seq, poll.at),
        };
        (first, before) = (first.min(at), before.max(Timestamp(at.0 + 1)));
        if minute.is_over(at) {
            std::mem::take(&mut minute).write(&mut rows, &mut text)?;
            out.write_all(&text).map_err(error)?;
            text.clear();
        }
        minute.take(seq, at, entry);
    }
    minute.write(&mut rows, &mut text)?;
    let finish = || -> std::io::Result<u64> {
        out.write_all(&text)?;
        let file = out.finish()?;
        file.sync_data()?;
        Ok(file.metadata()?.len())
    };
    Ok(Thinned { size: finish().map_err(error)?, from: first, before })
}

/// The reduced form of a segment's path.
pub(super) fn path_of(segment: &Path) -> PathBuf {
    segment.with_extension("thin.zst")
}

/// The least and the largest, or the first and the last of a counter.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    first: f64,
    second: Option<f64>,
}

/// The samples of a minute.
#[derive(Debug, Default)]
struct Minute {
    from: Option<(u64, Timestamp)>,
    to: Timestamp,
    values: BTreeMap<(Metric, Of), Extremes>,
    distributions: BTreeMap<(Metric, Of), Distribution>,
    output: BTreeMap<(String, u32), OutputBatch>,
    /// What is kept as it is.
    others: Vec<EventKind>,
}

#[derive(Debug)]
struct Distribution {
    from: Timestamp,
    to: Timestamp,
    negative: u64,
    histogram: Histogram<u64>,
}

impl Minute {
    fn is_over(&self, at: Timestamp) -> bool {
        self.from.is_some_and(|(_, from)| at.0.div_euclid(MINUTE) > from.0.div_euclid(MINUTE))
    }

    fn take(&mut self, seq: u64, at: Timestamp, entry: Entry) {
        self.from.get_or_insert((seq, at));
        self.to = self.to.max(at);
        match entry {
            Entry::Poll(poll) => {
                for ((metric, of), value) in poll.series.iter().zip(poll.values) {
                    self.value(*metric, of, value);
                }
            }
            Entry::Event(line) => match line.event {
                EventKind::Sample { metric, of, value } => self.value(metric, &of, value),
                EventKind::Output(batch) => self.output(batch),
                EventKind::Histogram { sum: true, .. } => {}
                EventKind::Histogram { metric, of, from, to, negative, histogram, .. } => {
                    self.distribution(metric, of, from, to, negative, &histogram);
                }
                other => self.others.push(other),
            },
        }
    }

    fn value(&mut self, metric: Metric, of: &Of, value: f64) {
        if !value.is_finite() {
            return;
        }
        let Some(extremes) = self.values.get_mut(&(metric, of.clone())) else {
            self.values.insert((metric, of.clone()), Extremes { first: value, second: None });
            return;
        };
        if metric.behaviour() == Behaviour::Counter {
            extremes.second = Some(value);
        } else {
            let largest = extremes.second.unwrap_or(extremes.first);
            (extremes.first, extremes.second) = (extremes.first.min(value), Some(largest.max(value)));
        }
    }

    fn output(&mut self, batch: OutputBatch) {
        match self.output.get_mut(&(batch.topic.clone(), batch.partition)) {
            None => drop(self.output.insert((batch.topic.clone(), batch.partition), batch)),
            Some(minute) => {
                minute.records += batch.records;
                minute.fresh += batch.fresh;
                minute.last_seen = minute.last_seen.max(batch.last_seen);
                minute.poll_gap = minute.poll_gap.max(batch.poll_gap);
                minute.furthest = batch.furthest;
            }
        }
    }

    fn distribution(&mut self, metric: Metric, of: Of, from: Timestamp, to: Timestamp, negative: u64, encoded: &str) {
        // What cannot be read is not there for a report either.
        let Ok(bytes) = STANDARD.decode(encoded) else { return };
        let Ok(histogram) = Deserializer::new().deserialize::<u64, _>(&mut Cursor::new(bytes)) else { return };
        match self.distributions.get_mut(&(metric, of.clone())) {
            None => drop(self.distributions.insert((metric, of), Distribution { from, to, negative, histogram })),
            Some(minute) => {
                (minute.from, minute.to) = (minute.from.min(from), minute.to.max(to));
                minute.negative += negative;
                minute.histogram.auto(true);
                // An auto-resizing histogram takes any value of another one.
                let _ = minute.histogram.add(histogram);
            }
        }
    }

    /// The minute as rows and lines. The first values are of its first moment, the second ones of half a minute later, or its last moment where that comes
    /// before: a segment may begin in the middle of a minute.
    fn write(self, rows: &mut RowWriter, text: &mut Vec<u8>) -> Result<(), Error> {
        let Some((mut seq, at)) = self.from else { return Ok(()) };
        let half = Timestamp(at.0 + MINUTE / 2).min(self.to);
        for ((metric, of), extremes) in &self.values {
            rows.push(seq, at, *metric, of, extremes.first, text);
            seq += 1;
        }
        for ((metric, of), extremes) in &self.values {
            if let Some(second) = extremes.second {
                rows.push(seq, half, *metric, of, second, text);
                seq += 1;
            }
        }
        rows.close(text);
        let distributions = self.distributions.into_iter().filter_map(|((metric, of), minute)| {
            let mut bytes = Vec::new();
            V2DeflateSerializer::new().serialize(&minute.histogram, &mut bytes).ok()?;
            let Distribution { from, to, negative, .. } = minute;
            Some(EventKind::Histogram { metric, of, from, to, negative, histogram: STANDARD.encode(bytes), summary: None, sum: false })
        });
        let events = distributions.chain(self.output.into_values().map(EventKind::Output)).chain(self.others);
        for event in events {
            let event = Event { seq, at, event };
            serde_json::to_writer(&mut *text, &event)
                .map_err(|error| Error::Write { path: PathBuf::from("a reduced segment"), source: error.into() })?;
            text.push(b'\n');
            seq += 1;
        }
        Ok(())
    }
}
