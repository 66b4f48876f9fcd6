use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::AbortHandle;

use super::protocol::{Refusal, RuleCounters, RuleStatus};
use super::throttle::Throttle;
use crate::action::{Direction, LinkEffect, LinkRule};
use crate::clock::{self, Timestamp};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Client to server.
    Up,
    /// Server to client.
    Down,
}

impl Way {
    pub(super) fn is_in(self, direction: Direction) -> bool {
        match direction {
            Direction::Upstream => self == Self::Up,
            Direction::Downstream => self == Self::Down,
            Direction::Both => true,
        }
    }
}

/// A rule that holds.
#[derive(Debug)]
pub(super) struct Rule {
    /// Unique in this process, where ids may come again.
    pub(super) serial: u64,
    pub(super) id: String,
    pub(super) link: String,
    pub(super) rule: LinkRule,
    pub(super) holder: String,
    pub(super) holder_pid: Option<i32>,
    pub(super) seed: u64,
    pub(super) set_at: Timestamp,
    /// What ends it when its time to live is over.
    pub(super) expiry: OnceLock<AbortHandle>,
    throttles: Option<[Throttle; 2]>,
    connections: AtomicU64,
    bytes: AtomicU64,
    chunks: AtomicU64,
    /// 0 while it holds.
    ended_at: AtomicI64,
}

/// What its setter says of a rule.
pub(super) struct RuleRequest {
    pub(super) id: String,
    pub(super) link: String,
    pub(super) rule: LinkRule,
    pub(super) holder: String,
    pub(super) holder_pid: Option<i32>,
    pub(super) seed: u64,
}

impl Rule {
    pub(super) fn new(serial: u64, request: RuleRequest) -> Self {
        let RuleRequest { id, link, rule, holder, holder_pid, seed } = request;
        let throttles = match rule.effect {
            LinkEffect::Throttle { per_second } => Some([Throttle::new(per_second.0), Throttle::new(per_second.0)]),
            _ => None,
        };
        Self {
            serial,
            id,
            link,
            rule,
            holder,
            holder_pid,
            seed,
            set_at: clock::now(),
            expiry: OnceLock::new(),
            throttles,
            connections: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            ended_at: AtomicI64::new(0),
        }
    }

    /// The rate that all connections share in this direction.
    pub(super) fn throttle(&self, way: Way) -> Option<&Throttle> {
        self.throttles.as_ref().map(|[up, down]| match way {
            Way::Up => up,
            Way::Down => down,
        })
    }

    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, bytes: usize, chunks: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.chunks.fetch_add(chunks as u64, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended_at.store(clock::now().0, Ordering::Relaxed);
        if let Some(expiry) = self.expiry.get() {
            expiry.abort();
        }
    }

    pub(super) fn status(&self) -> RuleStatus {
        let ended_at = self.ended_at.load(Ordering::Relaxed);
        RuleStatus {
            id: self.id.clone(),
            link: self.link.clone(),
            rule: self.rule.clone(),
            holder: self.holder.clone(),
            holder_pid: self.holder_pid,
            set_at: self.set_at,
            ended_at: (ended_at != 0).then_some(Timestamp(ended_at)),
            counters: RuleCounters {
                connections: self.connections.load(Ordering::Relaxed),
                bytes: self.bytes.load(Ordering::Relaxed),
                chunks: self.chunks.load(Ordering::Relaxed),
            },
        }
    }
}

/// The rules of a link at one moment.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    pub(super) generation: u64,
    pub(super) rules: Vec<Arc<Rule>>,
}

impl RuleSet {
    /// The rule that resets live connections, where there is one.
    pub(super) fn cut(&self) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| matches!(rule.rule.effect, LinkEffect::Cut))
    }

    /// The rule that turns new connections away, where there is one.
    pub(super) fn turns_away(&self) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| matches!(rule.rule.effect, LinkEffect::Cut | LinkEffect::Refuse))
    }
}

/// Refuses a rule that could not act, or would act as another one.
pub(super) fn check(rule: &LinkRule, kafka: bool) -> Result<(), Refusal> {
    let pointless = |why: &str| Err(Refusal::Pointless(why.to_owned()));
    match &rule.effect {
        LinkEffect::Throttle { per_second } if per_second.0 == 0 => pointless("a throttle to 0 B per second is a black hole"),
        LinkEffect::Slice { size, .. } if size.0 == 0 => pointless("segments of 0 B carry nothing"),
        LinkEffect::HoldRequest { .. } if !kafka => pointless("requests can be held only on a link of protocol kafka"),
        LinkEffect::HoldRequest { .. } if rule.direction != Direction::Upstream => pointless("requests go upstream only"),
        LinkEffect::HoldRequest { api_key } if !(0..128).contains(api_key) => pointless("api keys lie between 0 and 127"),
        _ => Ok(()),
    }
}
