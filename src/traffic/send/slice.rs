use std::fmt;
use std::str::FromStr;

use crate::traffic::keys::SHARDS;

/// Which part of every schedule this process sends: `0/2` is the first of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    index: u16,
    of: u16,
}

/// Why a text is no slice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// Not two numbers.
    #[error("`{0}` is no slice; write for example `0/2`, the first of two")]
    Form(String),
    /// Beyond the last.
    #[error("of {of} slices the last is {}/{of}", of - 1)]
    Index {
        /// How many there are.
        of: u16,
    },
    /// More than there are shards.
    #[error("a schedule has {SHARDS} shards, so it cannot be cut into {0} slices")]
    Of(u16),
}

impl Slice {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Slice `index` of `of`.
    ///
    /// # Errors
    /// No such slice.
    pub fn new(index: u16, of: u16) -> Result<Self, SliceError> {
        match (index, of) {
            (_, of) if of == 0 || of > SHARDS => Err(SliceError::Of(of)),
            (index, of) if index >= of => Err(SliceError::Index { of }),
            _ => Ok(Self { index, of }),
        }
    }

    /// Whether it is everything.
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Threads of all slices, when each has `threads`.
    pub(super) fn workers(self, threads: u16) -> u32 {
        u32::from(self.of) * u32::from(threads.max(1))
    }

    /// Which shards thread `thread` of `threads` of this process owns.
    pub(super) fn owned(self, thread: u16, threads: u16) -> [bool; SHARDS as usize] {
        let workers = self.workers(threads);
        let own = u32::from(self.index) * u32::from(threads.max(1)) + u32::from(thread);
        std::array::from_fn(|shard| shard as u32 % workers == own)
    }
}

impl FromStr for Slice {
    type Err = SliceError;

    fn from_str(text: &str) -> Result<Self, SliceError> {
        let numbers = text.split_once('/').and_then(|(index, of)| index.parse().ok().zip(of.parse().ok()));
        numbers.map_or_else(|| Err(SliceError::Form(text.to_owned())), |(index, of)| Self::new(index, of))
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_shard_has_one_owner() {
        for (of, threads) in [(1, 1), (1, 3), (2, 1), (3, 4), (16, 4), (64, 1)] {
            for shard in 0..SHARDS as usize {
                let owners = (0..of).flat_map(|index| (0..threads).map(move |thread| (index, thread)));
                let owning = owners.filter(|&(index, thread)| Slice::new(index, of).unwrap().owned(thread, threads)[shard]);
                assert_eq!(owning.count(), 1, "shard {shard} of {of} × {threads}");
            }
        }
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!("1/2".parse::<Slice>().unwrap().to_string(), "1/2");
        let error = |text: &str| text.parse::<Slice>().unwrap_err().to_string();
        assert_eq!(error("2/2"), "of 2 slices the last is 1/2");
        assert_eq!(error("half"), "`half` is no slice; write for example `0/2`, the first of two");
        assert_eq!(error("0/65"), "a schedule has 64 shards, so it cannot be cut into 65 slices");
    }
}
