//! Offsets as Kafka knows them: ends, last stable offsets, and what the job's group has committed.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ticks;
use crate::clock;
use crate::journal::{Of, Record};
use crate::kafka::{Admin, KafkaError, OffsetQuery};
use crate::metric::Metric;

const PROBE: &str = "offsets";
const EVERY: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(2);

/// What the probe looks at.
#[derive(Debug, Clone)]
pub struct Offsets {
    /// Where to ask: squall's own way to the brokers, past the links.
    pub admin: Arc<Admin>,
    /// Input topics.
    pub inputs: Vec<String>,
    /// Sink topics.
    pub sinks: Vec<String>,
    /// The job's group, where it commits with one.
    pub group: Option<String>,
}

impl Offsets {
    /// Starts the probe; it ends with `tasks`.
    pub fn start(self, record: Arc<dyn Record>, tasks: &mut JoinSet<()>) {
        tasks.spawn(async move {
            let mut ticks = ticks(&*record, PROBE, EVERY, Duration::ZERO);
            let offsets = Arc::new(self);
            loop {
                ticks.tick().await;
                let (offsets, record) = (offsets.clone(), record.clone());
                // Calls to brokers block; a look that is under way when the probe ends finishes by its own deadline.
                let looked = tokio::task::spawn_blocking(move || {
                    if let Err(error) = offsets.look(&*record) {
                        super::failed(&*record, PROBE, &error);
                    }
                });
                if let Err(error) = looked.await {
                    tracing::error!("the offsets probe: {error}");
                }
            }
        });
    }

    fn look(&self, record: &dyn Record) -> Result<(), KafkaError> {
        let committed = match &self.group {
            Some(group) => self.admin.group_offsets(group, WITHIN)?,
            None => Vec::new(),
        };
        let metadata = self.admin.metadata(WITHIN)?;
        let partitions = |topics: &[String]| -> Vec<(String, u32)> {
            topics
                .iter()
                .filter_map(|name| metadata.topic(name))
                .flat_map(|topic| (0..topic.partitions.len() as u32).map(|partition| (topic.name.clone(), partition)))
                .collect()
        };
        let inputs = partitions(&self.inputs);
        let ends = self.ends(&inputs, OffsetQuery::HighWatermark)?;
        let at = clock::now();
        for (topic, partition, end) in ends {
            let of = || Of::Partition { topic: topic.clone(), partition };
            record.sample_at(at, Metric::LogEnd, of(), end as f64);
            let group = committed.iter().find(|offset| offset.topic == topic && offset.partition == partition);
            if let Some(offset) = group {
                // The commit was read before the end: a lag below zero cannot come from a race.
                record.sample_at(at, Metric::CommittedLag, of(), (end - offset.committed) as f64);
            }
        }
        let sinks = partitions(&self.sinks);
        let stable = self.ends(&sinks, OffsetQuery::LastStable)?;
        let high = self.ends(&sinks, OffsetQuery::HighWatermark)?;
        let at = clock::now();
        for ((topic, partition, stable), (.., high)) in stable.into_iter().zip(high) {
            let value = (high - stable).max(0) as f64;
            record.sample_at(at, Metric::HiddenByTransactions, Of::Partition { topic, partition }, value);
        }
        let under = metadata
            .topics
            .iter()
            .filter(|topic| self.inputs.contains(&topic.name) || self.sinks.contains(&topic.name))
            .flat_map(|topic| &topic.partitions)
            .filter(|partition| partition.in_sync.len() < partition.replicas.len())
            .count();
        record.sample_at(at, Metric::UnderReplicated, Of::Run, under as f64);
        Ok(())
    }

    /// Offsets of the partitions that gave one.
    fn ends(&self, partitions: &[(String, u32)], query: OffsetQuery) -> Result<Vec<(String, u32, i64)>, KafkaError> {
        let borrowed: Vec<(&str, u32)> = partitions.iter().map(|(topic, partition)| (topic.as_str(), *partition)).collect();
        let offsets = self.admin.offsets(&borrowed, query, WITHIN)?;
        Ok(offsets.into_iter().filter_map(|offset| Some((offset.topic, offset.partition, offset.offset.ok()?))).collect())
    }
}
