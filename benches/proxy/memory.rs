//! A thousand connections: idle, after traffic, and while a delay holds traffic of each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use squall::action::{Direction, Distribution, LinkEffect, LinkRule};
use squall::proxy::{Client, Lease};
use squall::units;

use super::{Result, connect};

pub fn memory(runtime: &tokio::runtime::Runtime, control: &Client, pid: i32, echo: SocketAddr) -> Result<()> {
    let resident = || -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    };
    let exchange = |streams: &mut [TcpStream]| -> Result<()> {
        for stream in &mut *streams {
            stream.write_all(&[9; 1000])?;
        }
        for stream in streams {
            stream.read_exact(&mut [0; 1000])?;
        }
        Ok(())
    };
    let before = resident()?;
    let mut streams = (0..1_000).map(|_| connect(echo)).collect::<Result<Vec<_>>>()?;
    exchange(&mut streams)?;
    let open = resident()?;
    let effect =
        LinkEffect::Delay { add: units::Duration::from_millis(500), jitter: units::Duration::ZERO, distribution: Distribution::Uniform };
    let rule = runtime.block_on(control.set_rule("echo", LinkRule { direction: Direction::Both, effect }, Lease::default()))?;
    exchange(&mut streams)?;
    let delayed = resident()?;
    runtime.block_on(rule.remove())?;
    println!("| resident memory of the proxy | |\n|---|---|");
    println!("| before | {before:.1} MiB |\n| 1,000 connections open, 1 kB gone through each | {open:.1} MiB |");
    println!("| under a delay of 500 ms both ways, 1 kB of each held | {delayed:.1} MiB |");
    Ok(())
}
