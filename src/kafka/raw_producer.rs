//! Sending through `rd_kafka_produceva`. The safe producers of the wrapper allocate for each record (the topic's name,
//! a header list, a boxed opaque); here the argument list is built once and only its fields change, and outcomes come in
//! batches as events.

use std::ffi::{CString, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::time::Duration;

use rdkafka::types::RDKafkaType;
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use super::connection::Configuration;
use super::error::{ErrorCode, KafkaError};
use super::native::{Event, Native, milliseconds};
use super::producer::{Delivery, Outgoing, TopicHandle};
use crate::clock;

/// A topic of a client, destroyed with it.
pub(super) struct NativeTopic(NonNull<sys::rd_kafka_topic_t>);

// SAFETY: librdkafka's topics are reference-counted and locked inside.
unsafe impl Send for NativeTopic {}

impl Drop for NativeTopic {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once, before its client (field order of the owners).
        unsafe { sys::rd_kafka_topic_destroy(self.0.as_ptr()) }
    }
}

impl NativeTopic {
    /// Opens `name`; `index` comes back with each of its messages.
    pub(super) fn open(native: &Native, name: &str, index: usize) -> Result<Self, KafkaError> {
        let text = CString::new(name).map_err(|_| KafkaError::NoTopic(name.to_owned()))?;
        // SAFETY: client and name are alive; `rd_kafka_topic_new` takes the configuration over, also when it fails.
        let topic = unsafe {
            let config = sys::rd_kafka_default_topic_conf_dup(native.as_ptr());
            sys::rd_kafka_topic_conf_set_opaque(config, std::ptr::without_provenance_mut(index));
            sys::rd_kafka_topic_new(native.as_ptr(), text.as_ptr(), config)
        };
        NonNull::new(topic).map(Self).ok_or_else(|| {
            // SAFETY: no preconditions.
            KafkaError::request(format!("open topic {name}"), ErrorCode::new(unsafe { sys::rd_kafka_last_error() }))
        })
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_topic_t {
        self.0.as_ptr()
    }
}

const FLAGS: usize = 0;
const TOPIC: usize = 1;
const PARTITION: usize = 2;
const VALUE: usize = 3;
const KEY: usize = 4;
const TIMESTAMP: usize = 5;
const ID: usize = 6;
const HEADER: usize = 7;

type Argument = sys::rd_kafka_vu_t;
type Union = sys::rd_kafka_vu_s__bindgen_ty_1;
type Bytes = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1;
type Header = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2;

pub(super) struct RawProducer {
    arguments: [Argument; 8],
    topics: Vec<NativeTopic>,
    native: Native,
}

// SAFETY: the pointers in `arguments` are only followed within `enqueue`, which sets them first.
unsafe impl Send for RawProducer {}

impl RawProducer {
    pub(super) fn new(configuration: Configuration) -> Result<Self, KafkaError> {
        let native = Native::new(configuration, RDKafkaType::RD_KAFKA_PRODUCER, sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_STATS)?;
        use sys::rd_kafka_vtype_t as T;
        let argument = |vtype, u| Argument { vtype, u };
        let bytes = Union { mem: Bytes { ptr: null_mut(), size: 0 } };
        let arguments = [
            argument(T::RD_KAFKA_VTYPE_MSGFLAGS, Union { i: sys::RD_KAFKA_MSG_F_COPY }),
            argument(T::RD_KAFKA_VTYPE_RKT, Union { rkt: null_mut() }),
            argument(T::RD_KAFKA_VTYPE_PARTITION, Union { i32_: 0 }),
            argument(T::RD_KAFKA_VTYPE_VALUE, bytes),
            argument(T::RD_KAFKA_VTYPE_KEY, bytes),
            argument(T::RD_KAFKA_VTYPE_TIMESTAMP, Union { i64_: 0 }),
            argument(T::RD_KAFKA_VTYPE_OPAQUE, Union { ptr: null_mut() }),
            argument(T::RD_KAFKA_VTYPE_HEADER, Union { header: Header { name: null(), val: null(), size: 0 } }),
        ];
        debug_assert_eq!((FLAGS, HEADER), (0, arguments.len() - 1));
        Ok(Self { arguments, topics: Vec::new(), native })
    }

    pub(super) fn native(&self) -> &Native {
        &self.native
    }

    pub(super) fn open(&mut self, topic: &str) -> Result<TopicHandle, KafkaError> {
        self.topics.push(NativeTopic::open(&self.native, topic, self.topics.len())?);
        Ok(TopicHandle(self.topics.len() - 1))
    }

    /// Hands a record over; librdkafka copies it. The error is that of this record.
    pub(super) fn enqueue(&mut self, record: &Outgoing<'_>) -> Result<(), ErrorCode> {
        let slice = |bytes: Option<&[u8]>| Union {
            mem: bytes
                .map_or(Bytes { ptr: null_mut(), size: 0 }, |bytes| Bytes { ptr: bytes.as_ptr().cast_mut().cast(), size: bytes.len() }),
        };
        let arguments = &mut self.arguments;
        arguments[TOPIC].u = Union { rkt: self.topics[record.topic.0].as_ptr() };
        arguments[PARTITION].u = Union { i32_: record.partition.cast_signed() };
        arguments[VALUE].u = slice(record.value);
        arguments[KEY].u = slice(record.key);
        arguments[TIMESTAMP].u = Union { i64_: record.timestamp.millis() };
        arguments[ID].u = Union { ptr: std::ptr::without_provenance_mut(record.id as usize) };
        let count = match record.header {
            None => HEADER,
            Some((name, value)) => {
                let value = Header { name: name.as_ptr(), val: value.as_ptr().cast(), size: value.len().cast_signed() };
                arguments[HEADER].u = Union { header: value };
                HEADER + 1
            }
        };
        // SAFETY: each argument's union holds the field that its type names; everything it points to outlives the call,
        // which copies key, value (`MSG_F_COPY`) and header.
        unsafe {
            let error = sys::rd_kafka_produceva(self.native.as_ptr(), arguments.as_ptr(), count);
            if error.is_null() {
                return Ok(());
            }
            let code = sys::rd_kafka_error_code(error);
            sys::rd_kafka_error_destroy(error);
            Err(ErrorCode::new(code))
        }
    }

    /// Takes in what has happened; waits up to `wait` for something. Returns how many outcomes there were.
    pub(super) fn poll(&mut self, wait: Duration, mut outcome: impl FnMut(u64, Delivery), mut statistics: impl FnMut(&str)) -> usize {
        let mut count = 0;
        let mut wait = wait;
        while let Some(event) = self.native.next(wait) {
            match event.kind() {
                sys::RD_KAFKA_EVENT_DR => count += outcomes(&event, &mut outcome),
                sys::RD_KAFKA_EVENT_STATS => statistics(&event.statistics()),
                _ => {}
            }
            wait = Duration::ZERO;
        }
        count
    }

    /// Records that are queued or in flight, or whose outcome has not been taken in.
    pub(super) fn outstanding(&self) -> usize {
        // SAFETY: the client is alive.
        usize::try_from(unsafe { sys::rd_kafka_outq_len(self.native.as_ptr()) }).unwrap_or(0)
    }

    /// Sends what lingers, for up to `wait`. The caller takes the outcomes in.
    pub(super) fn push(&mut self, wait: Duration) {
        // SAFETY: the client is alive. A time-out is the expected answer while outcomes are outstanding.
        let _: Code = unsafe { sys::rd_kafka_flush(self.native.as_ptr(), milliseconds(wait)) };
    }

    /// Gives up what is queued and, when asked, in flight: the outcomes come through `poll`.
    pub(super) fn purge(&mut self, in_flight: bool) {
        let flags = sys::RD_KAFKA_PURGE_F_QUEUE | if in_flight { sys::RD_KAFKA_PURGE_F_INFLIGHT } else { 0 };
        // SAFETY: the client is alive. It fails only for a consumer or for unknown flags.
        let _: Code = unsafe { sys::rd_kafka_purge(self.native.as_ptr(), flags) };
    }

    /// One of the transaction calls.
    pub(super) fn transaction(&mut self, call: Transaction, within: Duration) -> Result<(), KafkaError> {
        let native = self.native.as_ptr();
        // SAFETY: the client is alive; the error is ours to destroy.
        unsafe {
            let (what, error) = match call {
                Transaction::Init => ("initialise transactions", sys::rd_kafka_init_transactions(native, milliseconds(within))),
                Transaction::Begin => ("begin a transaction", sys::rd_kafka_begin_transaction(native)),
                Transaction::Commit => ("commit a transaction", sys::rd_kafka_commit_transaction(native, milliseconds(within))),
                Transaction::Abort => ("abort a transaction", sys::rd_kafka_abort_transaction(native, milliseconds(within))),
            };
            let Some(error) = NonNull::new(error) else { return Ok(()) };
            let code = ErrorCode::new(sys::rd_kafka_error_code(error.as_ptr()));
            sys::rd_kafka_error_destroy(error.as_ptr());
            Err(self.native.fatal().unwrap_or_else(|| KafkaError::request(what, code)))
        }
    }
}

/// A step of a transaction.
#[derive(Clone, Copy)]
pub(super) enum Transaction {
    Init,
    Begin,
    Commit,
    Abort,
}

/// The outcomes in one event. One look at the clock serves them all: they are taken in at once.
fn outcomes(event: &Event, outcome: &mut impl FnMut(u64, Delivery)) -> usize {
    let at = clock::now();
    let mut count = 0;
    // SAFETY: the event is a delivery report and owns its messages, which live until it is dropped.
    while let Some(message) = unsafe { sys::rd_kafka_event_message_next(event.as_ptr()).as_ref() } {
        let delivery = match ErrorCode::check(message.err) {
            None => Delivery::Acknowledged { partition: message.partition.cast_unsigned(), offset: message.offset, at },
            // SAFETY: as above.
            Some(error) => match unsafe { sys::rd_kafka_message_status(message) } {
                sys::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Delivery::Failed(error),
                _ => Delivery::Unresolved(error),
            },
        };
        outcome((message._private as *const c_void).addr() as u64, delivery);
        count += 1;
    }
    count
}
