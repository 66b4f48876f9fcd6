use std::io::ErrorKind;

use super::*;
use crate::action::Distribution;
use crate::clock;
use crate::units;

fn delay(milliseconds: u64, jitter: u64) -> LinkEffect {
    LinkEffect::Delay {
        add: units::Duration::from_millis(milliseconds),
        jitter: units::Duration::from_millis(jitter),
        distribution: Distribution::Uniform,
    }
}

#[tokio::test]
async fn a_delay_hits_live_connections_one_way() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    ping(&mut client, &mut server).await;
    let rule = rig.set(Direction::Upstream, delay(40, 0)).await;
    let sent = clock::now();
    ping(&mut client, &mut server).await;
    assert!(clock::now().seconds_since(sent) >= 0.040);
    ping(&mut server, &mut client).await;
    let counters = rig.rule(rule.id()).counters;
    assert_eq!(counters, RuleCounters { connections: 1, bytes: 4, chunks: 1 });
}

#[tokio::test]
async fn delays_of_several_rules_and_both_ways_add_up() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    rig.set(Direction::Both, delay(20, 0)).await;
    rig.set(Direction::Upstream, delay(30, 0)).await;
    let sent = clock::now();
    ping(&mut client, &mut server).await;
    let half_way = clock::now();
    ping(&mut server, &mut client).await;
    assert!(half_way.seconds_since(sent) >= 0.050);
    assert!(clock::now().seconds_since(half_way) >= 0.020);
}

#[tokio::test]
async fn jitter_never_reorders() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    rig.set(Direction::Upstream, delay(5, 5)).await;
    let bytes = pattern(4000);
    client.set_nodelay(true).unwrap();
    for piece in bytes.chunks(20) {
        client.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    assert_eq!(read(&mut server, bytes.len()).await, bytes);
}

#[tokio::test]
async fn what_a_delay_holds_is_delivered_at_once_and_in_order_when_it_goes() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let hours = rig.set(Direction::Upstream, delay(7_200_000, 0)).await;
    let minutes = rig.set(Direction::Upstream, delay(0, 0)).await;
    let bytes = pattern(300_000);
    client.write_all(&bytes).await.unwrap();
    rig.until(|link| link.connections[0].held_bytes >= bytes.len() as u64).await;
    hours.remove().await.unwrap().unwrap();
    assert_eq!(read(&mut server, bytes.len()).await, bytes);
    assert_eq!(rig.rule(minutes.id()).counters.chunks, 0, "a delay of nothing delays nothing");
    rig.until(|link| link.connections[0].held_bytes == 0).await;
}

#[tokio::test]
async fn a_cut_resets_both_sides_and_whoever_comes() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    ping(&mut client, &mut server).await;
    let rule = rig.set(Direction::Upstream, LinkEffect::Cut).await;
    assert_eq!(read_error(&mut client).await, ErrorKind::ConnectionReset);
    assert_eq!(read_error(&mut server).await, ErrorKind::ConnectionReset);
    let mut late = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(read_error(&mut late).await, ErrorKind::ConnectionReset);
    let ended = rule.remove().await.unwrap().unwrap();
    assert_eq!(ended.counters.connections, 2);
    assert_eq!(rig.link().turned_away, 1);
    let (mut client, mut server) = rig.connect().await;
    ping(&mut client, &mut server).await;
}

#[tokio::test]
async fn refusing_leaves_live_connections_alone() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let rule = rig.set(Direction::Both, LinkEffect::Refuse).await;
    for _ in 0..3 {
        let mut late = TcpStream::connect(rig.address).await.unwrap();
        assert_eq!(read_error(&mut late).await, ErrorKind::ConnectionReset);
    }
    ping(&mut client, &mut server).await;
    assert_eq!(rule.remove().await.unwrap().unwrap().counters.connections, 3);
    rig.connect().await;
}

#[tokio::test]
async fn a_black_hole_swallows_and_delivers_later_with_the_close() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    ping(&mut client, &mut server).await;
    let rule = rig.set(Direction::Upstream, LinkEffect::BlackHole).await;
    let bytes = pattern(500_000);
    client.write_all(&bytes).await.unwrap();
    client.shutdown().await.unwrap();
    // The sender was taken everything, the receiver sees nothing, the way back is open.
    rig.until(|link| link.rules[0].counters.bytes == bytes.len() as u64).await;
    assert_eq!(server.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    ping(&mut server, &mut client).await;
    rule.remove().await.unwrap();
    assert_eq!(read_to_end(&mut server).await, bytes);
}

#[tokio::test]
async fn a_black_hole_also_keeps_what_a_delay_holds() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let hour = rig.set(Direction::Upstream, delay(3_600_000, 0)).await;
    client.write_all(b"late").await.unwrap();
    rig.until(|link| link.rules[0].counters.bytes == 4).await;
    let hole = rig.set(Direction::Upstream, LinkEffect::BlackHole).await;
    hour.remove().await.unwrap();
    let counted = rig.until(|link| link.rules[0].counters.bytes == 4).await;
    assert_eq!(counted.rules[0].counters.connections, 1);
    assert_eq!(server.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    hole.remove().await.unwrap();
    assert_eq!(read(&mut server, 4).await, b"late");
}

#[tokio::test]
async fn a_throttle_is_shared_by_all_connections() {
    let rig = Rig::start().await;
    let rule = rig.set(Direction::Upstream, LinkEffect::Throttle { per_second: units::Bytes(200_000) }).await;
    let began = clock::now();
    let mut receivers = Vec::new();
    for _ in 0..8 {
        let (mut client, mut server) = rig.connect().await;
        receivers.push(tokio::spawn(async move {
            client.write_all(&pattern(10_000)).await.unwrap();
            assert_eq!(read(&mut server, 10_000).await, pattern(10_000));
        }));
    }
    for receiver in receivers {
        receiver.await.unwrap();
    }
    // 80,000 bytes at 200,000 a second, of which the last piece (10 ms) needs not be waited for.
    assert!(clock::now().seconds_since(began) >= 0.39);
    rig.until(|link| link.rules[0].counters.bytes == 80_000).await;
    assert_eq!(rig.rule(rule.id()).counters.connections, 8);
}

#[tokio::test]
async fn a_throttle_that_goes_lets_everything_through() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let rule = rig.set(Direction::Upstream, LinkEffect::Throttle { per_second: units::Bytes(1) }).await;
    client.write_all(&pattern(30_000)).await.unwrap();
    rig.until(|link| link.bytes_up > 0).await;
    rule.remove().await.unwrap();
    assert_eq!(read(&mut server, 30_000).await, pattern(30_000));
}

#[tokio::test]
async fn slices_are_small_and_apart() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let effect = LinkEffect::Slice { size: units::Bytes(10), gap: units::Duration::from_millis(2) };
    let rule = rig.set(Direction::Upstream, effect).await;
    let began = clock::now();
    client.write_all(&pattern(95)).await.unwrap();
    let mut received = Vec::new();
    while received.len() < 95 {
        received.extend(read(&mut server, 1).await);
    }
    assert_eq!(received, pattern(95));
    assert!(clock::now().seconds_since(began) >= 9.0 * 0.002);
    rig.until(|link| link.rules[0].counters == RuleCounters { connections: 1, bytes: 95, chunks: 10 }).await;
    rule.remove().await.unwrap();
}

#[tokio::test]
async fn a_slow_close_comes_late_and_bytes_do_not() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let rule = rig.set(Direction::Upstream, LinkEffect::SlowClose { after: units::Duration::from_millis(50) }).await;
    client.write_all(b"last").await.unwrap();
    let closed = clock::now();
    client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut server).await, b"last");
    assert!(clock::now().seconds_since(closed) >= 0.050);
    assert_eq!(rig.rule(rule.id()).counters, RuleCounters { connections: 1, bytes: 0, chunks: 1 });
    // And at once when the rule goes before.
    let hour = rig.set(Direction::Downstream, LinkEffect::SlowClose { after: units::Duration::from_secs(3600) }).await;
    server.shutdown().await.unwrap();
    rig.until(|link| link.rules[1].counters.chunks == 1).await;
    hour.remove().await.unwrap();
    assert_eq!(read_to_end(&mut client).await, b"");
}
