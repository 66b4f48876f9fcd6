use std::sync::Arc;

use super::delay::DelaySampler;
use super::link::Connection;
use super::rule::{Rule, RuleSet, Way};
use crate::action::LinkEffect;
use crate::clock::Timestamp;

/// A rule in one direction of one connection, with what it does there.
#[derive(Debug)]
pub(super) struct Active<T> {
    rule: Arc<Rule>,
    met: bool,
    pub(super) effect: T,
}

impl<T> Active<T> {
    fn new(rule: &Arc<Rule>, effect: T) -> Self {
        Self { rule: Arc::clone(rule), met: false, effect }
    }

    /// Counts what the rule acted on, and the connection the first time.
    pub(super) fn count(&mut self, connection: &Connection, bytes: usize, chunks: usize) {
        if !self.met {
            self.met = true;
            if connection.meets(self.rule.serial) {
                self.rule.count_connection();
            }
        }
        self.rule.count(bytes, chunks);
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }
}

/// Segments of a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segments {
    pub(super) size: usize,
    pub(super) gap: std::time::Duration,
}

/// The rules of a link, sorted by what they do to one direction of one connection.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) delays: Vec<Active<DelaySampler>>,
    pub(super) black_holes: Vec<Active<()>>,
    /// By api key.
    pub(super) holds: Vec<Active<i16>>,
    pub(super) slices: Vec<Active<Segments>>,
    pub(super) throttles: Vec<Active<()>>,
    pub(super) slow_closes: Vec<Active<std::time::Duration>>,
}

fn serials<T>(of: &[Active<T>]) -> impl Iterator<Item = u64> {
    of.iter().map(|active| active.rule.serial)
}

impl Shape {
    /// Takes the place of `old`, whose random sequences go on where a rule stays.
    pub(super) fn new(rules: &RuleSet, way: Way, connection: u64, old: &mut Self) -> Self {
        let mut shape = Self::default();
        for rule in rules.rules.iter().filter(|rule| way.is_in(rule.rule.direction)) {
            match &rule.rule.effect {
                LinkEffect::Delay { add, jitter, distribution } => {
                    let kept = old.delays.iter().position(|active| active.rule.serial == rule.serial);
                    shape.delays.push(match kept {
                        Some(index) => old.delays.swap_remove(index),
                        None => {
                            let stream = connection.wrapping_mul(2).wrapping_add(u64::from(way == Way::Down));
                            // The golden ratio's odd multiple keeps streams of neighbouring seeds apart (Knuth, TAOCP 3, 6.4).
                            let seed = rule.seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                            Active::new(rule, DelaySampler::new(*add, *jitter, *distribution, seed))
                        }
                    });
                }
                LinkEffect::BlackHole => shape.black_holes.push(Active::new(rule, ())),
                LinkEffect::HoldRequest { api_key } => shape.holds.push(Active::new(rule, *api_key)),
                LinkEffect::Slice { size, gap } => {
                    let size = usize::try_from(size.0).unwrap_or(usize::MAX);
                    shape.slices.push(Active::new(rule, Segments { size, gap: gap.0 }));
                }
                LinkEffect::Throttle { .. } => shape.throttles.push(Active::new(rule, ())),
                LinkEffect::SlowClose { after } => shape.slow_closes.push(Active::new(rule, after.0)),
                LinkEffect::Cut | LinkEffect::Refuse => {}
            }
        }
        shape
    }

    /// Whether bytes go straight through.
    pub(super) fn passes(&self) -> bool {
        self.delays.is_empty()
            && self.black_holes.is_empty()
            && self.holds.is_empty()
            && self.slices.is_empty()
            && self.throttles.is_empty()
    }

    /// Whether bytes are taken in for longer than it takes to hand them on.
    pub(super) fn keeps(&self) -> bool {
        !(self.delays.is_empty() && self.black_holes.is_empty() && self.holds.is_empty())
    }

    /// Serial numbers of the delays.
    pub(super) fn delay_serials(&self) -> Vec<u64> {
        serials(&self.delays).collect()
    }

    /// Serial numbers of all that can meet what is on its way.
    pub(super) fn serials(&self) -> Vec<u64> {
        serials(&self.delays).chain(serials(&self.black_holes)).chain(serials(&self.slow_closes)).collect()
    }

    /// When a chunk that came at `arrived` may leave. Counts it for each rule that makes it wait, if `counted` says so of the
    /// rule's serial number.
    pub(super) fn due(&mut self, arrived: Timestamp, bytes: usize, connection: &Connection, counted: impl Fn(u64) -> bool) -> Timestamp {
        let mut due = arrived.0;
        for delay in &mut self.delays {
            let ns = delay.effect.next_ns();
            due = due.saturating_add(ns);
            if ns > 0 && counted(delay.rule.serial) {
                delay.count(connection, bytes, usize::from(bytes > 0));
            }
        }
        Timestamp(due)
    }
}
