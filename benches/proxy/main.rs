//! squall's proxy beside the direct way and toxiproxy: `./dev bench proxy`, which has the tables written into `docs/benchmarks.md`.
//!
//! All ways take turns, round after round, so that what else the machine does hits each. The proxy is a process of its own, as in use. A word after
//! `--` chooses the part; without one `round-trips`, `throughput`, `delays` and `memory` run.
//!
//! - `TOXIPROXY=127.0.0.1:8474`: the address of a running toxiproxy's API; without it there is no such column.
//! - `KAFKA_WAYS="direct=A squall=B,C toxiproxy=D,E"` for `kafka`: where clients of each way connect, which their listener advertises, and the listener
//!   that the proxy of this way leads to.
//! - `fired FOLDER…`: runs whose journals tell how late faults were.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, missing_docs)]

mod delay;
mod fired;
mod kafka;
mod memory;
mod tcp;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use squall::proxy;
use squall::proxy::{Client, Config, LinkConfig, Protocol};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PARTS: [&str; 4] = ["round-trips", "throughput", "delays", "memory"];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if args.first().is_some_and(|first| first == "proxy") {
        return Ok(runtime.block_on(proxy::serve(served(&args)?))?);
    }
    if args.iter().any(|arg| arg == "--test") {
        return Ok(());
    }
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--")).collect();
    if words.first() == Some(&"fired") {
        return fired::fired(&words[1..]);
    }
    let chosen = if words.is_empty() { PARTS.to_vec() } else { words };
    let folder = tempfile::tempdir()?;
    let tcp = tcp::Ends::start()?;
    let kafka = if chosen.contains(&"kafka") { kafka::ways(&std::env::var("KAFKA_WAYS")?)? } else { Vec::new() };
    let mut links = tcp.links()?;
    links.extend(kafka.iter().filter(|way| way.name == "squall").filter_map(kafka::Way::link));
    let config = Config { links, control: folder.path().join("proxy.sock"), beyond_loopback: false };
    let spawned = runtime.block_on(proxy::spawn(&std::env::current_exe()?, &config, &folder.path().join("proxy.log")))?;
    let control = runtime.block_on(Client::connect(&config.control))?;
    let toxiproxy = std::env::var("TOXIPROXY").ok();
    if let Some(api) = &toxiproxy {
        for way in kafka.iter().filter(|way| way.name == "toxiproxy") {
            way.through_toxiproxy(api)?;
        }
    }
    let ways = tcp.ways(&config, toxiproxy.as_deref())?;
    for part in chosen {
        match part {
            "round-trips" => tcp::round_trips(&ways)?,
            "throughput" => tcp::throughput(&ways)?,
            "delays" => delay::delays(&runtime, &control, config.links[2].listen)?,
            "memory" => memory::memory(&runtime, &control, spawned.pid, config.links[0].listen)?,
            "kafka" => kafka::kafka(&kafka)?,
            other => return Err(format!("no part is called `{other}`").into()),
        }
        println!();
    }
    Ok(runtime.block_on(control.shutdown())?)
}

/// What [`Config::to_args`] wrote.
fn served(args: &[String]) -> Result<Config> {
    let mut config = Config { links: Vec::new(), control: Path::new("").into(), beyond_loopback: false };
    for pair in args[1..].chunks(2) {
        match pair {
            [name, value] if name == "--control" => config.control = value.into(),
            [name, value] if name == "--link" => config.links.push(value.parse()?),
            other => return Err(format!("unexpected {other:?}").into()),
        }
    }
    Ok(config)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A link of squall's proxy to `upstream`, framed as Kafka's are.
fn link(name: &str, upstream: SocketAddr) -> Result<LinkConfig> {
    Ok(LinkConfig { name: name.into(), listen: free_address()?, upstream: upstream.to_string(), protocol: Protocol::Kafka })
}

/// Has toxiproxy carry connections from `listen` to `upstream`.
fn toxiproxy(api: &str, listen: SocketAddr, upstream: SocketAddr) -> Result<()> {
    let body = format!("{{\"name\":\"{}\",\"listen\":\"{listen}\",\"upstream\":\"{upstream}\",\"enabled\":true}}", listen.port());
    let mut stream = TcpStream::connect(api)?;
    write!(stream, "POST /proxies HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 201") { Ok(()) } else { Err(answer.into()) }
}

/// Serves each connection to an address of its own on a thread of its own.
fn serve_each(serve: fn(TcpStream) -> std::io::Result<()>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Ends with its connection; the benchmark looks at the client's side.
            thread::Builder::new().stack_size(64 * 1024).spawn(move || serve(stream)).expect("a thread");
        }
    });
    Ok(address)
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: Vec<f64>) -> f64 {
    percentile(&sorted(values), 0.5)
}
