//! The proxy between real sockets on 127.0.0.1. Only lower bounds are put on times.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod effects;
mod kafka;
mod lease;
mod passing;
mod process;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::action::{Direction, LinkEffect, LinkRule};

/// Longer than any step takes on a loaded machine: what hangs fails, what is slow does not.
const HANGS: Duration = Duration::from_secs(60);

/// A proxy with one link `sink` in front of a listener of the test.
struct Rig {
    proxy: Proxy,
    control: Client,
    server: TcpListener,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Rig {
    async fn start() -> Self {
        Self::speaking(Protocol::Tcp).await
    }

    async fn speaking(protocol: Protocol) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let link = LinkConfig {
            name: "sink".into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            upstream: server.local_addr().unwrap().to_string(),
            protocol,
        };
        let config = Config { links: vec![link], control: folder.path().join("proxy.sock"), beyond_loopback: false };
        let proxy = Proxy::start(config).await.unwrap();
        let control = Client::connect(&folder.path().join("proxy.sock")).await.unwrap();
        let address = proxy.status(false).links[0].listeners[0].listen;
        Self { proxy, control, server, address, folder }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.folder.path().join("proxy.sock")).await.unwrap()
    }

    /// A connection through the proxy: the client's end and the server's end.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.address).await.unwrap();
        let (server, _) = within(self.server.accept()).await.unwrap();
        (client, server)
    }

    async fn set(&self, direction: Direction, effect: LinkEffect) -> RuleHandle {
        self.control.set_rule("sink", LinkRule { direction, effect }, Lease::default()).await.unwrap()
    }

    fn link(&self) -> LinkStatus {
        self.proxy.status(true).links.remove(0)
    }

    fn rule(&self, id: &str) -> RuleStatus {
        self.proxy.status(false).rule(id).unwrap().clone()
    }

    /// Waits until the proxy's status satisfies `condition`.
    async fn until(&self, condition: impl Fn(&LinkStatus) -> bool) -> LinkStatus {
        within(async {
            loop {
                let link = self.link();
                if condition(&link) {
                    return link;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANGS, future).await.expect("the step hangs")
}

async fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    within(stream.read_exact(&mut bytes)).await.unwrap();
    bytes
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

/// Sends and sees it arrive: the way is free.
async fn ping(from: &mut TcpStream, to: &mut TcpStream) {
    from.write_all(b"ping").await.unwrap();
    assert_eq!(read(to, 4).await, b"ping");
}

/// What the next read meets on a connection that was reset.
async fn read_error(stream: &mut TcpStream) -> std::io::ErrorKind {
    within(stream.read(&mut [0; 16])).await.unwrap_err().kind()
}

/// Bytes whose order can be told.
fn pattern(count: usize) -> Vec<u8> {
    (0..count as u32).flat_map(|word| word.wrapping_mul(0x9E37_79B1).to_be_bytes()).take(count).collect()
}
