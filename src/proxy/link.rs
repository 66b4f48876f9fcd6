use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::task::AtomicWaker;

use super::config::Protocol;
use super::kafka_frames::Requests;
use super::protocol::{ConnectionStatus, LinkStatus, ListenerStatus, RuleStatus};
use super::rule::{Rule, RuleSet};
use crate::clock::{self, Timestamp};

/// Ended rules that a link remembers, so that a witness who comes late still sees their counters.
const ENDED: usize = 32;

/// A lock that outlives a panic under it: what it guards is replaced whole, never left half done.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A link: its rules, its connections, and what went over it.
#[derive(Debug)]
pub(super) struct Link {
    name: String,
    listeners: Mutex<Vec<ListenerStatus>>,
    /// Number of the present rule set: all that the data path looks at until it changes.
    generation: AtomicU64,
    rules: Mutex<Arc<RuleSet>>,
    ended: Mutex<VecDeque<RuleStatus>>,
    connections: Mutex<HashMap<u64, Arc<Connection>>>,
    total: AtomicU64,
    turned_away: AtomicU64,
    unreachable: AtomicU64,
    pub(super) bytes_up: AtomicU64,
    pub(super) bytes_down: AtomicU64,
    pub(super) requests: Requests,
    /// Bytes held back in the whole process.
    pub(super) held: Arc<AtomicUsize>,
}

/// A connection as everybody but its own task sees it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: u64,
    peer: SocketAddr,
    pub(super) upstream: String,
    opened: Timestamp,
    /// Wakes its task when the rules change.
    pub(super) waker: AtomicWaker,
    pub(super) bytes_up: AtomicU64,
    pub(super) bytes_down: AtomicU64,
    pub(super) held: AtomicUsize,
    pub(super) requests: Option<Requests>,
    met: Mutex<HashSet<u64>>,
}

impl Connection {
    /// Whether the rule of this serial number meets this connection for the first time.
    pub(super) fn meets(&self, serial: u64) -> bool {
        locked(&self.met).insert(serial)
    }

    fn status(&self) -> ConnectionStatus {
        ConnectionStatus {
            id: self.id,
            peer: self.peer,
            upstream: self.upstream.clone(),
            opened: self.opened,
            bytes_up: self.bytes_up.load(Ordering::Relaxed),
            bytes_down: self.bytes_down.load(Ordering::Relaxed),
            held_bytes: self.held.load(Ordering::Relaxed) as u64,
            requests: self.requests.as_ref().and_then(Requests::counted),
        }
    }
}

impl Link {
    pub(super) fn new(name: String, held: Arc<AtomicUsize>) -> Self {
        Self {
            name,
            listeners: Mutex::default(),
            generation: AtomicU64::new(0),
            rules: Mutex::default(),
            ended: Mutex::default(),
            connections: Mutex::default(),
            total: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            unreachable: AtomicU64::new(0),
            bytes_up: AtomicU64::new(0),
            bytes_down: AtomicU64::new(0),
            requests: Requests::default(),
            held,
        }
    }

    pub(super) fn add_listener(&self, listener: ListenerStatus) {
        locked(&self.listeners).push(listener);
    }

    pub(super) fn listeners(&self) -> Vec<ListenerStatus> {
        locked(&self.listeners).clone()
    }

    pub(super) fn speaks_kafka(&self) -> bool {
        locked(&self.listeners).iter().any(|listener| listener.protocol == Protocol::Kafka)
    }

    /// Number of the present rule set.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The present rule set.
    pub(super) fn rules(&self) -> Arc<RuleSet> {
        Arc::clone(&locked(&self.rules))
    }

    pub(super) fn add_rule(&self, rule: Arc<Rule>) {
        self.publish(|rules| rules.push(rule));
    }

    pub(super) fn remove_rule(&self, rule: &Rule) -> RuleStatus {
        self.publish(|rules| rules.retain(|other| other.serial != rule.serial));
        rule.end();
        let status = rule.status();
        let mut ended = locked(&self.ended);
        if ended.len() == ENDED {
            ended.pop_front();
        }
        ended.push_back(status.clone());
        status
    }

    fn publish(&self, change: impl FnOnce(&mut Vec<Arc<Rule>>)) {
        {
            let mut present = locked(&self.rules);
            let mut rules = present.rules.clone();
            change(&mut rules);
            let generation = present.generation + 1;
            *present = Arc::new(RuleSet { generation, rules });
            self.generation.store(generation, Ordering::Release);
        }
        for connection in locked(&self.connections).values() {
            connection.waker.wake();
        }
    }

    pub(super) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn cannot_reach(&self) {
        self.unreachable.fetch_add(1, Ordering::Relaxed);
    }

    /// Registers a connection until [`Self::close`].
    pub(super) fn open(&self, id: u64, peer: SocketAddr, upstream: String, protocol: Protocol) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            id,
            peer,
            upstream,
            opened: clock::now(),
            waker: AtomicWaker::new(),
            bytes_up: AtomicU64::new(0),
            bytes_down: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            requests: (protocol == Protocol::Kafka).then(Requests::default),
            met: Mutex::default(),
        });
        locked(&self.connections).insert(id, Arc::clone(&connection));
        self.total.fetch_add(1, Ordering::Relaxed);
        connection
    }

    pub(super) fn close(&self, id: u64) {
        locked(&self.connections).remove(&id);
    }

    pub(super) fn status(&self, with_connections: bool) -> LinkStatus {
        let connections = locked(&self.connections);
        let mut listed: Vec<ConnectionStatus> =
            if with_connections { connections.values().map(|connection| connection.status()).collect() } else { Vec::new() };
        listed.sort_by_key(|connection| connection.id);
        LinkStatus {
            name: self.name.clone(),
            listeners: self.listeners(),
            open: connections.len() as u64,
            total: self.total.load(Ordering::Relaxed),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            unreachable: self.unreachable.load(Ordering::Relaxed),
            bytes_up: self.bytes_up.load(Ordering::Relaxed),
            bytes_down: self.bytes_down.load(Ordering::Relaxed),
            requests: self.requests.counted().unwrap_or_default(),
            rules: self.rules().rules.iter().map(|rule| rule.status()).collect(),
            ended: locked(&self.ended).iter().cloned().collect(),
            connections: listed,
        }
    }
}
