//! Flink's answers: a server on loopback that answers every request alike, and every question that squall asks.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::flink::{Access, CheckpointKind, ExceptionEntry, JobId, MetricScope, Rest, SavepointFormat, SqlGateway, VertexId};
use crate::units::Duration;

/// What says that it goes on is not waited for any longer.
const SOON: Duration = Duration(std::time::Duration::from_millis(30));

thread_local! {
    // A client takes milliseconds to make.
    static SERVED: LazyCell<Option<Served>> = LazyCell::new(|| Served::start().ok());
}

/// Asks everything of a Flink that answers with these bytes: the first one chooses the status, the rest is the body.
pub(super) fn answers(bytes: &[u8]) {
    SERVED.with(|served| {
        let Some(served) = &**served else { return };
        let (status, body) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
        let line = match status {
            b'4' => "404 Not Found",
            b'5' => "500 Internal Server Error",
            b'3' => "503 Service Unavailable",
            _ => "200 OK",
        };
        let head = format!("HTTP/1.1 {line}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        *served.answer.lock().unwrap_or_else(PoisonError::into_inner) = [head.as_bytes(), body].concat().into();
        served.runtime.block_on(served.ask());
    });
}

struct Served {
    runtime: Runtime,
    answer: Arc<Mutex<Arc<[u8]>>>,
    rest: Rest,
    gateway: SqlGateway,
}

impl Served {
    fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let access = Access::to([format!("http://{}", listener.local_addr()?)]);
        let answer = Arc::new(Mutex::new(Arc::from(&b""[..])));
        let shared = answer.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        let (rest, gateway) = (Rest::new(&access, Path::new("")), SqlGateway::new(&access, Path::new("")));
        Ok(Self { runtime, answer, rest: rest.map_err(io::Error::other)?, gateway: gateway.map_err(io::Error::other)? })
    }

    async fn ask(&self) {
        let (rest, job, vertex) = (&self.rest, JobId::from("0123456789abcdef0123456789abcdef"), VertexId::from("v"));
        if let Ok(detail) = rest.job(&job).await {
            let _ = (detail.value.all_running(), detail.value.topological().len());
        }
        let _ =
            (rest.overview().await, rest.web_config().await, rest.jobmanager_config().await, rest.jobs().await, rest.job_state(&job).await);
        if let Ok(exceptions) = rest.exceptions(&job, 10).await {
            let _: Vec<String> = exceptions.value.entries.iter().map(ExceptionEntry::root_cause).collect();
        }
        let _ = (rest.checkpoints(&job).await, rest.checkpoint_config(&job).await, rest.checkpoint_subtasks(&job, 1, &vertex).await);
        if let Ok(Some(slowest)) = rest.slowest_subtask(&job, 1).await {
            let _ = slowest.other();
        }
        if let Ok(detail) = rest.vertex(&job, &vertex).await {
            let _: Vec<_> = detail.value.subtasks.iter().map(|subtask| (subtask.taskmanager().is_some(), subtask.entered())).collect();
        }
        if let Ok(backpressure) = rest.backpressure(&job, &vertex).await {
            let _ = backpressure.value.subtasks().map(<[_]>::len);
        }
        let _ = (rest.taskmanagers().await, rest.taskmanager("tm-1").await, rest.resource_requirements(&job).await, rest.jars().await);
        let _ = rest.metrics_where(&MetricScope::Job(job.clone()), |_| true).await;
        let _ = rest.aggregates(&MetricScope::TaskManagers, &["Status.JVM.CPU.Load"]).await;
        let _ = rest.savepoint(&job, None, SavepointFormat::Canonical, SOON).await;
        if let Ok(trigger) = rest.trigger_checkpoint(&job, CheckpointKind::Full).await {
            let _ = rest.checkpoint_status(&job, &trigger).await;
        }
        let _ = self.gateway.version().await;
        if let Ok(session) = self.gateway.open("fuzz", &BTreeMap::new()).await {
            let _ = session.execute("SELECT 1", SOON).await;
        }
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<Mutex<Arc<[u8]>>>) {
    let mut asked = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        asked.extend_from_slice(&buffer[..read]);
        // A body comes with its head; what squall sends is small.
        if asked.windows(4).any(|end| end == b"\r\n\r\n") {
            asked.clear();
            let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}
