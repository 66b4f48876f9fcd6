//! Sets of sequence numbers, which are dense from 0: one bit a number while a block fills, nothing once it is full.
//!
//! Blocks are found by index, so that an insertion costs a few nanoseconds whatever the size; a general compressed bitmap
//! would search for its container and pack runs of its own accord.

/// Numbers of a block: 4 KiB of bits, a page.
const BLOCK: u64 = WORDS as u64 * 64;
const WORDS: usize = 512;

/// Numbers from here on are not taken, so that a damaged identity cannot claim the memory. At a million records a second
/// and shard it is reached after ten hours; the table of blocks alone then has 8 MiB a set.
pub const LIMIT: u64 = 1 << 35;

/// A set of numbers below [`LIMIT`].
#[derive(Debug, Clone, Default)]
pub struct Sequences {
    blocks: Vec<Block>,
    len: u64,
}

#[derive(Debug, Clone, Default)]
enum Block {
    #[default]
    Empty,
    Part(Box<Part>),
    Full,
}

#[derive(Debug, Clone)]
struct Part {
    len: u32,
    words: [u64; WORDS],
}

impl Sequences {
    /// None.
    pub const EMPTY: Self = Self { blocks: Vec::new(), len: 0 };

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts one in. False when it was there, or is not below [`LIMIT`].
    pub fn insert(&mut self, number: u64) -> bool {
        if number >= LIMIT {
            return false;
        }
        let index = (number / BLOCK) as usize;
        if index >= self.blocks.len() {
            self.blocks.resize_with(index + 1, Block::default);
        }
        let block = &mut self.blocks[index];
        let part = match block {
            Block::Part(part) => part,
            Block::Full => return false,
            Block::Empty => {
                *block = Block::Part(Box::new(Part { len: 0, words: [0; WORDS] }));
                let Block::Part(part) = block else { unreachable!("set in the line above") };
                part
            }
        };
        let within = number % BLOCK;
        let word = &mut part.words[(within / 64) as usize];
        let bit = 1 << (within % 64);
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        part.len += 1;
        if u64::from(part.len) == BLOCK {
            *block = Block::Full;
        }
        self.len += 1;
        true
    }

    /// Whether it is in.
    pub fn contains(&self, number: u64) -> bool {
        match self.blocks.get((number / BLOCK) as usize) {
            None | Some(Block::Empty) => false,
            Some(Block::Full) => true,
            Some(Block::Part(part)) => part.words[(number % BLOCK / 64) as usize] >> (number % 64) & 1 == 1,
        }
    }

    /// Puts all of `other` in.
    pub fn extend(&mut self, other: &Self) {
        for number in combine([other], |[other]| other) {
            self.insert(number);
        }
    }

    /// The numbers as runs, each from its first to behind its last, ascending: few, of what is dense.
    pub fn runs(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        let mut add = |from: u64, length: u64| match runs.last_mut() {
            Some(last) if last.1 == from => last.1 += length,
            _ => runs.push((from, from + length)),
        };
        for (block, first) in self.blocks.iter().zip((0..).step_by(BLOCK as usize)) {
            match block {
                Block::Empty => {}
                Block::Full => add(first, BLOCK),
                Block::Part(part) => {
                    for (word, first) in part.words.iter().zip((first..).step_by(64)) {
                        match *word {
                            u64::MAX => add(first, 64),
                            word => Bits(word).for_each(|bit| add(first + bit, 1)),
                        }
                    }
                }
            }
        }
        runs
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let parts = self.blocks.iter().filter(|block| matches!(block, Block::Part(_))).count();
        self.blocks.capacity() * size_of::<Block>() + parts * size_of::<Part>()
    }

    /// The words of a block; none when it is empty or full, which `uniform` then tells.
    fn words(&self, block: usize) -> Result<&[u64; WORDS], u64> {
        match self.blocks.get(block) {
            None | Some(Block::Empty) => Err(0),
            Some(Block::Full) => Err(u64::MAX),
            Some(Block::Part(part)) => Ok(&part.words),
        }
    }
}

/// The numbers that a boolean function of their membership in `sets` chooses, in order: `combine([a, b], |[a, b]| a & !b)`.
/// The function sees 64 numbers at a time and must choose none that is in no set.
pub fn combine<const N: usize>(sets: [&Sequences; N], choose: impl Fn([u64; N]) -> u64 + Copy) -> impl Iterator<Item = u64> {
    let blocks = sets.iter().map(|set| set.blocks.len()).max().unwrap_or(0);
    let choose = move |block: usize, word: usize| {
        choose(sets.map(|set| match set.words(block) {
            Ok(words) => words[word],
            Err(uniform) => uniform,
        }))
    };
    let uniform = move |block: usize| sets.iter().all(|set| set.words(block).is_err());
    (0..blocks).flat_map(move |block| {
        // Of blocks that are all full or empty one word tells all.
        let words = if uniform(block) && choose(block, 0) == 0 { 0 } else { WORDS };
        (0..words).flat_map(move |word| Bits(choose(block, word)).map(move |bit| (block * WORDS + word) as u64 * 64 + bit))
    })
}

/// How many numbers [`combine`] chooses.
pub fn count<const N: usize>(sets: [&Sequences; N], choose: impl Fn([u64; N]) -> u64) -> u64 {
    let blocks = sets.iter().map(|set| set.blocks.len()).max().unwrap_or(0);
    let mut count = 0;
    for block in 0..blocks {
        let words = sets.map(|set| set.words(block));
        if words.iter().all(Result::is_err) {
            count += u64::from(choose(words.map(|words| words.err().unwrap_or(0))).count_ones()) * WORDS as u64;
        } else {
            let word = |word: usize| choose(words.map(|words| words.map_or_else(|uniform| uniform, |words| words[word])));
            count += (0..WORDS).map(|index| u64::from(word(index).count_ones())).sum::<u64>();
        }
    }
    count
}

/// The places of the bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(u64::from(bit))
    }
}

/// How often each number was put in: a set for each level, so that once costs as much as a set, and a replay of everything
/// twice as much.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    levels: Vec<Sequences>,
    /// Insertions of numbers that every level holds.
    beyond: u64,
}

/// A number is counted up to here; more often is said as a sum.
const LEVELS: usize = 16;

impl Counted {
    /// Puts one in, and says how often it was in before (at most 16). None when it is not below [`LIMIT`].
    pub fn insert(&mut self, number: u64) -> Option<u32> {
        if number >= LIMIT {
            return None;
        }
        for (level, set) in self.levels.iter_mut().enumerate() {
            if set.insert(number) {
                return Some(level as u32);
            }
        }
        if self.levels.len() < LEVELS {
            let mut set = Sequences::default();
            set.insert(number);
            self.levels.push(set);
            return Some(self.levels.len() as u32 - 1);
        }
        self.beyond += 1;
        Some(LEVELS as u32)
    }

    /// How often it is in, up to 16.
    pub fn times(&self, number: u64) -> u32 {
        self.levels.iter().take_while(|set| set.contains(number)).count() as u32
    }

    /// Those that are in at least `times` (≥ 1) times; none where nothing is.
    pub fn at_least(&self, times: u32) -> Option<&Sequences> {
        self.levels.get(times.checked_sub(1)? as usize)
    }

    /// Those that are in, and how many.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, Sequences::len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// All insertions.
    pub fn total(&self) -> u64 {
        self.levels.iter().map(Sequences::len).sum::<u64>() + self.beyond
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.levels.iter().map(Sequences::memory).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Numbers that fill some blocks wholly and others hardly.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let run = (0..4 * BLOCK, 0..BLOCK + BLOCK / 2).prop_map(|(from, length)| (from..from + length).collect::<Vec<_>>());
        let single = (0..5 * BLOCK).prop_map(|number| vec![number]);
        proptest::collection::vec(prop_oneof![run, single], 0..6).prop_map(|parts| parts.concat())
    }

    fn both(numbers: &[u64]) -> (Sequences, BTreeSet<u64>) {
        let mut set = Sequences::default();
        let mut model = BTreeSet::new();
        for number in numbers {
            assert_eq!(set.insert(*number), model.insert(*number));
        }
        (set, model)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn agrees_with_a_tree(a in numbers(), b in numbers()) {
            let ((a, model_a), (b, model_b)) = (both(&a), both(&b));
            prop_assert_eq!(a.len(), model_a.len() as u64);
            let minus: Vec<u64> = model_a.difference(&model_b).copied().collect();
            prop_assert_eq!(count([&a, &b], |[a, b]| a & !b), minus.len() as u64);
            prop_assert!(combine([&a, &b], |[a, b]| a & !b).eq(minus));
            prop_assert!(combine([&a, &b], |[a, b]| a & b).eq(model_a.intersection(&model_b).copied()));
            prop_assert!(a.runs().into_iter().flat_map(|(from, to)| from..to).eq(model_a.iter().copied()));
            prop_assert!(a.runs().windows(2).all(|pair| pair[0].1 < pair[1].0));
            prop_assert!((0..6 * BLOCK).step_by(97).all(|number| a.contains(number) == model_a.contains(&number)));
            let mut union = a.clone();
            union.extend(&b);
            prop_assert!(combine([&union], |[union]| union).eq(model_a.union(&model_b).copied()));
        }

        #[test]
        fn counts_like_a_map(numbers in proptest::collection::vec(0_u64..40, 0..900)) {
            let mut counted = Counted::default();
            let mut model: BTreeMap<u64, u32> = BTreeMap::new();
            for number in numbers {
                let times = model.entry(number).or_default();
                prop_assert_eq!(counted.insert(number), Some((*times).min(16)));
                *times += 1;
            }
            prop_assert_eq!(counted.len(), model.len() as u64);
            prop_assert_eq!(counted.total(), u64::from(model.values().sum::<u32>()));
            prop_assert!(model.iter().all(|(number, times)| counted.times(*number) == (*times).min(16)));
        }
    }

    #[test]
    fn what_is_full_costs_nothing_and_what_is_too_big_is_not_taken() {
        let mut set = Sequences::default();
        assert!((0..10 * BLOCK).all(|number| set.insert(number)));
        assert!(set.memory() < 1024);
        assert!(!set.insert(LIMIT) && Counted::default().insert(u64::MAX).is_none());
        assert_eq!(set.len(), 10 * BLOCK);
    }
}
