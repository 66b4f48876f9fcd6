//! What became visible in the sink, gathered per partition.

use std::time::Duration;

use crate::clock::{OffsetEstimator, Timestamp};
use crate::traffic::Identity;

/// Records of one sink partition that became visible within about 100 ms.
#[derive(Debug, Clone, PartialEq)]
pub struct Visible {
    /// Sink topic.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Records of this run, each as often as it was seen.
    pub records: u64,
    /// Of them, those seen for the first time.
    pub fresh: u64,
    /// When the reader saw the first of them.
    pub first_seen: Timestamp,
    /// When the reader saw the last of them.
    pub last_seen: Timestamp,
    /// How long the reader had been busy with other records before `first_seen`.
    pub poll_gap: Duration,
    /// Furthest intended time that came out of this sink partition so far: stream, input partition, time. Only what moved.
    pub furthest: Vec<(u8, u16, Timestamp)>,
}

/// What became visible in one sink partition since the last tick.
#[derive(Default)]
pub(super) struct Output {
    pub(super) records: u64,
    fresh: u64,
    first_seen: Timestamp,
    last_seen: Timestamp,
    poll_gap: Duration,
    /// By stream and input partition: furthest intended time so far, and whether it moved.
    furthest: Vec<Vec<(i64, bool)>>,
    /// The clock that stamps this partition.
    pub(super) clock: OffsetEstimator,
}

impl Output {
    /// Takes in a record that was seen at `at`.
    pub(super) fn take_in(&mut self, identity: &Identity, fresh: bool, at: Timestamp, poll_gap: Duration) {
        if self.records == 0 {
            self.first_seen = at;
            self.poll_gap = poll_gap;
        }
        self.records += 1;
        self.fresh += u64::from(fresh);
        self.last_seen = at;
        let (stream, partition) = (usize::from(identity.stream), usize::from(identity.partition));
        if self.furthest.len() <= stream {
            self.furthest.resize_with(stream + 1, Vec::new);
        }
        let furthest = &mut self.furthest[stream];
        if furthest.len() <= partition {
            furthest.resize(partition + 1, (i64::MIN, false));
        }
        if identity.intended.0 > furthest[partition].0 {
            furthest[partition] = (identity.intended.0, true);
        }
    }

    /// What was gathered since the last time.
    pub(super) fn take(&mut self, topic: &str, partition: u32) -> Visible {
        let mut moved = Vec::new();
        for (stream, partitions) in self.furthest.iter_mut().enumerate() {
            for (input, (intended, new)) in partitions.iter_mut().enumerate().filter(|(_, (_, new))| *new) {
                *new = false;
                moved.push((stream as u8, input as u16, Timestamp(*intended)));
            }
        }
        let Self { first_seen, last_seen, poll_gap, .. } = *self;
        let (records, fresh) = (std::mem::take(&mut self.records), std::mem::take(&mut self.fresh));
        Visible { topic: topic.to_owned(), partition, records, fresh, first_seen, last_seen, poll_gap, furthest: moved }
    }
}
