//! Grafana is told of each fault: a region from its effect to its removal. Nothing waits for it, and the first failure is all that is said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::recorder::Recorder;
use crate::analysis::{Analysis, FaultSpan};
use crate::journal::{EventKind, FaultId, Record};
use crate::monitoring::{AnnotationId, Error, Grafana, Region};

const PROBE: &str = "grafana";
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Before an end that could not be told is told again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// What the end of a run waits for it, at most.
const LAST_WITHIN: Duration = Duration::from_secs(5);

/// Tells while a run goes on.
#[derive(Debug)]
pub(super) struct Annotator {
    over: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Annotator {
    /// Begins to look for faults. `tags` are on every region, beside the fault's name.
    pub(super) fn start(grafana: Grafana, tags: Vec<String>, recorder: Arc<Recorder>) -> Self {
        let (over, mut ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            // What an earlier squall told of is not told twice.
            let told = recorder.ask(Analysis::fault_spans).into_iter().map(|span| (span.id, Mark::Over)).collect();
            let mut regions = Regions { grafana, tags, marked: told };
            let mut said = false;
            let mut say = |failed: Option<Error>| {
                if let Some(error) = &failed
                    && !said
                {
                    said = true;
                    tracing::warn!("grafana is not told of every fault: {error}");
                    recorder.record(EventKind::ProbeFailed { probe: PROBE.to_owned(), error: error.to_string() });
                }
                if failed.is_some() { AGAIN_AFTER } else { LOOK_EVERY }
            };
            let mut pause = LOOK_EVERY;
            loop {
                let last = tokio::select! {
                    () = tokio::time::sleep(pause) => false,
                    _ = &mut ended => true,
                };
                pause = say(regions.tell(&recorder.ask(Analysis::fault_spans)).await);
                if last {
                    return;
                }
            }
        });
        Self { over, task }
    }

    /// Tells of what ended last, and gives up soon.
    pub(super) async fn finish(mut self) {
        // Nobody listens where it has broken off.
        let _ = self.over.send(());
        if tokio::time::timeout(LAST_WITHIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// What Grafana was told.
struct Regions {
    grafana: Grafana,
    tags: Vec<String>,
    marked: BTreeMap<FaultId, Mark>,
}

enum Mark {
    /// Made, and not ended.
    Open(AnnotationId),
    /// Ended, or it could not be made. A region that may have been made is not made twice.
    Over,
}

impl Regions {
    /// Marks what is new and ends what is over. Gives the last thing that could not be told.
    async fn tell(&mut self, spans: &[FaultSpan]) -> Option<Error> {
        let mut failed = None;
        for span in spans {
            if !self.marked.contains_key(&span.id) {
                let marked = self.grafana.mark(&self.region(span)).await;
                let mark = match marked {
                    Ok(_) if span.to.is_some() => Mark::Over,
                    Ok(annotation) => Mark::Open(annotation),
                    Err(error) => {
                        failed = Some(error);
                        Mark::Over
                    }
                };
                self.marked.insert(span.id.clone(), mark);
            } else if let (Some(Mark::Open(annotation)), Some(to)) = (self.marked.get(&span.id), span.to) {
                match self.grafana.end(*annotation, to).await {
                    Ok(()) => drop(self.marked.insert(span.id.clone(), Mark::Over)),
                    Err(error) => failed = Some(error),
                }
            }
        }
        failed
    }

    fn region(&self, span: &FaultSpan) -> Region {
        let tags = self.tags.iter().chain([&span.id.name]).cloned().collect();
        let text = format!("{}: {} {}", span.id.name, span.kind, span.target).trim_end().to_owned();
        Region { from: span.from, to: span.to.unwrap_or(span.from), tags, text }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::Mutex;

    use axum::extract::{Path as InPath, State};
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::{patch, post};
    use axum::{Json, Router};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Timestamp;
    use crate::http::{Access, Auth};
    use crate::units::SecretSource;

    type Heard = Arc<Mutex<Vec<(String, Value)>>>;

    /// `POST /api/annotations`: annotations 1, 2, …
    async fn made(State(heard): State<Heard>, headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
        if headers.get("authorization").is_none_or(|token| token != "Bearer glsa_planted") {
            return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "Invalid API key" })));
        }
        let mut heard = heard.lock().unwrap();
        heard.push(("made".to_owned(), body));
        let id = heard.iter().filter(|(what, _)| what == "made").count();
        (StatusCode::OK, Json(json!({ "message": "Annotation added", "id": id })))
    }

    /// `PATCH /api/annotations/:id`, which fails the first time.
    async fn moved(State(heard): State<Heard>, InPath(id): InPath<String>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
        let mut heard = heard.lock().unwrap();
        let first = heard.iter().all(|(what, _)| what == "made");
        heard.push((id, body));
        let status = if first { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        (status, Json(json!({ "message": if first { "database is locked" } else { "Annotation patched" } })))
    }

    /// Grafana as its documentation says.
    async fn grafana(heard: Heard) -> String {
        let router = Router::new().route("/api/annotations", post(made)).route("/api/annotations/{id}", patch(moved)).with_state(heard);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn regions(address: String, folder: &Path) -> Regions {
        let auth = Auth::Bearer(SecretSource::File("token".into()));
        let grafana = Grafana::new(&Access { auth, ..Access::to([address]) }, folder).unwrap();
        Regions { grafana, tags: vec!["squall".to_owned(), "loss".to_owned()], marked: BTreeMap::new() }
    }

    fn span(name: &str, from: i64, to: Option<i64>) -> FaultSpan {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let id = FaultId { name: name.to_owned(), occurrence: 0 };
        FaultSpan { id, kind: "kill-taskmanager".to_owned(), target: "tm-2".to_owned(), from: at(from), to: to.map(at) }
    }

    #[tokio::test]
    async fn a_fault_is_a_region_that_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "glsa_planted\n").unwrap();
        let heard = Heard::default();
        let mut regions = regions(grafana(heard.clone()).await, folder.path());
        assert!(regions.tell(&[]).await.is_none());
        assert!(regions.tell(&[span("lose-one", 100, None)]).await.is_none());
        assert!(regions.tell(&[span("lose-one", 100, None)]).await.is_none());
        let both = [span("lose-one", 100, Some(112)), span("at-once", 120, Some(121))];
        let failed = regions.tell(&both).await.unwrap().to_string();
        assert!(failed.contains("PATCH /api/annotations/1 with 500: database is locked"), "{failed}");
        assert!(regions.tell(&both).await.is_none());
        assert!(regions.tell(&both).await.is_none());
        let region = |name: &str, from: i64, to: i64| {
            let text = format!("{name}: kill-taskmanager tm-2");
            ("made".to_owned(), json!({ "time": from, "timeEnd": to, "tags": ["squall", "loss", name], "text": text }))
        };
        let end = ("1".to_owned(), json!({ "timeEnd": 112_000 }));
        let expected = [region("lose-one", 100_000, 100_000), end.clone(), region("at-once", 120_000, 121_000), end];
        assert_eq!(*heard.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn what_cannot_be_told_is_told_of_once_and_shows_no_token() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "glsa_wrong\n").unwrap();
        let mut regions = regions(grafana(Heard::default()).await, folder.path());
        let failed = regions.tell(&[span("lose-one", 100, None)]).await.unwrap().to_string();
        assert!(failed.contains("with 401: Invalid API key") && !failed.contains("glsa"), "{failed}");
        assert!(regions.tell(&[span("lose-one", 100, Some(112))]).await.is_none(), "it was not made, so it has no end");
    }
}
