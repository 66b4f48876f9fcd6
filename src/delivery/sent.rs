//! What a process that died had sent: the ledger that it kept, and the input topics, which settle what was in flight.

use super::DeliveryError;
use super::kept::KeptLedger;
use super::ledger::{Ledger, Outcomes};
use super::reference::{Reference, TopicStart, reading_time};
use super::seen::Expected;
use super::shards::Shards;
use crate::clock::Timestamp;
use crate::kafka::Connection;
use crate::traffic::{Before, Identity, PartitionProgress, SHARDS};

/// Numbers left free behind the highest that was seen: records of a dead process may still be on their way to the broker, though no more
/// of a shard than fit into sockets. A multiple of a set's block, so that what is full stays full.
const FREE: u64 = 1 << 16;

/// What was sent.
#[derive(Debug)]
pub struct Sent {
    /// Of every record that is known, what became of it.
    pub ledger: Ledger,
    /// The same for each stream's producer.
    pub before: Vec<Before>,
    /// Records that were due from the given moment on and are in the input topics all the same.
    pub late: u64,
}

impl Sent {
    /// Reads the input topics from where the run began in them to their present end. `since` is the last moment of which the dead process
    /// had told. Blocks.
    ///
    /// # Errors
    /// When a topic is gone, a broker does not answer, or the end is not reached in time.
    pub fn read(
        connection: &Connection,
        inputs: &[TopicStart],
        expected: &Expected,
        kept: &KeptLedger,
        since: Timestamp,
    ) -> Result<Self, DeliveryError> {
        let streams = expected.streams.len();
        let outcomes = kept.outcomes(streams);
        let told: u64 = outcomes.iter().map(|(_, _, outcomes)| outcomes.acknowledged.len()).sum();
        let mut partitions: Vec<Vec<PartitionProgress>> = vec![Vec::new(); streams];
        let mut late = 0;
        let reference = Reference::read(connection, inputs, expected, reading_time(2 * told), |identity, _| {
            if let Some(partitions) = partitions.get_mut(usize::from(identity.stream)) {
                count(partitions, identity);
            }
            late += u64::from(identity.intended >= since);
            true
        })?;
        let outcomes = settled(outcomes, &reference);
        let before = (0..).zip(partitions).map(|(stream, partitions)| before(&outcomes, stream, partitions)).collect();
        Ok(Self { ledger: Ledger::behind(outcomes), before, late })
    }
}

fn count(partitions: &mut Vec<PartitionProgress>, identity: &Identity) {
    let partition = usize::from(identity.partition);
    if partitions.len() <= partition {
        partitions.resize(partition + 1, PartitionProgress { acknowledged: 0, furthest: None });
    }
    let progress = &mut partitions[partition];
    progress.acknowledged += 1;
    progress.furthest = progress.furthest.max(Some(identity.intended));
}

/// What is in an input topic was written, whatever its producer knew of it.
fn settled(mut outcomes: Shards<Outcomes>, reference: &Reference) -> Shards<Outcomes> {
    for (stream, shard, records) in reference.records.iter() {
        let Some(outcomes) = outcomes.at(stream, shard) else { continue };
        if let Some(written) = records.at_least(1) {
            outcomes.acknowledged.extend(written);
        }
        if let Some(timeline) = reference.timelines.get(stream, shard) {
            outcomes.timeline.extend(timeline);
        }
    }
    outcomes
}

fn before(outcomes: &Shards<Outcomes>, stream: usize, partitions: Vec<PartitionProgress>) -> Before {
    let mut before = Before { sequences: [FREE; SHARDS as usize], acknowledged: 0, partitions };
    for shard in 0..SHARDS {
        let Some(outcomes) = outcomes.get(stream, shard) else { continue };
        before.acknowledged += outcomes.acknowledged.len();
        let used = [&outcomes.acknowledged, &outcomes.failed, &outcomes.unresolved];
        let next = used.iter().filter_map(|set| set.runs().last().map(|(_, behind)| *behind)).max().unwrap_or(0);
        before.sequences[usize::from(shard)] = (next + FREE).next_multiple_of(FREE);
    }
    before
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::traffic::{AckSink, Outcome, Settled};

    fn identity(sequence: u64, intended: i64) -> Identity {
        Identity { run: 1, stream: 0, shard: 3, partition: 1, sequence, intended: Timestamp(intended), checksum: 0 }
    }

    #[test]
    fn a_ledger_comes_back_from_disk_and_the_input_settles_what_was_in_flight() {
        let ledger = Ledger::new(1);
        let mut page = ledger.page(0);
        let outcome = |sequence, outcome| Settled { shard: 3, partition: 1, sequence, intended: Timestamp(0), outcome };
        let acknowledged = Outcome::Acknowledged { offset: 0 };
        page.settled(&[outcome(0, acknowledged), outcome(1, Outcome::Unresolved), outcome(2, Outcome::Failed), outcome(3, acknowledged)]);
        let text = serde_json::to_string(&ledger.kept()).unwrap();
        let kept: KeptLedger = serde_json::from_str(&text).unwrap();
        assert_eq!(kept, ledger.kept());

        // 1 was written all the same, 4 and 70,000 after the ledger was kept; 3 was acknowledged, and Kafka has lost it.
        let mut reference = Reference::new(1);
        let mut partitions = Vec::new();
        for (sequence, second) in [(0, 5), (1, 5), (4, 6), (70_000, 7)] {
            let identity = identity(sequence, second * 1_000_000_000);
            reference.enter(&identity, true);
            count(&mut partitions, &identity);
        }
        let outcomes = settled(kept.outcomes(1), &reference);
        assert_eq!(outcomes.get(0, 3).unwrap().acknowledged.runs(), [(0, 2), (3, 5), (70_000, 70_001)]);
        assert_eq!(outcomes.get(0, 3).unwrap().timeline.second(4), Some(6));
        let before = before(&outcomes, 0, partitions);
        assert_eq!(before.acknowledged, 5);
        assert_eq!(before.partitions[1], PartitionProgress { acknowledged: 4, furthest: Some(Timestamp(7_000_000_000)) });
        // No number is used again, nor is one that may still arrive.
        assert_eq!((before.sequences[3], before.sequences[4]), (196_608, FREE));
        assert_eq!(Ledger::behind(outcomes).kept().outcomes(1).get(0, 3).unwrap().acknowledged.len(), 5);
    }
}
