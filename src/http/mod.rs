//! Asking a service over HTTP: where it is and how to be let in ([`Access`]), one exchange over several addresses ([`Http`]), and why there was no
//! answer ([`Error`]). Flink, Prometheus and Grafana are asked through it.

mod access;
mod answered;
mod client;
mod error;

pub use access::{Access, Auth};
pub use answered::Answered;
pub use client::{Http, Request};
pub use error::{Attempt, Error, Failure};
