//! What a journal says of a run that broke off: all that going on with it rests on.

use crate::clock::Timestamp;
use crate::delivery::TopicStart;
use crate::journal::{Accounting, BrokenOff, Event, EventKind};
use crate::scenario::Scenario;

use super::prepare::{self, Topics};

/// A fold over the events of the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// Names of the streams that are sent, in the order of their index.
    pub streams: Vec<String>,
    /// Where the run's records begin in the input topics that are sent to.
    pub inputs: Vec<TopicStart>,
    /// Where they begin in the sink topics.
    pub sinks: Vec<TopicStart>,
    /// The schedule's zero.
    pub start: Timestamp,
    /// Flink's id of the job that ran last, and its name.
    pub job: Option<(String, String)>,
    /// The generator's books, where traffic had stopped.
    pub books: Option<Accounting>,
    /// Until when somebody was at work.
    pub broken_off: BrokenOff,
    /// Number of the last event.
    pub last: u64,
    all_inputs: Vec<(String, String, u32)>,
}

impl Told {
    /// Takes in an event.
    pub fn push(&mut self, event: &Event) {
        self.last = self.last.max(event.seq);
        self.broken_off.push(event);
        match &event.event {
            EventKind::Reading { streams, inputs, sinks } => {
                self.streams.clone_from(streams);
                self.inputs.clone_from(inputs);
                self.sinks.clone_from(sinks);
            }
            EventKind::TrafficStarted { start, streams } => {
                self.start = *start;
                self.all_inputs.clone_from(streams);
            }
            EventKind::TrafficStopped(books) => self.books = Some(books.clone()),
            EventKind::JobRuns { id, name, .. } => self.job = Some((id.clone(), name.clone())),
            _ => {}
        }
    }

    /// The topics of the run, with as many partitions as they had when traffic began: the schedule counts on them.
    pub fn topics(&self, scenario: &Scenario, run: &str) -> Topics {
        let sinks = scenario.sink.topics.keys().zip(&self.sinks);
        Topics {
            inputs: self.all_inputs.clone(),
            sinks: sinks.map(|(name, sink)| (name.clone(), sink.topic.clone(), sink.offsets.len() as u32)).collect(),
            group: prepare::group(scenario, run).0,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_tells_what_is_needed_to_go_on() {
        let topic = |topic: &str| TopicStart { topic: topic.into(), offsets: vec![3, 0] };
        let job = |id: &str| EventKind::JobRuns { id: id.into(), name: "squall-s-r".into(), vertices: Vec::new() };
        let events = [
            job("1f"),
            EventKind::Reading {
                streams: vec!["orders".into()],
                inputs: vec![topic("squall-r-orders")],
                sinks: vec![topic("squall-r-enriched")],
            },
            EventKind::TrafficStarted { start: Timestamp(7), streams: vec![("orders".into(), "squall-r-orders".into(), 2)] },
            job("2f"),
        ];
        let mut told = Told::default();
        for (seq, event) in (0..).zip(events) {
            told.push(&Event { seq, at: Timestamp(1), event });
        }
        assert_eq!((told.start, told.last, told.job.as_ref().unwrap().0.as_str()), (Timestamp(7), 3, "2f"));
        let scenario: Scenario = serde_json::from_value(serde_json::json!({
            "name": "s", "job": { "attach": { "name": "x" } },
            "source": { "topics": { "orders": { "partitions": 2 } }, "group": "g" },
            "sink": { "topics": { "enriched": { "partitions": 2 } }, "identity": "header" },
            "duration": "1m"
        }))
        .unwrap();
        let topics = told.topics(&scenario, "r");
        assert_eq!(topics.sinks, [("enriched".to_owned(), "squall-r-enriched".to_owned(), 2)]);
        assert_eq!((topics.inputs.len(), topics.group.as_str()), (1, "g-r"));
    }
}
