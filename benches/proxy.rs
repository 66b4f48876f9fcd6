//! The proxy without a rule against the direct way, and its delays asked against measured: `cargo bench --bench proxy`.
//!
//! Direct and proxied measurements take turns, so that what else the machine does hits both. The proxy is a process of its
//! own, as in use. Words after `--` choose: `round-trips`, `throughput`, `delays`, `memory`. With `TOXIPROXY=127.0.0.1:8474` (the address of a running toxiproxy's API) the same is measured
//! through it.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, missing_docs)]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use squall::action::{Direction, Distribution, LinkEffect, LinkRule};
use squall::clock::{self, Timestamp};
use squall::proxy::{Client, Config, Lease, LinkConfig, Protocol};
use squall::{proxy, units};

const ROUNDS: usize = 12;
const EXCHANGES: usize = 2_000;
const BULK: usize = 512 * 1024 * 1024;
const WRITE: usize = 64 * 1024;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if args.first().is_some_and(|first| first == "proxy") {
        return Ok(runtime.block_on(proxy::serve(served(&args)?))?);
    }
    if args.iter().any(|arg| arg == "--test") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (echo, sink, stamps) = (serve_each(echo)?, serve_each(swallow)?, serve_each(stamp)?);
    let link = |name: &str, upstream: SocketAddr| -> Result<LinkConfig> {
        Ok(LinkConfig { name: name.into(), listen: free_address()?, upstream: upstream.to_string(), protocol: Protocol::Kafka })
    };
    let links = vec![link("echo", echo)?, link("sink", sink)?, link("stamps", stamps)?];
    let (via_echo, via_sink, via_stamps) = (links[0].listen, links[1].listen, links[2].listen);
    let config = Config { links, control: folder.path().join("proxy.sock"), beyond_loopback: false };
    let spawned = runtime.block_on(proxy::spawn(&std::env::current_exe()?, &config, &folder.path().join("proxy.log")))?;
    let control = runtime.block_on(Client::connect(&config.control))?;
    let toxic =
        std::env::var("TOXIPROXY").ok().map(|api| -> Result<_> { Ok((toxiproxy(&api, echo)?, toxiproxy(&api, sink)?)) }).transpose()?;

    let mut ways = vec![("direct", echo, sink), ("squall", via_echo, via_sink)];
    ways.extend(toxic.map(|(echo, sink)| ("toxiproxy", echo, sink)));
    let chosen: Vec<_> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let is_chosen = |part: &str| chosen.is_empty() || chosen.iter().any(|word| *word == part);
    if is_chosen("round-trips") {
        round_trips(&ways)?;
    }
    if is_chosen("throughput") {
        throughput(&ways, 1)?;
        throughput(&ways, 4)?;
    }
    if is_chosen("delays") {
        for milliseconds in [1, 10, 250] {
            delay(&runtime, &control, via_stamps, milliseconds)?;
        }
    }
    if is_chosen("memory") {
        memory(&runtime, &control, spawned.pid, via_echo)?;
    }
    runtime.block_on(control.shutdown())?;
    Ok(())
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

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}

/// Answers with one byte when all has come.
fn swallow(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; WRITE];
    while stream.read(&mut buffer)? > 0 {}
    stream.write_all(&[1])
}

/// Answers each 8 bytes with the moment of their arrival.
fn stamp(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 8];
    while stream.read_exact(&mut buffer).is_ok() {
        stream.write_all(&clock::now().0.to_be_bytes())?;
    }
    Ok(())
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

/// 100 B there and back, one at a time.
fn round_trips(ways: &[(&str, SocketAddr, SocketAddr)]) -> Result<()> {
    let mut micros = vec![Vec::new(); ways.len()];
    let mut streams = ways.iter().map(|(_, echo, _)| connect(*echo)).collect::<Result<Vec<_>>>()?;
    let mut message = [7; 100];
    for round in 0..=ROUNDS {
        for (stream, micros) in streams.iter_mut().zip(&mut micros) {
            for _ in 0..EXCHANGES {
                let began = clock::now();
                stream.write_all(&message)?;
                stream.read_exact(&mut message)?;
                if round > 0 {
                    micros.push(clock::now().seconds_since(began) * 1e6);
                }
            }
        }
    }
    let micros: Vec<_> = micros.into_iter().map(sorted).collect();
    for ((name, ..), of) in ways.iter().zip(&micros) {
        let (p50, p99) = (percentile(of, 0.5), percentile(of, 0.99));
        let (added50, added99) = (p50 - percentile(&micros[0], 0.5), p99 - percentile(&micros[0], 0.99));
        println!("round trip 100 B   {name:<10} p50 {p50:7.1} us (+{added50:.1})   p99 {p99:7.1} us (+{added99:.1})");
    }
    Ok(())
}

/// One way, as much as goes; over some connections together.
fn throughput(ways: &[(&str, SocketAddr, SocketAddr)], connections: usize) -> Result<()> {
    let mut rates = vec![Vec::new(); ways.len()];
    for _ in 0..5 {
        for ((_, _, sink), rates) in ways.iter().zip(&mut rates) {
            let began = clock::now();
            let senders: Vec<_> = (0..connections)
                .map(|_| {
                    thread::spawn({
                        let sink = *sink;
                        move || -> std::io::Result<()> {
                            let mut stream = TcpStream::connect(sink)?;
                            let piece = vec![5; WRITE];
                            for _ in 0..BULK / WRITE / connections {
                                stream.write_all(&piece)?;
                            }
                            stream.shutdown(std::net::Shutdown::Write)?;
                            stream.read_exact(&mut [0])
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.join().expect("no panic")?;
            }
            rates.push(BULK as f64 / clock::now().seconds_since(began) / 1e6);
        }
    }
    let medians: Vec<_> = rates.into_iter().map(|rates| percentile(&sorted(rates), 0.5)).collect();
    for ((name, ..), rate) in ways.iter().zip(&medians) {
        println!("throughput x{connections}      {name:<10} {rate:7.0} MB/s   {:.2} x direct", rate / medians[0]);
    }
    Ok(())
}

/// Asked against measured, one way, less the way's own median without a rule.
fn delay(runtime: &tokio::runtime::Runtime, control: &Client, stamps: SocketAddr, milliseconds: u64) -> Result<()> {
    let bare = sorted(one_way(stamps, 2_000, Duration::from_millis(1))?);
    let effect = LinkEffect::Delay {
        add: units::Duration::from_millis(milliseconds),
        jitter: units::Duration::ZERO,
        distribution: Distribution::Uniform,
    };
    let rule = runtime.block_on(control.set_rule("stamps", LinkRule { direction: Direction::Upstream, effect }, Lease::default()))?;
    let measured = one_way(stamps, 2_000, Duration::from_millis(2))?;
    runtime.block_on(rule.remove())?;
    let asked = milliseconds as f64 * 1e3 + percentile(&bare, 0.5);
    let errors = sorted(measured.iter().map(|micros| micros - asked).collect());
    let [least, p50, p99, most] = [0.0, 0.5, 0.99, 1.0].map(|share| percentile(&errors, share));
    println!("delay {milliseconds:>4} ms      error      p50 {p50:+7.1} us   p99 {p99:+7.1} us   from {least:+.1} to {most:+.1} us");
    Ok(())
}

/// Microseconds from before the write to after the read, of messages sent without waiting for each other.
fn one_way(stamps: SocketAddr, count: usize, every: Duration) -> Result<Vec<f64>> {
    let mut stream = connect(stamps)?;
    let mut reader = stream.try_clone()?;
    let arrivals = thread::spawn(move || -> std::io::Result<Vec<Timestamp>> {
        let mut stamp = [0; 8];
        (0..count).map(|_| reader.read_exact(&mut stamp).map(|()| Timestamp(i64::from_be_bytes(stamp)))).collect()
    });
    let mut sent = Vec::with_capacity(count);
    let mut next = clock::now();
    for _ in 0..count {
        next = next.plus(every);
        thread::park_timeout(next.remaining());
        sent.push(clock::now());
        stream.write_all(&[0; 8])?;
    }
    let arrived = arrivals.join().expect("no panic")?;
    Ok(arrived.iter().zip(&sent).map(|(arrived, sent)| arrived.seconds_since(*sent) * 1e6).collect())
}

/// A thousand connections: idle, after traffic, and while a delay holds traffic of each.
fn memory(runtime: &tokio::runtime::Runtime, control: &Client, pid: i32, echo: SocketAddr) -> Result<()> {
    let resident = || -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
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
    println!("1000 connections   resident   {before} KiB before, {open} KiB open, {delayed} KiB under a delay both ways");
    Ok(())
}

/// Has toxiproxy carry connections to `upstream`; returns where.
fn toxiproxy(api: &str, upstream: SocketAddr) -> Result<SocketAddr> {
    let listen = free_address()?;
    let body = format!("{{\"name\":\"{}\",\"listen\":\"{listen}\",\"upstream\":\"{upstream}\",\"enabled\":true}}", listen.port());
    let mut stream = TcpStream::connect(api)?;
    write!(stream, "POST /proxies HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 201") { Ok(listen) } else { Err(answer.into()) }
}
