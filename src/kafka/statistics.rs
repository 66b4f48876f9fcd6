//! What librdkafka says of itself each second, as far as squall uses it.

use std::collections::HashMap;

use serde::Deserialize;

/// A producer's state. (STATISTICS.md of librdkafka.)
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProducerStatistics {
    /// Records queued and in flight.
    pub queued_records: u64,
    /// Their bytes.
    pub queued_bytes: u64,
    /// Longest throttle by a broker's quota in the last interval, in milliseconds.
    pub throttle_ms: f64,
    /// Worst broker's p99 of the request's round trip, in milliseconds; nothing without requests.
    pub round_trip_ms: Option<f64>,
    /// Records written so far, as librdkafka counts.
    pub written_records: u64,
}

#[derive(Deserialize)]
struct Document {
    msg_cnt: u64,
    msg_size: u64,
    txmsgs: u64,
    #[serde(default)]
    brokers: HashMap<String, Broker>,
}

#[derive(Deserialize)]
struct Broker {
    #[serde(default)]
    throttle: Window,
    #[serde(default)]
    rtt: Window,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Window {
    max: f64,
    p99: f64,
    cnt: u64,
}

impl ProducerStatistics {
    /// Nothing when the text is not what librdkafka 2 writes.
    pub(super) fn parse(json: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(json).ok()?;
        let brokers = || document.brokers.values();
        Some(Self {
            queued_records: document.msg_cnt,
            queued_bytes: document.msg_size,
            throttle_ms: brokers().map(|broker| broker.throttle.max).fold(0.0, f64::max),
            round_trip_ms: brokers().filter(|broker| broker.rtt.cnt > 0).map(|broker| broker.rtt.p99 / 1000.0).reduce(f64::max),
            written_records: document.txmsgs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_worst_broker() {
        let json = r#"{"msg_cnt":3,"msg_size":30,"txmsgs":9,"x":1,"brokers":{
            "a":{"throttle":{"max":7,"p99":0,"cnt":1},"rtt":{"max":0,"p99":1500,"cnt":2}},
            "b":{"throttle":{"max":0,"p99":0,"cnt":0},"rtt":{"max":0,"p99":0,"cnt":0}}}}"#;
        let expected =
            ProducerStatistics { queued_records: 3, queued_bytes: 30, throttle_ms: 7.0, round_trip_ms: Some(1.5), written_records: 9 };
        assert_eq!(ProducerStatistics::parse(json), Some(expected));
        assert_eq!(ProducerStatistics::parse("{}"), None);
    }
}
