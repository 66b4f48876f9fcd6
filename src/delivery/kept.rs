//! The ledger as it is kept on disk, so that what was acknowledged survives the process that was told.

use serde::{Deserialize, Serialize};

use super::ledger::Outcomes;
use super::sequences::Sequences;
use super::shards::Shards;

/// What became of the records that were sent. Sequence numbers as runs, which are few: they are dense. When records were intended is not
/// kept; the input topics say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLedger(Vec<KeptShard>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptShard {
    stream: usize,
    shard: u16,
    acknowledged: Vec<(u64, u64)>,
    failed: Vec<(u64, u64)>,
    unresolved: Vec<(u64, u64)>,
}

impl KeptLedger {
    /// Enters what a thread's page holds.
    pub(super) fn take(&mut self, page: &Shards<Outcomes>) {
        self.0.extend(page.iter().map(|(stream, shard, outcomes)| KeptShard {
            stream,
            shard,
            acknowledged: outcomes.acknowledged.runs(),
            failed: outcomes.failed.runs(),
            unresolved: outcomes.unresolved.runs(),
        }));
    }

    /// The outcomes again.
    pub(super) fn outcomes(&self, streams: usize) -> Shards<Outcomes> {
        let mut all = Shards::<Outcomes>::new(streams);
        for kept in &self.0 {
            let Some(outcomes) = all.at(kept.stream, kept.shard) else { continue };
            for (set, runs) in [
                (&mut outcomes.acknowledged, &kept.acknowledged),
                (&mut outcomes.failed, &kept.failed),
                (&mut outcomes.unresolved, &kept.unresolved),
            ] {
                runs.iter().for_each(|(from, to)| insert(set, *from, *to));
            }
        }
        all
    }
}

fn insert(set: &mut Sequences, from: u64, to: u64) {
    // What is not below the limit of a set is no number of ours, but a damaged file's.
    for number in from..to.min(super::sequences::LIMIT) {
        set.insert(number);
    }
}
