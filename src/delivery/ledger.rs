//! What became of the records that were sent, as the producers know it.

use std::sync::{Arc, Mutex, PoisonError};

use super::kept::KeptLedger;
use super::sequences::Sequences;
use super::shards::Shards;
use super::timeline::Timeline;
use crate::traffic::{AckSink, Outcome, Settled};

/// The outcomes of one shard's records. What is in none of the sets was never sent.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    /// Written, as the broker said.
    pub acknowledged: Sequences,
    /// Certainly not written.
    pub failed: Sequences,
    /// Sent, outcome unknown.
    pub unresolved: Sequences,
    /// When they were intended.
    pub timeline: Timeline,
}

impl Outcomes {
    fn extend(&mut self, other: &Self) {
        self.acknowledged.extend(&other.acknowledged);
        self.failed.extend(&other.failed);
        self.unresolved.extend(&other.unresolved);
        self.timeline.extend(&other.timeline);
    }

    fn memory(&self) -> usize {
        self.acknowledged.memory() + self.failed.memory() + self.unresolved.memory()
    }
}

type Page = Arc<Mutex<Shards<Outcomes>>>;

/// The books of a run: one page for each sending thread, so that threads never wait for each other.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pages: Arc<Mutex<Vec<Page>>>,
    streams: usize,
}

impl Ledger {
    /// For so many streams.
    pub fn new(streams: usize) -> Self {
        Self { pages: Arc::default(), streams }
    }

    /// With what a process that died had written in it.
    pub(super) fn behind(outcomes: Shards<Outcomes>) -> Self {
        let streams = outcomes.streams();
        Self { pages: Arc::new(Mutex::new(vec![Arc::new(Mutex::new(outcomes))])), streams }
    }

    /// All of it, to be kept on disk. No thread waits longer than it takes to look through its own page.
    pub fn kept(&self) -> KeptLedger {
        let mut kept = KeptLedger::default();
        for page in self.pages.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            kept.take(&page.lock().unwrap_or_else(PoisonError::into_inner));
        }
        kept
    }

    /// The page of a thread that sends records of `stream`.
    pub fn page(&self, stream: u8) -> LedgerPage {
        let page = Arc::new(Mutex::new(Shards::new(self.streams)));
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&page));
        LedgerPage { stream: usize::from(stream), page }
    }

    /// All outcomes so far.
    pub fn outcomes(&self) -> Shards<Outcomes> {
        let mut all = Shards::<Outcomes>::new(self.streams);
        for page in self.pages.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for (stream, shard, outcomes) in page.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                if let Some(sum) = all.at(stream, shard) {
                    sum.extend(outcomes);
                }
            }
        }
        all
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |page: &Page| {
            page.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(_, _, outcomes)| outcomes.memory()).sum::<usize>()
        };
        pages.iter().map(of).sum()
    }
}

/// Takes in the outcomes of one thread. Its lock is taken once for some thousand records, and nobody else wants it before the end.
#[derive(Debug)]
pub struct LedgerPage {
    stream: usize,
    page: Page,
}

impl AckSink for LedgerPage {
    fn settled(&mut self, records: &[Settled]) {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let Some(outcomes) = page.at(self.stream, record.shard) else { continue };
            outcomes.timeline.observe(record.sequence, record.intended.0);
            match record.outcome {
                Outcome::Acknowledged { .. } => outcomes.acknowledged.insert(record.sequence),
                Outcome::Failed => outcomes.failed.insert(record.sequence),
                Outcome::Unresolved => outcomes.unresolved.insert(record.sequence),
            };
        }
    }
}
