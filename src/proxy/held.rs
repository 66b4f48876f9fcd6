//! Bytes on their way, in order: a queue of blocks and of the chunks in which they came.

use std::collections::VecDeque;

use crate::clock::Timestamp;

/// Bytes of a block. Small enough for a thousand connections with one each, large enough for one read.
const BLOCK: usize = 32 * 1024;

/// A chunk, as one read brought it.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    arrived: Timestamp,
    due: Timestamp,
    left: usize,
}

/// A first-in first-out queue of bytes that each have a moment from which they may leave. The moments never go back.
#[derive(Debug, Default)]
pub(super) struct Held {
    blocks: VecDeque<Box<[u8]>>,
    /// A block to use next, so that steady traffic allocates nothing.
    spare: Option<Box<[u8]>>,
    /// Where the first byte lies in the first block.
    start: usize,
    /// Where the next byte goes in the last block.
    end: usize,
    len: usize,
    chunks: VecDeque<Chunk>,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Memory in use, roughly: a flood of tiny chunks costs more for its marks than for its bytes.
    pub(super) fn weight(&self) -> usize {
        self.len + self.chunks.len() * size_of::<Chunk>()
    }

    /// Room for the next read, at least one byte.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.blocks.is_empty() || self.end == BLOCK {
            let block = self.spare.take().unwrap_or_else(|| vec![0; BLOCK].into_boxed_slice());
            self.blocks.push_back(block);
            self.end = 0;
        }
        let end = self.end;
        self.blocks.back_mut().map_or(&mut [], |block| &mut block[end..])
    }

    /// Takes the first `bytes` of [`Self::room`] as a chunk that may leave at `due`, or with its predecessor if that is later.
    pub(super) fn commit(&mut self, bytes: usize, arrived: Timestamp, due: Timestamp) {
        if bytes == 0 {
            return;
        }
        let due = due.max(self.last_due());
        self.end += bytes;
        self.len += bytes;
        self.chunks.push_back(Chunk { arrived, due, left: bytes });
    }

    /// Copies `bytes` in, to leave at once.
    pub(super) fn push(&mut self, mut bytes: &[u8], now: Timestamp) {
        while !bytes.is_empty() {
            let room = self.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.commit(count, now, now);
            bytes = &bytes[count..];
        }
    }

    /// When the first byte may leave.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        self.chunks.front().map(|chunk| chunk.due)
    }

    /// When the last byte may leave.
    pub(super) fn last_due(&self) -> Timestamp {
        self.chunks.back().map_or(Timestamp(i64::MIN), |chunk| chunk.due)
    }

    /// At most `limit` bytes from the front that may leave by `now` and lie together.
    pub(super) fn ready(&self, now: Timestamp, limit: usize) -> &[u8] {
        let Some(block) = self.blocks.front() else { return &[] };
        let together = if self.blocks.len() == 1 { self.end } else { BLOCK } - self.start;
        let limit = limit.min(together);
        let mut bytes = 0;
        for chunk in self.chunks.iter().take_while(|chunk| chunk.due <= now) {
            bytes += chunk.left;
            if bytes >= limit {
                break;
            }
        }
        &block[self.start..self.start + bytes.min(limit)]
    }

    /// Drops `bytes` from the front; they have left.
    pub(super) fn consume(&mut self, mut bytes: usize) {
        self.start += bytes;
        self.len -= bytes;
        while let Some(chunk) = self.chunks.front_mut() {
            if chunk.left > bytes {
                chunk.left -= bytes;
                break;
            }
            bytes -= chunk.left;
            self.chunks.pop_front();
        }
        if self.start == BLOCK || self.len == 0 {
            self.spare = self.blocks.pop_front();
            self.start = 0;
        }
    }

    /// Works out anew when each chunk may leave, from when it came and what is left of it.
    pub(super) fn reschedule(&mut self, mut due: impl FnMut(Timestamp, usize) -> Timestamp) {
        let mut last = Timestamp(i64::MIN);
        for chunk in &mut self.chunks {
            last = last.max(due(chunk.arrived, chunk.left));
            chunk.due = last;
        }
    }

    /// Gives memory back that an empty queue does not need.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_leaves_before_it_is_due_nor_before_its_predecessor() {
        let mut held = Held::default();
        for (byte, due) in [(1, 50), (2, 10), (3, 60)] {
            held.room()[0] = byte;
            held.commit(1, Timestamp(0), Timestamp(due));
        }
        assert_eq!(held.ready(Timestamp(49), 9), b"");
        assert_eq!(held.ready(Timestamp(50), 9), [1, 2]);
        assert_eq!(held.ready(Timestamp(60), 9), [1, 2, 3]);
        assert_eq!(held.ready(Timestamp(60), 1), [1]);
        held.consume(1);
        held.reschedule(|_, _| Timestamp(5));
        assert_eq!(held.ready(Timestamp(5), 9), [2, 3]);
    }

    #[test]
    fn an_empty_queue_keeps_no_memory_when_told() {
        let mut held = Held::default();
        held.push(&[7; 3 * BLOCK], Timestamp(0));
        assert_eq!((held.len(), held.blocks.len()), (3 * BLOCK, 3));
        held.release();
        assert_eq!(held.len(), 3 * BLOCK);
        while !held.is_empty() {
            let count = held.ready(Timestamp(0), usize::MAX).len();
            held.consume(count);
        }
        held.release();
        assert!(held.spare.is_none() && held.blocks.is_empty());
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(steps in prop::collection::vec((any::<bool>(), 1usize..100_000), 1..40)) {
            let (mut held, mut written, mut read) = (Held::default(), 0u64, 0u64);
            let stretch = |from: u64, count: usize| (from..from + count as u64).map(|position| (position % 251) as u8).collect::<Vec<_>>();
            for (write, count) in steps {
                if write {
                    held.push(&stretch(written, count), Timestamp(0));
                    written += count as u64;
                } else {
                    let out = held.ready(Timestamp(0), count);
                    prop_assert!(out == stretch(read, out.len()));
                    let count = out.len();
                    read += count as u64;
                    held.consume(count);
                }
                prop_assert_eq!(held.len() as u64, written - read);
                prop_assert_eq!(held.first_due().is_none(), held.is_empty());
            }
        }
    }
}
