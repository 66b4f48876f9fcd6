use super::*;

fn request(key: i16, correlation: i32, body: usize) -> Vec<u8> {
    let mut bytes = i32::try_from(8 + body).unwrap().to_be_bytes().to_vec();
    bytes.extend(key.to_be_bytes());
    bytes.extend(3i16.to_be_bytes());
    bytes.extend(correlation.to_be_bytes());
    bytes.extend(vec![0xCD; body]);
    bytes
}

#[tokio::test]
async fn requests_are_counted_by_api_key() {
    let rig = Rig::speaking(Protocol::Kafka).await;
    let (mut client, mut server) = rig.connect().await;
    let stream: Vec<u8> = (0..50).flat_map(|number| request([0, 1, 26][number % 3], 7, number * 97)).collect();
    for piece in stream.chunks(13) {
        client.write_all(piece).await.unwrap();
    }
    assert_eq!(read(&mut server, stream.len()).await, stream);
    // Counted once they have left, which the receiver may see first.
    let link = rig.until(|link| link.requests == [(0, 17), (1, 17), (26, 16)].into()).await;
    assert_eq!(link.connections[0].requests.as_ref(), Some(&link.requests));
}

#[tokio::test]
async fn what_is_not_kafka_passes_and_is_not_counted() {
    let rig = Rig::speaking(Protocol::Kafka).await;
    let (mut client, mut server) = rig.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut server, 18).await, b"GET / HTTP/1.1\r\n\r\n");
    rig.until(|link| link.connections[0].requests.is_none()).await;
}

#[tokio::test]
async fn one_kind_of_request_is_held_with_what_follows_it() {
    let rig = Rig::speaking(Protocol::Kafka).await;
    let (mut client, mut server) = rig.connect().await;
    let (mut other, mut other_server) = rig.connect().await;
    let rule = rig.set(Direction::Upstream, LinkEffect::HoldRequest { api_key: 26 }).await;
    let (before, held, after) = (request(0, 1, 500), request(26, 2, 40), request(0, 3, 500));
    client.write_all(&[&before[..], &held[..], &after[..]].concat()).await.unwrap();
    assert_eq!(read(&mut server, before.len()).await, before);
    rig.until(|link| link.rules[0].counters.chunks == 1).await;
    assert_eq!(server.try_read(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    // Answers pass, and so do other connections that send nothing of the kind.
    ping(&mut server, &mut client).await;
    other.write_all(&before).await.unwrap();
    assert_eq!(read(&mut other_server, before.len()).await, before);
    let ended = rule.remove().await.unwrap().unwrap();
    assert_eq!((ended.counters.connections, ended.counters.chunks), (1, 1));
    assert_eq!(read(&mut server, held.len() + after.len()).await, [held, after].concat());
    rig.until(|link| link.requests == [(0, 3), (26, 1)].into()).await;
}
