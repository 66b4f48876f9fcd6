//! One HTTP exchange over several addresses.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::access::Address;
use super::cause;
use super::{Access, Answered, Attempt, Error, Failure};
use crate::clock;
use crate::units::Duration;

/// A request: method, path segments and query below any base address.
#[derive(Debug)]
pub(super) struct Request<'a> {
    method: Method,
    path: Vec<&'a str>,
    query: Vec<(&'a str, String)>,
    timeout: Option<Duration>,
}

impl<'a> Request<'a> {
    pub(super) fn new<const N: usize>(method: Method, path: [&'a str; N]) -> Self {
        Self { method, path: path.to_vec(), query: Vec::new(), timeout: None }
    }

    pub(super) fn get<const N: usize>(path: [&'a str; N]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post<const N: usize>(path: [&'a str; N]) -> Self {
        Self::new(Method::POST, path)
    }

    pub(super) fn query(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Gives an address longer than the [`Access`] says.
    pub(super) fn timeout(mut self, timeout: Duration) -> Self {
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
pub(super) struct Http {
    client: reqwest::Client,
    addresses: Arc<[Address]>,
    answering: Arc<AtomicUsize>,
    timeout: Duration,
}

impl Http {
    pub(super) fn new(access: &Access, base: &Path) -> Result<Self, Error> {
        let addresses = access.addresses.iter().map(|text| Address::parse(text)).collect::<Result<Arc<[_]>, _>>()?;
        if addresses.is_empty() {
            return Err(Error::Address { address: String::new(), reason: "no address is given".to_owned() });
        }
        let mut headers = HeaderMap::new();
        if let Some(mut value) = access.auth.header(base)? {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(access.timeout.0)
            // A proxy of the environment is meant for the outer world, and its own errors would read as Flink's.
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
        Ok(Self { client, addresses, answering: Arc::default(), timeout: access.timeout })
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(|address| address.shown.as_str())
    }

    /// Asks, and parses the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<Answered<T>, Error> {
        self.exchange(&request, |builder| builder).await
    }

    /// Asks with a JSON body, and parses the answer.
    pub(super) async fn ask_with<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        body: &(impl serde::Serialize + Sync),
    ) -> Result<Answered<T>, Error> {
        self.exchange(&request, |builder| builder.json(body)).await
    }

    /// Asks with whatever `dress` adds to each attempt's request.
    pub(super) async fn exchange<T: DeserializeOwned>(
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
                Ok((StatusCode::SERVICE_UNAVAILABLE, body)) => (Failure::NotReady(cause::of_answer(&body)), false),
                Ok((status, body)) => {
                    let received = clock::now();
                    self.answering.store(index, Ordering::Relaxed);
                    return parse(&address.shown, request, status, &body).map(|value| Answered { sent, received, value });
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

fn parse<T: DeserializeOwned>(address: &str, request: &Request<'_>, status: StatusCode, body: &str) -> Result<T, Error> {
    if !status.is_success() {
        return Err(Error::Status {
            address: address.to_owned(),
            method: request.method.to_string(),
            path: request.shown_path(),
            status: status.as_u16(),
            message: cause::of_answer(body),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use axum::Router;
    use axum::extract::RawQuery;
    use axum::http::{HeaderMap as Headers, StatusCode as Status};
    use axum::routing::{any, get, post};

    use super::super::{Auth, JobId, MetricScope, Rest};
    use super::*;
    use crate::units::SecretSource;

    const OVERVIEW: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/flink/2.3.0/overview.json"));

    async fn serve(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn flink() -> Router {
        Router::new().route("/overview", get(|| async { OVERVIEW }))
    }

    /// An address where nothing listens.
    async fn refused() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    fn rest(access: &Access) -> Rest {
        Rest::new(access, Path::new("/")).unwrap()
    }

    fn short(addresses: &[&String]) -> Access {
        Access { timeout: Duration::from_millis(200), ..Access::to(addresses.iter().map(|address| (*address).clone())) }
    }

    #[tokio::test]
    async fn takes_the_next_address_and_remembers_it() {
        let (dead, frozen) = (refused().await, serve(Router::new().fallback(any(std::future::pending::<()>))).await);
        let standby = serve(Router::new().fallback(any(|| async { (Status::SERVICE_UNAVAILABLE, r#"{"errors":["no leader"]}"#) }))).await;
        let alive = serve(flink()).await;
        let client = rest(&short(&[&dead, &frozen, &standby, &alive]));
        let answer = client.overview().await.unwrap();
        assert_eq!(answer.slots_total, 4);
        assert!(answer.received >= answer.sent);
        assert_eq!(client.http.answering.load(Ordering::Relaxed), 3);

        let client = rest(&short(&[&dead, &frozen, &standby]));
        let error = client.overview().await.unwrap_err();
        assert!(error.is_unreachable());
        assert_eq!(
            error.to_string(),
            format!("{dead}: connection refused; {frozen}: no answer within 200ms; {standby}: not ready: no leader")
        );
    }

    #[tokio::test]
    async fn what_may_have_been_done_is_not_asked_for_twice() {
        let frozen = serve(Router::new().fallback(any(std::future::pending::<()>))).await;
        let other = serve(Router::new().fallback(any(|| async { r#"{"request-id":"x"}"# }))).await;
        let client = rest(&short(&[&frozen, &other]));
        let request = Request::post(["jobs", "j", "savepoints"]);
        let error = client.http.ask_with::<serde_json::Value>(request, &()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{frozen}: no answer within 200ms"));
        let client = rest(&short(&[&refused().await, &other]));
        assert!(client.http.ask_with::<serde_json::Value>(Request::post(["stop"]), &()).await.is_ok());
    }

    #[tokio::test]
    async fn sends_credentials_and_keeps_the_prefix() {
        async fn check(headers: Headers) -> Result<&'static str, Status> {
            let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
            if ["Bearer s3cret", "Basic YW5uOnMzY3JldA=="].contains(&authorization) { Ok(OVERVIEW) } else { Err(Status::UNAUTHORIZED) }
        }
        let address = serve(Router::new().route("/flink/prod/overview", get(check))).await + "/flink/prod/";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
        let secret = SecretSource::File("secret".into());
        for auth in [Auth::Bearer(secret.clone()), Auth::Basic { user: "ann".to_owned(), password: secret }] {
            let client = Rest::new(&Access { auth, ..Access::to([&address]) }, folder.path()).unwrap();
            assert_eq!(client.overview().await.unwrap().slots_total, 4);
            assert!(!format!("{client:?}").contains("s3cret"));
        }
        let error = rest(&Access::to([&address])).overview().await.unwrap_err();
        assert!(error.to_string().contains("/overview with 401: an empty answer"), "{error}");
    }

    #[tokio::test]
    async fn error_answers_and_strange_answers_are_told_apart() {
        let body = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/flink/2.3.0/rr.json"));
        let router = Router::new()
            .route("/jobs/j/resource-requirements", get(move || async move { (Status::INTERNAL_SERVER_ERROR, body) }))
            .route("/jobs/j/status", get(|| async { r#"{"status":12}"# }))
            .route("/jobs/j", get(|| async { (Status::NOT_FOUND, r#"{"errors":["Job j not found"]}"#) }));
        let unknown =
            r#"{"errors":["org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (k)\n\tat a.b(C)"]}"#;
        let router = router.route("/jobs/k/status", get(move || async move { (Status::INTERNAL_SERVER_ERROR, unknown) }));
        let client = rest(&Access::to([serve(router).await]));
        let job = JobId::from("j");
        assert!(client.job_state(&JobId::from("k")).await.unwrap_err().is_not_found());
        let error = client.resource_requirements(&job).await.unwrap_err().to_string();
        assert!(error.contains("answered GET /jobs/j/resource-requirements with 500: UnsupportedOperationException: The DefaultScheduler"));
        assert!(client.job_state(&job).await.unwrap_err().to_string().contains("/jobs/j/status with something unexpected: status: "));
        assert!(client.job(&job).await.unwrap_err().is_not_found());
    }

    #[tokio::test]
    async fn metrics_are_listed_then_asked_for_encoded() {
        async fn metrics(RawQuery(query): RawQuery) -> String {
            let reply = match query.as_deref() {
                None => r#"[{"id":"snk[8]__Writer.sent"},{"id":"idle"}]"#,
                Some("get=snk%5B8%5D__Writer.sent") => r#"[{"id":"snk[8]__Writer.sent","min":1,"max":2,"avg":"NaN","sum":3}]"#,
                Some(other) => panic!("asked for {other}"),
            };
            reply.to_owned()
        }
        let client = rest(&Access::to([serve(Router::new().route("/jobs/j/vertices/v/subtasks/metrics", get(metrics))).await]));
        let scope = MetricScope::Subtasks("j".into(), "v".into());
        let found = client.aggregates(&scope, &["snk[8]__Writer.sent", "gone"]).await.unwrap();
        assert_eq!(found["snk[8]__Writer.sent"].sum, 3.0);
        assert!(found["snk[8]__Writer.sent"].avg.is_nan());
        assert!(client.aggregates(&scope, &["gone"]).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_jar_is_uploaded_as_a_form() {
        async fn upload(headers: Headers, body: String) -> String {
            let form = headers["content-type"].to_str().unwrap().starts_with("multipart/form-data");
            assert!(form && body.contains("name=\"jarfile\"; filename=\"job.jar\"") && body.contains("PK"));
            r#"{"filename":"/tmp/flink-web-upload/1b2c_job.jar","status":"success"}"#.to_owned()
        }
        let client = rest(&Access::to([serve(Router::new().route("/jars/upload", post(upload))).await]));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("job.jar"), "PK").unwrap();
        assert_eq!(client.upload_jar(&folder.path().join("job.jar")).await.unwrap().0, "1b2c_job.jar");
        assert!(client.upload_jar(&folder.path().join("none.jar")).await.unwrap_err().to_string().contains("none.jar: No such file"));
    }
}
