//! Records that went wrong, with the evidence.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::traffic::Identity;

/// A record that went wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offender {
    /// `lost`, `duplicate`, `reordered`, `corrupt`, …
    pub kind: String,
    /// Stream of the scenario.
    pub stream: String,
    /// Input partition, where it is known.
    pub partition: Option<u32>,
    /// Shard of the stream's schedule.
    pub shard: u16,
    /// Sequence number in the shard.
    pub sequence: u64,
    /// When the schedule wanted it sent; names the window that it belongs to.
    pub intended: Timestamp,
    /// Where it was found: in the sink, or for what the sink lacks in the input topic.
    pub topic: String,
    /// Partition of `topic`.
    pub found_partition: Option<u32>,
    /// Offset there.
    pub offset: Option<i64>,
    /// Its key, cut after 64 bytes; bytes that are no text as `\xff`.
    pub key: Option<String>,
}

/// What can be wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// In the input topic, not in the sink.
    Lost,
    /// More often in the sink than in the input.
    Duplicate,
    /// Behind a later record of its key.
    Reordered,
    /// Its checksum does not match.
    Corrupt,
    /// In the sink, never sent.
    Unexpected,
    /// Hidden by an open transaction.
    Pending,
    /// Acknowledged, not in the input topic.
    LostByKafka,
}

impl Fault {
    /// As in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicate => "duplicate",
            Self::Reordered => "reordered",
            Self::Corrupt => "corrupt",
            Self::Unexpected => "unexpected",
            Self::Pending => "pending",
            Self::LostByKafka => "lost-by-kafka",
        }
    }

    const ALL: [Self; 7] =
        [Self::Lost, Self::Duplicate, Self::Reordered, Self::Corrupt, Self::Unexpected, Self::Pending, Self::LostByKafka];
}

/// Where a record was found.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: u32,
    /// Offset.
    pub offset: i64,
    /// Key, if any.
    pub key: Option<&'a [u8]>,
}

/// The first offenders of each kind.
#[derive(Debug, Clone)]
pub struct Offenders {
    streams: Vec<String>,
    kept: [Vec<Offender>; Fault::ALL.len()],
}

impl Offenders {
    /// Kept of each kind.
    pub const MOST: usize = 1000;

    /// For streams of these names.
    pub fn new(streams: Vec<String>) -> Self {
        Self { streams, kept: Default::default() }
    }

    /// Whether there is room for another one of this kind.
    pub fn wants(&self, fault: Fault) -> bool {
        self.kept[fault as usize].len() < Self::MOST
    }

    /// Keeps a record, while there is room.
    pub fn add(&mut self, fault: Fault, identity: &Identity, place: Option<Place<'_>>) {
        if !self.wants(fault) {
            return;
        }
        self.kept[fault as usize].push(Offender {
            kind: fault.name().to_owned(),
            stream: self.stream(usize::from(identity.stream)),
            partition: Some(u32::from(identity.partition)),
            shard: identity.shard,
            sequence: identity.sequence,
            intended: identity.intended,
            topic: place.map_or_else(String::new, |place| place.topic.to_owned()),
            found_partition: place.map(|place| place.partition),
            offset: place.map(|place| place.offset),
            key: place.and_then(|place| place.key).map(|key| key[..key.len().min(64)].escape_ascii().to_string()),
        });
    }

    /// Keeps a record of which no copy was found, while there is room.
    pub fn add_unfound(&mut self, fault: Fault, stream: usize, shard: u16, sequence: u64, intended: Timestamp) {
        if self.wants(fault) {
            let (kind, stream) = (fault.name().to_owned(), self.stream(stream));
            self.kept[fault as usize].push(Offender { kind, stream, shard, sequence, intended, ..Offender::default() });
        }
    }

    fn stream(&self, index: usize) -> String {
        self.streams.get(index).cloned().unwrap_or_else(|| index.to_string())
    }

    /// Keeps of one kind only what `keep` says.
    pub fn retain(&mut self, fault: Fault, keep: impl FnMut(&Offender) -> bool) {
        self.kept[fault as usize].retain(keep);
    }

    /// Adds another's.
    pub fn extend(&mut self, other: Self) {
        for (own, other) in self.kept.iter_mut().zip(other.kept) {
            own.extend(other);
        }
    }

    /// All, by kind and then by intended time; at most `most` a kind.
    pub fn first(&self, most: usize) -> Vec<Offender> {
        let of = |kept: &Vec<Offender>| {
            let mut kept = kept.clone();
            kept.sort_by_key(|offender| (offender.intended, offender.shard, offender.sequence));
            kept.truncate(most);
            kept
        };
        self.kept.iter().flat_map(of).collect()
    }
}
