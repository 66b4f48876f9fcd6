//! A librdkafka client with its event queue: ownership and events. Unsafe code is confined to this file and the
//! `raw_*` files; each owns what it points to and is used by one thread at a time (`&mut self`).

use std::ffi::{CStr, CString, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::types::RDKafkaType;
use rdkafka_sys as sys;

use super::client::Complaints;
use super::connection::Configuration;
use super::error::KafkaError;

/// Milliseconds for librdkafka: rounded up, so that a short wait is not a busy loop.
pub(super) fn milliseconds(wait: Duration) -> c_int {
    c_int::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

/// Text that librdkafka owns; empty for null.
///
/// # Safety
/// `text` is null or a C string that lives as long as `'a`.
pub(super) unsafe fn text<'a>(text: *const std::ffi::c_char) -> std::borrow::Cow<'a, str> {
    // SAFETY: as the caller promises.
    if text.is_null() { "".into() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy() }
}

/// A queue of librdkafka.
pub(super) struct Queue(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues are locked inside and belong to no thread.
unsafe impl Send for Queue {}
// SAFETY: librdkafka's queues have a lock of their own; polling one from several threads is allowed.
unsafe impl Sync for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

impl Queue {
    /// A new queue of `client`, which must outlive it.
    pub(super) fn of(client: &Client<Complaints>) -> Result<Self, KafkaError> {
        // SAFETY: the client is alive.
        Self::take(unsafe { sys::rd_kafka_queue_new(client.native_ptr()) })
    }

    fn main(client: &Client<Complaints>) -> Result<Self, KafkaError> {
        // SAFETY: the client is alive; the answer is a new reference, which we own.
        Self::take(unsafe { sys::rd_kafka_queue_get_main(client.native_ptr()) })
    }

    fn take(queue: *mut sys::rd_kafka_queue_t) -> Result<Self, KafkaError> {
        NonNull::new(queue).map(Self).ok_or_else(|| KafkaError::Client("librdkafka gave no queue".to_owned()))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.0.as_ptr()
    }

    /// The next event; waits up to `wait` for it.
    pub(super) fn next(&self, wait: Duration) -> Option<Event> {
        // SAFETY: the queue is alive; the event is ours.
        NonNull::new(unsafe { sys::rd_kafka_queue_poll(self.as_ptr(), milliseconds(wait)) }).map(Event)
    }
}

/// An event of librdkafka, owned.
pub(super) struct Event(NonNull<sys::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

impl Event {
    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_event_t {
        self.0.as_ptr()
    }

    pub(super) fn kind(&self) -> c_int {
        // SAFETY: the event is alive.
        unsafe { sys::rd_kafka_event_type(self.as_ptr()) }
    }

    pub(super) fn error(&self) -> sys::rd_kafka_resp_err_t {
        // SAFETY: the event is alive.
        unsafe { sys::rd_kafka_event_error(self.as_ptr()) }
    }

    pub(super) fn error_text(&self) -> String {
        // SAFETY: the text lives as long as the event.
        unsafe { text(sys::rd_kafka_event_error_string(self.as_ptr())) }.into_owned()
    }

    /// The JSON of a statistics event.
    pub(super) fn statistics(&self) -> std::borrow::Cow<'_, str> {
        // SAFETY: the text lives as long as the event.
        unsafe { text(sys::rd_kafka_event_stats(self.as_ptr())) }
    }
}

/// A client and its main queue. The queue goes first.
pub(super) struct Native {
    main: Queue,
    client: Client<Complaints>,
    bootstrap: CString,
}

impl Native {
    /// Makes a client that reports `events` (`RD_KAFKA_EVENT_*`) and its errors on its main queue.
    pub(super) fn new(configuration: Configuration, kind: RDKafkaType, events: c_int) -> Result<Self, KafkaError> {
        let Configuration { config, native, bootstrap } = configuration;
        let bootstrap = CString::new(bootstrap).map_err(|error| KafkaError::Client(error.to_string()))?;
        // SAFETY: the configuration is alive and not yet used.
        unsafe { sys::rd_kafka_conf_set_events(native.ptr(), events | sys::RD_KAFKA_EVENT_ERROR | sys::RD_KAFKA_EVENT_LOG) };
        let client = Client::new(&config, native, kind, Complaints::default()).map_err(|error| KafkaError::Client(error.to_string()))?;
        Ok(Self { main: Queue::main(&client)?, client, bootstrap })
    }

    pub(super) fn client(&self) -> &Client<Complaints> {
        &self.client
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_t {
        self.client.native_ptr()
    }

    pub(super) fn bootstrap(&self) -> &CStr {
        &self.bootstrap
    }

    pub(super) fn complaints(&self) -> &Complaints {
        self.client.context()
    }

    /// The next event of the main queue that is neither a complaint nor a log line; those are taken in here.
    pub(super) fn next(&self, wait: Duration) -> Option<Event> {
        let mut wait = wait;
        loop {
            let event = self.main.next(wait)?;
            match event.kind() {
                sys::RD_KAFKA_EVENT_ERROR => {
                    self.complaints().add(event.error().into(), &event.error_text());
                    if event.error() == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
                        begin_again(&self.client, &self.bootstrap);
                    }
                }
                sys::RD_KAFKA_EVENT_LOG => log(&event),
                _ => return Some(event),
            }
            wait = Duration::ZERO;
        }
    }

    /// The error that ended this client for good, if one has.
    pub(super) fn fatal(&self) -> Option<KafkaError> {
        self.client.fatal_error().map(|(code, reason)| KafkaError::Fatal(format!("{reason} ({code})")))
    }
}

/// Adds the first addresses again. A broker that is alone and was fenced tells of no broker at all; librdkafka then forgets those that it
/// knows, and from 2.10 on the addresses that it began with, and asks nobody any more (its issue 5301).
pub(super) fn begin_again(client: &Client<Complaints>, bootstrap: &CStr) {
    // SAFETY: the client is alive, and the text for the length of the call.
    let added = unsafe { sys::rd_kafka_brokers_add(client.native_ptr(), bootstrap.as_ptr()) };
    tracing::debug!(target: "kafka", "all brokers are down: began again with {added} addresses");
}

/// Lost connections are the harness's daily bread and are collected as complaints too: log lines are for debugging only.
fn log(event: &Event) {
    let (mut facility, mut line, mut level) = (std::ptr::null(), std::ptr::null(), 0);
    // SAFETY: the event is alive and of this kind; the texts live as long as it.
    unsafe {
        if sys::rd_kafka_event_log(event.as_ptr(), &mut facility, &mut line, &mut level) == 0 {
            tracing::debug!(target: "librdkafka", level, "{}: {}", text(facility), text(line));
        }
    }
}
