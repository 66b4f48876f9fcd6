use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::net::TcpStream;

use super::link::{Connection, Link};
use super::pump::{End, Pump};
use super::rule::{RuleSet, Way};

/// Unregisters a connection, however its task ends.
struct Registered {
    link: Arc<Link>,
    connection: Arc<Connection>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.link.close(self.connection.id);
    }
}

/// Carries one connection to its end.
pub(super) async fn carry(link: Arc<Link>, connection: Arc<Connection>, client: std::net::TcpStream) {
    let registered = Registered { link, connection };
    let (link, connection) = (&*registered.link, &*registered.connection);
    let Ok(mut client) = TcpStream::from_std(client) else { return };
    let Some(mut upstream) = reach(link, connection).await else {
        // As abrupt as the refusal that a direct connection would have met.
        reset(&client);
        return;
    };
    // Chunks leave as they came; a socket that gathers them would change their timing.
    if client.set_nodelay(true).and_then(|()| upstream.set_nodelay(true)).is_err() {
        return;
    }
    if pass(link, connection, &mut client, &mut upstream).await == End::Reset {
        reset(&client);
        reset(&upstream);
    }
}

/// Connects to the upstream, unless a rule cuts the connection before.
async fn reach(link: &Link, connection: &Connection) -> Option<TcpStream> {
    let mut watch = Watch::new(link, connection);
    let mut connecting = pin!(TcpStream::connect(&connection.upstream));
    let reached = poll_fn(|cx| {
        if let Some(rules) = watch.changed(cx)
            && is_cut(&rules, connection)
        {
            return Poll::Ready(None);
        }
        connecting.as_mut().poll(cx).map(Some)
    });
    match reached.await? {
        Ok(upstream) => Some(upstream),
        Err(error) => {
            link.cannot_reach();
            tracing::warn!(upstream = connection.upstream, %error, "upstream cannot be reached");
            None
        }
    }
}

/// Moves bytes both ways until both are at their end, or one is reset.
async fn pass(link: &Link, connection: &Connection, client: &mut TcpStream, upstream: &mut TcpStream) -> End {
    let (from_client, to_client) = client.split();
    let (from_upstream, to_upstream) = upstream.split();
    let mut pumps = [
        (Pump::new(Way::Up, from_client, to_upstream, link, connection), None),
        (Pump::new(Way::Down, from_upstream, to_client, link, connection), None),
    ];
    let mut watch = Watch::new(link, connection);
    poll_fn(|cx| {
        if let Some(rules) = watch.changed(cx) {
            if is_cut(&rules, connection) {
                return Poll::Ready(End::Reset);
            }
            for (pump, _) in &mut pumps {
                pump.refresh(&rules);
            }
        }
        for (pump, end) in &mut pumps {
            if end.is_none()
                && let Poll::Ready(reached) = pump.poll(cx)
            {
                if reached == End::Reset {
                    return Poll::Ready(End::Reset);
                }
                *end = Some(reached);
            }
        }
        // The other goes first next time: a busy direction uses up the task's turn.
        pumps.reverse();
        if pumps.iter().all(|(_, end)| end.is_some()) { Poll::Ready(End::Closed) } else { Poll::Pending }
    })
    .await
}

/// Sees changes of a link's rules: one atomic load where there is none.
struct Watch<'a> {
    link: &'a Link,
    connection: &'a Connection,
    seen: Option<u64>,
}

impl<'a> Watch<'a> {
    fn new(link: &'a Link, connection: &'a Connection) -> Self {
        Self { link, connection, seen: None }
    }

    /// The rules, where they are others than those seen last. Wakes the task when they change.
    fn changed(&mut self, cx: &std::task::Context<'_>) -> Option<Arc<RuleSet>> {
        self.connection.waker.register(cx.waker());
        if self.seen == Some(self.link.generation()) {
            return None;
        }
        let rules = self.link.rules();
        self.seen = Some(rules.generation);
        Some(rules)
    }
}

fn is_cut(rules: &RuleSet, connection: &Connection) -> bool {
    let cut = rules.cut();
    if let Some(rule) = cut
        && connection.meets(rule.serial)
    {
        rule.count_connection();
    }
    cut.is_some()
}

/// Makes the coming close a reset.
pub(super) fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger()
        && error.kind() != io::ErrorKind::InvalidInput
    {
        tracing::warn!(%error, "a connection is closed where it should be reset");
    }
}
