//! When records were intended, by their numbers: from the first number of each second the second of every record.

use integer_encoding::VarInt;

/// Which numbers of a shard were intended in which second. Intended times never go back within a shard, so that the first
/// number of each second tells all; some two bytes a second and shard.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    closed: Vec<Chunk>,
    /// The newest; never empty once a chunk is closed.
    open: Vec<First>,
}

/// Second since the epoch, first number seen of it.
type First = (i64, u64);

const SECOND: i64 = 1_000_000_000;
/// Firsts of a chunk. As many of the newest stay open, since acknowledgements come in any order.
const CHUNK: usize = 64;

/// Firsts in ascending order, as differences from one to the next: twice the numbers where the next second follows at once, which is one
/// byte up to 64 records a second; else a 1, the seconds and the numbers.
#[derive(Debug, Clone)]
struct Chunk {
    first: First,
    steps: Box<[u8]>,
}

impl Chunk {
    fn of(firsts: &[First]) -> Self {
        let mut steps = Vec::with_capacity(2 * firsts.len());
        let mut put = |step: u64| {
            let mut bytes = [0; 10];
            let length = step.encode_var(&mut bytes);
            steps.extend_from_slice(&bytes[..length]);
        };
        for pair in firsts.windows(2) {
            let (seconds, numbers) = (pair[1].0.wrapping_sub(pair[0].0).cast_unsigned(), pair[1].1.wrapping_sub(pair[0].1));
            if seconds == 1 && numbers <= u64::MAX >> 1 {
                put(numbers << 1);
            } else {
                [1, seconds, numbers].into_iter().for_each(&mut put);
            }
        }
        Self { first: firsts[0], steps: steps.into() }
    }

    fn firsts(&self) -> impl Iterator<Item = First> {
        let mut rest = &*self.steps;
        let mut step = move || {
            let (step, length) = u64::decode_var(rest)?;
            rest = &rest[length..];
            Some(step)
        };
        std::iter::successors(Some(self.first), move |(second, number)| {
            let (seconds, numbers) = match step()? {
                1 => (step()?, step()?),
                twice => (1, twice >> 1),
            };
            Some((second.wrapping_add_unsigned(seconds), number.wrapping_add(numbers)))
        })
    }
}

impl Timeline {
    /// Takes in one record. Any order; cheap when seconds come mostly in order.
    pub fn observe(&mut self, number: u64, intended_ns: i64) {
        let second = intended_ns.div_euclid(SECOND);
        if self.open.first().is_some_and(|(oldest, _)| second < *oldest) && !self.closed.is_empty() {
            let at = self.closed.partition_point(|chunk| chunk.first.0 <= second).saturating_sub(1);
            // Whoever reads partitions in turns comes back to old seconds with every record, and mostly with nothing new.
            if self.closed[at].firsts().any(|(known, first)| known == second && first <= number) {
                return;
            }
            let mut firsts: Vec<First> = self.closed[at].firsts().collect();
            enter(&mut firsts, second, number);
            self.closed[at] = Chunk::of(&firsts);
            return;
        }
        enter(&mut self.open, second, number);
        if self.open.len() == 2 * CHUNK {
            self.closed.push(Chunk::of(&self.open[..CHUNK]));
            self.open.drain(..CHUNK);
        }
    }

    /// Takes in what another one of the same shard has seen.
    pub fn extend(&mut self, other: &Self) {
        for (second, number) in other.closed.iter().flat_map(Chunk::firsts).chain(other.open.iter().copied()) {
            self.observe(number, second * SECOND);
        }
    }

    /// The second in which a record was intended, since the epoch. Exact for records that were taken in.
    pub fn second(&self, number: u64) -> Option<i64> {
        let before = |first: &First| first.1 <= number;
        if self.open.first().is_some_and(before) {
            return self.open[..self.open.partition_point(before)].last().map(|(second, _)| *second);
        }
        let chunk = self.closed[..self.closed.partition_point(|chunk| before(&chunk.first))].last()?;
        chunk.firsts().take_while(before).last().map(|(second, _)| second)
    }
}

fn enter(firsts: &mut Vec<First>, second: i64, number: u64) {
    let place = match firsts.last() {
        Some((last, _)) if *last == second => Ok(firsts.len() - 1),
        Some((last, _)) if *last < second => Err(firsts.len()),
        _ => firsts.binary_search_by_key(&second, |(known, _)| *known),
    };
    match place {
        Ok(at) => firsts[at].1 = firsts[at].1.min(number),
        Err(at) => firsts.insert(at, (second, number)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn knows_the_second_of_what_it_saw(
            gaps in proptest::collection::vec(0_i64..1_700_000_000, 1..600),
            order in any::<u64>(),
        ) {
            let mut intended: Vec<(u64, i64)> = Vec::new();
            let mut time = 1_700_000_000 * SECOND;
            for (number, gap) in gaps.into_iter().enumerate() {
                time += gap;
                intended.push((number as u64, time));
            }
            let mut shuffled = intended.clone();
            shuffled.sort_by_key(|(number, _)| number.wrapping_add(order).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut timeline = Timeline::default();
            shuffled.iter().for_each(|(number, time)| timeline.observe(*number, *time));
            for (number, time) in intended {
                prop_assert_eq!(timeline.second(number), Some(time.div_euclid(SECOND)));
            }
        }
    }

    #[test]
    fn takes_a_few_bytes_a_second() {
        let mut timeline = Timeline::default();
        (0..100_000).for_each(|number| timeline.observe(number * 3, number.cast_signed() * SECOND));
        let bytes: usize = timeline.closed.iter().map(|chunk| size_of::<Chunk>() + chunk.steps.len()).sum();
        assert!(bytes < 200_000, "{bytes} bytes");
    }
}
