//! Where partitions begin and end, and what groups have committed.

use std::time::Duration;

use super::admin::Admin;
use super::error::{ErrorCode, KafkaError};
use super::raw_admin;
use super::reader::Isolation;
use crate::clock::{self, Timestamp};

/// Which offset of a partition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetQuery {
    /// The oldest record's.
    Earliest,
    /// The high watermark: behind the newest record.
    HighWatermark,
    /// The last stable offset: behind the newest record that a `read_committed` reader may see. Below the high watermark
    /// while a transaction is open.
    LastStable,
    /// The first record stamped at this time or later; nothing when there is none.
    AtOrAfter(Timestamp),
}

/// The offset of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOffset {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// The offset asked for, or why this partition gave none.
    pub offset: Result<i64, ErrorCode>,
}

/// What a group has committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// The next offset that the group would read.
    pub committed: i64,
}

impl Admin {
    /// One offset of each of `partitions`, one request per leader. Partitions fail one by one.
    ///
    /// # Errors
    /// When no broker answers within `within`.
    pub fn offsets(&self, partitions: &[(&str, u32)], query: OffsetQuery, within: Duration) -> Result<Vec<PartitionOffset>, KafkaError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let (spec, isolation) = match query {
            OffsetQuery::Earliest => (-2, Isolation::ReadUncommitted),
            OffsetQuery::HighWatermark => (-1, Isolation::ReadUncommitted),
            OffsetQuery::LastStable => (-1, Isolation::ReadCommitted),
            OffsetQuery::AtOrAfter(time) => (time.millis().max(0), Isolation::ReadUncommitted),
        };
        let found = raw_admin::list_offsets(self.native(), partitions, spec, isolation, within)?;
        Ok(found.into_iter().map(|(topic, partition, offset)| PartitionOffset { topic, partition, offset }).collect())
    }

    /// One offset of each partition of `topic`, by partition number.
    ///
    /// # Errors
    /// When the topic does not exist, a partition gives no offset (one without a leader is asked again until `within` is over),
    /// or no broker answers within `within`.
    pub fn topic_offsets(&self, topic: &str, query: OffsetQuery, within: Duration) -> Result<Vec<i64>, KafkaError> {
        let partitions = self.partitions(topic, within)?;
        let asked: Vec<_> = (0..partitions).map(|partition| (topic, partition)).collect();
        let deadline = clock::now().plus(within);
        let mut found = loop {
            let found = self.offsets(&asked, query, deadline.remaining())?;
            // A topic that was just made, or a leader that just moved: the broker does not know yet, or no longer.
            let moving = found.iter().any(|found| found.offset.is_err_and(ErrorCode::is_about_the_leader));
            if !moving || deadline.remaining().is_zero() {
                break found;
            }
            self.native().next(Duration::from_millis(100).min(deadline.remaining()));
        };
        found.sort_by_key(|found| found.partition);
        found
            .into_iter()
            .map(|found| found.offset.map_err(|code| KafkaError::request(format!("list offsets of {topic}/{}", found.partition), code)))
            .collect()
    }

    /// What `group` has committed, whoever it belongs to. Reads only. Empty for a group that does not exist.
    ///
    /// # Errors
    /// When its coordinator does not answer within `within`, or this user may not describe the group.
    pub fn group_offsets(&self, group: &str, within: Duration) -> Result<Vec<GroupOffset>, KafkaError> {
        let native = self.native_of_group(group)?;
        let deadline = clock::now().plus(within);
        let found = loop {
            match raw_admin::group_offsets(&native, group, deadline.remaining()) {
                // Its coordinator has just started, or the group has just moved.
                Err(error) if error.code().is_some_and(ErrorCode::is_about_the_coordinator) && !deadline.remaining().is_zero() => {
                    native.next(Duration::from_millis(100).min(deadline.remaining()));
                }
                answer => break answer?,
            }
        };
        let committed = |(topic, partition, offset): raw_admin::Found| match offset {
            Ok(committed) if committed >= 0 => Some(Ok(GroupOffset { topic, partition, committed })),
            Ok(_) => None,
            Err(code) => Some(Err(KafkaError::request(format!("list offsets of group {group}"), code))),
        };
        found.into_iter().filter_map(committed).collect()
    }
}
