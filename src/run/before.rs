//! What was before a deed, for the witnesses that tell a change by looking twice: topics, and the job.

use std::collections::BTreeMap;

use crate::action::{JobDeed, KafkaDeed};
use crate::flink::JobId;

/// What a witness saw before the deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// It needs nothing from before.
    Nothing,
    /// A topic.
    Topic(TopicSeen),
    /// The job.
    Job(JobSeen),
}

/// A topic as the broker says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicSeen {
    /// First offset of each partition.
    pub begins: Vec<i64>,
    /// Configuration values.
    pub config: BTreeMap<String, Option<String>>,
}

/// The job as Flink's REST says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobSeen {
    /// Its id; none when there is none.
    pub id: Option<JobId>,
    /// The largest parallelism of its vertices.
    pub parallelism: u32,
    /// What it was restored from.
    pub restored: Option<String>,
    /// Its newest savepoint.
    pub savepoint: Option<String>,
}

impl TopicSeen {
    /// Whether a deed shows since `before`, and how.
    pub fn shows(&self, deed: &KafkaDeed, before: &Self) -> (bool, String) {
        match deed {
            KafkaDeed::AddPartitions { topic, .. } => {
                let (was, is) = (before.begins.len(), self.begins.len());
                (is > was, format!("topic {topic} had {was} partitions, has {is}"))
            }
            KafkaDeed::DeleteRecords { topic, .. } => {
                let gone: i64 = self.begins.iter().zip(&before.begins).map(|(is, was)| (is - was).max(0)).sum();
                (gone > 0, format!("the partitions of topic {topic} begin {gone} offsets later in all, at {:?}", self.begins))
            }
            KafkaDeed::SetTopicConfig { topic, key, value } => {
                let text = |seen: &Self| seen.config.get(key).cloned().flatten().unwrap_or_else(|| "unset".to_owned());
                let (was, is) = (text(before), text(self));
                (is == *value && was != is, format!("{key} of topic {topic} was {was}, is {is}"))
            }
        }
    }
}

impl JobSeen {
    /// Whether a deed shows since `before`, and how.
    pub fn shows(&self, deed: &JobDeed, before: &Self) -> (bool, String) {
        let Some(id) = &self.id else { return (false, "there is no job".to_owned()) };
        let anew = self.id != before.id;
        let from = self.restored.as_deref().unwrap_or("nothing");
        match deed {
            JobDeed::CancelAndResubmit => (anew && self.restored.is_none(), format!("job {id} runs, restored from {from}")),
            JobDeed::Savepoint => {
                let newest = self.savepoint.as_deref().unwrap_or("none");
                (self.savepoint.is_some() && self.savepoint != before.savepoint, format!("the newest savepoint of job {id} is {newest}"))
            }
            JobDeed::StopAndRestore { parallelism } => {
                let wide = parallelism.is_none_or(|asked| asked == self.parallelism);
                let what = format!("job {id} runs at parallelism {}, restored from {from}", self.parallelism);
                (anew && self.restored.is_some() && wide, what)
            }
            JobDeed::Rescale { parallelism } => {
                let what = format!("job {id} ran at parallelism {}, runs at {}", before.parallelism, self.parallelism);
                (self.parallelism == *parallelism && before.parallelism != self.parallelism, what)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(begins: &[i64], retention: &str) -> TopicSeen {
        TopicSeen { begins: begins.to_vec(), config: [("retention.ms".to_owned(), Some(retention.to_owned()))].into() }
    }

    #[test]
    fn a_topic_that_did_not_change_is_no_witness() {
        let before = topic(&[0, 0], "1000");
        let add = KafkaDeed::AddPartitions { topic: "t".into(), total: 3 };
        let delete = KafkaDeed::DeleteRecords { topic: "t".into(), keep: crate::units::Count(0) };
        let set = KafkaDeed::SetTopicConfig { topic: "t".into(), key: "retention.ms".into(), value: "5".into() };
        for deed in [&add, &delete, &set] {
            assert!(!before.shows(deed, &before).0, "{deed:?}");
        }
        assert!(topic(&[0, 0, 0], "1000").shows(&add, &before).0);
        assert_eq!(topic(&[7, 3], "1000").shows(&delete, &before).1, "the partitions of topic t begin 10 offsets later in all, at [7, 3]");
        assert_eq!(topic(&[0, 0], "5").shows(&set, &before), (true, "retention.ms of topic t was 1000, is 5".to_owned()));
    }

    #[test]
    fn a_drill_shows_in_what_the_job_is_now() {
        let job = |id: &str, parallelism, restored: Option<&str>, savepoint: Option<&str>| JobSeen {
            id: Some(JobId::from(id)),
            parallelism,
            restored: restored.map(str::to_owned),
            savepoint: savepoint.map(str::to_owned),
        };
        let before = job("a", 2, None, None);
        let drills = [
            JobDeed::CancelAndResubmit,
            JobDeed::Savepoint,
            JobDeed::StopAndRestore { parallelism: Some(4) },
            JobDeed::Rescale { parallelism: 1 },
        ];
        for deed in &drills {
            assert!(!before.shows(deed, &before).0, "{deed:?}");
            assert!(!JobSeen::default().shows(deed, &before).0, "{deed:?}");
        }
        let after = [job("b", 2, None, None), job("a", 2, None, Some("s")), job("b", 4, Some("s"), None), job("a", 1, None, None)];
        for (deed, after) in drills.iter().zip(&after) {
            assert!(after.shows(deed, &before).0, "{deed:?}");
        }
        // Restored, but not as wide as asked.
        assert!(!job("b", 2, Some("s"), None).shows(&drills[2], &before).0);
    }
}
