//! Exchanges with a fake of Flink.
#![allow(clippy::unwrap_used, clippy::panic)]

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap as Headers, StatusCode as Status};
use axum::routing::{any, get, post};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Access, Auth, JobId, MetricScope, Rest};
use crate::http::Request;
use crate::units::Duration;
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
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let answer = move || {
        count.fetch_add(1, Ordering::Relaxed);
        async { (Status::SERVICE_UNAVAILABLE, r#"{"errors":["no leader"]}"#) }
    };
    let standby = serve(Router::new().fallback(any(answer))).await;
    let alive = serve(flink()).await;
    let client = rest(&short(&[&dead, &frozen, &standby, &alive]));
    let answer = client.overview().await.unwrap();
    assert_eq!(answer.slots_total, 4);
    assert!(answer.received >= answer.sent);
    assert_eq!(client.overview().await.unwrap().slots_total, 4);
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the one that answered was not asked first");

    let client = rest(&short(&[&dead, &frozen, &standby]));
    let error = client.overview().await.unwrap_err();
    assert!(error.is_unreachable());
    assert_eq!(error.to_string(), format!("{dead}: connection refused; {frozen}: no answer within 200ms; {standby}: not ready: no leader"));
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
