use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use super::*;
use crate::units;

fn black_hole() -> LinkRule {
    LinkRule { direction: Direction::Both, effect: LinkEffect::BlackHole }
}

fn named(id: &str) -> Lease {
    Lease { id: Some(id.into()), holder: "test".into(), ..Lease::default() }
}

#[tokio::test]
async fn a_rule_ends_with_its_holder() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let holder = rig.client().await;
    let handle = holder.set_rule("sink", black_hole(), named("hole")).await.unwrap();
    client.write_all(b"kept").await.unwrap();
    rig.until(|link| link.rules[0].counters.bytes == 4).await;
    drop(holder);
    assert!(handle.status().await.unwrap().unwrap().ended_at.is_none(), "the handle holds it too");
    drop(handle);
    assert_eq!(read(&mut server, 4).await, b"kept");
    let ended = rig.until(|link| link.ended.len() == 1).await.ended.remove(0);
    assert_eq!((ended.id.as_str(), ended.holder.as_str(), ended.counters.bytes), ("hole", "test", 4));
    assert_eq!(ended.holder_pid, i32::try_from(std::process::id()).ok());
    assert!(ended.ended_at > Some(ended.set_at));
}

#[tokio::test]
async fn the_holder_of_one_rule_does_not_end_another_of_the_same_id() {
    let rig = Rig::start().await;
    let (first, second) = (rig.client().await, rig.client().await);
    let handle = first.set_rule("sink", black_hole(), named("hole")).await.unwrap();
    second.remove("hole").await.unwrap().unwrap();
    let _again = second.set_rule("sink", black_hole(), named("hole")).await.unwrap();
    drop((first, handle));
    let third = rig.client().await;
    for _ in 0..20 {
        assert_eq!(third.status(false).await.unwrap().links[0].rules.len(), 1);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_time_to_live_ends_a_rule_whose_holder_lives() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.connect().await;
    let lease = Lease { ttl: Some(units::Duration::from_millis(30)), ..named("short") };
    let handle = rig.control.set_rule("sink", black_hole(), lease).await.unwrap();
    client.write_all(b"kept").await.unwrap();
    assert_eq!(read(&mut server, 4).await, b"kept");
    assert!(handle.remove().await.unwrap().is_none());
}

#[tokio::test]
async fn removing_waits_for_no_stalled_connection() {
    let rig = Rig::start().await;
    let (mut stalled, _never_reads) = rig.connect().await;
    let (mut client, mut server) = rig.connect().await;
    let rule = rig.control.set_rule("sink", black_hole(), named("hole")).await.unwrap();
    let filling = tokio::spawn(async move {
        // More than the sockets take: the last of it is never read.
        let written = stalled.write_all(&vec![0; 32 * 1024 * 1024]).await;
        (stalled, written)
    });
    client.write_all(b"kept").await.unwrap();
    rig.until(|link| link.connections[1].held_bytes > 0 && link.connections[0].held_bytes > 8 * 1024 * 1024).await;
    within(rule.remove()).await.unwrap().unwrap();
    assert_eq!(read(&mut server, 4).await, b"kept");
    filling.abort();
}

#[tokio::test]
async fn rules_are_checked_and_told_apart() {
    let rig = Rig::start().await;
    let refused = |result: Result<RuleHandle, ProxyError>| match result {
        Err(ProxyError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let control = &rig.control;
    let unknown = refused(control.set_rule("snik", black_hole(), named("a")).await);
    assert_eq!(unknown.to_string(), "no link `snik`; there are: sink");
    control.set_rule("sink", black_hole(), named("a")).await.unwrap();
    assert_eq!(refused(control.set_rule("sink", black_hole(), named("a")).await), Refusal::RuleExists("a".into()));
    for effect in [
        LinkEffect::Throttle { per_second: units::Bytes(0) },
        LinkEffect::Slice { size: units::Bytes(0), gap: units::Duration::ZERO },
        LinkEffect::HoldRequest { api_key: 26 },
    ] {
        let rule = LinkRule { direction: Direction::Upstream, effect };
        assert!(matches!(refused(control.set_rule("sink", rule, named("b")).await), Refusal::Pointless(_)));
    }
    control.set_rule("sink", black_hole(), Lease::default()).await.unwrap();
    assert_eq!(control.remove_all().await.unwrap().len(), 2);
    assert!(control.remove("a").await.unwrap().is_none());
    assert_eq!(rig.link().ended.len(), 2);
}

#[tokio::test]
async fn links_can_be_added_while_it_runs() {
    let rig = Rig::start().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = |name: &str, listen: &str| LinkConfig {
        name: name.into(),
        listen: listen.parse().unwrap(),
        upstream: other.local_addr().unwrap().to_string(),
        protocol: Protocol::Tcp,
    };
    // A second broker of the same link: one rule holds for both.
    let address = rig.control.add_link(link("sink", "127.0.0.1:0")).await.unwrap();
    rig.set(Direction::Both, LinkEffect::Cut).await;
    for address in [rig.address, address] {
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(read_error(&mut client).await, std::io::ErrorKind::ConnectionReset);
    }
    rig.control.add_link(link("source", "[::1]:0")).await.unwrap();
    let status = rig.control.status(false).await.unwrap();
    assert_eq!(
        status.links.iter().map(|link| (link.name.as_str(), link.listeners.len())).collect::<Vec<_>>(),
        [("sink", 2), ("source", 1)]
    );
    let refused = rig.control.add_link(link("source", "0.0.0.0:0")).await.unwrap_err().to_string();
    assert!(refused.contains("not a loopback address"), "{refused}");
    let taken = rig.control.add_link(link("source", &rig.address.to_string())).await.unwrap_err().to_string();
    assert!(taken.contains("in use"), "{taken}");
}

#[tokio::test]
async fn the_control_socket_is_the_owners_and_only_one_proxy_serves_it() {
    let rig = Rig::start().await;
    let path = rig.folder.path().join("proxy.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let config = Config { links: vec![], control: path.clone(), beyond_loopback: false };
    assert!(matches!(Proxy::start(config.clone()).await, Err(ProxyError::AlreadyServed(_))));
    let clients = (rig.client().await, rig.control.clone());
    clients.0.shutdown().await.unwrap();
    within(rig.proxy.ended()).await;
    within(clients.1.closed()).await;
    assert!(matches!(clients.1.status(false).await, Err(ProxyError::Closed)));
    drop(rig.proxy);
    assert!(!path.exists());
    // A file that a killed proxy left behind is in nobody's way.
    drop(UnixListener::bind(&path).unwrap());
    Proxy::start(config).await.unwrap();
}

#[tokio::test]
async fn what_is_no_request_is_answered_too() {
    use tokio::io::AsyncBufReadExt;
    let rig = Rig::start().await;
    let stream = tokio::net::UnixStream::connect(rig.folder.path().join("proxy.sock")).await.unwrap();
    let mut stream = tokio::io::BufReader::new(stream);
    let mut answers = Vec::new();
    for request in ["{\"set-rool\":{}}", "\"remove-all\"", "{\"status\":{}}"] {
        stream.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_line(&mut answer)).await.unwrap();
        answers.push(answer);
    }
    assert!(answers[0].starts_with("{\"refused\":{\"not-a-request\":\"unknown variant `set-rool`"), "{}", answers[0]);
    assert_eq!(answers[1], "{\"removed\":[]}\n");
    assert!(answers[2].starts_with("{\"status\":{\"pid\":"), "{}", answers[2]);
}
