//! Names of the requests of Kafka's protocol.

/// What a request is called, by its api key. Source: the protocol guide of Apache Kafka 4.1, *API keys*; those that clients send.
pub fn api_name(key: i16) -> String {
    let name = match key {
        0 => "Produce",
        1 => "Fetch",
        2 => "ListOffsets",
        3 => "Metadata",
        8 => "OffsetCommit",
        9 => "OffsetFetch",
        10 => "FindCoordinator",
        11 => "JoinGroup",
        12 => "Heartbeat",
        13 => "LeaveGroup",
        14 => "SyncGroup",
        17 => "SaslHandshake",
        18 => "ApiVersions",
        22 => "InitProducerId",
        23 => "OffsetForLeaderEpoch",
        24 => "AddPartitionsToTxn",
        25 => "AddOffsetsToTxn",
        26 => "EndTxn",
        28 => "TxnOffsetCommit",
        36 => "SaslAuthenticate",
        60 => "DescribeCluster",
        68 => "ConsumerGroupHeartbeat",
        71 => "GetTelemetrySubscriptions",
        72 => "PushTelemetry",
        key => return format!("request {key}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_keeps_its_number() {
        assert_eq!((api_name(26), api_name(999)), ("EndTxn".to_owned(), "request 999".to_owned()));
    }
}
