//! What came out of the sink: every record is taken in once, and what can be said of it at once is said at once.

use std::collections::BTreeMap;
use std::ffi::CStr;

use super::offender::{Fault, Offenders, Place};
use super::order::{Order, mark};
use super::sequences::Counted;
use super::shards::Shards;
use crate::traffic::{Identity, IdentityError, Placement};

/// [`identity::HEADER`](crate::traffic::identity::HEADER), as the Kafka room wants it.
pub(super) const HEADER: &CStr = c"squall";

/// What the records to be judged look like.
#[derive(Debug, Clone)]
pub struct Expected {
    /// [`run_hash`](crate::traffic::identity::run_hash) of the run.
    pub run: u32,
    /// Names of the streams, in the scenario's order.
    pub streams: Vec<String>,
    /// Where records carry their identity.
    pub placement: Placement,
    /// How often each record comes out.
    pub copies: u32,
}

/// A record of the sink.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Where it was found, and its key.
    pub place: Place<'a>,
    /// A number for that topic and partition.
    pub sink: u32,
    /// Value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Value of its `squall` header.
    pub header: Option<&'a [u8]>,
}

/// What a record turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A record of this run, seen for the first time.
    Fresh(Identity),
    /// A record of this run that was seen before.
    Again(Identity),
    /// Of another run, or of nobody who writes identities.
    Foreign,
}

/// Counts of one second of intended time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondCounts {
    /// Out of order.
    pub reordered: u64,
    /// Checksum does not match.
    pub corrupt: u64,
}

/// All that was seen in the sink.
#[derive(Debug)]
pub struct Seen {
    expected: Expected,
    /// How often each record was seen.
    pub records: Shards<Counted>,
    order: Order,
    /// Records of this run, each as often as it was seen.
    pub total: u64,
    /// Records of this run, each once.
    pub fresh: u64,
    /// Out of order within input partition, sink partition and key.
    pub reordered: u64,
    /// Records of this run with a key, by which order is judged.
    pub keyed: u64,
    /// Checksum does not match.
    pub corrupt: u64,
    /// Of a stream or shard that this run does not have.
    pub unexpected: u64,
    /// With the identity of another run.
    pub foreign: u64,
    /// Without an identity.
    pub unidentified: u64,
    /// With a damaged identity, or one of another version of squall.
    pub damaged: u64,
    /// By second of the intended time, for windows.
    pub seconds: BTreeMap<i64, SecondCounts>,
    /// The first offenders.
    pub offenders: Offenders,
}

impl Seen {
    /// Keys whose order is followed at once: 32 MiB at most.
    pub const KEYS: usize = 1 << 21;

    /// Nothing yet.
    pub fn new(expected: Expected) -> Self {
        Self {
            records: Shards::new(expected.streams.len()),
            order: Order::new(Self::KEYS),
            total: 0,
            fresh: 0,
            reordered: 0,
            keyed: 0,
            corrupt: 0,
            unexpected: 0,
            foreign: 0,
            unidentified: 0,
            damaged: 0,
            seconds: BTreeMap::new(),
            offenders: Offenders::new(expected.streams.clone()),
            expected,
        }
    }

    /// What the records look like.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Takes a record in.
    pub fn take(&mut self, arrival: &Arrival<'_>) -> Found {
        let Arrival { place, sink, value, header } = *arrival;
        let identity = match self.expected.placement.extract(place.key, value, header) {
            Ok(identity) => identity,
            Err(IdentityError::Absent) => {
                self.unidentified += 1;
                return Found::Foreign;
            }
            Err(IdentityError::Damaged | IdentityError::Version(_)) => {
                self.damaged += 1;
                return Found::Foreign;
            }
        };
        if identity.run != self.expected.run {
            self.foreign += 1;
            return Found::Foreign;
        }
        let Some(before) = self.records.of(&identity).and_then(|records| records.insert(identity.sequence)) else {
            self.unexpected += 1;
            self.offenders.add(Fault::Unexpected, &identity, Some(place));
            return Found::Foreign;
        };
        self.total += 1;
        if self.expected.placement.checksum(place.key, value) != identity.checksum {
            self.corrupt += 1;
            self.second(&identity).corrupt += 1;
            self.offenders.add(Fault::Corrupt, &identity, Some(place));
        }
        if before > 0 {
            if before >= self.expected.copies {
                self.offenders.add(Fault::Duplicate, &identity, Some(place));
            }
            return Found::Again(identity);
        }
        self.fresh += 1;
        // With the identity in its place, the key says nothing of the key that chose the partition.
        if let Some(key) = place.key.filter(|_| self.expected.placement != Placement::Key) {
            self.keyed += 1;
            if !self.order.observe(mark(scope(&identity, sink), key), identity.sequence) {
                self.reordered += 1;
                self.second(&identity).reordered += 1;
                self.offenders.add(Fault::Reordered, &identity, Some(place));
            }
        }
        Found::Fresh(identity)
    }

    fn second(&mut self, identity: &Identity) -> &mut SecondCounts {
        self.seconds.entry(identity.intended.0.div_euclid(1_000_000_000)).or_default()
    }

    /// Keys whose order was forgotten for want of memory.
    pub fn forgotten_keys(&self) -> u64 {
        self.order.forgotten()
    }

    /// Bytes on the heap, but for offenders.
    pub fn memory(&self) -> usize {
        self.records.iter().map(|(_, _, records)| records.memory()).sum::<usize>() + self.order.memory()
    }
}

/// Within what the order of a key is judged. Kafka keeps order within a partition only: a key that moved to another
/// input or sink partition begins anew.
fn scope(identity: &Identity, sink: u32) -> u64 {
    u64::from(identity.stream) << 56 | u64::from(identity.shard & 0xff) << 48 | u64::from(identity.partition) << 32 | u64::from(sink)
}
