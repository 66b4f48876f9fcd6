use std::time::Duration;

use super::books::{Books, Fate};
use crate::clock::{self, Timestamp};
use crate::kafka::{KafkaError, Producer};
use crate::traffic::Transactions;

/// Sends in transactions. What was acknowledged within one counts as acknowledged when it is committed, and as failed
/// when it is aborted: nobody who reads committed records will see it.
pub struct Transactor {
    when: Transactions,
    began: Timestamp,
    records: u64,
    open: bool,
}

/// Time for the coordinator to answer; its own limit for an open transaction is a minute.
const WITHIN: Duration = Duration::from_secs(30);

impl Transactor {
    pub fn new(when: Transactions) -> Self {
        Self { when, began: Timestamp::default(), records: 0, open: false }
    }

    /// Makes the producer ready.
    pub fn open(&mut self, producer: &mut Producer) -> Result<(), KafkaError> {
        producer.init_transactions(WITHIN)?;
        self.begin(producer)
    }

    fn begin(&mut self, producer: &mut Producer) -> Result<(), KafkaError> {
        producer.begin_transaction()?;
        (self.began, self.records, self.open) = (clock::now(), 0, true);
        Ok(())
    }

    /// A record was sent. Whether the transaction is to be ended now.
    pub fn sent_one(&mut self) -> bool {
        self.records += 1;
        self.is_due()
    }

    fn is_due(&self) -> bool {
        match self.when {
            Transactions::Records(count) => self.records >= count.0,
            Transactions::Every(every) => self.records > 0 && clock::now() >= self.began.plus(every.0),
        }
    }

    /// Ends the transaction where it is time, and begins the next.
    pub fn end_if_due(&mut self, producer: &mut Producer, books: &mut Books) -> Result<(), KafkaError> {
        if !self.is_due() {
            return Ok(());
        }
        self.end(producer, books, WITHIN)?;
        self.begin(producer)
    }

    fn end(&mut self, producer: &mut Producer, books: &mut Books, within: Duration) -> Result<(), KafkaError> {
        self.open = false;
        let Err(_) = producer.commit_transaction(within, |id, delivery| books.arrive(id, delivery)) else {
            books.end_transaction(Fate::Committed(clock::now()));
            return Ok(());
        };
        let aborted = producer.abort_transaction(within, |id, delivery| books.arrive(id, delivery));
        books.end_transaction(if aborted.is_ok() { Fate::Aborted } else { Fate::Unknown });
        aborted
    }

    /// Ends the last transaction.
    pub fn close(&mut self, producer: &mut Producer, books: &mut Books, within: Duration) -> Result<(), KafkaError> {
        if self.open { self.end(producer, books, within) } else { Ok(()) }
    }
}
