use std::io::ErrorKind;

use proptest::prelude::*;

use super::*;
use crate::action::Distribution;
use crate::units;

#[tokio::test]
async fn half_closes_and_resets_pass() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut server).await, b"question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    assert_eq!(read_to_end(&mut client).await, b"answer");
    rig.until(|link| link.open == 0).await;

    let (client, mut server) = rig.connect().await;
    client.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(read_error(&mut server).await, ErrorKind::ConnectionReset);
    let (mut client, server) = rig.connect().await;
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(read_error(&mut client).await, ErrorKind::ConnectionReset);
    let link = rig.until(|link| link.open == 0).await;
    assert_eq!((link.total, link.bytes_up, link.bytes_down), (3, 8, 6));
}

#[tokio::test]
async fn a_client_whose_server_is_away_is_reset() {
    let rig = Rig::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let link =
        LinkConfig { name: "sink".into(), listen: "127.0.0.1:0".parse().unwrap(), upstream: nobody.to_string(), protocol: Protocol::Tcp };
    let mut client = TcpStream::connect(rig.control.add_link(link).await.unwrap()).await.unwrap();
    assert_eq!(read_error(&mut client).await, ErrorKind::ConnectionReset);
    assert_eq!(rig.until(|link| link.open == 0).await.unreachable, 1);
}

#[tokio::test]
async fn a_slow_reader_slows_the_writer_and_loses_nothing() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let bytes = pattern(24 * 1024 * 1024);
    let expected = bytes.clone();
    let writing = tokio::spawn(async move {
        client.write_all(&bytes).await.unwrap();
        client
    });
    // All buffers between the two are full now; the proxy's own share is bounded.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(rig.link().connections[0].held_bytes < 512 * 1024);
    assert_eq!(read(&mut server, expected.len()).await, expected);
    writing.await.unwrap();
}

#[tokio::test]
async fn connections_that_end_leave_nothing_behind() {
    let rig = Rig::start().await;
    let rule = rig.set(Direction::Both, LinkEffect::BlackHole).await;
    let (mut client, server) = rig.connect().await;
    client.write_all(&pattern(100_000)).await.unwrap();
    rig.until(|link| link.rules[0].counters.bytes == 100_000).await;
    assert!(rig.proxy.status(false).held_bytes >= 100_000);
    drop((client, server));
    rule.remove().await.unwrap();
    rig.until(|link| link.open == 0).await;
    assert_eq!(rig.proxy.status(false).held_bytes, 0);
}

fn effects() -> impl Strategy<Value = LinkEffect> {
    let distributions = prop_oneof![Just(Distribution::Uniform), Just(Distribution::Normal), Just(Distribution::Pareto)];
    prop_oneof![
        (0u64..6_000, 0u64..4_000, distributions).prop_map(|(add, jitter, distribution)| LinkEffect::Delay {
            add: Duration::from_micros(add).into(),
            jitter: Duration::from_micros(jitter).into(),
            distribution
        }),
        (500_000u64..50_000_000).prop_map(|rate| LinkEffect::Throttle { per_second: units::Bytes(rate) }),
        Just(LinkEffect::BlackHole),
        Just(LinkEffect::Refuse),
        (1u64..60_000, 0u64..200)
            .prop_map(|(size, gap)| LinkEffect::Slice { size: units::Bytes(size), gap: Duration::from_micros(gap).into() }),
        (0u64..5).prop_map(|after| LinkEffect::SlowClose { after: units::Duration::from_millis(after) }),
        Just(LinkEffect::HoldRequest { api_key: 26 }),
    ]
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Upstream), Just(Direction::Downstream), Just(Direction::Both)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Rules come and go, several at a time, while bytes flow both ways and then both sides close.
    #[test]
    fn streams_arrive_whole_under_any_rules(
        rules in prop::collection::vec((directions(), effects(), 0u64..8, any::<bool>()), 1..12),
        sizes in (0usize..600_000, 0usize..600_000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rig = Rig::speaking(Protocol::Kafka).await;
            let (client, server) = rig.connect().await;
            let exchange = async |mut stream: TcpStream, send: usize, receive: usize| {
                let (mut reader, mut writer) = stream.split();
                let mut received = Vec::new();
                let write = async {
                    for piece in pattern(send).chunks(7_919) {
                        writer.write_all(piece).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                    writer.shutdown().await.unwrap();
                };
                let (_, read) = tokio::join!(write, reader.read_to_end(&mut received));
                assert_eq!((read.unwrap(), &received), (receive, &pattern(receive)));
            };
            let ends = [
                tokio::spawn(exchange(client, sizes.0, sizes.1)),
                tokio::spawn(exchange(server, sizes.1, sizes.0)),
            ];
            let mut held = Vec::new();
            for (direction, effect, milliseconds, keep) in rules {
                let direction = if matches!(effect, LinkEffect::HoldRequest { .. }) { Direction::Upstream } else { direction };
                let rule = rig.set(direction, effect).await;
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                if keep {
                    held.push(rule);
                } else {
                    rule.remove().await.unwrap();
                }
            }
            rig.control.remove_all().await.unwrap();
            for end in ends {
                within(end).await.unwrap();
            }
            rig.until(|link| link.open == 0).await;
            assert_eq!(rig.link().bytes_up, sizes.0 as u64);
            assert_eq!(rig.link().bytes_down, sizes.1 as u64);
        });
    }
}
