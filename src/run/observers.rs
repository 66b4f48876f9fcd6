//! Who is told how a run goes, and who is asked beside Kafka and Flink: a Prometheus that scrapes squall, Prometheus' own answers, Grafana.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::annotate::Annotator;
use super::exporter::Exporter;
use super::recorder::Recorder;
use super::request::Request;
use crate::monitoring::{self, Grafana, Prometheus};
use crate::probe::{Queries, Query};
use crate::scenario::{self, Name};

/// Why one of them cannot be used. Nothing was begun then.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    /// Prometheus cannot be told where it was to ask.
    #[error("cannot tell metrics on {address}; --metrics names a free address of this machine")]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Prometheus or Grafana cannot be reached as the cluster file says: an address or a secret is wrong.
    #[error("{what} of the cluster file cannot be used")]
    Monitoring {
        /// `prometheus`, `grafana`.
        what: &'static str,
        /// Why.
        source: monitoring::Error,
    },
}

/// As the run asks for them.
#[derive(Debug)]
pub(super) struct Observers {
    exporter: Option<Exporter>,
    grafana: Option<Grafana>,
    tags: Vec<String>,
    /// The probe of the scenario's queries, where it has some.
    pub queries: Option<Queries>,
}

impl Observers {
    /// Of a request; the address for metrics is taken.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(super) async fn of(request: &Request) -> Result<Self, ObserverError> {
        let exporter = match request.metrics {
            Some(address) => Some(Exporter::bind(address).await.map_err(|source| ObserverError::Metrics { address, source })?),
            None => None,
        };
        let grafana = request.cluster.grafana.as_ref().map(|access| Grafana::new(access, Path::new(""))).transpose();
        let grafana = grafana.map_err(|source| ObserverError::Monitoring { what: "grafana", source })?;
        let tags = vec!["squall".to_owned(), request.plan.scenario.name.to_string()];
        Ok(Self { exporter, grafana, tags, queries: queries(request)? })
    }

    /// Begins to tell.
    pub(super) fn start(self, recorder: &Arc<Recorder>) -> Telling {
        let exporter = self.exporter.map(|exporter| tokio::spawn(exporter.serve(recorder.clone())));
        let annotator = self.grafana.map(|grafana| Annotator::start(grafana, self.tags, recorder.clone()));
        Telling { exporter, annotator }
    }
}

/// Who is told while a run goes on.
#[derive(Debug)]
pub(super) struct Telling {
    exporter: Option<JoinHandle<()>>,
    annotator: Option<Annotator>,
}

impl Telling {
    /// Tells of what was undone last; metrics can be asked for until the end.
    pub(super) async fn annotate_the_end(&mut self) {
        if let Some(annotator) = self.annotator.take() {
            annotator.finish().await;
        }
    }

    /// Nobody is told any more.
    pub(super) fn end(self) {
        if let Some(exporter) = self.exporter {
            exporter.abort();
        }
    }
}

fn queries(request: &Request) -> Result<Option<Queries>, ObserverError> {
    let (asked, Some(access)) = (&request.plan.scenario.queries, &request.cluster.prometheus) else { return Ok(None) };
    if asked.is_empty() {
        return Ok(None);
    }
    let prometheus = Prometheus::new(access, Path::new("")).map_err(|source| ObserverError::Monitoring { what: "prometheus", source })?;
    let query =
        |(name, query): (&Name, &scenario::Query)| Query { name: name.to_string(), promql: query.promql.clone(), every: query.every.0 };
    Ok(Some(Queries { prometheus, queries: asked.iter().map(query).collect() }))
}
