//! Samples as rows: what one look of a probe gave, as one line against the names of its series. A soak of days looks at the same series all
//! the time, and most of them have not moved.
//!
//! ```text
//! =0 [["resident-memory",{"node":"tm-1"}],["threads",{"node":"tm-1"}]]
//! 0 20 1795272004593014932 317165568,59
//! 0 31 1795272006593214171 317181952,
//! ```
//!
//! `=0` names the series of rows that begin with 0. A row holds the number of its first sample, the moment, and the values: an empty one was
//! looked at and is the same as that series' value before. What was not looked at has no row. Each segment stands alone.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::Arc;

use super::{Event, EventKind, Of};
use crate::clock::Timestamp;
use crate::metric::Metric;

/// What a sample is a sample of.
pub type SeriesName = (Metric, Of);

/// What one look gave: samples of one moment, numbered through.
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    /// Number of the first sample.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What was looked at. Polls of the same series share it.
    pub series: Arc<[SeriesName]>,
    /// The values, in the order of the series.
    pub values: Vec<f64>,
}

impl Poll {
    /// Its samples, each as the event that it was.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        (self.seq..).zip(self.series.iter().zip(&self.values)).map(|(seq, ((metric, of), value))| Event {
            seq,
            at: self.at,
            event: EventKind::Sample { metric: *metric, of: of.clone(), value: *value },
        })
    }
}

/// Makes rows of one segment.
#[derive(Debug, Default)]
pub(super) struct RowWriter {
    series: BTreeMap<Metric, BTreeMap<Of, usize>>,
    /// The last value written, by series.
    written: Vec<Option<f64>>,
    names: HashMap<Vec<usize>, usize>,
    open: Option<OpenRow>,
}

#[derive(Debug)]
struct OpenRow {
    seq: u64,
    at: Timestamp,
    values: Vec<(usize, f64)>,
}

impl RowWriter {
    /// Takes in a sample. A row that it does not belong to is written to `text` first.
    pub(super) fn push(&mut self, seq: u64, at: Timestamp, metric: Metric, of: &Of, value: f64, text: &mut Vec<u8>) {
        let follows = |row: &OpenRow| row.at == at && row.seq + row.values.len() as u64 == seq;
        if !self.open.as_ref().is_some_and(follows) {
            self.close(text);
        }
        let series = self.id(metric, of);
        self.open.get_or_insert_with(|| OpenRow { seq, at, values: Vec::new() }).values.push((series, value));
    }

    /// Writes the open row, if any, and the names of its series where they are new.
    pub(super) fn close(&mut self, text: &mut Vec<u8>) {
        let Some(OpenRow { seq, at, values }) = self.open.take() else { return };
        let ids: Vec<usize> = values.iter().map(|(series, _)| *series).collect();
        let known = self.names.len();
        let shape = match self.names.get(&ids) {
            Some(shape) => *shape,
            None => {
                self.name(known, &ids, text);
                self.names.insert(ids, known);
                known
            }
        };
        write(text, format_args!("{shape} {seq} {} ", at.0));
        for (index, (series, value)) in values.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            let before = self.written[*series].replace(*value);
            if before.is_none_or(|before| before.to_bits() != value.to_bits()) {
                write(text, format_args!("{value}"));
            }
        }
        text.push(b'\n');
    }

    fn id(&mut self, metric: Metric, of: &Of) -> usize {
        let subjects = self.series.entry(metric).or_default();
        if let Some(id) = subjects.get(of) {
            return *id;
        }
        subjects.insert(of.clone(), self.written.len());
        self.written.push(None);
        self.written.len() - 1
    }

    fn name(&self, shape: usize, ids: &[usize], text: &mut Vec<u8>) {
        let mut names: Vec<Option<(Metric, &Of)>> = vec![None; self.written.len()];
        for (metric, subjects) in &self.series {
            subjects.iter().for_each(|(of, id)| names[*id] = Some((*metric, of)));
        }
        let names: Vec<(Metric, &Of)> = ids.iter().filter_map(|id| names[*id]).collect();
        write(text, format_args!("={shape} "));
        // Names are strings and numbers, and the text is in memory.
        let _ = serde_json::to_writer(&mut *text, &names);
        text.push(b'\n');
    }
}

/// Into memory, where there is nothing to fail.
fn write(text: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(line);
}

/// Reads rows of one segment.
#[derive(Debug, Default)]
pub(super) struct RowReader {
    shapes: HashMap<u64, Shape>,
    series: BTreeMap<SeriesName, usize>,
    /// The last value read, by series; `NaN` where it is not known.
    read: Vec<f64>,
}

#[derive(Debug)]
struct Shape {
    names: Arc<[SeriesName]>,
    ids: Vec<usize>,
}

impl RowReader {
    /// Whether a line is a row, or names one; else it is an event.
    pub(super) fn is_row(line: &[u8]) -> bool {
        line.first().is_some_and(|first| *first == b'=' || first.is_ascii_digit())
    }

    /// Reads a line, without its line break; none where it only names. After one that cannot be read, what has not moved since is not
    /// known any more.
    pub(super) fn read(&mut self, line: &[u8]) -> Result<Option<Poll>, String> {
        let read = match line.strip_prefix(b"=") {
            Some(name) => self.name(name).map(|()| None),
            None => self.row(line).map(Some),
        };
        if read.is_err() {
            self.read.fill(f64::NAN);
        }
        read
    }

    fn name(&mut self, line: &[u8]) -> Result<(), String> {
        let (shape, names) = split(line)?;
        let names: Arc<[SeriesName]> = serde_json::from_slice::<Vec<SeriesName>>(names).map_err(|error| error.to_string())?.into();
        let ids = names
            .iter()
            .map(|name| {
                let new = self.read.len();
                let id = *self.series.entry(name.clone()).or_insert(new);
                if id == new {
                    self.read.push(f64::NAN);
                }
                id
            })
            .collect();
        self.shapes.insert(whole(shape)?, Shape { names, ids });
        Ok(())
    }

    fn row(&mut self, line: &[u8]) -> Result<Poll, String> {
        let (shape, rest) = split(line)?;
        let (seq, rest) = split(rest)?;
        let (at, values) = split(rest)?;
        let shape = self.shapes.get(&whole(shape)?).ok_or("a row of series that were not named")?;
        let mut found = Vec::with_capacity(shape.ids.len());
        let mut texts = values.split(|byte| *byte == b',');
        for id in &shape.ids {
            let text = texts.next().ok_or("a row that is too short")?;
            if !text.is_empty() {
                self.read[*id] = number(text)?;
            }
            found.push(self.read[*id]);
        }
        if texts.next().is_some() {
            return Err("a row that is too long".to_owned());
        }
        let at = std::str::from_utf8(at).ok().and_then(|at| at.parse().ok()).ok_or("a row without a moment")?;
        Ok(Poll { seq: whole(seq)?, at: Timestamp(at), series: shape.names.clone(), values: found })
    }
}

fn split(line: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let space = line.iter().position(|byte| *byte == b' ').ok_or("a row that ends early")?;
    Ok((&line[..space], &line[space + 1..]))
}

fn whole(digits: &[u8]) -> Result<u64, String> {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(|| "a row without its number".to_owned())
}

/// Exactly what was written. Most values are whole.
fn number(text: &[u8]) -> Result<f64, String> {
    if text.len() <= 15 && text.iter().all(u8::is_ascii_digit) {
        return Ok(text.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0')) as f64);
    }
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn of(index: u32) -> Of {
        Of::Partition { topic: "orders".to_owned(), partition: index }
    }

    /// Through rows and back.
    fn back(samples: &[(i64, u32, f64)]) -> (String, Vec<(i64, u32, f64)>) {
        let (mut writer, mut text) = (RowWriter::default(), Vec::new());
        for (seq, (at, index, value)) in (0..).zip(samples) {
            writer.push(seq, Timestamp(*at), Metric::LogEnd, &of(*index), *value, &mut text);
        }
        writer.close(&mut text);
        let mut reader = RowReader::default();
        let polls = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter_map(|line| reader.read(line).unwrap());
        let samples = polls.flat_map(|poll| poll.events().collect::<Vec<_>>()).zip(0..).map(|(event, seq)| {
            assert_eq!(event.seq, seq);
            match event.event {
                EventKind::Sample { of: Of::Partition { partition, .. }, value, .. } => (event.at.0, partition, value),
                _ => unreachable!(),
            }
        });
        let samples = samples.collect();
        (String::from_utf8(text).unwrap(), samples)
    }

    #[test]
    fn what_was_looked_at_and_did_not_move_is_there_and_what_was_not_looked_at_is_not() {
        let samples = [(1, 0, 5.0), (1, 1, 0.25), (2, 0, 5.0), (2, 1, 0.5), (3, 1, 0.5), (4, 0, 6.0), (4, 1, 0.5)];
        let (text, again) = back(&samples);
        assert_eq!(again, samples);
        let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('=')).collect();
        assert_eq!(rows, ["0 0 1 5,0.25", "0 2 2 ,0.5", "1 4 3 ", "0 5 4 6,"]);
    }

    #[test]
    fn after_a_row_that_cannot_be_read_nothing_is_taken_for_unmoved() {
        let mut reader = RowReader::default();
        reader.read(br#"=0 [["seen","run"]]"#).unwrap();
        assert_eq!(reader.read(b"0 0 1 7").unwrap().unwrap().values, [7.0]);
        for broken in ["0 1 2 x", "0 1 2 1,2", "0 1", "9 1 2 3", "0 1 two 3", "=1 [[\"seen\""] {
            assert!(reader.read(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(reader.read(b"0 1 2 ").unwrap().unwrap().values[0].is_nan());
        assert_eq!(reader.read(b"0 2 3 8").unwrap().unwrap().values, [8.0]);
    }

    proptest! {
        #[test]
        fn every_value_comes_back_to_the_last_bit(
            samples in prop::collection::vec((0i64..5, 0u32..4, prop_oneof![any::<f64>(), Just(7.0), Just(-0.0)]), 0..60)
        ) {
            let bits = |samples: &[(i64, u32, f64)]| samples.iter().map(|(at, of, value)| (*at, *of, value.to_bits())).collect::<Vec<_>>();
            let numbers: Vec<_> = samples.into_iter().filter(|(_, _, value)| !value.is_nan()).collect();
            prop_assert_eq!(bits(&back(&numbers).1), bits(&numbers));
        }
    }
}
