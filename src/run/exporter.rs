//! The metrics of a run for Prometheus, while it goes on.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use super::recorder::Recorder;
use crate::analysis::Analysis;
use crate::journal::Of;
use crate::metric::{Behaviour, Metric};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;

/// Where Prometheus may ask, before there is anything to tell.
#[derive(Debug)]
pub(super) struct Exporter(TcpListener);

impl Exporter {
    /// Listens.
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub(super) async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// Answers at `/metrics` with how the run stands, until it is aborted.
    pub(super) async fn serve(self, recorder: Arc<Recorder>) {
        let answer = move || async move {
            let mut registry = Registry::default();
            registry.register_collector(Box::new(Run(recorder.clone())));
            let mut text = String::new();
            encode(&mut text, &registry).map(|()| ([(CONTENT_TYPE, OPEN_METRICS)], text)).map_err(|error| error.to_string())
        };
        if let Err(error) = axum::serve(self.0, Router::new().route("/metrics", get(answer))).await {
            tracing::warn!("the metrics of the run are not told any longer: {error}");
        }
    }
}

#[derive(Debug)]
struct Run(Arc<Recorder>);

impl Collector for Run {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        self.0.ask(|analysis| tell(analysis, encoder))
    }
}

fn tell(analysis: &Analysis, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
    let mut readings = analysis.readings().peekable();
    while let Some(metric) = readings.peek().map(|(metric, ..)| *metric) {
        let mut rows = Vec::new();
        while let Some((_, of, value)) = readings.next_if(|(next, ..)| *next == metric) {
            rows.push((labels(of), value));
        }
        family(&mut encoder, metric, &rows)?;
    }
    for (metric, quantiles) in analysis.newest_latencies() {
        let rows: Vec<(Labels, f64)> = quantiles.iter().map(|(q, value)| (vec![("quantile", q.to_string())], *value)).collect();
        family(&mut encoder, metric, &rows)?;
    }
    let faults: Vec<(Labels, f64)> = analysis
        .faults_now()
        .iter()
        .map(|fault| (vec![("fault", fault.name.to_owned()), ("kind", fault.kind.to_owned())], f64::from(u8::from(fault.active))))
        .collect();
    gauges(&mut encoder, "squall_fault_active", "Whether a fault of the plan acts.", &faults)?;
    let state: Vec<(Labels, f64)> = analysis.job_state().map(|state| (vec![("state", state.to_owned())], 1.0)).into_iter().collect();
    gauges(&mut encoder, "squall_job_state", "State of the job under test, as Flink says it.", &state)
}

fn family(encoder: &mut DescriptorEncoder<'_>, metric: Metric, rows: &[(Labels, f64)]) -> std::fmt::Result {
    let name = metric.prometheus_name();
    let Some(name) = name.strip_suffix("_total").filter(|_| metric.behaviour() == Behaviour::Counter) else {
        return gauges(encoder, &name, metric.meaning().trim(), rows);
    };
    let mut counters = encoder.encode_descriptor(name, metric.meaning().trim(), None, MetricType::Counter)?;
    for (labels, value) in rows {
        ConstCounter::new(*value).encode(counters.encode_family(labels)?)?;
    }
    Ok(())
}

fn gauges(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, rows: &[(Labels, f64)]) -> std::fmt::Result {
    let mut gauges = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in rows {
        ConstGauge::new(*value).encode(gauges.encode_family(labels)?)?;
    }
    Ok(())
}

fn labels(of: &Of) -> Labels {
    match of {
        Of::Run => Vec::new(),
        Of::Stream(stream) => vec![("stream", stream.clone())],
        Of::Partition { topic, partition } => vec![("topic", topic.clone()), ("partition", partition.to_string())],
        Of::Subtask { vertex, index } => vec![("vertex", vertex.clone()), ("subtask", index.to_string())],
        Of::Node(node) => vec![("node", node.clone())],
        Of::Query(query) => vec![("query", query.clone())],
        Of::Change(undo) => vec![("change", undo.0.to_string())],
        Of::Request { link, request } => vec![("link", link.clone()), ("request", request.clone())],
    }
}
