//! Grafana's annotations over its HTTP API. <https://grafana.com/docs/grafana/latest/developers/http_api/annotations/>

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use super::error::said;
use crate::clock::Timestamp;
use crate::http::{Access, Http, Request};

/// A client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Grafana {
    http: Http,
}

/// A stretch of time, marked on every dashboard whose annotation query asks for one of its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end; the beginning while it is not over.
    pub to: Timestamp,
    /// What dashboards ask for.
    pub tags: Vec<String>,
    /// What is shown.
    pub text: String,
}

/// Grafana's number of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct AnnotationId(i64);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    time: i64,
    time_end: i64,
    tags: &'a [String],
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Closed {
    time_end: i64,
}

#[derive(Deserialize)]
struct Id {
    id: AnnotationId,
}

impl Grafana {
    /// Prepares the client; nothing is sent. Relative files in `access` count from `base`.
    ///
    /// # Errors
    /// When an address is no URL, a secret or the CA file cannot be read.
    pub fn new(access: &Access, base: &Path) -> Result<Self, Error> {
        Ok(Self { http: Http::new(access, base, said)? })
    }

    /// Makes an annotation (`POST /api/annotations`), of the whole organisation.
    ///
    /// # Errors
    /// Nobody answers, or the token may not make annotations.
    pub async fn mark(&self, region: &Region) -> Result<AnnotationId, Error> {
        let made = Made { time: region.from.millis(), time_end: region.to.millis(), tags: &region.tags, text: &region.text };
        let id: Id = self.http.ask_with(Request::post(["api", "annotations"]), &made).await?.value;
        Ok(id.id)
    }

    /// Moves an annotation's end (`PATCH /api/annotations/:id`).
    ///
    /// # Errors
    /// Nobody answers, or it is there no more.
    pub async fn end(&self, annotation: AnnotationId, at: Timestamp) -> Result<(), Error> {
        let id = annotation.0.to_string();
        let request = Request::new(reqwest::Method::PATCH, ["api", "annotations", &id]);
        self.http.ask_with::<serde::de::IgnoredAny>(request, &Closed { time_end: at.millis() }).await?;
        Ok(())
    }

    /// Whether it lets us in and shows its annotations (`GET /api/annotations`).
    ///
    /// # Errors
    /// Nobody answers, or the token is none.
    pub async fn ready(&self) -> Result<(), Error> {
        self.http.ask::<serde::de::IgnoredAny>(Request::get(["api", "annotations"]).query("limit", "1")).await?;
        Ok(())
    }
}
