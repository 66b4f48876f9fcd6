//! What is wrong in a cluster file beyond its form.

use std::fmt;

use super::spec::{ClusterSpec, Kind};
use crate::http::Access;

/// One mistake, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// What is wrong.
    pub what: String,
}

impl Mistake {
    pub(super) fn new(path: &[&str], what: impl Into<String>) -> Self {
        Self { path: path.iter().map(|key| (*key).to_owned()).collect(), what: what.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl ClusterSpec {
    /// Everything that is wrong in it and can be told without looking at the world.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = match &self.kind {
            Kind::Local(local) => super::local::mistakes(self, local),
            Kind::Containers(containers) => super::containers::mistakes(self, containers),
            Kind::External(external) => super::external::mistakes(self, external),
        };
        for (key, access) in [("prometheus", &self.prometheus), ("grafana", &self.grafana)] {
            if let Some(Err(error)) = access.as_ref().map(Access::usable) {
                mistakes.push(Mistake::new(&[key, "addresses"], error.to_string()));
            }
        }
        mistakes
    }
}
