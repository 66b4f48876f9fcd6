//! `squall proxy`: started by squall itself, with a cluster.

use super::arguments::Proxy;
use super::{Exit, Failure};
use crate::proxy::{Config, serve};

pub(super) async fn proxy(arguments: Proxy) -> Result<Exit, Failure> {
    let config = Config { links: arguments.links, control: arguments.control, beyond_loopback: arguments.beyond_loopback };
    serve(config).await.map_err(|error| Failure::of(Exit::ToolError, &error))?;
    Ok(Exit::Met)
}
