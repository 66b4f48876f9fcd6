//! Sums of encoded histograms. A day holds a hundred thousand of them; most of what a histogram costs to read is the room for values that
//! it does not have, so only what is there is read.

use flate2::{Decompress, FlushDecompress};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// Cookies of HdrHistogram's version 2: compressed, and plain, with counts of variable length.
const COMPRESSED: u32 = 0x1c84_9314;
const PLAIN: u32 = 0x1c84_9313;
/// Length of the plain header.
const HEADER: usize = 40;
/// What squall's histograms have: three significant digits, values from 1.
const DIGITS: u32 = 3;
const LOWEST: u64 = 1;
/// With three digits the first 2048 values have a count each, and each doubling after that 1024 counts.
const HALF: u32 = 10;

/// Counts of several histograms.
#[derive(Debug)]
pub(super) struct Sum {
    /// By HdrHistogram's index, which does not depend on the largest value.
    counts: Vec<u64>,
    /// Those of another layout.
    others: Option<Histogram<u64>>,
    inflate: Decompress,
    text: Vec<u8>,
}

impl Default for Sum {
    fn default() -> Self {
        Self { counts: Vec::new(), others: None, inflate: Decompress::new(true), text: Vec::new() }
    }
}

impl Sum {
    /// Adds an encoded histogram. The error says why it cannot be read; then nothing of it counts.
    pub(super) fn add(&mut self, encoded: &[u8]) -> Result<(), String> {
        if self.inflated(encoded).is_some() && self.add_plain().is_some() {
            return Ok(());
        }
        let other = decode(encoded)?;
        match &mut self.others {
            Some(sum) => sum.add(other).map_err(|error| error.to_string()),
            None => {
                let mut other = other;
                other.auto(true);
                self.others = Some(other);
                Ok(())
            }
        }
    }

    /// Makes `text` the plain form of a compressed histogram; none where it is of another kind.
    fn inflated(&mut self, encoded: &[u8]) -> Option<()> {
        if number(encoded, 0)? != COMPRESSED {
            return None;
        }
        self.inflate.reset(true);
        self.text.clear();
        let packed = encoded.get(8..)?;
        loop {
            self.text.reserve(4096);
            let read = usize::try_from(self.inflate.total_in()).ok()?;
            match self.inflate.decompress_vec(packed.get(read..)?, &mut self.text, FlushDecompress::Finish).ok()? {
                flate2::Status::StreamEnd => return Some(()),
                // More room, unless there is nothing more to read.
                _ if self.text.len() < self.text.capacity() => return None,
                _ => {}
            }
        }
    }

    /// Adds `text`; none, and nothing added, where it is not as squall writes it.
    fn add_plain(&mut self) -> Option<()> {
        let text = &self.text;
        let lowest = u64::from(number(text, 16)?) << 32 | u64::from(number(text, 20)?);
        let squalls = number(text, 0)? == PLAIN && number(text, 8)? == 0 && number(text, 12)? == DIGITS && lowest == LOWEST;
        let length = number(text, 4)? as usize;
        let payload = text.get(HEADER..HEADER.checked_add(length)?).filter(|_| squalls)?;
        let counts = &mut self.counts;
        let add = |index: usize, count: u64| {
            if index >= counts.len() {
                counts.resize(index + 1, 0);
            }
            // A broken one may overflow before it is taken back.
            counts[index] = counts[index].wrapping_add(count);
        };
        let whole = each(payload, add);
        if whole.is_none() {
            // What was read before it broke off is read again, and taken back.
            each(payload, |index, count| self.counts[index] = self.counts[index].wrapping_sub(count));
        }
        whole
    }

    /// All of it as one histogram.
    pub(super) fn histogram(self) -> Histogram<u64> {
        let mut sum =
            self.others.unwrap_or_else(|| Histogram::new(DIGITS as u8).unwrap_or_else(|_| unreachable!("three digits are allowed")));
        sum.auto(true);
        for (index, count) in self.counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            // An auto-resizing histogram takes any value.
            let _ = sum.record_n(value_at(index as u64), count);
        }
        sum
    }
}

/// The lowest value that is counted at an index.
fn value_at(index: u64) -> u64 {
    match (index >> HALF).checked_sub(1) {
        None => index,
        Some(bucket) => ((index & ((1 << HALF) - 1)) | (1 << HALF)) << bucket,
    }
}

/// Calls `found` with each index that has a count, and some that have none. None where it breaks off or goes too far.
fn each(payload: &[u8], mut found: impl FnMut(usize, u64)) -> Option<()> {
    /// Values beyond 2^63 are none.
    const MOST: usize = 64 << HALF;
    let (mut index, mut rest) = (0usize, payload);
    while let Some((&first, after)) = rest.split_first() {
        // Nearly all counts, and runs of indices without one, are of one byte.
        let raw = if first < 0x80 {
            rest = after;
            u64::from(first)
        } else {
            long(&mut rest)?
        };
        if index >= MOST {
            return None;
        }
        // A negative number is so many indices without a count, one more than its half. Counts and such runs take turns as chance will
        // have it, so there is no branch to guess.
        let (half, negative) = (raw >> 1, raw & 1);
        found(index, half * (1 - negative));
        index = index.checked_add(usize::try_from(half * negative).ok()?)?.checked_add(1)?;
    }
    (index <= MOST).then_some(())
}

/// LEB128 of at most nine bytes, the ninth whole.
fn long(rest: &mut &[u8]) -> Option<u64> {
    let mut raw = 0u64;
    for shift in (0..=56).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        if shift == 56 {
            return Some(raw | u64::from(byte) << 56);
        }
        raw |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(raw);
        }
    }
    None
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A histogram as the library reads it.
pub(super) fn decode(encoded: &[u8]) -> Result<Histogram<u64>, String> {
    Deserializer::new().deserialize(&mut std::io::Cursor::new(encoded)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    fn histogram(values: &[u64], digits: u8) -> Histogram<u64> {
        let mut histogram = Histogram::<u64>::new(digits).unwrap();
        values.iter().for_each(|value| histogram.record(*value).unwrap());
        histogram
    }

    fn encoded(histogram: &Histogram<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn another_layout_is_added_too() {
        let mut sum = Sum::default();
        sum.add(&encoded(&histogram(&[10, 20], 3))).unwrap();
        sum.add(&encoded(&histogram(&[30_000_000], 2))).unwrap();
        let mut plain = Vec::new();
        V2Serializer::new().serialize(&histogram(&[40], 3), &mut plain).unwrap();
        sum.add(&plain).unwrap();
        let whole = sum.histogram();
        assert_eq!((whole.len(), whole.min(), whole.max() / 1_000_000), (4, 10, 30));
    }

    #[test]
    fn what_breaks_off_adds_nothing() {
        let whole = encoded(&histogram(&(1..3000).collect::<Vec<_>>(), 3));
        let mut sum = Sum::default();
        // Behind the values there is only their checksum.
        for length in 0..whole.len() - 8 {
            assert!(sum.add(&whole[..length]).is_err(), "{length} of {}", whole.len());
        }
        assert!(sum.histogram().is_empty());
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_library(
            parts in prop::collection::vec(prop::collection::vec(prop_oneof![0u64..5000, 0u64..10_000_000, any::<u64>().prop_map(|v| v >> 4)], 0..40), 1..6)
        ) {
            let (mut sum, mut theirs) = (Sum::default(), Histogram::<u64>::new(3).unwrap());
            for part in &parts {
                let part = histogram(part, 3);
                sum.add(&encoded(&part)).unwrap();
                theirs.add(part).unwrap();
            }
            let ours = sum.histogram();
            let counts = |histogram: &Histogram<u64>| histogram.iter_recorded().map(|at| (at.value_iterated_to(), at.count_at_value())).collect::<Vec<_>>();
            prop_assert_eq!(counts(&ours), counts(&theirs));
            prop_assert_eq!((ours.min(), ours.max(), ours.mean()), (theirs.min(), theirs.max(), theirs.mean()));
        }
    }
}
