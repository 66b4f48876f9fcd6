use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Access, Answered, Error, JobId};
use crate::http::{self, Http, Request};
use crate::units::Duration;

/// Between two polls of a statement.
const POLL: Duration = Duration::from_millis(100);
/// The gateway loads its planner with the first session, which takes seconds on a small machine.
const SLOW: Duration = Duration::from_secs(30);

/// A client of the SQL gateway, REST version 3 (1.20 and 2.x).
#[derive(Debug, Clone)]
pub struct SqlGateway {
    http: Http,
}

/// A session: tables and settings live as long as it does (10 min idle at most). Jobs outlive it.
#[derive(Debug)]
pub struct Session {
    gateway: SqlGateway,
    handle: String,
}

/// What a statement gave.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementResult {
    /// The job that an INSERT or a statement set started.
    pub job_id: Option<JobId>,
    /// The first page of rows, each a list of fields.
    pub rows: Vec<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    session_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submitted {
    operation_handle: String,
}

#[derive(Deserialize)]
struct OperationStatus {
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultPage {
    result_type: String,
    #[serde(default, rename = "jobID")]
    job_id: Option<JobId>,
    #[serde(default)]
    results: Option<Rows>,
}

#[derive(Default, Deserialize)]
struct Rows {
    #[serde(default)]
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    fields: Vec<serde_json::Value>,
}

/// `/info`.
#[derive(Deserialize)]
struct Info {
    version: String,
}

impl SqlGateway {
    /// Prepares the client; nothing is sent. Relative files in `access` count from `base`.
    ///
    /// # Errors
    /// When an address is no URL, a secret or the CA file cannot be read.
    pub fn new(access: &Access, base: &Path) -> Result<Self, Error> {
        Ok(Self { http: Http::new(access, base, super::cause::of_answer)? })
    }

    /// The addresses, in the order given.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.http.addresses()
    }

    /// The gateway's Flink version: the readiness check.
    ///
    /// # Errors
    /// Nobody answers, an error answer, an answer that does not parse.
    pub async fn version(&self) -> Result<String, Error> {
        let info: Answered<Info> = self.http.ask(Request::get(["v3", "info"])).await?;
        Ok(info.value.version)
    }

    /// Opens a session with `properties` (Flink configuration that its statements run with).
    ///
    /// # Errors
    /// As [`SqlGateway::version`].
    pub async fn open(&self, name: &str, properties: &BTreeMap<String, String>) -> Result<Session, Error> {
        let body = serde_json::json!({ "sessionName": name, "properties": properties });
        let opened: Answered<Opened> = self.http.ask_with(Request::post(["v3", "sessions"]).timeout(SLOW), &body).await?;
        Ok(Session { gateway: self.clone(), handle: opened.value.session_handle })
    }
}

impl Session {
    /// Runs one statement (without its semicolon) and waits until it is done; an INSERT is done when its job is submitted.
    ///
    /// # Errors
    /// As [`SqlGateway::version`]; [`Error::Failed`] with the root cause where the statement fails; [`Error::Deadline`].
    pub async fn execute(&self, statement: &str, within: Duration) -> Result<StatementResult, Error> {
        let what = format!("`{}`", abbreviated(statement));
        match tokio::time::timeout(within.0, self.run(statement, &what)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Deadline { what, within }),
        }
    }

    async fn run(&self, statement: &str, what: &str) -> Result<StatementResult, Error> {
        let http = &self.gateway.http;
        let failed = |error: http::Error| Error::from(error).failing(what);
        let body = serde_json::json!({ "statement": statement });
        let request = Request::post(["v3", "sessions", &self.handle, "statements"]).timeout(SLOW);
        let submitted: Answered<Submitted> = http.ask_with(request, &body).await.map_err(failed)?;
        let operation = submitted.value.operation_handle;
        loop {
            let request = Request::get(["v3", "sessions", &self.handle, "operations", &operation, "status"]).timeout(SLOW);
            let status: Answered<OperationStatus> = http.ask(request).await?;
            match status.status.as_str() {
                "INITIALIZED" | "PENDING" | "RUNNING" => tokio::time::sleep(POLL.0).await,
                // The result of a failed one is its error.
                "FINISHED" | "ERROR" => break,
                status => return Err(Error::Failed { what: what.to_owned(), cause: format!("the gateway says {status}") }),
            }
        }
        loop {
            let request = Request::get(["v3", "sessions", &self.handle, "operations", &operation, "result", "0"])
                .query("rowFormat", "JSON")
                .timeout(SLOW);
            let page: ResultPage = http.ask(request).await.map_err(failed)?.value;
            if page.result_type == "NOT_READY" {
                tokio::time::sleep(POLL.0).await;
                continue;
            }
            let rows = page.results.unwrap_or_default().data.into_iter().map(|row| row.fields).collect();
            return Ok(StatementResult { job_id: page.job_id, rows });
        }
    }

    /// Closes the session; its jobs go on.
    ///
    /// # Errors
    /// As [`SqlGateway::version`].
    pub async fn close(self) -> Result<(), Error> {
        let request = Request::new(reqwest::Method::DELETE, ["v3", "sessions", &self.handle]);
        self.gateway.http.ask::<serde::de::IgnoredAny>(request).await?;
        Ok(())
    }
}

/// The first line of a statement, for errors.
fn abbreviated(statement: &str) -> String {
    const LONGEST: usize = 60;
    let line = statement.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::{delete, get, post};

    use super::*;

    async fn gateway(status: &'static str, result: (StatusCode, &'static str)) -> SqlGateway {
        let operation = "/v3/sessions/s/operations/o";
        let router = Router::new()
            .route("/v3/sessions", post(|| async { r#"{"sessionHandle":"s"}"# }))
            .route("/v3/sessions/s", delete(|| async { r#"{"status":"CLOSED"}"# }))
            .route("/v3/sessions/s/statements", post(|| async { r#"{"operationHandle":"o"}"# }))
            .route(&format!("{operation}/status"), get(move || async move { format!(r#"{{"status":"{status}"}}"#) }))
            .route(&format!("{operation}/result/0"), get(move || async move { result }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        SqlGateway::new(&Access::to([address]), Path::new("/")).unwrap()
    }

    #[tokio::test]
    async fn an_insert_gives_its_job() {
        let page = r#"{"resultType":"PAYLOAD","isQueryResult":false,"jobID":"0102","resultKind":"SUCCESS_WITH_CONTENT",
            "results":{"columns":[],"rowFormat":"JSON","data":[{"kind":"INSERT","fields":["0102"]}]},"nextResultUri":"/x"}"#;
        let session = gateway("FINISHED", (StatusCode::OK, page)).await.open("test", &BTreeMap::new()).await.unwrap();
        let result = session.execute("INSERT INTO a SELECT * FROM b", Duration::from_secs(10)).await.unwrap();
        assert_eq!(result.job_id, Some(JobId::from("0102")));
        assert_eq!(result.rows, [["0102"]]);
        session.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_statement_shows_its_root_cause() {
        let errors = r#"{"errors":["Internal server error.","<Exception on server side:\norg.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.\n\tat a.b(C)\nCaused by: org.apache.calcite.runtime.CalciteContextException: From line 1, column 15 to line 1, column 17: Object 'abc' not found\n\tat d.e(F)\n\nEnd of exception on server side>"]}"#;
        let session = gateway("ERROR", (StatusCode::INTERNAL_SERVER_ERROR, errors)).await.open("test", &BTreeMap::new()).await.unwrap();
        let error = session.execute("INSERT INTO abc\nSELECT 1", Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "`INSERT INTO abc` failed: CalciteContextException: From line 1, column 15 to line 1, column 17: Object 'abc' not found"
        );
    }

    #[tokio::test]
    async fn a_statement_that_never_ends_is_given_up() {
        let session = gateway("RUNNING", (StatusCode::OK, "{}")).await.open("test", &BTreeMap::new()).await.unwrap();
        let error = session.execute("SELECT 1", Duration::from_millis(150)).await.unwrap_err();
        assert_eq!(error.to_string(), "`SELECT 1` did not finish within 150ms");
    }
}
