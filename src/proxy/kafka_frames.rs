//! Finds the requests in a stream of Kafka's wire protocol without keeping or delaying a byte.
//!
//! A request is a length (i32, big-endian) and that many bytes, which begin with the api key (i16); see "Protocol" in Kafka's
//! documentation. Anything that cannot be such a request (TLS, HTTP) ends the counting for that connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Api keys that are counted. Kafka 4.3 knows fewer than 100.
const KEYS: usize = 128;
/// Api key, api version and correlation id: no request is shorter.
const SHORTEST: i32 = 8;
/// No request is longer: over twice the broker's default of `socket.request.max.bytes`.
const LONGEST: i32 = 256 * 1024 * 1024;
/// Length and api key.
const HEADER: usize = 6;

/// Requests counted by api key.
#[derive(Debug)]
pub(super) struct Requests {
    counts: [AtomicU64; KEYS],
    foreign: AtomicBool,
}

impl Default for Requests {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), foreign: AtomicBool::new(false) }
    }
}

impl Requests {
    pub(super) fn count(&self, key: i16) {
        if let Some(count) = usize::try_from(key).ok().and_then(|key| self.counts.get(key)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says that the stream is no Kafka after all.
    pub(super) fn give_up(&self) {
        self.foreign.store(true, Ordering::Relaxed);
    }

    /// What was counted; nothing when the stream is no Kafka.
    pub(super) fn counted(&self) -> Option<BTreeMap<i16, u64>> {
        if self.foreign.load(Ordering::Relaxed) {
            return None;
        }
        let counts = (0i16..).zip(&self.counts).map(|(key, count)| (key, count.load(Ordering::Relaxed)));
        Some(counts.filter(|(_, count)| *count > 0).collect())
    }
}

/// Where a stream of requests stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// In a header, of which so much has passed.
    Header { passed: usize, bytes: [u8; HEADER] },
    /// In a request, of which so much is to come.
    Body { left: usize },
    /// Not Kafka.
    Foreign,
}

impl Default for Frames {
    fn default() -> Self {
        Self::Header { passed: 0, bytes: [0; HEADER] }
    }
}

impl Frames {
    /// Moves on over `bytes`; `seen` gets the api key of each request whose header ends in them.
    pub(super) fn pass(&mut self, bytes: &[u8], mut seen: impl FnMut(i16)) {
        self.walk(bytes, |_, key| {
            seen(key);
            true
        });
    }

    /// How many of `bytes` lie before the first request that `held` names. Where part of its header has passed already the
    /// rest of it is kept.
    pub(super) fn before(&self, bytes: &[u8], mut held: impl FnMut(i16) -> bool) -> usize {
        let mut end = bytes.len();
        let mut frames = *self;
        frames.walk(bytes, |start, key| {
            let stop = held(key);
            if stop {
                end = start;
            }
            !stop
        });
        end
    }

    /// Calls `seen` with where each request begins (0 when before `bytes`) and its api key, until it says false.
    fn walk(&mut self, bytes: &[u8], mut seen: impl FnMut(usize, i16) -> bool) {
        let mut at = 0;
        while at < bytes.len() {
            match self {
                Self::Foreign => return,
                Self::Body { left } => {
                    let step = (*left).min(bytes.len() - at);
                    at += step;
                    *left -= step;
                    if *left == 0 {
                        *self = Self::default();
                    }
                }
                Self::Header { passed, bytes: header } => {
                    let start = at.saturating_sub(*passed);
                    let step = (HEADER - *passed).min(bytes.len() - at);
                    header[*passed..*passed + step].copy_from_slice(&bytes[at..at + step]);
                    *passed += step;
                    at += step;
                    if *passed < HEADER {
                        return;
                    }
                    let [a, b, c, d, e, f] = *header;
                    let (length, key) = (i32::from_be_bytes([a, b, c, d]), i16::from_be_bytes([e, f]));
                    let known = usize::try_from(key).is_ok_and(|key| key < KEYS);
                    *self = match usize::try_from(length) {
                        Ok(left) if known && (SHORTEST..=LONGEST).contains(&length) => Self::Body { left: left - 2 },
                        _ => Self::Foreign,
                    };
                    if *self == Self::Foreign || !seen(start, key) {
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(key: i16, body: usize) -> Vec<u8> {
        let mut bytes = i32::try_from(8 + body).unwrap_or(8).to_be_bytes().to_vec();
        bytes.extend(key.to_be_bytes());
        bytes.extend(vec![0xAB; 6 + body]);
        bytes
    }

    #[test]
    fn what_is_not_kafka_is_left_alone() {
        for stream in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[0; 64]] {
            let mut frames = Frames::default();
            frames.pass(stream, |key| assert_eq!(key, -1, "nothing is seen"));
            assert_eq!(frames, Frames::Foreign);
            assert_eq!(frames.before(stream, |_| true), stream.len());
        }
    }

    #[test]
    fn counting_ends_where_kafka_ends() {
        let requests = Requests::default();
        requests.count(26);
        requests.count(0);
        requests.count(26);
        requests.count(-7);
        assert_eq!(requests.counted(), Some([(0, 1), (26, 2)].into()));
        requests.give_up();
        assert_eq!(requests.counted(), None);
    }

    #[test]
    fn a_held_request_stops_at_its_first_byte() {
        let stream = [request(0, 100), request(3, 0), request(26, 10)].concat();
        assert_eq!(Frames::default().before(&stream, |key| key == 26), 112 + 12);
        assert_eq!(Frames::default().before(&stream, |key| key == 99), stream.len());
        // Two bytes of its header went before the rule came.
        let mut frames = Frames::default();
        frames.pass(&stream[..126], |_| {});
        assert_eq!(frames.before(&stream[126..], |key| key == 26), 0);
    }

    proptest! {
        #[test]
        fn any_cutting_of_the_stream_counts_the_same(
            keys in prop::collection::vec((0i16..100, 0usize..50), 1..40),
            cuts in prop::collection::vec(1usize..40, 1..40),
        ) {
            let stream: Vec<u8> = keys.iter().flat_map(|(key, body)| request(*key, *body)).collect();
            let (mut frames, mut seen, mut rest) = (Frames::default(), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                frames.pass(now, |key| seen.push(key));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, keys.iter().map(|(key, _)| *key).collect::<Vec<_>>());
            prop_assert_eq!(frames, Frames::default());
        }
    }
}
