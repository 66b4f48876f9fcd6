//! The control socket: who may ask (the owner of the socket file), and who holds which rules.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::error::ProxyError;
use super::protocol::{Refusal, Request, Response};
use super::rule::{Rule, RuleRequest};
use super::server::Hub;

/// Bytes of a request at most.
const LONGEST_REQUEST: u64 = 1024 * 1024;

/// The control socket's file; removed with it, unless another proxy's has taken its place.
#[derive(Debug)]
pub(super) struct ControlSocket {
    path: PathBuf,
    inode: (u64, u64),
}

impl ControlSocket {
    /// Makes the socket, readable and writable by its owner only, and answers on it until the hub stops. A file that nobody
    /// answers on is replaced.
    pub(super) async fn serve(path: PathBuf, hub: Arc<Hub>) -> Result<Self, ProxyError> {
        if UnixStream::connect(&path).await.is_ok() {
            return Err(ProxyError::AlreadyServed(path));
        }
        let (listener, inode) = bind(&path).map_err(|source| ProxyError::Control { path: path.clone(), source })?;
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = hub.stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((client, _)) => {
                        tokio::spawn(answer(Arc::clone(&hub), client));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a control connection was not accepted");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                }
            }
        });
        Ok(Self { path, inode })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|present| present == self.inode)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the control socket's file stays behind");
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Binds under another name and renames: nobody finds the socket before its mode is set.
fn bind(path: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}", std::process::id()));
    let new = path.with_file_name(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok((listener, inode(path)?))
}

/// Rules whose lease is one control connection. They end with it.
struct Leases {
    hub: Arc<Hub>,
    rules: Vec<Arc<Rule>>,
}

impl Drop for Leases {
    fn drop(&mut self) {
        for rule in &self.rules {
            if self.hub.remove(rule).is_some() {
                tracing::info!(rule = rule.id, link = rule.link, "rule ended with its holder");
            }
        }
    }
}

async fn answer(hub: Arc<Hub>, client: UnixStream) {
    let pid = client.peer_cred().ok().and_then(|peer| peer.pid());
    let stop = hub.stop.clone();
    let mut leases = Leases { hub, rules: Vec::new() };
    tokio::select! {
        () = stop.cancelled() => {}
        ended = converse(&mut leases, client, pid) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a control connection broke");
            }
        }
    }
}

async fn converse(leases: &mut Leases, mut client: UnixStream, pid: Option<i32>) -> io::Result<()> {
    let (reader, mut writer) = client.split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader).take(LONGEST_REQUEST).read_until(b'\n', &mut line).await?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(());
        }
        let response = match serde_json::from_slice(&line) {
            Ok(request) => perform(leases, request, pid).await.unwrap_or_else(Response::Refused),
            Err(error) => Response::Refused(Refusal::NotARequest(error.to_string())),
        };
        let mut answer = serde_json::to_vec(&response)?;
        answer.push(b'\n');
        writer.write_all(&answer).await?;
        if response == Response::ShuttingDown {
            leases.hub.stop.cancel();
            return Ok(());
        }
    }
}

async fn perform(leases: &mut Leases, request: Request, pid: Option<i32>) -> Result<Response, Refusal> {
    let hub = &leases.hub;
    Ok(match request {
        Request::Status { connections } => Response::Status(hub.status(connections)),
        Request::SetRule { id, link, rule, holder, ttl, seed } => {
            let rule = hub.set_rule(RuleRequest { id, link, rule, holder, holder_pid: pid, seed }, ttl)?;
            leases.rules.push(rule);
            Response::RuleSet
        }
        Request::RemoveRule { id } => {
            let removed = hub.rule(&id).and_then(|rule| hub.remove(&rule));
            leases.rules.retain(|rule| rule.id != id);
            Response::Removed(removed.into_iter().collect())
        }
        Request::RemoveAll => Response::Removed(hub.rules().iter().filter_map(|rule| hub.remove(rule)).collect()),
        Request::AddLink(link) => match hub.add_link(link).await {
            Ok(listen) => Response::LinkAdded { listen },
            Err(error) => {
                let cause = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
                return Err(Refusal::CannotListen(format!("{error}{cause}")));
            }
        },
        Request::Shutdown => Response::ShuttingDown,
    })
}
