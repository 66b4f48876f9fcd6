use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{Problem, at_most_all};
use super::dice::Dice;
use crate::clock::Timestamp;
use crate::units::{Duration, Ratio};

/// Event times, which travel as the records' Kafka timestamps and in JSON fields of the kind `time`.
///
/// event time = intended time − delay − U(0, out-of-order) − (for the late share) by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EventTime {
    /// How long ago things happened when they are sent.
    pub delay: Duration,
    /// Bound of the disorder: what a watermark must wait for.
    pub out_of_order: Duration,
    /// Records later than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
    /// Partitions that get no records, and so hold the watermark back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub idle_partitions: Vec<u32>,
}

/// Late records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Late {
    /// Of all records.
    pub share: Ratio,
    /// How far behind the others.
    pub by: Duration,
}

impl EventTime {
    pub(super) fn problems(&self, partitions: Option<u32>) -> Vec<Problem> {
        let late = self.late.into_iter().flat_map(|late| Problem::below(["late"], at_most_all("share", late.share).into_iter().collect()));
        let idle = self.idle_partitions.iter().enumerate().filter_map(|(index, &partition)| match partitions {
            Some(all) if partition >= all => Some(Problem {
                path: vec!["idle-partitions".to_owned(), index.to_string()],
                what: format!("the topic has {all} partitions, 0 to {}", all.saturating_sub(1)),
            }),
            _ => None,
        });
        late.chain(idle).collect()
    }

    /// The event time of record `n`.
    pub fn at(&self, n: u64, intended: Timestamp, disorder: Dice, late: Dice) -> Timestamp {
        let mut before = self.delay.nanos();
        if self.out_of_order != Duration::ZERO {
            before = before.saturating_add_unsigned(disorder.below(n, self.out_of_order.nanos().unsigned_abs() + 1));
        }
        if let Some(Late { share, by }) = self.late
            && late.hits(n, share.0)
        {
            before = before.saturating_add(by.nanos());
        }
        Timestamp(intended.0.saturating_sub(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bound_but_for_the_late_share() {
        let event_time = EventTime {
            delay: Duration::from_secs(1),
            out_of_order: Duration::from_secs(5),
            late: Some(Late { share: Ratio(0.1), by: Duration::from_secs(60) }),
            idle_partitions: Vec::new(),
        };
        let (disorder, late) = (Dice::new(1, "disorder"), Dice::new(1, "late"));
        let intended = Timestamp::from_millis(1_000_000);
        let mut count = 0;
        for n in 0..20_000 {
            let age = intended.seconds_since(event_time.at(n, intended, disorder, late));
            if age > 6.0 {
                assert!((61.0..=66.0).contains(&age));
                count += 1;
            } else {
                assert!(age >= 1.0);
            }
        }
        assert!((1800..2200).contains(&count), "{count}");
        assert_eq!(EventTime::default().at(7, intended, disorder, late), intended);
    }
}
