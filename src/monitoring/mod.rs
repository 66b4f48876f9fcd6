//! Typed clients of the monitoring of the people on call: [`Prometheus`], asked for values and alerts, [`Alertmanager`], asked for those that
//! arrived, and [`Grafana`], told of faults.

mod alert;
mod alertmanager;
mod error;
mod grafana;
mod prometheus;

pub use alertmanager::Alertmanager;
pub use error::Error;
pub use grafana::{AnnotationId, Grafana, Region};
pub use prometheus::{Prometheus, Reading};
