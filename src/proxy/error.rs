use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::protocol::Refusal;

/// Why the proxy, or its client, could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// A link that is not written as it should be.
    #[error("`{0}` is no link; write NAME=LISTEN,UPSTREAM or NAME=LISTEN,UPSTREAM,kafka, for example sink=127.0.0.1:29092,127.0.0.1:19092")]
    LinkText(String),
    /// A listening address that other machines can reach, without being told to.
    #[error("link `{link}` would listen on {address}, which is not a loopback address")]
    NotLoopback {
        /// The link.
        link: String,
        /// Where it should have listened.
        address: SocketAddr,
    },
    /// A port that cannot be had.
    #[error("link `{link}` cannot listen on {address}")]
    Listen {
        /// The link.
        link: String,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The control socket cannot be made.
    #[error("cannot make the control socket {}", path.display())]
    Control {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another proxy answers on the control socket.
    #[error("a proxy is running on the control socket {}", .0.display())]
    AlreadyServed(PathBuf),
    /// Threads or signal handlers cannot be had.
    #[error("cannot start the proxy's threads")]
    Start(#[source] io::Error),
    /// Nobody answers on the control socket.
    #[error("no proxy on the control socket {}", path.display())]
    Connect {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy said no.
    #[error("refused by the proxy: {0}")]
    Refused(#[from] Refusal),
    /// The control connection is gone, and every rule that it held.
    #[error("the proxy closed the control connection")]
    Closed,
    /// The proxy did not answer in time.
    #[error("no answer from the proxy within {} s", .0.as_secs())]
    NoAnswer(std::time::Duration),
    /// An answer to another question: the two are not of the same version.
    #[error("unexpected answer from the proxy: {0}")]
    Unexpected(String),
    /// A proxy process could not be started.
    #[error("cannot start the proxy process {}", program.display())]
    Spawn {
        /// What was to be run.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy process ended before it served, or did not serve in time.
    #[error("the proxy process {what}; its log is {}", log.display())]
    NotServing {
        /// What became of it.
        what: String,
        /// Its standard error.
        log: PathBuf,
    },
}
