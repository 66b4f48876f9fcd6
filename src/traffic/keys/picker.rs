use std::io;
use std::sync::Arc;

use super::alias::{Alias, even};
use super::table::{KeyBuffer, KeyTable, make_key};
use super::{Churn, Keys};
use crate::kafka::partition_for_key;
use crate::traffic::dice::{Dice, mix};

/// Shards of every schedule. Processes (`--shard i/n`) and threads own whole shards, so the records are the same however
/// many of them there are. A key belongs to one shard: its records keep their order.
pub const SHARDS: u16 = 64;

/// Keys at the front of a table, whose records are counted one by one.
pub const COUNTED: u64 = 1024;

/// The key of a record, as what its bytes are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// No key.
    None,
    /// A key of the table.
    Listed(u32),
    /// A key of the endless row `k0`, `k1`, …
    Numbered(u64),
}

/// What the draw for a record gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// Its key.
    pub key: Key,
    /// Its partition.
    pub partition: u16,
    /// Its shard.
    pub shard: u16,
    /// Which change of the traffic made the choice, by its place among the changes that hold; none for the stream's own.
    pub by: Option<u8>,
}

/// Why keys cannot be had as asked for.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file of keys.
    #[error("cannot read keys from `{path}`")]
    Read {
        /// The file.
        path: String,
        /// What happened.
        source: io::Error,
    },
    /// A partition that the topic does not have.
    #[error("the topic has {partitions} partitions, there is no partition {partition}")]
    NoPartition {
        /// Asked for.
        partition: u32,
        /// There are.
        partitions: u32,
    },
    /// No key hashes to a partition that is to get records.
    #[error("none of the {keys} keys belongs to partition {partition}; more keys are needed")]
    NoKeyFor {
        /// The partition.
        partition: u32,
        /// How many keys there are.
        keys: usize,
    },
    /// More hot keys than keys.
    #[error("{asked} hot keys asked for, the stream has {keys}")]
    TooFewKeys {
        /// Asked for.
        asked: u64,
        /// There are.
        keys: usize,
    },
    /// Nothing may get a record.
    #[error("every partition is idle or has the weight 0")]
    NoPartitionLeft,
}

/// A share of the records that goes elsewhere.
#[derive(Debug, Clone)]
pub struct Skew {
    share: f64,
    to: To,
    /// Whether a record is one of the share.
    hits: Dice,
    /// Which of the keys it gets.
    keys: Dice,
}

impl Skew {
    fn new(share: f64, to: To, dice: Dice) -> Self {
        Self { share, to, hits: dice.split(0), keys: dice.split(1) }
    }
}

#[derive(Debug, Clone)]
enum To {
    Keys(Vec<(Key, u16)>),
    Partition(u16, Arc<Within>),
}

/// Draws the key, partition and shard of each record.
#[derive(Debug, Clone)]
pub struct Picker {
    kind: Arc<Kind>,
    table: Arc<KeyTable>,
    partitions: u32,
    weighted: Option<Arc<Weighted>>,
    skews: Vec<Skew>,
    keys: Dice,
    places: Dice,
}

#[derive(Debug)]
enum Kind {
    /// No keys; these partitions take turns.
    Turns(Vec<u16>),
    RoundRobin(u64),
    Even(u64),
    Uneven {
        alias: Alias,
        weights: Vec<f64>,
    },
    Churn(Churn),
}

/// Partitions by weight, and the keys within each.
#[derive(Debug)]
struct Weighted {
    partitions: Alias,
    within: Vec<Option<Within>>,
}

/// The keys of one partition.
#[derive(Debug)]
enum Within {
    NoKey,
    Listed { indexes: Vec<u32>, alias: Option<Alias> },
    Churn(Churn),
}

impl Picker {
    /// For a topic with `partitions` partitions. `weights` gives partitions their shares whatever the keys' own are;
    /// `idle` partitions get nothing.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(keys: &Keys, partitions: u32, weights: &[f64], idle: &[u32], seed: u64) -> Result<Self, KeyError> {
        let none = KeyTable::numbered(0, partitions);
        let (table, kind) = match keys {
            Keys::None => (none, Kind::Turns((0..partitions).filter(|p| !idle.contains(p)).map(|p| p as u16).collect())),
            Keys::Partition(partition) if *partition < partitions => (none, Kind::Turns(vec![*partition as u16])),
            Keys::Partition(partition) => return Err(KeyError::NoPartition { partition: *partition, partitions }),
            Keys::RoundRobin(keys) => (KeyTable::numbered(keys.distinct.0, partitions), Kind::RoundRobin(keys.distinct.0)),
            Keys::Uniform(keys) => (KeyTable::numbered(keys.distinct.0, partitions), Kind::Even(keys.distinct.0)),
            Keys::Zipf(zipf) => (KeyTable::numbered(zipf.distinct.0, partitions), Kind::uneven(zipf.weights())),
            Keys::Hot(hot) => (KeyTable::numbered(hot.distinct.0, partitions), Kind::uneven(hot.weights())),
            Keys::Churn(churn) => (none, Kind::Churn(*churn)),
            Keys::File(path) => {
                let table =
                    KeyTable::from_file(path, partitions).map_err(|source| KeyError::Read { path: path.display().to_string(), source })?;
                let count = table.len() as u64;
                (table, Kind::Even(count))
            }
        };
        let mut picker = Self {
            kind: Arc::new(kind),
            table: Arc::new(table),
            partitions,
            weighted: None,
            skews: Vec::new(),
            keys: Dice::new(seed, "keys"),
            places: Dice::new(seed, "partitions"),
        };
        picker.weigh(weights, idle)?;
        Ok(picker)
    }

    fn weigh(&mut self, weights: &[f64], idle: &[u32]) -> Result<(), KeyError> {
        let pinned = matches!(&*self.kind, Kind::Turns(turns) if turns.len() == 1 && self.partitions > 1);
        if (weights.is_empty() && idle.is_empty()) || pinned || (weights.is_empty() && matches!(&*self.kind, Kind::Turns(_))) {
            return match &*self.kind {
                Kind::Turns(turns) if turns.is_empty() => Err(KeyError::NoPartitionLeft),
                _ => Ok(()),
            };
        }
        let all = self.partitions as usize;
        let mut shares = if weights.is_empty() { self.natural_shares() } else { weights.to_vec() };
        shares.resize(all, 0.0);
        for &partition in idle {
            if let Some(share) = shares.get_mut(partition as usize) {
                *share = 0.0;
            }
        }
        let partitions = Alias::new(&shares).ok_or(KeyError::NoPartitionLeft)?;
        let mut within = Vec::with_capacity(all);
        for (partition, share) in shares.iter().enumerate() {
            within.push(if *share > 0.0 { Some(self.within(partition as u32)?) } else { None });
        }
        self.weighted = Some(Arc::new(Weighted { partitions, within }));
        Ok(())
    }

    /// The share that each partition gets by its keys alone, up to a factor.
    fn natural_shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.partitions as usize];
        match &*self.kind {
            Kind::Turns(_) | Kind::Churn(_) => shares.fill(1.0),
            Kind::RoundRobin(_) | Kind::Even(_) => {
                for &partition in self.table.partitions() {
                    shares[partition as usize] += 1.0;
                }
            }
            Kind::Uneven { weights, .. } => {
                for (&partition, weight) in self.table.partitions().iter().zip(weights) {
                    shares[partition as usize] += weight;
                }
            }
        }
        shares
    }

    fn within(&self, partition: u32) -> Result<Within, KeyError> {
        let indexes = || -> Vec<u32> {
            let partitions = self.table.partitions().iter().enumerate();
            partitions.filter(|(_, p)| u32::from(**p) == partition).map(|(index, _)| index as u32).collect()
        };
        let none = || KeyError::NoKeyFor { partition, keys: self.table.len() };
        match &*self.kind {
            Kind::Turns(_) => Ok(Within::NoKey),
            Kind::Churn(churn) => Ok(Within::Churn(*churn)),
            Kind::RoundRobin(_) | Kind::Even(_) => {
                let indexes = indexes();
                if indexes.is_empty() { Err(none()) } else { Ok(Within::Listed { indexes, alias: None }) }
            }
            Kind::Uneven { weights, .. } => {
                let indexes = indexes();
                let weights: Vec<f64> = indexes.iter().map(|&index| weights[index as usize]).collect();
                let alias = Alias::new(&weights).ok_or_else(none)?;
                Ok(Within::Listed { indexes, alias: Some(alias) })
            }
        }
    }

    /// A skew to `keys` hot keys, taken from the stream's own where it has a table of them.
    ///
    /// # Errors
    /// When the table holds fewer keys.
    pub fn skew_to_keys(&self, share: f64, keys: u64, dice: Dice) -> Result<Skew, KeyError> {
        let listed = self.table.len() as u64;
        let hot = if listed == 0 {
            (0..keys.max(1)).map(Key::Numbered).collect()
        } else if keys.max(1) > listed {
            return Err(KeyError::TooFewKeys { asked: keys, keys: self.table.len() });
        } else {
            // Among the keys that are counted one by one.
            let first = dice.below(u64::MAX, listed.min(COUNTED / 2));
            (0..keys.max(1)).map(|offset| Key::Listed(((first + offset) % listed) as u32)).collect::<Vec<_>>()
        };
        let hot = hot.into_iter().map(|key| (key, self.partition_of(key))).collect();
        Ok(Skew::new(share, To::Keys(hot), dice))
    }

    /// A skew to one partition, by the keys that belong there.
    ///
    /// # Errors
    /// When there is no such partition, or no key of it.
    pub fn skew_to_partition(&self, share: f64, partition: u32, dice: Dice) -> Result<Skew, KeyError> {
        if partition >= self.partitions {
            return Err(KeyError::NoPartition { partition, partitions: self.partitions });
        }
        Ok(Skew::new(share, To::Partition(partition as u16, Arc::new(self.within(partition)?)), dice))
    }

    /// The same stream with these skews; a later one has the first say.
    #[must_use]
    pub fn with_skews(&self, skews: Vec<Skew>) -> Self {
        Self { skews, ..self.clone() }
    }

    fn partition_of(&self, key: Key) -> u16 {
        match key {
            Key::None => 0,
            Key::Listed(index) => self.table.partition(index),
            Key::Numbered(number) => partition_for_key(make_key(number, &mut KeyBuffer::default()), self.partitions) as u16,
        }
    }

    /// The draw for record `n`.
    pub fn pick(&self, n: u64) -> Pick {
        for (by, skew) in self.skews.iter().enumerate().rev() {
            if skew.hits.hits(n, skew.share) {
                let (key, partition) = match &skew.to {
                    To::Keys(keys) => keys[even(skew.keys.at(n), keys.len() as u64) as usize],
                    To::Partition(partition, within) => (self.key_within(within, *partition, n, skew.keys), *partition),
                };
                return placed(key, partition, n, Some(by as u8));
            }
        }
        if let Some(weighted) = &self.weighted {
            let partition = weighted.partitions.draw(self.places.at(n)) as u16;
            let key = match &weighted.within[usize::from(partition)] {
                Some(within) => self.key_within(within, partition, n, self.keys),
                None => Key::None,
            };
            return placed(key, partition, n, None);
        }
        let key = match &*self.kind {
            Kind::Turns(turns) => return placed(Key::None, turns[(n % turns.len() as u64) as usize], n, None),
            Kind::RoundRobin(count) => Key::Listed((n % count) as u32),
            Kind::Even(count) => Key::Listed(even(self.keys.at(n), *count)),
            Kind::Uneven { alias, .. } => Key::Listed(alias.draw(self.keys.at(n))),
            Kind::Churn(churn) => Key::Numbered(churn.number(n, self.keys)),
        };
        placed(key, self.partition_of(key), n, None)
    }

    fn key_within(&self, within: &Within, partition: u16, n: u64, dice: Dice) -> Key {
        /// A key of a given partition is found after as many draws as there are partitions, on average.
        const DRAWS: u64 = 1 << 16;
        match within {
            Within::NoKey => Key::None,
            Within::Listed { indexes, alias: None } => Key::Listed(indexes[even(dice.at(n), indexes.len() as u64) as usize]),
            Within::Listed { indexes, alias: Some(alias) } => Key::Listed(indexes[alias.draw(dice.at(n)) as usize]),
            Within::Churn(churn) => {
                let draws = (0..DRAWS).map(|draw| Key::Numbered(churn.number(n, dice.split(draw))));
                draws.into_iter().find(|&key| self.partition_of(key) == partition).unwrap_or(Key::None)
            }
        }
    }

    /// A key's bytes; `buffer` is where they are made, if they must be.
    pub fn bytes<'a>(&'a self, key: Key, buffer: &'a mut KeyBuffer) -> Option<&'a [u8]> {
        match key {
            Key::None => None,
            Key::Listed(index) => Some(self.table.key(index)),
            Key::Numbered(number) => Some(make_key(number, buffer)),
        }
    }

    /// How many keys its table holds.
    pub fn listed(&self) -> u32 {
        self.table.len() as u32
    }
}

impl Kind {
    fn uneven(weights: Vec<f64>) -> Self {
        match Alias::new(&weights) {
            Some(alias) => Self::Uneven { alias, weights },
            None => Self::Even(weights.len().max(1) as u64),
        }
    }
}

fn placed(key: Key, partition: u16, n: u64, by: Option<u8>) -> Pick {
    let mark = match key {
        Key::None => n,
        Key::Listed(index) => mix(u64::from(index)),
        Key::Numbered(number) => mix(number),
    };
    Pick { key, partition, shard: (mark % u64::from(SHARDS)) as u16, by }
}
