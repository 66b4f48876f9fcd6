use std::ffi::{CStr, CString, c_void};
use std::ptr::null_mut;

use rdkafka_sys as sys;
use squall::clock;

use crate::{MEASURED, PARTITIONS, WARM_UP};

type Client = sys::rd_kafka_t;
type Topic = sys::rd_kafka_topic_t;

/// What squall sets, too.
const SETTINGS: [(&CStr, &str); 6] = [
    (c"acks", "all"),
    (c"enable.idempotence", "true"),
    (c"linger.ms", "5"),
    (c"queue.buffering.max.messages", "500000"),
    (c"queue.buffering.max.kbytes", "262144"),
    (c"socket.nagle.disable", "true"),
];

/// How records are handed over.
#[derive(Clone, Copy)]
pub enum Call {
    /// `rd_kafka_produceva`, with an identity in a header.
    Header,
    /// `rd_kafka_produce`.
    Produce,
    /// `rd_kafka_produce_batch`, which takes neither headers nor time stamps.
    Batch,
}

/// Records between two looks at the clock and at the delivery reports; one batch.
const CHUNK: usize = 256;

/// Hands records to librdkafka as fast as it takes them, and counts delivery reports as they come: records a second.
pub fn run(bootstrap: &str, topic: &str, size: usize, call: Call) -> f64 {
    let mut acknowledged = Box::new(0u64);
    let counter: *mut u64 = &mut *acknowledged;
    let key = b"k1234";
    let value: Vec<u8> = (0..size).map(|place| b'A' + (place * 7919 % 57) as u8).collect();
    let identity = [7u8; 32];
    // SAFETY: every pointer outlives the client, which is destroyed at the end; errors are looked at.
    unsafe {
        let client = client(bootstrap);
        let name = CString::new(topic).unwrap();
        let topic = sys::rd_kafka_topic_new(client, name.as_ptr(), null_mut());
        let mut n = 0;
        let mut messages: Vec<sys::rd_kafka_message_t> = Vec::with_capacity(CHUNK);
        let mut produce = |until: clock::Timestamp| {
            while !until.remaining().is_zero() {
                if matches!(call, Call::Batch) {
                    // What was not taken stays for the next batch.
                    messages.resize_with(CHUNK, || {
                        n += 1;
                        message(n, key, &value, counter)
                    });
                    let taken = batch(topic, &mut messages);
                    messages.retain(|message| message.err as i32 != 0);
                    sys::rd_kafka_poll(client, i32::from(taken == 0));
                    continue;
                }
                for _ in 0..CHUNK {
                    let taken = if matches!(call, Call::Header) {
                        with_header(client, topic, n, key, &value, &identity, counter)
                    } else {
                        let (payload, key_pointer) = (value.as_ptr().cast_mut().cast(), key.as_ptr().cast());
                        let flags = sys::RD_KAFKA_MSG_F_COPY;
                        let partition = (n % PARTITIONS) as i32;
                        sys::rd_kafka_produce(topic, partition, flags, payload, size, key_pointer, key.len(), counter.cast()) == 0
                    };
                    if !taken {
                        sys::rd_kafka_poll(client, 1);
                        break;
                    }
                    n += 1;
                }
                sys::rd_kafka_poll(client, 0);
            }
        };
        produce(clock::now().plus(WARM_UP));
        let (from, before) = (clock::now(), *counter);
        produce(clock::now().plus(MEASURED));
        let (to, after) = (clock::now(), *counter);
        sys::rd_kafka_flush(client, 30_000);
        sys::rd_kafka_topic_destroy(topic);
        sys::rd_kafka_destroy(client);
        (after - before) as f64 / to.seconds_since(from)
    }
}

unsafe extern "C" fn report(_: *mut Client, message: *const sys::rd_kafka_message_t, _: *mut c_void) {
    // SAFETY: librdkafka's message lives during the call; the opaque is the counter of `run`.
    unsafe {
        assert_eq!((*message).err as i32, 0, "a record was not written");
        *(*message)._private.cast::<u64>() += 1;
    }
}

/// # Safety
/// The client must be destroyed.
unsafe fn client(bootstrap: &str) -> *mut Client {
    // SAFETY: names and values are alive during each call; `rd_kafka_new` takes the configuration over.
    unsafe {
        let conf = sys::rd_kafka_conf_new();
        for (name, setting) in SETTINGS.into_iter().chain([(c"bootstrap.servers", bootstrap)]) {
            let setting = CString::new(setting).unwrap();
            let result = sys::rd_kafka_conf_set(conf, name.as_ptr(), setting.as_ptr(), null_mut(), 0);
            assert_eq!(result as i32, 0, "{name:?}");
        }
        sys::rd_kafka_conf_set_dr_msg_cb(conf, Some(report));
        let client = sys::rd_kafka_new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, conf, null_mut(), 0);
        assert!(!client.is_null());
        client
    }
}

fn message(n: u32, key: &[u8], value: &[u8], counter: *mut u64) -> sys::rd_kafka_message_t {
    sys::rd_kafka_message_t {
        err: sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: null_mut(),
        partition: (n % PARTITIONS) as i32,
        payload: value.as_ptr().cast_mut().cast(),
        len: value.len(),
        key: key.as_ptr().cast_mut().cast(),
        key_len: key.len(),
        offset: 0,
        _private: counter.cast(),
    }
}

/// How many were taken; each message's `err` says which.
///
/// # Safety
/// The topic is alive, and what the messages point to.
unsafe fn batch(topic: *mut Topic, messages: &mut [sys::rd_kafka_message_t]) -> i32 {
    let flags = sys::RD_KAFKA_MSG_F_COPY | sys::RD_KAFKA_MSG_F_PARTITION;
    // SAFETY: librdkafka copies key and value, and writes only `err`.
    unsafe { sys::rd_kafka_produce_batch(topic, -1, flags, messages.as_mut_ptr(), messages.len() as i32) }
}

/// # Safety
/// Client, topic and counter are alive.
unsafe fn with_header(
    client: *mut Client,
    topic: *mut Topic,
    n: u32,
    key: &[u8],
    value: &[u8],
    identity: &[u8],
    counter: *mut u64,
) -> bool {
    use sys::rd_kafka_vtype_t as T;
    type Union = sys::rd_kafka_vu_s__bindgen_ty_1;
    type Bytes = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1;
    let bytes = |bytes: &[u8]| Union { mem: Bytes { ptr: bytes.as_ptr().cast_mut().cast(), size: bytes.len() } };
    let header = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
        name: c"squall".as_ptr(),
        val: identity.as_ptr().cast(),
        size: identity.len().cast_signed(),
    };
    let arguments = [
        (T::RD_KAFKA_VTYPE_MSGFLAGS, Union { i: sys::RD_KAFKA_MSG_F_COPY }),
        (T::RD_KAFKA_VTYPE_RKT, Union { rkt: topic }),
        (T::RD_KAFKA_VTYPE_PARTITION, Union { i32_: (n % PARTITIONS) as i32 }),
        (T::RD_KAFKA_VTYPE_VALUE, bytes(value)),
        (T::RD_KAFKA_VTYPE_KEY, bytes(key)),
        (T::RD_KAFKA_VTYPE_OPAQUE, Union { ptr: counter.cast() }),
        (T::RD_KAFKA_VTYPE_HEADER, Union { header }),
    ]
    .map(|(vtype, u)| sys::rd_kafka_vu_t { vtype, u });
    // SAFETY: each union holds the field that its type names, and librdkafka copies what it points to.
    unsafe {
        let error = sys::rd_kafka_produceva(client, arguments.as_ptr(), arguments.len());
        if error.is_null() {
            return true;
        }
        sys::rd_kafka_error_destroy(error);
        false
    }
}
