//! Rules of a link: what squall's proxy does to the bytes that pass.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Duration};

/// Which bytes of a link a rule applies to, seen from the one that opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client to the server: requests.
    #[default]
    Upstream,
    /// From the server to the client: answers.
    Downstream,
    /// Both ways, each by the full amount.
    Both,
}

/// How jitter is spread around the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Evenly within ± jitter.
    #[default]
    Uniform,
    /// Normal, jitter is the standard deviation; never below zero.
    Normal,
    /// A heavy tail above the delay: Pareto of shape 3 and scale jitter, moved to begin at the delay (its mean lies half a
    /// jitter above). Cut at 100 jitters, which one chunk in a million would exceed.
    Pareto,
}

/// What happens to the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum LinkEffect {
    /// Each chunk leaves `add` (± `jitter`) later than it came, in order.
    Delay {
        /// The delay, one way.
        add: Duration,
        /// Spread around it.
        #[serde(default)]
        jitter: Duration,
        /// Shape of the spread.
        #[serde(default)]
        distribution: Distribution,
    },
    /// At most this many bytes pass in a second, over all connections of the link.
    Throttle {
        /// Bytes per second.
        per_second: Bytes,
    },
    /// Live connections are reset (RST), new ones are reset as they come.
    Cut,
    /// Bytes are accepted and kept; they are delivered, in order, when the rule goes.
    BlackHole,
    /// New connections are refused; live ones stay.
    Refuse,
    /// Chunks are cut into segments of at most `size`, `gap` apart.
    Slice {
        /// Bytes of a segment.
        size: Bytes,
        /// Pause between segments.
        gap: Duration,
    },
    /// A close by one side reaches the other only after this time.
    SlowClose {
        /// How much later.
        after: Duration,
    },
    /// Kafka requests of one kind are kept, and what follows them on their connection; delivered, in order, when the rule
    /// goes. Only where the proxy knows that the link speaks Kafka, and only upstream.
    HoldRequest {
        /// `ApiKey` of the Kafka protocol: 0 Produce, 1 Fetch, 26 EndTxn.
        api_key: i16,
    },
}

impl fmt::Display for LinkEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay { add, jitter, .. } if jitter.0.is_zero() => write!(f, "delay {add}"),
            Self::Delay { add, jitter, .. } => write!(f, "delay {add} ± {jitter}"),
            Self::Throttle { per_second } => write!(f, "at most {per_second}/s"),
            Self::Cut => f.write_str("cut"),
            Self::BlackHole => f.write_str("black hole"),
            Self::Refuse => f.write_str("refuse connections"),
            Self::Slice { size, gap } => write!(f, "slices of {size}, {gap} apart"),
            Self::SlowClose { after } => write!(f, "close {after} later"),
            Self::HoldRequest { api_key } => write!(f, "hold Kafka requests of kind {api_key}"),
        }
    }
}

/// One effect in one direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkRule {
    /// Which bytes.
    #[serde(default)]
    pub direction: Direction,
    /// What happens to them.
    pub effect: LinkEffect,
}
