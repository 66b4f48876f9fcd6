//! Whether records of a key keep their order, in bounded memory.

/// Slots of a bucket.
const WAYS: usize = 8;
/// Buckets at the start: 16 KiB.
const FEWEST: usize = 128;

/// The last number seen of each key. Grows up to its bound; from then on it forgets keys for new ones, and counts how often:
/// a key that was forgotten begins anew, so that a reordering across that moment is not seen, and none is invented.
#[derive(Debug)]
pub struct Order {
    buckets: Vec<[Slot; WAYS]>,
    most: usize,
    forgotten: u64,
}

/// 16 bytes. A mark of 0 is a free slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    mark: u64,
    last: u64,
}

impl Order {
    /// Remembers at least `bound / 2` keys, and uses at most about `bound` × 16 bytes.
    pub fn new(bound: usize) -> Self {
        let most = (bound / WAYS).next_power_of_two().max(FEWEST);
        Self { buckets: vec![[Slot::default(); WAYS]; FEWEST], most, forgotten: 0 }
    }

    /// Takes in number `number` of the key that hashes to `mark`. False when a later one of it was seen before.
    pub fn observe(&mut self, mark: u64, number: u64) -> bool {
        let mark = mark | 1;
        loop {
            let bucket = self.place(mark);
            let mut free = None;
            for (way, slot) in self.buckets[bucket].iter_mut().enumerate() {
                if slot.mark == mark {
                    let kept = number >= slot.last;
                    slot.last = slot.last.max(number);
                    return kept;
                }
                if slot.mark == 0 && free.is_none() {
                    free = Some(way);
                }
            }
            let way = match free {
                Some(way) => way,
                None if self.buckets.len() < self.most => {
                    self.grow();
                    continue;
                }
                None => {
                    self.forgotten += 1;
                    // Any of them: which one decides over nothing but how long it is remembered.
                    (mark >> 32) as usize % WAYS
                }
            };
            self.buckets[bucket][way] = Slot { mark, last: number };
            return true;
        }
    }

    fn place(&self, mark: u64) -> usize {
        // The length is a power of two. The lowest bit is set in every mark.
        (mark >> 1) as usize & (self.buckets.len() - 1)
    }

    fn grow(&mut self) {
        let larger = vec![[Slot::default(); WAYS]; self.buckets.len() * 2];
        let old = std::mem::replace(&mut self.buckets, larger);
        for slot in old.into_iter().flatten().filter(|slot| slot.mark != 0) {
            let bucket = self.place(slot.mark);
            // Each old bucket is split over two new ones: there is room.
            if let Some(free) = self.buckets[bucket].iter_mut().find(|free| free.mark == 0) {
                *free = slot;
            }
        }
    }

    /// Keys that were forgotten for want of memory.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.buckets.capacity() * size_of::<[Slot; WAYS]>()
    }
}

/// A 64-bit hash of a key within its stream and partitions: multiply and fold, 8 bytes at a time (after wyhash). Two of a
/// million keys share one with a probability of 3 in 100 million.
pub fn mark(scope: u64, key: &[u8]) -> u64 {
    const P0: u64 = 0xa076_1d64_78bd_642f;
    const P1: u64 = 0xe703_7ed1_a0b4_28db;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product >> 64) as u64 ^ product as u64
    };
    let mut hash = fold(scope ^ P0, key.len() as u64 ^ P1);
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word) ^ P0, P1);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(hash ^ u64::from_le_bytes(last) ^ P1, P0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_map_while_there_is_room(records in proptest::collection::vec((0_u32..500, 0_u64..100), 0..3000)) {
            let mut order = Order::new(4096);
            let mut model: HashMap<u32, u64> = HashMap::new();
            for (key, number) in records {
                let last = model.entry(key).or_insert(number);
                prop_assert_eq!(order.observe(mark(1, &key.to_le_bytes()), number), number >= *last);
                *last = number.max(*last);
            }
            prop_assert_eq!(order.forgotten(), 0);
        }

        #[test]
        fn never_invents_a_reordering(keys in proptest::collection::vec(0_u32..20_000, 0..20_000)) {
            let mut order = Order::new(1024);
            for (number, key) in keys.into_iter().enumerate() {
                prop_assert!(order.observe(mark(1, &key.to_le_bytes()), number as u64));
            }
            prop_assert!(order.memory() <= 1024 * 16);
        }
    }

    #[test]
    fn marks_differ() {
        let mut marks: Vec<u64> = (0_u32..100_000).map(|key| mark(3, format!("key-{key}").as_bytes())).collect();
        marks.sort_unstable();
        marks.dedup();
        assert_eq!(marks.len(), 100_000);
        assert_ne!(mark(1, b"a"), mark(2, b"a"));
        assert_ne!(mark(1, b""), mark(1, b"\0"));
    }
}
