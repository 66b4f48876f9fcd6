//! When records were intended, by their numbers: from the first number of each second the second of every record.

/// Which numbers of a shard were intended in which second. Intended times never go back within a shard, so that the first
/// number of each second tells all; 16 bytes a second and shard.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Second since the epoch, first number seen of it; ascending.
    firsts: Vec<(i64, u64)>,
}

const SECOND: i64 = 1_000_000_000;

impl Timeline {
    /// Takes in one record. Any order; cheap when seconds come mostly in order.
    pub fn observe(&mut self, number: u64, intended_ns: i64) {
        let second = intended_ns.div_euclid(SECOND);
        let place = match self.firsts.last() {
            Some((last, first)) if *last == second => {
                if number >= *first {
                    return;
                }
                Ok(self.firsts.len() - 1)
            }
            Some((last, _)) if *last < second => Err(self.firsts.len()),
            _ => self.firsts.binary_search_by_key(&second, |(known, _)| *known),
        };
        match place {
            Ok(at) => self.firsts[at].1 = self.firsts[at].1.min(number),
            Err(at) => self.firsts.insert(at, (second, number)),
        }
    }

    /// Takes in what another one of the same shard has seen.
    pub fn extend(&mut self, other: &Self) {
        for (second, number) in &other.firsts {
            self.observe(*number, second * SECOND);
        }
    }

    /// The second in which a record was intended, since the epoch. Exact for records that were taken in.
    pub fn second(&self, number: u64) -> Option<i64> {
        let after = self.firsts.partition_point(|(_, first)| *first <= number);
        self.firsts[..after].last().map(|(second, _)| *second)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn knows_the_second_of_what_it_saw(
            gaps in proptest::collection::vec(0_i64..700_000_000, 1..200),
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
}
