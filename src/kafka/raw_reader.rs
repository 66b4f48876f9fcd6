//! Reading through librdkafka's partition API (`rd_kafka_consume_start_queue`): partitions from given offsets into one
//! queue, fetched in batches, with no consumer group and no allocation of ours per record.

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};
use std::slice;
use std::time::Duration;

use rdkafka::types::RDKafkaType;
use rdkafka_sys as sys;

use super::connection::Configuration;
use super::error::{ErrorCode, KafkaError};
use super::native::{Native, Queue, milliseconds};
use super::raw_producer::NativeTopic;

/// Records taken from the queue at once.
const BATCH: usize = 2048;

/// A message or an error of a partition, alive until the batch that holds it is dropped.
#[derive(Clone, Copy)]
pub(super) struct RawMessage<'a>(&'a sys::rd_kafka_message_t);

impl<'a> RawMessage<'a> {
    pub(super) fn error(&self) -> Option<ErrorCode> {
        ErrorCode::check(self.0.err)
    }

    /// The index given to [`RawReader::open`].
    pub(super) fn topic(&self) -> usize {
        // SAFETY: the message holds its topic; the opaque is a number.
        if self.0.rkt.is_null() { usize::MAX } else { unsafe { sys::rd_kafka_topic_opaque(self.0.rkt) }.addr() }
    }

    pub(super) fn partition(&self) -> u32 {
        self.0.partition.cast_unsigned()
    }

    pub(super) fn offset(&self) -> i64 {
        self.0.offset
    }

    pub(super) fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length belong together and live as long as the message.
        unsafe { bytes(self.0.key, self.0.key_len) }
    }

    pub(super) fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.0.payload, self.0.len) }
    }

    pub(super) fn timestamp(&self) -> (i64, sys::rd_kafka_timestamp_type_t) {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive.
        let time = unsafe { sys::rd_kafka_message_timestamp(self.0, &mut kind) };
        (time, kind)
    }

    /// The last header of this name.
    pub(super) fn header(&self, name: &CStr) -> Option<&'a [u8]> {
        let (mut headers, mut value, mut size) = (null_mut(), null(), 0);
        // SAFETY: the headers belong to the message and live as long as it.
        unsafe {
            if sys::rd_kafka_message_headers(self.0, &mut headers) != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
                || sys::rd_kafka_header_get_last(headers, name.as_ptr(), &mut value, &mut size)
                    != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                return None;
            }
            bytes(value, size)
        }
    }
}

/// # Safety
/// `start` is null or points to `length` bytes that live as long as `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller promises.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), length) })
}

/// What one look at the queue gave.
pub(super) struct Batch<'a>(&'a mut Vec<*mut sys::rd_kafka_message_t>);

impl Batch<'_> {
    pub(super) fn messages(&self) -> impl Iterator<Item = RawMessage<'_>> {
        // SAFETY: the pointers are valid until the batch is dropped, and nobody writes through them.
        self.0.iter().map(|message| RawMessage(unsafe { &**message }))
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.0.drain(..) {
            // SAFETY: owned, and destroyed once.
            unsafe { sys::rd_kafka_message_destroy(message) }
        }
    }
}

pub(super) struct RawReader {
    taken: Vec<*mut sys::rd_kafka_message_t>,
    queue: Queue,
    topics: Vec<NativeTopic>,
    started: Vec<(usize, u32)>,
    native: Native,
}

// SAFETY: `taken` is empty between calls; the rest is `Send`.
unsafe impl Send for RawReader {}

impl Drop for RawReader {
    fn drop(&mut self) {
        for (topic, partition) in std::mem::take(&mut self.started) {
            self.stop(topic, partition);
        }
    }
}

impl RawReader {
    pub(super) fn new(configuration: Configuration) -> Result<Self, KafkaError> {
        let native = Native::new(configuration, RDKafkaType::RD_KAFKA_CONSUMER, 0)?;
        Ok(Self { taken: Vec::with_capacity(BATCH), queue: Queue::of(native.client())?, topics: Vec::new(), started: Vec::new(), native })
    }

    pub(super) fn native(&self) -> &Native {
        &self.native
    }

    pub(super) fn open(&mut self, topic: &str) -> Result<usize, KafkaError> {
        self.topics.push(NativeTopic::open(&self.native, topic, self.topics.len())?);
        Ok(self.topics.len() - 1)
    }

    /// Begins to fetch a partition. `offset` may be `RD_KAFKA_OFFSET_BEGINNING` or `_END`.
    pub(super) fn start(&mut self, topic: usize, partition: u32, offset: i64) -> Result<(), ErrorCode> {
        // SAFETY: topic and queue are alive, and outlive the fetching (`Drop`).
        let done =
            unsafe { sys::rd_kafka_consume_start_queue(self.topics[topic].as_ptr(), partition.cast_signed(), offset, self.queue.as_ptr()) };
        if done == 0 {
            self.started.push((topic, partition));
            return Ok(());
        }
        // SAFETY: no preconditions.
        Err(ErrorCode::new(unsafe { sys::rd_kafka_last_error() }))
    }

    pub(super) fn stop(&mut self, topic: usize, partition: u32) {
        self.started.retain(|started| *started != (topic, partition));
        // SAFETY: the topic is alive. It fails only for a partition that is not being fetched.
        unsafe { sys::rd_kafka_consume_stop(self.topics[topic].as_ptr(), partition.cast_signed()) };
    }

    /// What is there now; waits up to `wait` for the first, and never to fill the batch.
    pub(super) fn next(&mut self, wait: Duration) -> Batch<'_> {
        // Complaints come on the main queue.
        while self.native.next(Duration::ZERO).is_some() {}
        self.take(Duration::ZERO, BATCH);
        if self.taken.is_empty() && !wait.is_zero() {
            self.take(wait, 1);
            self.take(Duration::ZERO, BATCH - self.taken.len());
        }
        Batch(&mut self.taken)
    }

    fn take(&mut self, wait: Duration, room: usize) {
        let before = self.taken.len();
        // SAFETY: there is room for `room` pointers behind `before` (capacity `BATCH`); the call fills as many as it returns.
        unsafe {
            let end = self.taken.as_mut_ptr().add(before);
            let count = sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), milliseconds(wait), end, room);
            self.taken.set_len(before + usize::try_from(count).unwrap_or(0));
        }
    }

    /// Low and high watermark as of the last fetch; asks nobody.
    pub(super) fn watermarks(&self, topic: &CStr, partition: u32) -> Option<(i64, i64)> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client and name are alive.
        let code = unsafe {
            sys::rd_kafka_get_watermark_offsets(self.native.as_ptr(), topic.as_ptr(), partition.cast_signed(), &mut low, &mut high)
        };
        (ErrorCode::check(code).is_none() && high >= 0).then_some((low, high))
    }
}
