//! The `squall` command.

use std::process::ExitCode;

use squall::proxy::{Config, LinkConfig, serve};

/// `squall proxy --control PATH --link NAME=LISTEN,UPSTREAM …`: the process that carries a cluster's links.
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["proxy", "--control", control, rest @ ..] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return ExitCode::from(2);
    };
    let links: Result<Vec<LinkConfig>, _> = rest.iter().filter(|word| **word != "--link").map(|link| link.parse()).collect();
    let Ok(links) = links else { return ExitCode::from(2) };
    let config = Config { links, control: control.into(), beyond_loopback: false };
    let served = tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(serve(config)));
    if matches!(served, Ok(Ok(()))) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
