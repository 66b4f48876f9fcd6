//! Alertmanager's HTTP API (`/api/v2`).

use std::collections::BTreeSet;
use std::path::Path;

use super::Error;
use super::alert::{Alert, names};
use super::error::said;
use crate::http::{Access, Http, Request};

/// A client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    http: Http,
}

impl Alertmanager {
    /// Prepares the client; nothing is sent. Relative files in `access` count from `base`.
    ///
    /// # Errors
    /// When an address is no URL, a secret or the CA file cannot be read.
    pub fn new(access: &Access, base: &Path) -> Result<Self, Error> {
        Ok(Self { http: Http::new(access, base, said)? })
    }

    /// Names of the alerts that it has (`GET /api/v2/alerts`): active ones, silenced and inhibited ones too, since those have arrived.
    ///
    /// # Errors
    /// Nobody answers, or it does not let us in.
    pub async fn active(&self) -> Result<BTreeSet<String>, Error> {
        let alerts: Vec<Alert> = self.http.ask(Request::get(["api", "v2", "alerts"]).query("active", "true")).await?.value;
        Ok(names(alerts))
    }
}
