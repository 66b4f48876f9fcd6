//! What each kind of cluster can do, whatever a cluster file and a machine add or take away: for advice and for the page of faults.

use crate::action::Ability;

/// Whether a kind can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Can {
    /// On every cluster of the kind.
    Always,
    /// Where something is given, in words that go on from *with*.
    With(&'static str),
    /// Never.
    Never,
}

/// A kind of cluster.
#[derive(Debug, Clone, Copy)]
pub struct AnyOfKind {
    /// Its name in cluster files.
    pub name: &'static str,
    /// What it can do.
    pub can: fn(Ability) -> Can,
}

/// Every kind.
pub const KINDS: &[AnyOfKind] = &[AnyOfKind { name: "local", can: super::local::can }];

impl AnyOfKind {
    /// Whether it can do all of these; where something must be given for it, what.
    pub fn can_all(&self, abilities: &[Ability]) -> Can {
        let mut all = Can::Always;
        for ability in abilities {
            match (self.can)(*ability) {
                Can::Always => {}
                Can::With(what) => all = Can::With(what),
                Can::Never => return Can::Never,
            }
        }
        all
    }
}
