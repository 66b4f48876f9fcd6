//! One HTTP exchange over several addresses.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::access::Address;
use super::{Access, Answered, Attempt, Error, Failure};
use crate::clock;
use crate::units::Duration;

/// A request: method, path segments and query below any base address.
#[derive(Debug)]
pub struct Request<'a> {
    method: Method,
    path: Vec<&'a str>,
    query: Vec<(&'a str, String)>,
    timeout: Option<Duration>,
}

impl<'a> Request<'a> {
    /// Of a method and path segments, which are encoded as needed.
    pub fn new<const N: usize>(method: Method, path: [&'a str; N]) -> Self {
        Self { method, path: path.to_vec(), query: Vec::new(), timeout: None }
    }

    /// `GET`.
    pub fn get<const N: usize>(path: [&'a str; N]) -> Self {
        Self::new(Method::GET, path)
    }

    /// `POST`.
    pub fn post<const N: usize>(path: [&'a str; N]) -> Self {
        Self::new(Method::POST, path)
    }

    /// With a parameter; encoded as needed.
    #[must_use]
    pub fn query(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Gives an address longer than the [`Access`] says.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    fn shown_path(&self) -> String {
        format!("/{}", self.path.join("/"))
    }
}

/// The addresses and the client. Cheap to clone; clones share the memory of which address answers.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    addresses: Arc<[Address]>,
    answering: Arc<AtomicUsize>,
    timeout: Duration,
    cause: fn(&str) -> String,
}

impl Http {
    /// Prepares the client; nothing is sent. Relative files in `access` count from `base`. `cause` finds in the body of an error answer the line
    /// that says what is wrong.
    ///
    /// # Errors
    /// When an address is no URL, a secret or the CA file cannot be read.
    pub fn new(access: &Access, base: &Path, cause: fn(&str) -> String) -> Result<Self, Error> {
        let addresses = access.parsed()?.into();
        let mut builder = reqwest::Client::builder()
            .default_headers(access.all_headers(base)?)
            .connect_timeout(access.timeout.0)
            // A proxy of the environment is meant for the outer world, and its own errors would read as the service's.
            .no_proxy();
        if let Some(path) = &access.ca_file {
            let path = base.join(path);
            let unusable = |reason: String| Error::CaFile { path: path.clone(), reason };
            let pem = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.to_string()))?;
            if certificates.is_empty() {
                return Err(unusable("it holds no PEM certificate".to_owned()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|error| Error::Client(error.to_string()))?;
        Ok(Self { client, addresses, answering: Arc::default(), timeout: access.timeout, cause })
    }

    /// The base addresses, in the order given.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(|address| address.shown.as_str())
    }

    /// Asks, and parses the answer.
    ///
    /// # Errors
    /// Nobody answered, or with an error, or with something unexpected.
    pub async fn ask<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<Answered<T>, Error> {
        self.exchange(&request, |builder| builder).await
    }

    /// Asks with a JSON body, and parses the answer.
    ///
    /// # Errors
    /// Nobody answered, or with an error, or with something unexpected.
    pub async fn ask_with<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        body: &(impl serde::Serialize + Sync),
    ) -> Result<Answered<T>, Error> {
        self.exchange(&request, |builder| builder.json(body)).await
    }

    /// Asks with whatever `dress` adds to each attempt's request.
    ///
    /// # Errors
    /// Nobody answered, or with an error, or with something unexpected.
    pub async fn exchange<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        dress: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answered<T>, Error> {
        let timeout = request.timeout.unwrap_or(self.timeout);
        let first = self.answering.load(Ordering::Relaxed);
        let mut attempts = Vec::new();
        for turn in 0..self.addresses.len() {
            let index = (first + turn) % self.addresses.len();
            let address = &self.addresses[index];
            let builder = self.client.request(request.method.clone(), request.url(&address.url)).timeout(timeout.0);
            let sent = clock::now();
            let (failure, reached) = match read(dress(builder)).await {
                Ok((StatusCode::SERVICE_UNAVAILABLE, body)) => (Failure::NotReady((self.cause)(&body)), false),
                Ok((status, body)) => {
                    let received = clock::now();
                    self.answering.store(index, Ordering::Relaxed);
                    return self.parse(&address.shown, request, status, &body).map(|value| Answered { sent, received, value });
                }
                Err(error) => (failure(&error, timeout), !error.is_connect()),
            };
            attempts.push(Attempt { address: address.shown.clone(), failure });
            // What may have been done already is not asked for a second time elsewhere.
            if reached && !request.method.is_idempotent() {
                break;
            }
        }
        Err(Error::NoAnswer(attempts))
    }

    fn parse<T: DeserializeOwned>(&self, address: &str, request: &Request<'_>, status: StatusCode, body: &str) -> Result<T, Error> {
        if !status.is_success() {
            return Err(Error::Status {
                address: address.to_owned(),
                method: request.method.to_string(),
                path: request.shown_path(),
                status: status.as_u16(),
                message: (self.cause)(body),
            });
        }
        let body = if body.trim().is_empty() { "null" } else { body };
        let mut deserializer = serde_json::Deserializer::from_str(body);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| Error::Answer {
            address: address.to_owned(),
            path: request.shown_path(),
            reason: error.to_string(),
        })
    }
}

async fn read(builder: RequestBuilder) -> Result<(StatusCode, String), reqwest::Error> {
    let response: Response = builder.send().await?;
    let status = response.status();
    Ok((status, response.text().await?))
}

fn failure(error: &reqwest::Error, timeout: Duration) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut(timeout);
    }
    // The innermost says what happened, unless one around it says the same and more: that a certificate has expired, say.
    let mut said = error.to_string();
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        if let Some(io) = source.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return Failure::Refused;
        }
        let inner = source.to_string();
        if !said.contains(&inner) {
            said = inner;
        }
        cause = source;
    }
    Failure::Broken(said)
}
