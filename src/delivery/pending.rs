//! Records that an open transaction still hides from committed readers.

use std::time::Duration;

use super::DeliveryError;
use super::offender::{Fault, Offenders, Place};
use super::seen::{Expected, HEADER};
use super::sequences::Sequences;
use super::shards::Shards;
use super::verifier::SinkPosition;
use crate::clock::Timestamp;
use crate::kafka::{Connection, Isolation, Reader, ReaderSettings, Start};

/// Reads what lies between the committed reader's position and the end of sink partitions, whoever's transaction it is in.
///
/// # Errors
/// When the reader cannot be made, or the end is not reached before `deadline`.
pub(super) fn read(
    connection: &Connection,
    behind: &[SinkPosition],
    expected: &Expected,
    offenders: &mut Offenders,
    deadline: Timestamp,
) -> Result<Shards<Sequences>, DeliveryError> {
    let mut hidden = Shards::<Sequences>::new(expected.streams.len());
    for partition in behind {
        let mut reader = Reader::new(connection, &ReaderSettings::new(Isolation::ReadUncommitted))?;
        let name = partition.topic.as_str();
        let topic = reader.open(name)?;
        reader.start(topic, partition.partition, Start::At(partition.position))?;
        while reader.position(topic, partition.partition) < Some(partition.end) {
            reader.poll(Duration::from_millis(200), |record| {
                let identity = expected.placement.extract(record.key(), record.value(), record.header(HEADER));
                if let Some(identity) = identity.ok().filter(|identity| identity.run == expected.run)
                    && hidden.of(&identity).is_some_and(|hidden| hidden.insert(identity.sequence))
                {
                    let (partition, offset) = (record.partition, record.offset);
                    let topic = name;
                    offenders.add(Fault::Pending, &identity, Some(Place { topic, partition, offset, key: record.key() }));
                }
            });
            if deadline.remaining().is_zero() {
                let position = reader.position(topic, partition.partition).unwrap_or(partition.position);
                let (topic, partition, end) = (partition.topic.clone(), partition.partition, partition.end);
                return Err(DeliveryError::NotRead { topic, partition, position, end });
            }
        }
    }
    Ok(hidden)
}
