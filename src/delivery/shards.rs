//! Something for each shard of each stream.

use crate::traffic::{Identity, SHARDS};

/// A `T` for each shard of each stream, made when first needed.
#[derive(Debug, Clone, Default)]
pub struct Shards<T> {
    streams: Vec<Vec<T>>,
}

impl<T: Default> Shards<T> {
    /// For so many streams.
    pub fn new(streams: usize) -> Self {
        let mut shards = Self { streams: Vec::new() };
        shards.streams.resize_with(streams, Vec::new);
        shards
    }

    /// The place of a record; none when the run has no such stream or shard.
    pub fn of(&mut self, identity: &Identity) -> Option<&mut T> {
        self.at(usize::from(identity.stream), identity.shard)
    }

    /// A place; none when the run has no such stream or shard.
    pub fn at(&mut self, stream: usize, shard: u16) -> Option<&mut T> {
        let shards = self.streams.get_mut(stream)?;
        if shard >= SHARDS {
            return None;
        }
        let shard = usize::from(shard);
        if shards.len() <= shard {
            shards.resize_with(shard + 1, T::default);
        }
        Some(&mut shards[shard])
    }

    /// A place, where something was put.
    pub fn get(&self, stream: usize, shard: u16) -> Option<&T> {
        self.streams.get(stream)?.get(usize::from(shard))
    }

    /// All places where something was put: stream, shard and what is there.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u16, &T)> {
        self.streams.iter().enumerate().flat_map(|(stream, shards)| (0..SHARDS).zip(shards).map(move |(shard, of)| (stream, shard, of)))
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }
}
