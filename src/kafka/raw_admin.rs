//! Admin calls that the safe wrapper lacks: ListOffsets, ListConsumerGroupOffsets, IncrementalAlterConfigs.

use std::ffi::{CStr, CString};
use std::ptr::{NonNull, null};
use std::slice;
use std::time::Duration;

use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Call;
use sys::rd_kafka_resp_err_t as Code;

use super::error::{ErrorCode, KafkaError};
use super::native::{Event, Native, Queue, milliseconds, text};
use super::reader::Isolation;

/// A topic, a partition and what was found for it.
pub(super) type Found = (String, u32, Result<i64, ErrorCode>);

/// Options of one call.
struct Options(NonNull<sys::rd_kafka_AdminOptions_t>);

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}

/// Runs one call and waits for its answer.
fn ask(
    native: &Native,
    what: &str,
    call: Call,
    within: Duration,
    send: impl FnOnce(*mut sys::rd_kafka_t, &Options, *mut sys::rd_kafka_queue_t) -> Result<(), KafkaError>,
) -> Result<Event, KafkaError> {
    let queue = Queue::of(native.client())?;
    let failed = |reason: &str| KafkaError::Request { what: what.to_owned(), reason: reason.to_owned(), code: None };
    // SAFETY: the client is alive; the options are owned.
    let options =
        unsafe { NonNull::new(sys::rd_kafka_AdminOptions_new(native.as_ptr(), call)) }.map(Options).ok_or_else(|| failed("unsupported"))?;
    // SAFETY: the options are alive; no text is wanted. It fails only for a time out of range.
    unsafe {
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options.0.as_ptr(),
            milliseconds(within).clamp(1, 3_600_000),
            std::ptr::null_mut(),
            0,
        )
    };
    send(native.as_ptr(), &options, queue.as_ptr())?;
    // librdkafka answers by its own deadline; a little more, so that its reason is heard.
    let event = queue.next(within + Duration::from_millis(500)).ok_or_else(|| failed("no answer in time"))?;
    match ErrorCode::check(event.error()) {
        None => Ok(event),
        Some(code) => Err(native.complaints().hopeless().unwrap_or_else(|| match KafkaError::request(what, code) {
            KafkaError::Request { what, code, .. } => KafkaError::Request { what, reason: event.error_text(), code },
            other => other,
        })),
    }
}

/// Offsets of partitions by `spec`: −1 latest, −2 earliest, else the first at or after this time in milliseconds.
pub(super) fn list_offsets(
    native: &Native,
    partitions: &[(&str, u32)],
    spec: i64,
    isolation: Isolation,
    within: Duration,
) -> Result<Vec<Found>, KafkaError> {
    const WHAT: &str = "list offsets";
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        let offset = Offset::from_raw(spec);
        list.add_partition_offset(topic, partition.cast_signed(), offset).map_err(|error| KafkaError::library(WHAT, &error))?;
    }
    let level = match isolation {
        Isolation::ReadCommitted => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
        Isolation::ReadUncommitted => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
    };
    let event = ask(native, WHAT, Call::RD_KAFKA_ADMIN_OP_LISTOFFSETS, within, |client, options, queue| {
        // SAFETY: all are alive; the call copies the list. An error of the option is ours to destroy.
        unsafe {
            if let Some(error) = NonNull::new(sys::rd_kafka_AdminOptions_set_isolation_level(options.0.as_ptr(), level)) {
                let code = ErrorCode::new(sys::rd_kafka_error_code(error.as_ptr()));
                sys::rd_kafka_error_destroy(error.as_ptr());
                return Err(KafkaError::request(WHAT, code));
            }
            sys::rd_kafka_ListOffsets(client, list.ptr(), options.0.as_ptr(), queue);
        }
        Ok(())
    })?;
    // SAFETY: the event is alive and of this kind; what it holds lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(event.as_ptr());
        if result.is_null() {
            return Ok(Vec::new());
        }
        let mut count = 0;
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
        if count == 0 {
            return Ok(Vec::new());
        }
        Ok(slice::from_raw_parts(infos, count)
            .iter()
            .map(|info| found(&*sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*info)))
            .collect())
    }
}

/// # Safety
/// The partition's topic is a C string.
unsafe fn found(partition: &sys::rd_kafka_topic_partition_t) -> Found {
    // SAFETY: as the caller promises.
    let topic = unsafe { text(partition.topic) }.into_owned();
    (topic, partition.partition.cast_unsigned(), ErrorCode::check(partition.err).map_or(Ok(partition.offset), Err))
}

/// The cluster's id. rdkafka's own way to it never frees what librdkafka hands out.
pub(super) fn cluster_id(native: &Native) -> Option<String> {
    // SAFETY: the client is alive; the text is ours to free, and is not used after that.
    unsafe {
        let id = NonNull::new(sys::rd_kafka_clusterid(native.as_ptr(), 0))?;
        let text = CStr::from_ptr(id.as_ptr()).to_str().ok().map(str::to_owned);
        sys::rd_kafka_mem_free(native.as_ptr(), id.as_ptr().cast());
        text
    }
}

/// What a group has committed, for all partitions it has committed for.
///
/// `native` must have a `group.id`: librdkafka 2.12 follows a null pointer when OffsetFetch answers `NOT_COORDINATOR` to a
/// client without one (librdkafka issue 5040), which is what a broker says that has just started.
pub(super) fn group_offsets(native: &Native, group: &str, within: Duration) -> Result<Vec<Found>, KafkaError> {
    let what = format!("list offsets of group {group}");
    let name = CString::new(group).map_err(|_| KafkaError::Request {
        what: what.clone(),
        reason: "the name holds a zero byte".to_owned(),
        code: None,
    })?;
    // What the client's own group complains of is of no use, but would pile up.
    // SAFETY: the client is a consumer and alive; the messages are ours to destroy.
    unsafe {
        while let Some(message) = NonNull::new(sys::rd_kafka_consumer_poll(native.as_ptr(), 0)) {
            sys::rd_kafka_message_destroy(message.as_ptr());
        }
    }
    while native.next(Duration::ZERO).is_some() {}
    let event = ask(native, &what, Call::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, within, |client, options, queue| {
        // SAFETY: all are alive; the call copies the request, which is ours to destroy. Null asks for all partitions.
        unsafe {
            let mut request = sys::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), null());
            sys::rd_kafka_ListConsumerGroupOffsets(client, &mut request, 1, options.0.as_ptr(), queue);
            sys::rd_kafka_ListConsumerGroupOffsets_destroy(request);
        }
        Ok(())
    })?;
    // SAFETY: the event is alive and of this kind; what it holds lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event.as_ptr());
        let mut count = 0;
        if result.is_null() {
            return Ok(Vec::new());
        }
        let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
        if count == 0 {
            return Ok(Vec::new());
        }
        let error = sys::rd_kafka_group_result_error(*groups);
        if !error.is_null() {
            return Err(KafkaError::request(what, ErrorCode::new(sys::rd_kafka_error_code(error))));
        }
        let Some(list) = sys::rd_kafka_group_result_partitions(*groups).as_ref() else { return Ok(Vec::new()) };
        if list.cnt == 0 {
            return Ok(Vec::new());
        }
        Ok(slice::from_raw_parts(list.elems, list.cnt as usize).iter().map(|partition| found(partition)).collect())
    }
}

/// Sets one configuration entry of a topic, or with no value takes it back to its default. Others stay as they are.
pub(super) fn alter_topic_config(
    native: &Native,
    topic: &str,
    entry: &str,
    value: Option<&str>,
    within: Duration,
) -> Result<(), KafkaError> {
    use sys::rd_kafka_AlterConfigOpType_t as Op;
    let what = format!("set {entry} of topic {topic}");
    let zero = |_| KafkaError::Request { what: what.clone(), reason: "a name or value holds a zero byte".to_owned(), code: None };
    let (name, entry) = (CString::new(topic).map_err(zero)?, CString::new(entry).map_err(zero)?);
    let (op, value) = match value {
        Some(value) => (Op::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, Some(CString::new(value).map_err(zero)?)),
        None => (Op::RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE, None),
    };
    let event = ask(native, &what, Call::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS, within, |client, options, queue| {
        // SAFETY: all are alive; the call copies the resource, which is ours to destroy, as is an error.
        unsafe {
            let mut resource = sys::rd_kafka_ConfigResource_new(sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr());
            let value = value.as_ref().map_or(null(), |value| value.as_ptr());
            let error = sys::rd_kafka_ConfigResource_add_incremental_config(resource, entry.as_ptr(), op, value);
            let done = NonNull::new(error).map_or(Ok(()), |error| {
                let code = ErrorCode::new(sys::rd_kafka_error_code(error.as_ptr()));
                sys::rd_kafka_error_destroy(error.as_ptr());
                Err(KafkaError::request(what.clone(), code))
            });
            if done.is_ok() {
                sys::rd_kafka_IncrementalAlterConfigs(client, &mut resource, 1, options.0.as_ptr(), queue);
            }
            sys::rd_kafka_ConfigResource_destroy(resource);
            done
        }
    })?;
    // SAFETY: the event is alive and of this kind; what it holds lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(event.as_ptr());
        let mut count = 0;
        let resources = sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, &mut count);
        if count == 0 {
            return Ok(());
        }
        match sys::rd_kafka_ConfigResource_error(*resources) {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART => Err(KafkaError::NoTopic(topic.to_owned())),
            code => {
                let reason = text(sys::rd_kafka_ConfigResource_error_string(*resources)).into_owned();
                Err(KafkaError::Request { what, reason, code: Some(ErrorCode::new(code)) })
            }
        }
    }
}
