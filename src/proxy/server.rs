use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::config::{Config, LinkConfig};
use super::connection::{carry, reset};
use super::control::ControlSocket;
use super::error::ProxyError;
use super::link::{Link, locked};
use super::protocol::{ListenerStatus, Refusal, RuleStatus, Status};
use super::rule::{Rule, RuleRequest, check};
use crate::clock::{self, Timestamp};
use crate::units;

/// How long to wait after an accept that failed: only when file descriptors or memory have run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// More threads than this bring nothing: each carries gigabytes a second.
const MOST_THREADS: usize = 8;

/// The body of `squall proxy`: carries the links until SIGTERM or a request to shut down. SIGHUP and SIGINT are ignored, so
/// that neither a closed terminal nor a Ctrl-C meant for squall cuts the pipeline's path.
///
/// # Errors
///
/// When an address cannot be listened on (or is reachable by other machines without being told to), when the control
/// socket cannot be made, or another proxy serves on it.
pub async fn serve(config: Config) -> Result<(), ProxyError> {
    let mut hangup = signal(SignalKind::hangup()).map_err(ProxyError::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ProxyError::Start)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ProxyError::Start)?;
    raise_file_limit();
    let proxy = Proxy::start(config).await?;
    loop {
        tokio::select! {
            _ = hangup.recv() => tracing::info!("SIGHUP ignored"),
            _ = interrupt.recv() => tracing::info!("SIGINT ignored; SIGTERM ends the proxy"),
            _ = terminate.recv() => break,
            () = proxy.ended() => break,
        }
    }
    tracing::info!("proxy ends");
    Ok(())
}

/// Each connection takes two file descriptors, and two more while it is delayed.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// A proxy that runs in this process, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    hub: Arc<Hub>,
    _control: ControlSocket,
}

impl Proxy {
    /// Listens, and carries connections on threads of its own.
    ///
    /// # Errors
    ///
    /// As [`serve`].
    pub async fn start(config: Config) -> Result<Self, ProxyError> {
        let hub = Arc::new(Hub::new(config.beyond_loopback).map_err(ProxyError::Start)?);
        for link in config.links {
            hub.add_link(link).await?;
        }
        let control = ControlSocket::serve(config.control, Arc::clone(&hub)).await?;
        Ok(Self { hub, _control: control })
    }

    /// How things are, as the control socket tells it.
    pub fn status(&self, connections: bool) -> Status {
        self.hub.status(connections)
    }

    /// Waits for a request to shut down.
    pub async fn ended(&self) {
        self.hub.stop.cancelled().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.hub.stop.cancel();
    }
}

/// All links and rules, and the threads that carry them.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) stop: CancellationToken,
    started: Timestamp,
    beyond_loopback: bool,
    links: Mutex<BTreeMap<String, Arc<Link>>>,
    rules: Mutex<HashMap<String, Arc<Rule>>>,
    held: Arc<AtomicUsize>,
    /// Numbers rules and connections.
    serial: AtomicU64,
    threads: Vec<Handle>,
}

impl Hub {
    fn new(beyond_loopback: bool) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let threads = (0..count).map(|index| carrier(index, stop.clone())).collect::<io::Result<_>>()?;
        Ok(Self {
            stop,
            started: clock::now(),
            beyond_loopback,
            links: Mutex::default(),
            rules: Mutex::default(),
            held: Arc::default(),
            serial: AtomicU64::new(0),
            threads,
        })
    }

    fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Listens for a link, which may be new.
    pub(super) async fn add_link(self: &Arc<Self>, config: LinkConfig) -> Result<SocketAddr, ProxyError> {
        let LinkConfig { name, listen, upstream, protocol } = config;
        if !self.beyond_loopback && !listen.ip().is_loopback() {
            return Err(ProxyError::NotLoopback { link: name, address: listen });
        }
        let failed = |source| ProxyError::Listen { link: name.clone(), address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let listen = listener.local_addr().map_err(failed)?;
        let link = Arc::clone(
            locked(&self.links).entry(name.clone()).or_insert_with(|| Arc::new(Link::new(name.clone(), Arc::clone(&self.held)))),
        );
        let status = ListenerStatus { listen, upstream, protocol };
        link.add_listener(status.clone());
        tokio::spawn(accept(Arc::clone(self), link, listener, status));
        Ok(listen)
    }

    /// Puts a rule on a link.
    pub(super) fn set_rule(self: &Arc<Self>, request: RuleRequest, ttl: Option<units::Duration>) -> Result<Arc<Rule>, Refusal> {
        let link = {
            let links = locked(&self.links);
            let known = || links.keys().cloned().collect();
            Arc::clone(links.get(&request.link).ok_or_else(|| Refusal::UnknownLink { link: request.link.clone(), known: known() })?)
        };
        check(&request.rule, link.speaks_kafka())?;
        let rule = {
            let mut rules = locked(&self.rules);
            if rules.contains_key(&request.id) {
                return Err(Refusal::RuleExists(request.id));
            }
            let rule = Arc::new(Rule::new(self.next_serial(), request));
            rules.insert(rule.id.clone(), Arc::clone(&rule));
            rule
        };
        link.add_rule(Arc::clone(&rule));
        if let Some(ttl) = ttl {
            let (hub, expiring) = (Arc::clone(self), Arc::clone(&rule));
            let expiry = tokio::spawn(async move {
                tokio::time::sleep(ttl.0).await;
                hub.remove(&expiring);
            });
            // Set once, here; a rule that ended in between only lets a timer run for nothing.
            let _first = rule.expiry.set(expiry.abort_handle());
        }
        Ok(rule)
    }

    /// Takes a rule away; nothing when it is gone already.
    pub(super) fn remove(&self, rule: &Rule) -> Option<RuleStatus> {
        {
            let mut rules = locked(&self.rules);
            rules.get(&rule.id).filter(|present| present.serial == rule.serial)?;
            rules.remove(&rule.id);
        }
        let link = locked(&self.links).get(&rule.link).cloned()?;
        Some(link.remove_rule(rule))
    }

    /// The rule of this id.
    pub(super) fn rule(&self, id: &str) -> Option<Arc<Rule>> {
        locked(&self.rules).get(id).cloned()
    }

    /// All rules.
    pub(super) fn rules(&self) -> Vec<Arc<Rule>> {
        locked(&self.rules).values().cloned().collect()
    }

    pub(super) fn status(&self, connections: bool) -> Status {
        let links: Vec<_> = locked(&self.links).values().cloned().collect();
        Status {
            pid: std::process::id(),
            started: self.started,
            held_bytes: self.held.load(Ordering::Relaxed) as u64,
            links: links.iter().map(|link| link.status(connections)).collect(),
        }
    }
}

/// Starts a thread with a runtime of its own. A connection stays on its thread: no hand-over between threads delays a chunk.
fn carrier(index: usize, stop: CancellationToken) -> io::Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name(format!("proxy-{index}")).spawn(move || {
        runtime.block_on(stop.cancelled());
        // A name that is being looked up must not keep the thread.
        runtime.shutdown_background();
    })?;
    Ok(handle)
}

/// Accepts connections and hands them to the threads in turn.
async fn accept(hub: Arc<Hub>, link: Arc<Link>, listener: TcpListener, to: ListenerStatus) {
    let mut turn = 0;
    loop {
        let accepted = tokio::select! {
            () = hub.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let taken = accepted.and_then(|(client, peer)| {
            if turn_away(&link, &client) {
                return Ok(());
            }
            let connection = link.open(hub.next_serial(), peer, to.upstream.clone(), to.protocol);
            let client = client.into_std().inspect_err(|_| link.close(connection.id))?;
            hub.threads[turn % hub.threads.len()].spawn(carry(Arc::clone(&link), connection, client));
            turn += 1;
            Ok(())
        });
        if let Err(error) = taken {
            tracing::warn!(listen = %to.listen, %error, "a connection was not accepted");
            tokio::time::sleep(ACCEPT_AGAIN).await;
        }
    }
}

/// Resets a new connection where a rule says so.
fn turn_away(link: &Link, client: &TcpStream) -> bool {
    let rules = link.rules();
    let Some(rule) = rules.turns_away() else { return false };
    rule.count_connection();
    link.turn_away();
    reset(client);
    true
}
