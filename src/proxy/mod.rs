//! squall's own TCP proxy: named **links** on whose bytes a rule can act.
//!
//! It is a process of its own, in its own session, and belongs to the cluster: what passes through it does not notice when
//! squall comes, goes or dies. Without a rule everything passes untouched, resets and half-closed connections included.
//!
//! A rule is a **lease**. It lives while the control connection that set it is open (and no longer than its time to live,
//! where it has one); when its holder dies the kernel closes that connection, and the link heals. Taking a rule away publishes
//! a new list of rules and wakes the connections: nothing in it waits for traffic. What was held back is delivered then, in
//! order, at once.
//!
//! Rules on one link compose. Bytes of a direction go through them in this order, whatever the order of setting:
//! delays add up, a black hole or a held request stops the queue, segments of slices wait for their gap, throttles for their turn.
//! [`LinkEffect::Cut`](crate::action::LinkEffect::Cut) resets both sides of every connection, whatever the direction of the
//! rule; so does [`LinkEffect::Refuse`](crate::action::LinkEffect::Refuse) with new ones: they are accepted and reset at once
//! (RST), not refused by a closed port, because then each refusal can be counted and nobody else can take the port.
//!
//! ```text
//! control.rs ── protocol.rs ── client.rs          who asks
//!     │
//! server.rs ─► link.rs (rules, counters) ◄─ connection.rs ─► 2 × pump.rs ─► shape.rs: delay, throttle, pace
//!   accept                                     one task         held.rs (queue), alarm.rs (timer), kafka_frames.rs
//! ```

mod alarm;
mod client;
mod config;
mod connection;
mod control;
mod delay;
mod error;
mod held;
mod kafka_frames;
mod link;
mod pace;
mod protocol;
mod pump;
mod rule;
mod server;
mod shape;
mod spawn;
#[cfg(test)]
mod tests;
mod throttle;

pub use client::{Client, Lease, RuleHandle};
pub use config::{Config, LinkConfig, Protocol};
pub use error::ProxyError;
pub use protocol::{ConnectionStatus, LinkStatus, ListenerStatus, Refusal, Request, Response, RuleCounters, RuleStatus, Status};
pub use server::{Proxy, serve};
pub use spawn::{Spawned, spawn};
