//! Looks at a cluster that runs: what it is, and what about it would limit a measurement, with the setting that mends it.
//! Reads only.

mod limits;
mod look;

pub use look::inspect;

use serde::Serialize;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Facts, in sections: `flink`, `job orders`, `topic orders`, …
    pub facts: Vec<Section>,
    /// What would limit a measurement.
    pub limits: Vec<Limit>,
}

/// Facts of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Of what.
    pub of: String,
    /// Name and value.
    pub facts: Vec<(String, String)>,
}

/// Something that makes figures worse, or faults look other than they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// What is so: `heartbeat.timeout is 50s (default)`.
    pub what: String,
    /// What that does to a measurement.
    pub why: String,
    /// The setting that mends it, as it is to be written, and where.
    pub mend: String,
}

impl Inspection {
    fn section(&mut self, of: impl Into<String>, facts: Vec<(&str, String)>) {
        let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.facts.push(Section { of: of.into(), facts });
    }
}
