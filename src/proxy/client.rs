use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use super::config::LinkConfig;
use super::error::ProxyError;
use super::protocol::{Request, Response, RuleStatus, Status};
use crate::action::LinkRule;
use crate::units;

/// How long the proxy may take to answer. Nothing that it is asked waits for traffic.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

type Ask = (Request, oneshot::Sender<Response>);

/// A control connection, and the holder of the rules that were set through it. They end when the last clone of the client
/// and the last of its [`RuleHandle`]s are dropped, at the latest when this process dies.
#[derive(Debug, Clone)]
pub struct Client {
    asks: mpsc::Sender<Ask>,
    /// Numbers the rules that were given no id.
    next: Arc<AtomicU64>,
}

/// How a rule is held.
#[derive(Debug, Clone, Default)]
pub struct Lease {
    /// Names the rule; none takes one that nobody else has.
    pub id: Option<String>,
    /// Who holds it, for people who look at the status.
    pub holder: String,
    /// Ends the rule even while its holder lives: for one that may be frozen.
    pub ttl: Option<units::Duration>,
    /// Seed of its jitter.
    pub seed: u64,
}

/// A rule that holds. Dropping it leaves the rule to the [`Client`]; the rule ends with the last of both.
#[derive(Debug)]
pub struct RuleHandle {
    client: Client,
    id: String,
}

impl Client {
    /// Opens a control connection. Must be called within a tokio runtime, which has to live as long as the rules.
    ///
    /// # Errors
    ///
    /// When nobody listens on `path`.
    pub async fn connect(path: &Path) -> Result<Self, ProxyError> {
        let stream = UnixStream::connect(path).await.map_err(|source| ProxyError::Connect { path: path.to_owned(), source })?;
        let (asks, queue) = mpsc::channel(16);
        tokio::spawn(converse(stream, queue));
        Ok(Self { asks, next: Arc::default() })
    }

    /// Sets a rule, which holds for live connections too when this returns.
    ///
    /// # Errors
    ///
    /// When the link is unknown, the id taken, or the rule cannot act; when the proxy is gone.
    pub async fn set_rule(&self, link: &str, rule: LinkRule, lease: Lease) -> Result<RuleHandle, ProxyError> {
        let Lease { id, holder, ttl, seed } = lease;
        let id = id.unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            format!("{}-{}-{number}", std::process::id(), crate::clock::now().0)
        });
        let request = Request::SetRule { id: id.clone(), link: link.to_owned(), rule, holder, ttl, seed };
        match self.ask(request).await? {
            Response::RuleSet => Ok(RuleHandle { client: self.clone(), id }),
            other => Err(unexpected(other)),
        }
    }

    /// Takes a rule away, whoever set it; returns its last counters, or nothing when it was gone already.
    ///
    /// # Errors
    ///
    /// When the proxy is gone.
    pub async fn remove(&self, id: &str) -> Result<Option<RuleStatus>, ProxyError> {
        Ok(self.removed(Request::RemoveRule { id: id.to_owned() }).await?.pop())
    }

    /// Takes all rules away, whoever set them; returns their last counters.
    ///
    /// # Errors
    ///
    /// When the proxy is gone.
    pub async fn remove_all(&self) -> Result<Vec<RuleStatus>, ProxyError> {
        self.removed(Request::RemoveAll).await
    }

    async fn removed(&self, request: Request) -> Result<Vec<RuleStatus>, ProxyError> {
        match self.ask(request).await? {
            Response::Removed(rules) => Ok(rules),
            other => Err(unexpected(other)),
        }
    }

    /// Links, rules and counters; of each connection too if asked for.
    ///
    /// # Errors
    ///
    /// When the proxy is gone.
    pub async fn status(&self, connections: bool) -> Result<Status, ProxyError> {
        match self.ask(Request::Status { connections }).await? {
            Response::Status(status) => Ok(status),
            other => Err(unexpected(other)),
        }
    }

    /// Makes the proxy listen on one more address; returns it, with its port where 0 was asked for.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on; when the proxy is gone.
    pub async fn add_link(&self, link: LinkConfig) -> Result<std::net::SocketAddr, ProxyError> {
        match self.ask(Request::AddLink(link)).await? {
            Response::LinkAdded { listen } => Ok(listen),
            other => Err(unexpected(other)),
        }
    }

    /// Ends the proxy, and with it every connection that it carries.
    ///
    /// # Errors
    ///
    /// When the proxy is gone already.
    pub async fn shutdown(&self) -> Result<(), ProxyError> {
        match self.ask(Request::Shutdown).await? {
            Response::ShuttingDown => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Waits until the control connection is gone: the proxy has ended, and every rule with it.
    pub async fn closed(&self) {
        self.asks.closed().await;
    }

    async fn ask(&self, request: Request) -> Result<Response, ProxyError> {
        let (reply, answer) = oneshot::channel();
        let exchange = async {
            self.asks.send((request, reply)).await.map_err(|_| ProxyError::Closed)?;
            answer.await.map_err(|_| ProxyError::Closed)
        };
        match tokio::time::timeout(ANSWER_WITHIN, exchange).await.map_err(|_| ProxyError::NoAnswer(ANSWER_WITHIN))?? {
            Response::Refused(refusal) => Err(refusal.into()),
            response => Ok(response),
        }
    }
}

impl RuleHandle {
    /// The rule's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the rule met so far; nothing when it has ended, and long ago.
    ///
    /// # Errors
    ///
    /// When the proxy is gone.
    pub async fn status(&self) -> Result<Option<RuleStatus>, ProxyError> {
        Ok(self.client.status(false).await?.rule(&self.id).cloned())
    }

    /// Takes the rule away; returns its last counters, or nothing when it was gone already.
    ///
    /// # Errors
    ///
    /// When the proxy is gone, and the rule with it.
    pub async fn remove(self) -> Result<Option<RuleStatus>, ProxyError> {
        self.client.remove(&self.id).await
    }
}

fn unexpected(response: Response) -> ProxyError {
    ProxyError::Unexpected(format!("{response:?}"))
}

/// Owns the connection, so that a caller who gives up waiting does not leave an answer behind for the next one.
async fn converse(stream: UnixStream, mut asks: mpsc::Receiver<Ask>) {
    let (reader, mut writer) = stream.into_split();
    let mut answers = BufReader::new(reader).lines();
    loop {
        let ask = tokio::select! {
            ask = asks.recv() => ask,
            // Unasked, the proxy only ever closes.
            _ = answers.next_line() => None,
        };
        let Some((request, reply)) = ask else { return };
        match exchange(&mut writer, &mut answers, &request).await {
            // Whoever asked may have given up.
            Ok(response) => drop(reply.send(response)),
            Err(error) => {
                tracing::debug!(%error, "the control connection broke");
                return;
            }
        }
    }
}

async fn exchange(
    writer: &mut OwnedWriteHalf,
    answers: &mut Lines<BufReader<OwnedReadHalf>>,
    request: &Request,
) -> std::io::Result<Response> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    let answer = answers.next_line().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok(serde_json::from_str(&answer)?)
}
