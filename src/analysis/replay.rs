//! A journal of days through the fold, quickly: the same as pushing each event, with the series of a poll looked up once.

use std::collections::HashMap;
use std::sync::Arc;

use super::Analysis;
use super::series::Slot;
use crate::journal::{Entry, Poll, SeriesName};
use crate::metric::Metric;

/// A fold that is fed from a stored journal.
#[derive(Debug)]
pub struct Replay {
    analysis: Analysis,
    /// By the address of the names, which are kept so that no other names come to lie there.
    slots: HashMap<*const SeriesName, (Arc<[SeriesName]>, Vec<Slot>)>,
}

impl Replay {
    /// Into a fold that has seen nothing yet.
    pub fn into(analysis: Analysis) -> Self {
        Self { analysis, slots: HashMap::new() }
    }

    /// Takes in what the journal holds next.
    pub fn push(&mut self, entry: &Entry) {
        match entry {
            Entry::Event(event) => self.analysis.push(event),
            Entry::Poll(poll) => self.poll(poll),
        }
    }

    fn poll(&mut self, poll: &Poll) {
        let analysis = &mut self.analysis;
        let at = poll.at.0;
        let (_, slots) = self.slots.entry(poll.series.as_ptr()).or_insert_with(|| {
            let slots = poll.series.iter().map(|(metric, of)| analysis.samples.slot(*metric, of)).collect();
            (poll.series.clone(), slots)
        });
        for ((slot, (metric, of)), value) in slots.iter().zip(poll.series.iter()).zip(&poll.values) {
            analysis.began(at);
            if *metric == Metric::SourcePosition || analysis.goes_on_counting(*metric) {
                analysis.take_sample(at, *metric, of, *value);
            } else {
                analysis.samples.push_to(*slot, at, *value);
            }
            analysis.look(at);
        }
    }

    /// The fold, with everything taken in.
    pub fn done(self) -> Analysis {
        self.analysis
    }
}
