//! Reading the sink to its end: after the job has committed that it read everything and a checkpoint after that has completed, or
//! everything acknowledged was seen; then to the high watermark.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::delivery::{DeliveryError, TopicStart, Verifier};
use crate::kafka::{Admin, GroupOffset};
use crate::units::{self, display::grouped};

use super::recorder::Recorder;

const LOOK_EVERY: Duration = Duration::from_millis(200);
const ASK_WITHIN: Duration = Duration::from_secs(5);

/// How far the job has read the input, by what its group has committed.
pub struct Input {
    pub kafka: Arc<Admin>,
    pub group: String,
    /// Where this run's records begin.
    pub starts: Vec<TopicStart>,
    /// Markers of transactions that may stand behind the last record of a partition: a reader's position stays before them.
    pub markers: i64,
    /// Where they end, once that is known.
    pub ends: OnceLock<Vec<TopicStart>>,
}

impl Input {
    /// Records behind what the group has committed; none where it commits nothing.
    async fn behind(self: &Arc<Self>) -> Result<Option<u64>, DeliveryError> {
        let input = self.clone();
        tokio::task::spawn_blocking(move || input.look()).await.unwrap_or(Err(DeliveryError::Died))
    }

    fn look(&self) -> Result<Option<u64>, DeliveryError> {
        let ends = match self.ends.get() {
            Some(ends) => ends,
            None => {
                let here = |start: &TopicStart| TopicStart::here(&self.kafka, &start.topic, ASK_WITHIN);
                let found = self.starts.iter().map(here).collect::<Result<_, _>>()?;
                self.ends.get_or_init(|| found)
            }
        };
        Ok(left(&self.starts, ends, &self.kafka.group_offsets(&self.group, ASK_WITHIN)?, self.markers))
    }
}

/// What is left between what is committed and the ends, in partitions that something came to.
fn left(starts: &[TopicStart], ends: &[TopicStart], committed: &[GroupOffset], markers: i64) -> Option<u64> {
    let committed = |topic: &str, partition: u32| {
        committed.iter().find(|found| found.topic == topic && found.partition == partition).map(|found| found.committed)
    };
    let mut known = false;
    let mut left = 0;
    for (start, end) in starts.iter().zip(ends) {
        for (partition, to) in (0..).zip(&end.offsets) {
            let from = start.offsets.get(partition as usize).copied().unwrap_or(0);
            let read = committed(&end.topic, partition);
            known |= read.is_some();
            let open = to - read.unwrap_or(from).max(from);
            if open > markers {
                left += open.unsigned_abs();
            }
        }
    }
    known.then_some(left)
}

/// Waits until everything of this run can be in the sink, committed. `last` is when the last record was acknowledged. Gives up at
/// `deadline`, and returns then how many records the job had yet to read, where that is known.
///
/// That a checkpoint began after the last record is not enough: a job that is behind has yet to read it.
pub async fn settle(
    recorder: &Recorder,
    verifier: &Verifier,
    input: Input,
    acknowledged: u64,
    last: Timestamp,
    interval: Duration,
    deadline: Timestamp,
) -> Option<u64> {
    let input = Arc::new(input);
    let (mut read, mut behind) = (None, None);
    loop {
        let now = clock::now();
        if read.is_none() {
            match input.behind().await {
                Ok(records) => {
                    behind = records.filter(|records| *records > 0);
                    read = (records == Some(0)).then_some(now);
                }
                Err(error) => tracing::debug!("how far the job has read is not known: {error}"),
            }
        }
        let complete = verifier.counts().1 >= acknowledged;
        let committed = read.is_some_and(|read| recorder.ask(|analysis| analysis.checkpoint_began_after(read)));
        let ended = recorder.ask(|analysis| matches!(analysis.job_state(), Some("FAILED" | "CANCELED" | "FINISHED" | "LOST")));
        // Everything may be there before that checkpoint; a copy could still follow with it.
        if committed || ((complete || ended) && now >= last.plus(2 * interval)) {
            return None;
        }
        if now >= deadline {
            return behind;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Why there is no verdict when the job was behind at the end: what it has not read is not lost.
pub fn unread(records: u64, within: units::Duration) -> String {
    format!(
        "the job had yet to read {} records when draining ended after {within}: they are behind, not lost; say a longer `drain: {{ within: … }}`",
        grouped(records)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(offsets: &[i64]) -> Vec<TopicStart> {
        vec![TopicStart { topic: "orders".into(), offsets: offsets.to_vec() }]
    }

    fn open(committed: &[(u32, i64)], starts: &[i64], ends: &[i64], markers: i64) -> Option<u64> {
        let found: Vec<GroupOffset> = committed
            .iter()
            .map(|(partition, committed)| GroupOffset { topic: "orders".into(), partition: *partition, committed: *committed })
            .collect();
        left(&topic(starts), &topic(ends), &found, markers)
    }

    #[test]
    fn read_is_what_the_group_has_committed_to_the_end_of_each_partition() {
        assert_eq!(open(&[(0, 10), (1, 7)], &[0, 0], &[10, 7], 0), Some(0));
        assert_eq!(open(&[(0, 10), (1, 6)], &[0, 0], &[10, 7], 0), Some(1));
        assert_eq!(open(&[(0, 10)], &[0, 3], &[10, 7], 0), Some(4), "a partition without a commit");
        assert_eq!(open(&[], &[0], &[10], 0), None, "a group that commits nothing");
        assert_eq!(open(&[(0, 10)], &[0, 5], &[10, 5], 0), Some(0), "a partition that nothing came to");
        assert_eq!(open(&[(0, 10)], &[0], &[10, 5], 0), Some(5), "a partition that came later");
        assert_eq!(open(&[(0, 10)], &[0], &[11], 1), Some(0), "the marker of a transaction");
        assert_eq!(open(&[(0, 15)], &[0], &[10], 0), Some(0), "others send on");
        assert_eq!(open(&[(0, 2)], &[4], &[10], 0), Some(6), "only this run's records");
    }
}
